"""The sides of ours: engines of this package, each of which is a line of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from biogpt_plugins.bench.place import Place
from biogpt_plugins.bench.subjects import Subject
from biogpt_plugins.engine import Decoding
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.loading import load
from biogpt_plugins.values.errors import BioGPTError, DeviceError

OURS = "biogpt-plugins"
EXACT = "float32"
"""In which all are to write the same."""

ENGINES = ("transformers", "ctranslate2")
"""Engines that `load` knows; the first one is what a user gets who names none."""

Load = Callable[..., Pipeline]


class Writer(Protocol):
    """Someone who continues texts."""

    @property
    def name(self) -> str:
        """Its name in tables."""
        ...

    @property
    def ours(self) -> bool:
        """Whether it belongs to this package."""
        ...

    @property
    def exact(self) -> bool:
        """Whether it computes in float32, so that its texts must be those of others."""
        ...

    def write(self, subjects: Sequence[Subject], new_tokens: int) -> list[str]:
        """Continue texts greedily, by so many tokens each at most."""
        ...


@dataclass(frozen=True)
class Missing:
    """A side that cannot be measured, and why."""

    name: str
    why: str
    ours: bool = False


@dataclass(frozen=True)
class Own:
    """A pipeline of this package, whose completions are what it writes.

    Attributes:
        name: Its name in tables.
        pipeline: The pipeline.
        options: Of `load`, to have it again.
    """

    name: str
    pipeline: Pipeline
    options: Mapping[str, str]
    ours: bool = True

    @property
    def exact(self) -> bool:
        return self.options.get("dtype") == EXACT

    def of(self, new_tokens: int) -> Pipeline:
        """The pipeline, greedy, and with no other end than this."""
        return self.pipeline.with_decoding(Decoding(max_new_tokens=new_tokens))

    def write(self, subjects: Sequence[Subject], new_tokens: int) -> list[str]:
        texts = []
        for prediction in self.of(new_tokens).run([subject.value for subject in subjects]):
            if prediction.completion is None:
                why = prediction.error.message if prediction.error else "it wrote nothing"
                raise BioGPTError(f"{self.name} failed: {why}")
            texts.append(prediction.completion.strip())
        return texts


def own_sides(place: Place, task: str, load_: Load = load) -> Iterator[Own | Missing]:
    """The engines of ours, in float32 and in what they take by themselves.

    On a GPU none computes in float32, as its cache would take the memory that the others need.
    """
    if place.device.type != "cuda":
        yield open_own(place, task, load_, dtype=EXACT)
    if place.dtype != EXACT or place.device.type == "cuda":
        yield open_own(place, task, load_, dtype=place.dtype)
    for engine in ENGINES[1:]:
        yield open_own(place, task, load_, engine=engine)


def open_own(
    place: Place, task: str, load_: Load, *, engine: str = ENGINES[0], dtype: str | None = None
) -> Own | Missing:
    """An engine of ours, or what is missing for it."""
    options = {} if dtype is None else {"dtype": dtype}
    name = OURS
    if engine != ENGINES[0]:
        options["engine"], name = engine, f"{OURS}, {engine}"
    try:
        pipeline = load_(str(place.folder), task, device=str(place.device), **options)
    except ImportError as error:
        return Missing(name, f"not installed: {error}", ours=True)
    except DeviceError as error:
        return Missing(name, str(error), ours=True)
    return Own(f"{name}, {dtype or getattr(pipeline.engine, 'dtype', engine)}", pipeline, options)
