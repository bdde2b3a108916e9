"""What the device itself can do: multiply matrices, copy and read its memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from beside.network import bandwidth
from beside.place import Place

from biogpt_plugins.bench.clock import timed

_PRODUCTS = 10
_TURNS = 5


@dataclass(frozen=True)
class Limits:
    """The best that was seen in this process.

    Attributes:
        operations: Additions and multiplications a second in a large product in bfloat16.
        copied: Bytes a second that a copy reads and writes.
        read: Bytes a second that a sum reads.
    """

    operations: float
    copied: float
    read: float

    @property
    def memory(self) -> float:
        """Bytes a second, the better of both."""
        return max(self.copied, self.read)


def measure(place: Place, *, matrix: int, copied: int) -> Limits:
    """Measure the limits.

    Args:
        place: Where.
        matrix: Rows and columns of the matrices.
        copied: Bytes to copy and to read, more than the caches hold.
    """
    found = Limits(_product(place, matrix), bandwidth(place, copied), _sum(place, copied))
    if place.device.type == "cuda":
        torch.cuda.empty_cache()
    return found


def _product(place: Place, size: int) -> float:
    # Of random numbers: zeros are multiplied faster.
    one, other = (
        torch.randn(size, size, device=place.device, dtype=torch.bfloat16) for _ in range(2)
    )
    product = torch.empty_like(one)

    def multiply() -> None:
        for _ in range(_PRODUCTS):
            torch.mm(one, other, out=product)

    return _PRODUCTS * 2 * size**3 / _least(place, multiply)


def _sum(place: Place, size: int) -> float:
    numbers = torch.rand(size // 4, device=place.device)
    return size / _least(place, numbers.sum)


def _least(place: Place, do: Callable[[], object]) -> float:
    do()
    return min(timed(do, place.wait).seconds for _ in range(_TURNS))
