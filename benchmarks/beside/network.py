"""How long a network computes, and how fast the device's memory is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from beside.place import Place
from biogpt_plugins.bench.clock import timed

_GIB = 1 << 30


@contextmanager
def forwards(model: torch.nn.Module) -> Iterator[list[float]]:
    """The seconds of each forward pass of a model meanwhile, in any thread."""
    starts: list[float] = []
    seconds: list[float] = []
    hooks = (
        model.register_forward_pre_hook(lambda *_: starts.append(time.perf_counter())),
        model.register_forward_hook(lambda *_: seconds.append(time.perf_counter() - starts.pop())),
    )
    try:
        yield seconds
    finally:
        for hook in hooks:
            hook.remove()


def bandwidth(place: Place) -> float:
    """How many bytes a second the device's memory reads or writes: the best of six copies."""
    size = _GIB if place.device.type == "cuda" else _GIB // 4
    source = torch.zeros(size, dtype=torch.uint8, device=place.device)
    target = torch.empty_like(source)
    best = min(timed(lambda: target.copy_(source), place.wait).seconds for _ in range(6))
    return 2 * size / best
