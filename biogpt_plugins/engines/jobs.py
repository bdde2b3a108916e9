"""The jobs of an engine: what it computes for one prompt, and the progress so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from math import fsum, isfinite
from random import Random
from typing import NamedTuple

from biogpt_plugins.engine import Decoding
from biogpt_plugins.engines.derivations import Derivation
from biogpt_plugins.engines.drafts import Drafter
from biogpt_plugins.engines.stopping import StopStrings
from biogpt_plugins.values.errors import EngineError
from biogpt_plugins.values.results import FinishReason


class Measured(NamedTuple):
    """How probable a token is.

    Attributes:
        logprob: Its log-probability.
        top: The most probable tokens in its place with their log-probabilities, best first.
    """

    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(eq=False, kw_only=True)
class Job:
    """A prompt and the state of its computation.

    Attributes:
        prompt: The ids of the prompt, including the leading `</s>`.
        draft: Tokens that may follow, which are read in the same pass.
        computed: Number of tokens of the prompt that the model has read for it.
        error: Why it failed.
        done: Whether it is finished, successfully or not.
        wanted: Whether its caller still waits; set by the scheduler.
        tell: Called when there is more to read, if it is read while it is written; set by the
            scheduler.
    """

    prompt: list[int]
    draft: list[int] = field(default_factory=list)
    computed: int = 0
    error: EngineError | None = None
    wanted: Callable[[], bool] = lambda: True
    tell: Callable[[], None] = lambda: None
    done: bool = False

    @property
    def kind(self) -> Hashable:
        """Jobs of the same kind can be run together."""
        return type(self).__name__

    @property
    def ids(self) -> list[int]:
        """The tokens that the model must read."""
        return self.prompt

    @property
    def size(self) -> int:
        """The number of these tokens."""
        return len(self.prompt)

    def fail(self, error: EngineError) -> None:
        """End the job with an error."""
        self.error, self.done = error, True

    def cancel(self) -> None:
        """End the job because its caller has gone."""
        self.fail(EngineError("cancelled"))


@dataclass(eq=False, kw_only=True)
class Generation(Job):
    """A completion that is written token by token: a row of a batch.

    Attributes:
        decoding: How to choose its tokens.
        budget: Most tokens to write, without `</s>`.
        stops: The stop strings.
        random: The random source of sampling.
        written: Ids written so far, without the final `</s>`.
        measured: Their log-probabilities, if the decoding requests them.
        closing: That of the final `</s>`.
        finish: Why the row ended; None while it runs.
        derivation: Its progress through a grammar, if there is one.
        drafter: Makes its drafts; None for no drafts.
        passes: Number of passes in which it wrote.
        drafted: Number of tokens of all its drafts.
        ahead: Most tokens to write ahead of a reader; None without a reader.
        read: Number of tokens that the reader has seen.
    """

    decoding: Decoding
    budget: int
    stops: StopStrings
    random: Random
    written: list[int] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    closing: Measured | None = None
    finish: FinishReason | None = None
    derivation: Derivation | None = None
    drafter: Drafter | None = None
    passes: int = 0
    drafted: int = 0
    ahead: int | None = None
    read: int = 0

    @property
    def ids(self) -> list[int]:
        return self.prompt + self.written

    @property
    def size(self) -> int:
        return len(self.prompt) + len(self.written)

    @property
    def waits(self) -> bool:
        """Whether it is too far ahead of its reader and must wait."""
        return self.ahead is not None and len(self.written) - self.read >= self.ahead

    @property
    def room(self) -> int:
        """Most tokens that it may write before it ends, or waits for its reader."""
        left = self.budget - len(self.written)
        return left if self.ahead is None else min(left, self.ahead + self.read - len(self.written))

    def take(
        self, token: int, measured: Measured | None, eos: int, *, same_pass: bool = False
    ) -> None:
        """Append a token; the pass may be the same that wrote the token before it."""
        self.passes += not same_pass
        if token == eos:
            self.closing = measured
            self.end("stop")
        else:
            if measured is not None:
                self.measured.append(measured)
            self.written.append(token)
            if self.derivation:
                self.derivation.take(token)
            complete = self.derivation and self.derivation.finished
            if complete or self.stops.reached(self.written):
                self.end("stop")
            elif len(self.written) >= self.budget:
                self.end("length")
        if self.ahead is not None:
            self.tell()

    def agrees(self, count: int) -> bool:
        """Whether it goes on as in its draft, after writing this many of the draft and one more."""
        goes_on = count < len(self.draft) and not (self.done or self.waits)
        return goes_on and self.written[-1] == self.draft[count]

    def end(self, reason: FinishReason) -> None:
        """Stop writing."""
        self.finish, self.done = reason, True

    def cancel(self) -> None:
        self.end("cancelled")


@dataclass(eq=False, kw_only=True)
class BeamSearch(Job):
    """A beam search for the best completions.

    Attributes:
        decoding: Number of beams and of completions, and whether to compute log-probabilities.
        rows: A row for each completion, best first.
    """

    decoding: Decoding
    rows: list[Generation]

    @property
    def kind(self) -> Hashable:
        return "beams", self.decoding, self.rows[0].budget

    def cancel(self) -> None:
        self.done = True
        for row in self.rows:
            row.cancel()


@dataclass(eq=False, kw_only=True)
class Scoring(Job):
    """Labels to score as continuations of a prompt.

    Attributes:
        labels: The ids of each label.
        top: How many of the most probable tokens to list for each token.
        logs: The log-probability of each whole label.
        parts: The tokens of each label, measured.
    """

    labels: tuple[tuple[int, ...], ...]
    top: int = 0
    logs: list[float] = field(default_factory=list)
    parts: list[list[Measured]] = field(default_factory=list)

    @property
    def kind(self) -> Hashable:
        return "scoring", self.labels, self.top

    @cached_property
    def branches(self) -> Branches:
        """The tokens to read after the prompt: labels without their last tokens, as a tree."""
        return Branches([label[:-1] for label in self.labels])

    def take(self, measured: Iterable[Measured]) -> None:
        """End the job with the tokens of all its labels, in order."""
        rest = iter(measured)
        self.parts = [list(islice(rest, len(label))) for label in self.labels]
        self.logs = [fsum(token.logprob for token in part) for part in self.parts]
        if all(map(isfinite, self.logs)):
            self.done = True
        else:
            self.fail(not_finite())


class Branches:
    """Sequences of tokens that follow a prompt, as a tree: common beginnings are read once.

    Attributes:
        tokens: The token of each node; parents precede their children.
        parents: The node before each; -1 for the prompt.
        depths: The number of nodes before each.
        paths: For each sequence -1, for the prompt, and its nodes.
    """

    def __init__(self, sequences: Iterable[Sequence[int]]) -> None:
        """Make the tree."""
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self.depths: list[int] = []
        self.paths: list[list[int]] = []
        known: dict[tuple[int, int], int] = {}
        for sequence in sequences:
            path = [-1]
            for depth, token in enumerate(sequence):
                node = known.get((path[-1], token))
                if node is None:
                    node = known[path[-1], token] = len(self.tokens)
                    self.tokens.append(token)
                    self.parents.append(path[-1])
                    self.depths.append(depth)
                path.append(node)
            self.paths.append(path)

    def __len__(self) -> int:
        return len(self.tokens)


class JobBatch:
    """A batch of jobs that all fit together.

    Attributes:
        jobs: The jobs.
    """

    def __init__(self, fits: Callable[[Job, Sequence[Job]], bool]) -> None:
        """Start empty.

        Args:
            fits: Whether a job can be run with others, of which there is at least one.
        """
        self.jobs: list[Job] = []
        self._fits = fits

    def add(self, job: Job) -> bool:
        """Add a job if it fits; return whether it was added."""
        fits = not self.jobs or self._fits(job, self.jobs)
        if fits:
            self.jobs.append(job)
        return fits


def fit(sizes: Sequence[int], room: int, *, padded: bool = True) -> bool:
    """Whether jobs can be read in one pass, with little padding.

    Args:
        sizes: Number of tokens of each job.
        room: Most tokens, padding included, of a pass with several jobs.
        padded: Whether shorter jobs are padded.
    """
    if len(sizes) == 1:
        return True
    if not padded:
        return sum(sizes) <= room
    return max(sizes) * len(sizes) <= min(room, 1.15 * sum(sizes) + room / 16)


def divided(sizes: Sequence[int], spare: int) -> list[list[int]]:
    """Divide jobs into passes that together take the least time, padding included.

    Args:
        sizes: Number of tokens of each job.
        spare: How many tokens take as long to compute as a pass does without any.

    Returns:
        The indices of the jobs of each pass.
    """
    order = sorted(range(len(sizes)), key=lambda n: -sizes[n])
    # For the first jobs of the order: the least cost, and where the last pass begins.
    best = [(0, 0)]
    for end in range(1, 1 + len(order)):
        costs = ((best[k][0] + spare + (end - k) * sizes[order[k]], k) for k in range(end))
        best.append(min(costs))
    parts: list[list[int]] = []
    end = len(order)
    while end:
        begin = best[end][1]
        parts.append(order[begin:end])
        end = begin
    return parts[::-1]


def not_finite() -> EngineError:
    """The error for NaN or infinity, of which no token and no label can be chosen."""
    return EngineError(
        "the model computed numbers that are not finite: its weights are damaged, or too large for "
        "its dtype; load it with dtype='float32', and if this error stays, download or convert the "
        "weights again"
    )
