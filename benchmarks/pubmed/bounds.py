"""What a GPU cannot be quicker than, by the sizes of a model and its own data sheet."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from pubmed.figures import Figures, Gpu, Model

PLACES = 64
"""Rows that an engine has in work at once on CUDA, unless it is told otherwise."""

ROUNDED = 256
"""A captured step looks at keys and values of so many tokens, or of twice as many, ..."""

_MANY = 8192  # papers


@dataclass(frozen=True)
class Work:
    """What an engine does to write some completions.

    Attributes:
        steps: Passes over the model.
        rows: Rows of all of them, those included that a step is filled up with.
    """

    steps: int
    rows: int


def schedule(lengths: Sequence[int], places: int, chunk: int) -> Work:
    """Steps in which completions are written: rows that end make room, but only in a chunk.

    Args:
        lengths: Steps of each completion, in order.
        places: Rows in work at once.
        chunk: Papers handed to the engine at a time.
    """
    steps = rows = 0
    for begin in range(0, len(lengths), chunk):
        begins: list[int] = []
        ends: list[int] = []
        for length in lengths[begin : begin + chunk]:
            start = heapq.heappop(ends) if len(ends) == places else 0
            begins.append(start)
            heapq.heappush(ends, start + length)
        ended = [start + length for start, length in zip(begins, lengths[begin:], strict=False)]
        steps += max(ended)
        rows += _filled_up(begins, ended)
    return Work(steps, rows)


def _filled_up(begins: Iterable[int], ends: Iterable[int]) -> int:
    """Rows of all steps; a captured step is for a power of two of them."""
    changes = sorted([*((at, 1) for at in begins), *((at, -1) for at in ends)])
    rows = going = last = 0
    for at, change in changes:
        if going:
            rows += (at - last) * (1 << (going - 1).bit_length())
        going, last = going + change, at
    return rows


def seen(sizes: Sequence[int], places: int) -> float:
    """Tokens that a step looks at in each row: those of the longest, rounded up."""
    groups = [sizes[at : at + places] for at in range(0, len(sizes), places)]
    longest = [-(-max(group) // ROUNDED) * ROUNDED for group in groups]
    return sum(longest) / len(longest)


@dataclass(frozen=True)
class Bound:
    """Seconds a paper that a GPU needs at least, if all goes at its peak.

    Attributes:
        reading: For the prompt.
        writing: For the completion.
        steps: Passes over the model, of many papers together, that each paper has its part in.
    """

    reading: float
    writing: float
    steps: float

    @property
    def seconds(self) -> float:
        """Both."""
        return self.reading + self.writing

    def rate(self, share: float = 1.0, own: float = 0.0) -> float:
        """Papers a second at a share of the peak, and with what is spent beside the GPU."""
        return 1 / (self.seconds / share + own)


def bound(  # noqa: PLR0913 - keyword-only
    model: Model,
    gpu: Gpu,
    *,
    prompt: float,
    lengths: Sequence[int],
    context: float,
    chunk: int,
    places: int = PLACES,
) -> Bound:
    """What a GPU cannot be quicker than.

    Args:
        model: The model.
        gpu: The GPU.
        prompt: Tokens to read for each paper.
        lengths: Steps of completions.
        context: Tokens that a step looks at in each row.
        chunk: As in `schedule`.
        places: As there.
    """
    work = schedule(lengths, places, chunk)
    moved = work.steps * model.weights + work.rows * context * model.held
    return Bound(
        reading=2 * model.multiplied * prompt / gpu.flops,
        writing=moved / len(lengths) / gpu.bandwidth,
        steps=work.steps / len(lengths),
    )


def usual(model: Model, gpu: Gpu, figures: Figures, chunk: int) -> Bound:
    """The bound for a fine-tuned model on the papers that were measured, again and again."""
    words = figures.vocabularies[model.vocabulary]
    return bound(
        model,
        gpu,
        prompt=words.prompts["fine-tuned"].mean,
        lengths=again(words.completions),
        context=seen(words.sizes, PLACES),
        chunk=chunk,
    )


def again(lengths: Sequence[int]) -> list[int]:
    """The lengths of so many papers that a chunk is a small part of them."""
    return list(islice(cycle(lengths), _MANY))
