"""Relation extraction: papers in one call, and papers of many callers at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from beside.agreement import check_texts
from beside.peers import Peer
from beside.sides import Own, Writer
from beside.subjects import Subject
from beside.trial import Trial, required
from biogpt_plugins.bench.clock import Job, Missing, Timed, present, series
from biogpt_plugins.bench.figures import Table
from biogpt_plugins.values.counted import counted

Hands = Sequence[Sequence[Subject]]


def extract(trial: Trial) -> Iterator[Table]:
    """Abstracts a second, by the number of abstracts in one call."""
    settings, own = trial.settings, trial.own()
    on_gpu = ("generate-static", "generate-batch") if trial.place.device.type == "cuda" else ()
    peers = trial.peers("langchain", "llama-index", "transformers", *on_gpu)
    leader = required(own[0])
    for size in settings.sizes:
        spare, *hands = (trial.draw(size, leader) for _ in range(1 + settings.rounds))
        tuned, tried = trial.tuned(spare, settings.new_tokens)
        trial.warm(present([*own, *peers]), spare, settings.new_tokens)
        sides: list[Writer | Missing] = [*own, *peers, *tuned]
        done = trial.in_turns([_job(trial, side, hands) for side in sides])
        written = {name: [turn.value for turn in turns] for name, turns in done.items()}
        title = f"Relation extraction, {counted(size, 'abstract')} in one call"
        check_texts(trial, title, sides, hands, written)
        lengths = sorted(len(subject.ids) for subject in hands[0])
        told = (
            f"prompts of {lengths[0]} to {lengths[-1]} tokens, {lengths[size // 2]} in the middle, "
            f"at most {settings.new_tokens} tokens written for each",
            tried,
            *_inexact(present(own), written),
        )
        values = {name: [size / turn.seconds for turn in turns] for name, turns in done.items()}
        yield Table(
            case="extract",
            title=title,
            unit="abstracts/s",
            rows=series(sides, values),
            facts=tuple(filter(None, told)),
        )


def callers(trial: Trial) -> Iterator[Table]:
    """Abstracts a second, in one batch and by as many callers at the same time."""
    from langchain_biogpt import BioGPTLLM  # noqa: PLC0415 - an extra

    new_tokens, own = trial.settings.new_tokens, trial.default()
    jobs = _asking(
        trial, own, own.name, BioGPTLLM.from_pipeline(own.limited(new_tokens)), ours=True
    )
    for peer in trial.peers("langchain"):
        if isinstance(peer, Peer):
            options = {"max_new_tokens": new_tokens, "do_sample": False}
            llm = peer.llm.bind(pipeline_kwargs=options)
            jobs += _asking(trial, own, peer.name, llm, ours=False)
        else:
            jobs.append(peer)
    yield Table(
        case="callers",
        title=f"{counted(trial.settings.callers, 'caller')} at the same time",
        unit="abstracts/s",
        rows=series(jobs, trial.in_turns(jobs)),
    )


def _job(trial: Trial, side: Writer | Missing, hands: Hands) -> Job[Timed[list[str]]] | Missing:
    if isinstance(side, Missing):
        return side
    new_tokens = trial.settings.new_tokens
    return Job(side.name, lambda turn: trial.time(side, hands[turn], new_tokens))


def _asking(
    trial: Trial,
    own: Own,
    name: str,
    llm: Any,  # noqa: ANN401 - a class of an extra
    *,
    ours: bool,
) -> list[Job[float] | Missing]:
    """A LangChain LLM that is asked by many, and once for all of them."""
    number, task = trial.settings.callers, own.pipeline.task

    def texts(count: int) -> list[str]:
        # An LLM of ours with a task lays sources out by itself.
        subjects = trial.draw(count, own)
        return [task.source(s.value).source if ours else s.text for s in subjects]

    async def together(asked: Sequence[str]) -> None:
        await asyncio.gather(*(llm.ainvoke(text) for text in asked))

    def rate(ask: Callable[[list[str]], object]) -> float:
        asked = texts(number)
        return number / trial.clock(lambda: ask(asked)).seconds

    llm.batch(texts(number if trial.place.device.type == "cuda" else 1))
    return [
        Job(
            f"{name}: {counted(number, 'call')} of ainvoke",
            lambda _: rate(lambda asked: asyncio.run(together(asked))),
        ),
        Job(f"{name}: one batch", lambda _: rate(llm.batch)),
    ]


def _inexact(own: Sequence[Own], written: Mapping[str, Sequence[Sequence[str]]]) -> Iterator[str]:
    """How many texts are the same in other dtypes as in float32, for information."""
    rights = [written[side.name] for side in own if side.exact]
    for side in own:
        if rights and not side.exact:
            same = [
                one == other
                for texts, others in zip(written[side.name], rights[0], strict=True)
                for one, other in zip(texts, others, strict=True)
            ]
            yield f"texts as in float32: {sum(same)} of {len(same)} by {side.name}"
