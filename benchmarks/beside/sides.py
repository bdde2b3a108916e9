"""This package's sides: a pipeline on each engine, which continues texts as peers do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from beside.place import Place
from beside.subjects import Subject
from biogpt_plugins.bench.clock import Missing
from biogpt_plugins.bench.sides import Load, Side, dtype_of, open_side
from biogpt_plugins.engine import Decoding
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.loading import load
from biogpt_plugins.values.errors import BioGPTError

OURS = "biogpt-plugins"
"""What the names of this package's sides begin with."""

EXACT = "float32"
"""The dtype in which all sides must write the same."""

ENGINES = ("transformers", "ctranslate2")
"""The engines of `load`, its default first."""


class Writer(Protocol):
    """A side that continues texts."""

    @property
    def name(self) -> str:
        """The side's name in tables."""
        ...

    @property
    def ours(self) -> bool:
        """Whether it belongs to this package."""
        ...

    @property
    def exact(self) -> bool:
        """Whether it computes in float32, so that it must write what the others write."""
        ...

    def write(self, subjects: Sequence[Subject], new_tokens: int) -> list[str]:
        """Continue texts greedily, by at most so many tokens each."""
        ...


@dataclass(frozen=True)
class Own(Side):
    """A pipeline of this package. What it writes are its completions."""

    ours: bool = True

    @property
    def exact(self) -> bool:
        return self.options.get("dtype") == EXACT

    def limited(self, new_tokens: int) -> Pipeline:
        """The pipeline, greedy, with no other end than this number of tokens."""
        return self.pipeline.with_decoding(Decoding(max_new_tokens=new_tokens))

    def write(self, subjects: Sequence[Subject], new_tokens: int) -> list[str]:
        texts = []
        for prediction in self.limited(new_tokens).run([subject.value for subject in subjects]):
            if prediction.completion is None:
                why = prediction.error.message if prediction.error else "it wrote nothing"
                raise BioGPTError(f"{self.name} failed: {why}")
            texts.append(prediction.completion.strip())
        return texts


def own_sides(
    place: Place, task: str, load_: Load = load, engines: Sequence[str] = ENGINES
) -> Iterator[Own | Missing]:
    """This package's engines, in the dtype that each takes by itself, and the first in float32.

    On a GPU none computes in float32: its cache would take the memory that the others need.
    """
    if ENGINES[0] in engines:
        if place.device.type != "cuda":
            yield open_own(place, task, load_, dtype=EXACT)
        if place.dtype != EXACT or place.device.type == "cuda":
            yield open_own(place, task, load_, dtype=place.dtype)
    for engine in ENGINES[1:]:
        if engine in engines:
            yield open_own(place, task, load_, engine=engine)


def open_own(
    place: Place, task: str, load_: Load, *, engine: str = ENGINES[0], dtype: str | None = None
) -> Own | Missing:
    """An engine of this package, or why it cannot be loaded."""
    options: dict[str, Any] = {"device": str(place.device)}
    if dtype is not None:
        options["dtype"] = dtype
    name = OURS
    if engine != ENGINES[0]:
        options["engine"], name = engine, f"{OURS}, {engine}"
    side = open_side(load_, str(place.folder), task, options)
    if isinstance(side, Missing):
        return Missing(name, side.why)
    kind = dtype or dtype_of(side.pipeline) or engine
    return Own(f"{name}, {kind}", side.pipeline, options)
