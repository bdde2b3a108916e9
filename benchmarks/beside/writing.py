"""Tokens: when the first ones come, how fast they follow, and how fast they could."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import fmean

from beside.network import bandwidth, bytes_of_step, forwards
from beside.peers import Peer
from beside.sides import Own, Writer
from beside.subjects import Subject
from beside.trial import Trial, required
from biogpt_plugins.bench.clock import Job, Missing, present, series
from biogpt_plugins.bench.figures import Series, Table
from biogpt_plugins.bench.sides import Streamed
from biogpt_plugins.bench.sides import stream as stream_own
from biogpt_plugins.engine import Decoding
from biogpt_plugins.values.errors import BioGPTError

_STREAMS = 2
_BATCH = 64
_GIGA = 1e9


def stream(trial: Trial) -> Iterator[Table]:
    """Milliseconds to the first piece of a text, and tokens a second of all of it."""
    own, peers = trial.own(), trial.peers("langchain", "llama-index")
    spare, *hands = (
        trial.draw(_STREAMS, required(own[0])) for _ in range(1 + trial.settings.rounds)
    )
    sides: list[Writer | Missing] = [*own, *peers]
    for side in present(sides):
        _stream(trial, side, spare[0])
    jobs = [_streaming(trial, side, hands) for side in sides]
    done = trial.in_turns(jobs)
    facts = (
        f"{_STREAMS} texts in each round, one after the other, of at most "
        f"{trial.settings.new_tokens} tokens",
    )
    first = {n: [1000 * fmean(s.first for s in t) for t in turns] for n, turns in done.items()}
    speed = {
        name: [sum(s.tokens for s in t) / sum(s.whole for s in t) for t in turns]
        for name, turns in done.items()
    }
    yield Table(
        case="stream",
        title="Streaming: until the first piece of the text",
        unit="ms",
        less_is_better=True,
        rows=series(jobs, first),
        facts=facts,
    )
    yield Table(
        case="stream",
        title="Streaming: the whole text",
        unit="tokens/s",
        rows=series(jobs, speed),
        facts=facts,
    )


def decode(trial: Trial) -> Iterator[Table]:
    """Decoding alone, beside the time that reading weights, keys and values takes at least.

    It is the time of a call that writes all tokens, less the time of a call that writes one.
    """
    own = trial.default()
    peers = trial.peers("generate", "generate-static", "generate-batch")
    speed, network = bandwidth(trial.place), trial.place.network(trial.place.dtype)
    for size in sorted({1, min(_BATCH, max(trial.settings.sizes))}):
        spare = trial.draw(size, own)
        trial.warm(present([own, *peers]), spare, trial.settings.new_tokens)
        jobs = [step_seconds(trial, own, side, size) for side in (own, *peers)]
        steps: list[Series] = [*series(jobs, trial.in_turns(jobs))]
        least = bytes_of_step(network, lengths_of(spare, trial.settings.new_tokens)) / speed
        steps.append(Series(side="floor", values=(least,) * trial.settings.rounds))
        yield Table(
            case="decode",
            title=f"Decoding, {size} at once",
            unit="tokens/s" if size > 1 else "ms/token",
            less_is_better=size == 1,
            rows=tuple(_per_token(row, size) for row in steps),
            facts=(
                "floor: weights, keys and values read once for each token, at the "
                f"{speed / _GIGA:,.0f} GB/s that copying reaches on this device",
            ),
        )


def _per_token(row: Series, size: int) -> Series:
    """A row of seconds of a step as its table shows them."""
    if any(seconds <= 0 for seconds in row.values):
        note = "cannot be told from the reading of the prompts: raise --new-tokens"
        return row.model_copy(update={"values": (), "note": note})
    values = tuple(size / s if size > 1 else 1000 * s for s in row.values)
    return row.model_copy(update={"values": values})


def _streaming(
    trial: Trial, side: Writer | Missing, hands: Sequence[Sequence[Subject]]
) -> Job[list[Streamed]] | Missing:
    if isinstance(side, Missing):
        return side
    return Job(side.name, lambda turn: [_stream(trial, side, one) for one in hands[turn]])


def _stream(trial: Trial, side: Writer, subject: Subject) -> Streamed:
    new_tokens = trial.settings.new_tokens
    if isinstance(side, Own):
        return stream_own(side, subject.prompt, Decoding(max_new_tokens=new_tokens))
    if not isinstance(side, Peer) or not side.pieces:
        raise BioGPTError(f"{side.name} cannot stream")
    first = None
    start = time.perf_counter()
    with forwards(side.network) as passes:
        for piece in side.pieces(subject.text, new_tokens):
            if piece:
                first = first or time.perf_counter() - start
    whole = time.perf_counter() - start
    return Streamed(first or whole, whole, len(passes))


def lengths_of(subjects: Sequence[Subject], new_tokens: int) -> list[float]:
    """How long texts are when half of their tokens are written."""
    return [len(subject.ids) + new_tokens / 2 for subject in subjects]


def step_seconds(trial: Trial, own: Own, side: Writer | Missing, size: int) -> Job[float] | Missing:
    """Seconds of a step that writes a token of each text.

    Args:
        trial: The run.
        own: A side of this package, in whose layout the papers are drawn.
        side: The side to time.
        size: How many texts.
    """
    if isinstance(side, Missing):
        return side
    new_tokens = trial.settings.new_tokens

    def go(_: int) -> float:
        one, all_ = (
            trial.time(side, trial.draw(size, own), tokens).seconds for tokens in (1, new_tokens)
        )
        return (all_ - one) / (new_tokens - 1)

    return Job(side.name, go)
