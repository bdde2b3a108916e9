"""What an engine has to do for one prompt, while it is done."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from random import Random

from biogpt_plugins.engine import Decoding
from biogpt_plugins.engines.derivations import Derivation
from biogpt_plugins.engines.stopping import Stops
from biogpt_plugins.values.errors import EngineError
from biogpt_plugins.values.results import FinishReason


@dataclass(eq=False, kw_only=True)
class Work:
    """A prompt and what becomes of it.

    Attributes:
        prompt: Its ids, the leading `</s>` included.
        error: Why it failed.
        done: Whether it is finished, in whatever way.
        wanted: Whether somebody waits for it still; the scheduler knows.
        tell: Called when there is more of it to read, if it is read while it is written; the
            scheduler listens.
    """

    prompt: list[int]
    error: EngineError | None = None
    wanted: Callable[[], bool] = lambda: True
    tell: Callable[[], None] = lambda: None
    done: bool = False

    @property
    def kind(self) -> Hashable:
        """Works of one kind can be done together."""
        return type(self).__name__

    @property
    def ids(self) -> list[int]:
        """What is to be read before anything comes of it."""
        return self.prompt

    @property
    def size(self) -> int:
        """How many tokens that are."""
        return len(self.prompt)

    def fail(self, error: EngineError) -> None:
        """End it with an error."""
        self.error, self.done = error, True

    def cancel(self) -> None:
        """End it as nobody waits for it."""
        self.fail(EngineError("cancelled"))


@dataclass(eq=False, kw_only=True)
class Row(Work):
    """A completion that is written token by token.

    Attributes:
        decoding: How its tokens are chosen.
        budget: Most tokens to write, `</s>` not counted.
        stops: The stop strings.
        random: Where sampling takes its draws from.
        written: Ids written so far, without the final `</s>`.
        logprobs: Their log-probabilities, if the decoding asks for them.
        finish: Why the row ended; None while it has not.
        derivation: What of a grammar it has been through, where there is one.
        ahead: Most tokens to be ahead of a reader; None where there is none.
        read: How many the reader has seen.
    """

    decoding: Decoding
    budget: int
    stops: Stops
    random: Random
    written: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: FinishReason | None = None
    derivation: Derivation | None = None
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
        """Whether it is so far ahead of its reader that it is to wait."""
        return self.ahead is not None and len(self.written) - self.read >= self.ahead

    def take(self, token: int, logprob: float | None, eos: int) -> None:
        """Add a token that the model chose."""
        if token == eos:
            self.end("stop")
        else:
            if logprob is not None:
                self.logprobs.append(logprob)
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

    def end(self, reason: FinishReason) -> None:
        """Write no more."""
        self.finish, self.done = reason, True

    def cancel(self) -> None:
        self.end("cancelled")


@dataclass(eq=False, kw_only=True)
class Beams(Work):
    """The best completions of a beam search.

    Attributes:
        decoding: Number of beams, how many of them are wanted, and whether log-probabilities.
        rows: A row for each that is wanted, the best first.
    """

    decoding: Decoding
    rows: list[Row]

    @property
    def kind(self) -> Hashable:
        return "beams", self.decoding, self.rows[0].budget

    def cancel(self) -> None:
        self.done = True
        for row in self.rows:
            row.cancel()


@dataclass(eq=False, kw_only=True)
class Scoring(Work):
    """Labels to be scored as what follows the prompt.

    Attributes:
        labels: Ids of each label.
        logs: Log-probability of each label, whole.
    """

    labels: tuple[tuple[int, ...], ...]
    logs: list[float] = field(default_factory=list)

    @property
    def kind(self) -> Hashable:
        return "scoring", self.labels


class Group:
    """A batch of works each of which goes with all the others.

    Attributes:
        works: The works.
    """

    def __init__(self, fits: Callable[[Work, Sequence[Work]], bool]) -> None:
        """Begin with none.

        Args:
            fits: Whether a work can be done together with others, of which there are some.
        """
        self.works: list[Work] = []
        self._fits = fits

    def add(self, work: Work) -> bool:
        """Take a work in if it can be done together with those that are in; whether it can."""
        found = not self.works or self._fits(work, self.works)
        if found:
            self.works.append(work)
        return found


def fit(sizes: Sequence[int], room: int) -> bool:
    """Whether so many tokens each can be read in one pass, without much padding.

    Args:
        sizes: Tokens of each work.
        room: Most tokens of a pass, padding included, if they are of several works.
    """
    padded = max(sizes) * len(sizes)
    return len(sizes) == 1 or padded <= min(room, 1.15 * sum(sizes) + room / 16)
