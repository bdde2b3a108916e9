"""The measurements, by the second part of a row's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from beside.agreement import check_written
from beside.answering import ANSWER, ask
from beside.network import bytes_of_step, operations_of_reading
from beside.sides import EXACT, Own
from beside.subjects import Subject
from beside.writing import lengths_of, step_seconds

from biogpt_plugins.bench.clock import Job
from biogpt_plugins.engine import Decoding, Form, Load
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import EngineError
from card.bench import Bench, describe, lengths
from card.first_token import first_token
from card.profile import profiled
from card.rows import Figure
from card.vllm_peer import VLLM

_GIGA, _TERA = 1e9, 1e12

Found = tuple[list[Figure], str]
"""Figures, and what a reader must know of them."""


def limits(bench: Bench, _: str, __: int) -> Found:
    """What the device itself can do."""
    found = bench.limits
    return [
        Figure(what="TFLOP/s, product in bfloat16", values=(found.operations / _TERA,)),
        Figure(what="GB/s copied, read and written", values=(found.copied / _GIGA,)),
        Figure(what="GB/s read", values=(found.read / _GIGA,)),
    ], f"{bench.scale.matrix} rows and columns; {bench.scale.copied / _GIGA:.3g} GB"


def check(bench: Bench, side: str, size: int) -> Found:
    """Whether a side computes the same model, before its speed is measured."""
    subjects = bench.draw(size)
    if side == "vllm":
        peer = bench.writer(side, size)
        assert isinstance(peer, VLLM)
        far = peer.check(subjects)
        return [Figure(what="largest difference of log-probabilities", values=(far,))], ""
    trial = bench.trial
    trial.agreements.clear()
    try:
        check_written(trial, bench.own(drafts=False, dtype=EXACT), subjects)
    finally:
        bench.close()
        bench.place.clear()  # float32 takes the memory that others need
    (agreement,) = trial.agreements
    if not agreement.holds:
        raise EngineError(f"{agreement}: {agreement.example}")
    same = agreement.equal + agreement.ties
    return [Figure(what="prompts with the same ids", values=(same,))], str(agreement)


def decode(bench: Bench, side: str, size: int) -> Found:
    """Tokens a second, prompts not counted, beside what the memory allows."""
    trial, writer, new_tokens = bench.trial, bench.writer(side, size), bench.scale.new_tokens
    subjects = bench.draw(size)
    trial.warm([writer], subjects, new_tokens)
    job = step_seconds(trial, bench.layout(), writer, size)
    assert isinstance(job, Job)
    before = _load(writer)
    steps = bench.rounds(job.do)
    told = f"{writer.name}: {new_tokens} tokens each, {describe(subjects)}"
    if min(steps) <= 0:
        return [], f"{told}; cannot be told from the reading of the prompts"
    network = bench.place.network(bench.place.dtype)
    least = bytes_of_step(network, lengths_of(subjects, new_tokens)) / bench.limits.memory
    figures = [
        Figure(what="tokens/s", values=tuple(size / step for step in steps)),
        Figure(what="ms a step", values=tuple(1000 * step for step in steps)),
        Figure(what="% of the memory limit", values=tuple(100 * least / step for step in steps)),
    ]
    return [*figures, *_batches(before, _load(writer))], told


def read(bench: Bench, side: str, size: int) -> Found:
    """Tokens a second that are read, beside what the matrix units allow."""
    trial, writer = bench.trial, bench.writer(side, size)
    trial.warm([writer], bench.draw(size), 1)
    hands = [bench.draw(size) for _ in range(bench.scale.rounds)]
    network = bench.place.network(bench.place.dtype)

    def turn(number: int) -> tuple[float, float]:
        seconds = trial.time(writer, hands[number], 1).seconds
        counts = lengths(hands[number])
        least = operations_of_reading(network, counts) / bench.limits.operations
        return sum(counts) / seconds, 100 * least / seconds

    turns = bench.rounds(turn)
    return [
        Figure(what="tokens/s", values=tuple(rate for rate, _ in turns)),
        Figure(what="% of the matrix limit", values=tuple(share for _, share in turns)),
    ], describe(hands[0])


def extract(bench: Bench, side: str, size: int) -> Found:
    """Papers a second in one call: read, written and, by ours, grounded."""
    new_tokens = bench.scale.new_tokens
    if not side.startswith("ours"):
        writer = bench.writer(side, size)
        figures, told = _papers(
            bench, size, lambda hand: writer.write(hand, new_tokens), new_tokens
        )
        return figures, f"{writer.name}: {told}"
    own = bench.own(drafts="no-drafts" not in side)
    form: Form = "grounded" if "grounded" in side else "free"
    decoding = Decoding(max_new_tokens=new_tokens, form=form)
    own = replace(own, pipeline=own.pipeline.with_decoding(decoding))
    before = _load(own)

    def run(hand: Sequence[Subject]) -> object:
        return own.run([subject.value for subject in hand])

    figures, told = _papers(bench, size, run, new_tokens)
    after = _load(own)
    written, passes = after.tokens - before.tokens, after.token_passes - before.token_passes
    figures.append(Figure(what="passes a token", values=(passes / max(1, written),)))
    most = f"at most {max(bench.scale.sizes)} at once"
    return [*figures, *_batches(before, after)], f"{own.name}, {most}: {told}"


def questions(bench: Bench, side: str, size: int) -> Found:
    """Questions a second: labels scored by ours, written by peers."""
    if side.startswith("ours"):
        own = bench.own()
        pipeline = Pipeline("pubmedqa", own.pipeline.engine, cards=own.pipeline.cards)
        scoring = replace(own, pipeline=pipeline)

        def do(hand: Sequence[Subject]) -> object:
            ask(scoring, hand)
            return None
    else:
        writer = bench.writer(side, size)

        def do(hand: Sequence[Subject]) -> object:
            return writer.write(hand, ANSWER)

    return _papers(bench, size, do, ANSWER, "pubmedqa")


def first_tokens(bench: Bench, _: str, size: int) -> Found:
    """Milliseconds until the first piece of a text, while others are written."""
    found = first_token(bench, size)
    return [
        Figure(what="ms to the first piece, alone", values=found.alone),
        Figure(what="ms to the first piece, under load", values=found.loaded),
        Figure(what="tokens/s of all texts that ended", values=(found.rate,)),
    ], f"{counted(size, 'caller')}, each with one paper after another"


def profile(bench: Bench, side: str, size: int) -> Found:
    """Where the time of decoding or of reading goes."""
    what = side.removeprefix("ours-")
    own, tokens = bench.own(drafts=False), bench.scale.profiled if what == "decode" else 1
    bench.trial.warm([own], bench.draw(size), tokens)
    hand = bench.draw(size)
    found = profiled(bench, f"{what}-{size}", lambda: own.write(hand, tokens))
    return [
        Figure(what="% of the time in kernels", values=(100 * found.busy,)),
        Figure(what="kernels or operators", values=(found.kernels,)),
    ], found.files


MEASURES: dict[str, Callable[[Bench, str, int], Found]] = {
    "limits": limits,
    "check": check,
    "decode": decode,
    "read": read,
    "extract": extract,
    "questions": questions,
    "first-token": first_tokens,
    "profile": profile,
}


def measured(bench: Bench, name: str) -> Found:
    """Make the measurement of a row."""
    _, what, side, *size = name.split("/")
    return MEASURES[what](bench, side, int(size[0]) if size else 0)


def _papers(
    bench: Bench,
    size: int,
    do: Callable[[Sequence[Subject]], object],
    new_tokens: int,
    task: str = "bc5cdr",
) -> Found:
    do(bench.draw(size, task, new_tokens))
    hands = [bench.draw(size, task, new_tokens) for _ in range(bench.scale.rounds)]
    rates = bench.rounds(lambda turn: size / bench.trial.clock(lambda: do(hands[turn])).seconds)
    what = "questions/s" if task == "pubmedqa" else "papers/s"
    told = f"at most {new_tokens} tokens each, {describe(hands[0])}"
    return [Figure(what=what, values=tuple(rates))], told


def _load(side: object) -> Load:
    found = getattr(side.pipeline.engine, "load", None) if isinstance(side, Own) else None
    return found or Load()


def _batches(before: Load, after: Load) -> list[Figure]:
    passes = after.passes - before.passes
    if not passes:
        return []
    return [Figure(what="rows a pass", values=((after.rows - before.rows) / passes,))]
