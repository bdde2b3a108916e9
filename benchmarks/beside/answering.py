"""Yes/no/maybe: labels that are scored, against answers that are written and read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from beside.sides import Own, Writer
from beside.subjects import Subject
from beside.trial import Trial
from biogpt_plugins.bench.clock import Job, Missing, present, series
from biogpt_plugins.bench.figures import Table
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import BioGPTError

TASK = "pubmedqa"
ANSWER = 12
"""Tokens of `the answer to the question given the context is maybe.`"""

Draw = Callable[[], list[Subject]]

_ABOUT = (
    "Does the treatment harm the patients?",
    "Is the effect larger at a higher dose?",
    "Did the patients of the study recover?",
    "Is there a difference between men and women?",
    "Was the study controlled by placebo?",
    "Can the result be explained by chance?",
    "Is a combination with another drug safe?",
    "Do the authors advise to stop the treatment?",
)


def questions(trial: Trial) -> Iterator[Table]:
    """Questions a second, each about a paper of its own."""
    number, scoring = trial.settings.callers, trial.default(TASK)
    writing = _pipeline(scoring, method="complete")
    draw = partial(trial.draw, number, scoring, ANSWER, asks=lambda paper: [paper.title])
    spare = draw()
    tuned, tried = trial.tuned(spare, ANSWER)
    peers: list[Writer | Missing] = [*trial.peers("langchain", "llama-index"), *tuned]
    trial.warm([writing, *present(peers)], spare, ANSWER)
    ask(scoring, spare)
    jobs: list[Job[float] | Missing] = [
        _job(trial, f"{scoring.name}: labels scored", draw, partial(ask, scoring)),
        _job(trial, f"{scoring.name}: written and read", draw, partial(_write, writing)),
        *(_peer(trial, peer, draw) for peer in peers),
    ]
    yield Table(
        case="questions",
        title=f"{counted(number, 'question')} about {counted(number, 'abstract')}",
        unit="questions/s",
        rows=series(jobs, trial.in_turns(jobs)),
        facts=tuple(filter(None, [f"at most {ANSWER} tokens written for an answer", tried])),
    )


def several(trial: Trial) -> Iterator[Table]:
    """Questions a second, eight about each paper: in one call and one by one."""
    own = trial.default(TASK)
    official = {"official layout": own} if TASK in own.pipeline.cards else {}
    for layout, side in {**official, "solved examples": _pipeline(own, card=None)}.items():
        draw = partial(trial.draw, 1, side, ANSWER, asks=lambda _: _ABOUT)
        anew = partial(_anew, trial, side)
        peers = trial.peers("langchain")
        spare = draw()
        trial.warm(present(peers), spare, ANSWER)
        ask(side, spare)
        count = len(_ABOUT)
        jobs: list[Job[float] | Missing] = [
            _job(trial, f"{own.name}: {count} in one call", draw, partial(ask, side)),
            _job(trial, f"{own.name}: one by one", draw, partial(_run_each, side)),
            _job(trial, f"{own.name}: each anew", anew, partial(_run_each, side)),
            *(_peer(trial, peer, draw) for peer in peers),
        ]
        yield Table(
            case="several",
            title=f"{count} questions about one abstract, {layout}",
            unit="questions/s",
            rows=series(jobs, trial.in_turns(jobs)),
            facts=(
                "each anew: one by one, none of them finding the abstract where it was kept; peers "
                f"write {ANSWER} tokens for each",
            ),
        )


def _anew(trial: Trial, side: Own) -> list[Subject]:
    """The questions, with another number in front of the paper for each."""

    def ask(question: str) -> list[Subject]:
        return trial.draw(1, side, ANSWER, asks=lambda _: [question])

    return [subject for question in _ABOUT for subject in ask(question)]


def _pipeline(own: Own, **options: Any) -> Own:  # noqa: ANN401 - those of Pipeline
    options = {"card": own.pipeline.card, **options}
    return replace(own, pipeline=Pipeline(TASK, own.pipeline.engine, **options))


def _job(trial: Trial, name: str, draw: Draw, do: Callable[[list[Subject]], object]) -> Job[float]:
    def go(_: int) -> float:
        subjects = draw()
        return len(subjects) / trial.clock(lambda: do(subjects)).seconds

    return Job(name, go)


def _peer(trial: Trial, peer: Writer | Missing, draw: Draw) -> Job[float] | Missing:
    if isinstance(peer, Missing):
        return peer
    return _job(trial, peer.name, draw, partial(_write, peer))


def _write(side: Writer, subjects: list[Subject]) -> None:
    side.write(subjects, ANSWER)


def ask(side: Own, subjects: Sequence[Subject]) -> None:
    """Have a pipeline answer questions.

    Raises:
        BioGPTError: It could not answer one.
    """
    for prediction in side.pipeline.run([subject.value for subject in subjects]):
        if prediction.error:
            raise BioGPTError(f"{side.name} failed: {prediction.error.message}")


def _run_each(side: Own, subjects: list[Subject]) -> None:
    for subject in subjects:
        ask(side, [subject])
