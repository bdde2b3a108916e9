"""What the measurements of one process share: a model, its sides, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from beside.peers import generate, generate_batch, langchain_tuned
from beside.sides import OURS, Own, Writer
from beside.subjects import Subject, Subjects
from beside.trial import Settings, Trial

from biogpt_plugins.bench.papers import read_papers
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engines.local import LocalEngine
from biogpt_plugins.engines.settings import read_settings
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import BioGPTError
from card.limits import Limits, measure
from card.place import RandomPlace, free
from card.plan import Scale
from card.vllm_peer import VLLM

T = TypeVar("T")
_BATCH = 64
_KEEPS = "batching-graphs"


class NotInstalledError(Exception):
    """A side cannot be measured, because it is not installed."""


class Bench:
    """A model on a device, and the sides that run it.

    Attributes:
        scale: How much is asked.
        place: The model.
        limits: What the device can do, measured now, while there is memory.
        trial: Draws papers and keeps time as all benchmarks do.
        stem: What the names of further files begin with.
    """

    def __init__(self, scale: Scale, place: RandomPlace, stem: Path) -> None:
        self.scale, self.place, self.stem = scale, place, stem
        subjects = Subjects(
            read_papers([]), place.tokens, int(read_settings(place.folder).max_position_embeddings)
        )
        settings = Settings(new_tokens=scale.new_tokens, rounds=scale.rounds, peers=())
        self.trial = Trial(place, subjects, settings, _no_load)
        self._own: tuple[str, Own] | None = None
        self._peers: dict[tuple[str, int], Writer] = {}
        self._end = float("inf")
        self.limits: Limits = measure(place, matrix=scale.matrix, copied=scale.copied)

    def begin(self, budget: float) -> None:
        """Start the clock of a row."""
        self._end = time.perf_counter() + budget / 2

    def rounds(self, do: Callable[[int], T]) -> list[T]:
        """Do it as often as the scale asks for, but only once if half of the time is over then."""
        found = [do(0)]
        while len(found) < self.scale.rounds and time.perf_counter() < self._end:
            found.append(do(len(found)))
        return found

    def layout(self, task: str = "bc5cdr") -> Own:
        """A side that lays out papers and runs nothing."""
        cards = read_card(self.place.folder).tasks
        return Own("layout", Pipeline(task, ScriptedEngine(), cards=cards))

    def draw(self, number: int, task: str = "bc5cdr", room: int | None = None) -> list[Subject]:
        """Papers, or their titles as questions, each with a number that it did not have before."""
        asks = (lambda paper: [paper.title]) if task == "pubmedqa" else None
        return self.trial.draw(number, self.layout(task), room, asks)

    def own(self, *, graphs: bool = True, drafts: bool = True, dtype: str = "") -> Own:
        """This package's side. There is one engine at a time: it takes most of the memory."""
        dtype = dtype or self.place.dtype
        name = f"{OURS}, {dtype}, graphs {graphs}"
        if self._own is None or self._own[0] != name:
            self.close()
            engine, _ = self.place.engine(dtype, batch_size=max(self.scale.sizes), graphs=graphs)
            cards = read_card(self.place.folder).tasks
            pipeline = Pipeline("bc5cdr", engine, cards=cards)
            self._own = name, Own(name, pipeline, {"dtype": dtype})
        own = self._own[1]
        self.engine(own).drafts = drafts
        return own

    def engine(self, own: Own) -> LocalEngine:
        """The engine of a side of this package."""
        engine = own.pipeline.engine
        assert isinstance(engine, LocalEngine)
        return engine

    def writer(self, side: str, size: int) -> Writer:
        """A side by its name, for so many prompts at once.

        Raises:
            NotInstalledError: It needs something that is not installed.
        """
        if side.startswith("ours"):
            return self.own(graphs=side != "ours-no-graphs", drafts=False)
        key = (side, self._at_once(side, size))
        if key not in self._peers:
            self._drop()
            self._peers[key] = self._open(*key)
        return self._peers[key]

    def close(self) -> None:
        """End this package's engine, and give its memory back."""
        if self._own:
            self.engine(self._own[1]).close()
        self._own = None
        free(self.place.device)

    def _at_once(self, side: str, size: int) -> int:
        """The size of a side's batches; 0 if it chooses them by itself."""
        if side.startswith("generate") or side == _KEEPS:
            return min(size, max(self.scale.sizes))
        return _BATCH if side == "langchain" else 0

    def _drop(self) -> None:
        """Forget the peer before; what it kept was made for its number of prompts."""
        if any(side == _KEEPS for side, _ in self._peers):
            network = self.place.network(self.place.dtype, apart="generate_batch")
            network.destroy_cached_continuous_batching_manager()
        self._peers.clear()
        free(self.place.device)

    def _open(self, side: str, size: int) -> Writer:
        place = self.place
        try:
            if side == "langchain":
                return langchain_tuned(place, place.dtype, size)
            if side == "vllm":
                return VLLM(place)
        except ImportError as error:
            raise NotInstalledError(f"{error.name or error}") from error
        if side == "batching":
            return generate_batch(place)
        if side == _KEEPS:
            return generate_batch(place, graphs=True)
        return generate(place, static=side == "generate-static", batch_size=size)


def lengths(subjects: Sequence[Subject]) -> list[int]:
    """How many tokens each has."""
    return [len(subject.ids) for subject in subjects]


def _no_load(*_: object, **__: object) -> Pipeline:
    raise BioGPTError("random weights are in no folder")


def describe(subjects: Sequence[Subject]) -> str:
    """How long prompts are."""
    counts = sorted(lengths(subjects))
    return (
        f"prompts of {counts[0]} to {counts[-1]} tokens, {counts[len(counts) // 2]} in the middle"
    )
