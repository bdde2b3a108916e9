"""What all cases share: the model, the papers, the sides, and the number of rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from beside.comparison import Agreement
from beside.peers import Peer, langchain_tuned, open_peers
from beside.place import Place
from beside.sides import ENGINES, EXACT, Own, Writer, open_own, own_sides
from beside.subjects import Subject, Subjects
from biogpt_plugins.bench.clock import Job, Missing, Timed, in_turns, timed
from biogpt_plugins.bench.sides import Load
from biogpt_plugins.values.errors import MissingExtraError
from biogpt_plugins.values.inputs import Paper

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all sides are asked.

    Attributes:
        sizes: Papers in one call, for each table of the relation extraction.
        new_tokens: Most tokens to write for each paper.
        rounds: How often each side takes its turn.
        callers: How many callers ask at the same time.
        checked: For how many papers the greedy ids are compared one by one.
        batch_sizes: The batch sizes to try for HuggingFacePipeline.
        peers: The names of the peers to measure.
        engines: The names of this package's engines to measure.
    """

    sizes: tuple[int, ...] = (1, 8, 32)
    new_tokens: int = 64
    rounds: int = 3
    callers: int = 32
    checked: int = 8
    batch_sizes: tuple[int, ...] = (8, 32)
    peers: tuple[str, ...]
    engines: tuple[str, ...] = ENGINES


@dataclass
class Trial:
    """A run while it is made.

    Attributes:
        place: The model.
        subjects: The papers.
        settings: What all sides are asked.
        load: Loads this package's pipelines.
        tell: Gets messages about the progress.
        agreements: Whether the sides compared so far wrote the same.
    """

    place: Place
    subjects: Subjects
    settings: Settings
    load: Load
    tell: Callable[[str], None] = lambda _: None
    agreements: list[Agreement] = field(default_factory=list)
    _peers: dict[str, Peer | Missing] = field(default_factory=dict)

    def own(self, task: str = "bc5cdr") -> list[Own | Missing]:
        """This package's sides."""
        return list(own_sides(self.place, task, self.load, self.settings.engines))

    def default(self, task: str = "bc5cdr") -> Own:
        """What a user of this package gets by default."""
        return required(open_own(self.place, task, self.load, dtype=self.place.dtype))

    def peers(self, *names: str) -> list[Peer | Missing]:
        """The peers of these names that the user asks for."""
        wanted = [name for name in names if name in self.settings.peers]
        new = [name for name in wanted if name not in self._peers]
        self._peers |= zip(new, open_peers(self.place, new), strict=True)
        return [self._peers[name] for name in wanted]

    def draw(
        self,
        number: int,
        side: Own,
        room: int | None = None,
        asks: Callable[[Paper], Sequence[str]] | None = None,
    ) -> list[Subject]:
        """Some papers, or questions about them, in the layout of one of this package's sides."""
        room = room or self.settings.new_tokens
        return self.subjects.draw(number, side.pipeline, room, asks)

    def warm(self, sides: Sequence[Writer], subjects: Sequence[Subject], new_tokens: int) -> None:
        """Have sides do what they do once only, such as taking memory and compiling shapes."""
        for side in sides:
            side.write(subjects, new_tokens)

    def tuned(self, subjects: Sequence[Subject], new_tokens: int) -> tuple[list[Peer], str]:
        """HuggingFacePipeline with the best dtype and batch size, and what was tried."""
        if "langchain" not in self.settings.peers:
            return [], ""
        sizes = {min(size, len(subjects)) for size in self.settings.batch_sizes}
        tried: dict[Peer, float] = {}
        for dtype in (EXACT, "bfloat16"):
            for size in sorted(sizes):
                try:
                    peer = langchain_tuned(self.place, dtype, size)
                except ImportError:
                    return [], ""  # the row of the peer that is not tuned says so
                self.tell(peer.name)
                with suppress(torch.OutOfMemoryError):
                    self.warm([peer], subjects, new_tokens)
                    tried[peer] = self.time(peer, subjects, new_tokens).seconds
        if not tried:
            return [], ""
        best = min(tried, key=tried.__getitem__)
        said = (f"{peer.name.partition(' (')[2][:-1]}: {tried[peer]:.3g} s" for peer in tried)
        return [best], f"tuned: the best of {'; '.join(said)}"

    def time(self, side: Writer, subjects: Sequence[Subject], new_tokens: int) -> Timed[list[str]]:
        """Time a side."""
        return self.clock(lambda: side.write(subjects, new_tokens))

    def clock(self, do: Callable[[], T]) -> Timed[T]:
        """Time a call, the device's work included."""
        return timed(do, self.place.wait)

    def in_turns(self, jobs: Sequence[Job[T] | Missing]) -> dict[str, tuple[T, ...]]:
        """What each job returned in each round."""
        return in_turns(jobs, self.settings.rounds, self.tell)


def required(side: Own | Missing) -> Own:
    """A side that every run needs.

    Raises:
        MissingExtraError: It cannot be loaded.
    """
    if isinstance(side, Missing):
        raise MissingExtraError(f"{side.name}: {side.why}")
    return side
