"""What is measured, in which order, and how long each measurement may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Literal

Kind = Literal["tests", "ours", "transformers", "batching", "vllm"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is asked.

    Attributes:
        shapes: Models, as `beside.shapes` names them.
        sizes: How many prompts are decoded at once.
        papers: How many papers or questions are in one call.
        callers: How many callers write while the first tokens of others are awaited.
        streams: How many first tokens are awaited.
        new_tokens: How many tokens are written for each paper.
        profiled: How many of them under the profiler.
        checked: For how many prompts greedy ids are compared in float32.
        rounds: How often each measurement is made, as far as its time allows.
        seconds: How long all of it may take.
        patience: How many times longer than on a card each row may take.
        matrix: Rows and columns of the matrices that show how fast the device multiplies.
        copied: Bytes that are copied and read to see how fast its memory is.
    """

    shapes: tuple[str, ...] = ("large", "base")
    sizes: tuple[int, ...] = (1, 8, 64, 256)
    papers: int = 256
    callers: int = 64
    streams: int = 12
    new_tokens: int = 64
    profiled: int = 16
    checked: int = 4
    rounds: int = 3
    seconds: float = 520.0
    patience: float = 1.0
    matrix: int = 8192
    copied: int = 1 << 32


CARD = Scale()
"""For one H100 or H200 with 16 cores beside it; all below nine minutes, the start included."""

REHEARSAL = Scale(
    shapes=("tiny",),
    sizes=(1, 3),
    papers=3,
    callers=2,
    streams=2,
    new_tokens=16,
    profiled=4,
    checked=2,
    rounds=2,
    seconds=3600.0,
    patience=20.0,  # it is also run on machines that others use
    matrix=128,
    copied=1 << 22,
)
"""All of it on a CPU, in about a minute."""


@dataclass(frozen=True)
class Item:
    """A row that is to be measured.

    Attributes:
        name: Its name.
        budget: Its seconds. Half of them are for rounds after the first; at the end of them, a
            measurement that has not ended is stopped.
    """

    name: str
    budget: float


@dataclass(frozen=True)
class Stage:
    """Rows that are measured in one process, one after the other.

    Attributes:
        kind: Whose they are.
        shape: Their model.
        items: The rows.
    """

    kind: Kind
    shape: str
    items: tuple[Item, ...]

    @property
    def name(self) -> str:
        """The name of its first row, which is that of its start."""
        return f"{self.shape}/start/{self.kind}"


START = 75.0
"""Seconds in which a process must have its libraries and its model, on a card."""


def plan(scale: Scale, only: str = "*") -> list[Stage]:
    """All stages, what matters most first; of their rows those whose names fit the pattern.

    This package is measured on all models before any peer is. Each process of a peer begins when
    the one before has ended, as all want the memory of the device for themselves.
    """
    ours = [Stage("ours", shape, tuple(_ours(shape, scale))) for shape in scale.shapes]
    kinds: tuple[tuple[Kind, Callable[[str, Scale], Iterator[Item]]], ...] = (
        ("batching", _batching),
        ("transformers", _transformers),
        ("vllm", _vllm),
    )
    peers = [
        Stage(kind, shape, tuple(items(shape, scale)))
        for kind, items in kinds
        for shape in scale.shapes
    ]
    stages = [Stage("tests", "tests", (Item("tests/gpu", 110),)), *ours, *peers]
    chosen = [
        replace(
            stage,
            items=tuple(
                replace(item, budget=scale.patience * item.budget)
                for item in stage.items
                if fnmatch(item.name, only)
            ),
        )
        for stage in stages
    ]
    return [stage for stage in chosen if stage.items]


def _ours(shape: str, scale: Scale) -> Iterator[Item]:
    few, many = scale.sizes[0], scale.sizes[min(2, len(scale.sizes) - 1)]
    yield Item(f"{shape}/limits/card", 15)
    yield Item(f"{shape}/check/ours/{scale.checked}", 30)
    for size in scale.sizes:
        yield Item(f"{shape}/decode/ours-graphs/{size}", 20)
    yield Item(f"{shape}/read/ours/{many}", 12)
    for side in ("ours-free", "ours-grounded-drafts", "ours-grounded-no-drafts"):
        yield Item(f"{shape}/extract/{side}/{scale.papers}", 20)
    yield Item(f"{shape}/questions/ours-labels/{scale.papers}", 15)
    yield Item(f"{shape}/first-token/ours/{scale.callers}", 20)
    for what, size in (("decode", few), ("decode", many), ("read", many)):
        yield Item(f"{shape}/profile/ours-{what}/{size}", 20)
    for size in scale.sizes:
        yield Item(f"{shape}/decode/ours-no-graphs/{size}", 20)


def _transformers(shape: str, scale: Scale) -> Iterator[Item]:
    for size in scale.sizes:
        yield Item(f"{shape}/decode/generate-dynamic/{size}", 15)
    yield Item(f"{shape}/extract/generate-dynamic/{scale.papers}", 25)
    yield Item(f"{shape}/extract/langchain/{scale.papers}", 25)
    yield Item(f"{shape}/questions/generate-dynamic/{scale.papers}", 15)
    # Each number of prompts is compiled for itself. Those of the floors come first.
    for size in sorted(scale.sizes, key=lambda size: (size not in (1, 64), size)):
        yield Item(f"{shape}/decode/generate-static/{size}", 70)


def _batching(shape: str, scale: Scale) -> Iterator[Item]:
    for side in ("batching", "batching-graphs"):
        for size in scale.sizes:
            yield Item(f"{shape}/decode/{side}/{size}", 15)
        yield Item(f"{shape}/extract/{side}/{scale.papers}", 25)


def _vllm(shape: str, scale: Scale) -> Iterator[Item]:
    yield Item(f"{shape}/check/vllm/{scale.checked}", 100)
    for size in scale.sizes:
        yield Item(f"{shape}/decode/vllm/{size}", 15)
    yield Item(f"{shape}/extract/vllm/{scale.papers}", 15)
