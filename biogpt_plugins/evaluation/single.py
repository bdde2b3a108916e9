"""Scores one document, and explains the score in words.

Evaluators of host frameworks use this. The score is the document's own value of the task's main
figure, computed with the same metric as for a corpus.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from biogpt_plugins.evaluation.given import read_given, read_right, read_strictly, text_of
from biogpt_plugins.evaluation.metrics import BC5CDR, Metric, find_metric
from biogpt_plugins.scoring.bc5cdr import link, plain_id
from biogpt_plugins.scoring.figures import Figure, Value, ratio
from biogpt_plugins.scoring.gold import TABLES, Document, GoldSet, Names, Pair
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError, ParseError
from biogpt_plugins.values.results import Entity, Relation


class Verdict(Value):
    """The score of one completion or result, and the reasons.

    Attributes:
        score: The document's own score in the task's main figure, from 0 to 1; NaN if the official
            metric leaves the document out.
        missed: Right items that were not found, as texts.
        wrong: Found items that are not right, as texts.
        failure: Why nothing could be read; "" otherwise. The official rule scores such documents.
        notes: Skipped parts of the completion.
    """

    score: Figure
    missed: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    failure: str = ""
    notes: tuple[str, ...] = ()

    @property
    def feedback(self) -> str:
        """The reasons for the score, in words."""
        said = [self.failure] if self.failure else []
        if math.isnan(self.score):
            said.append("the official metric leaves out documents that have no right relation")
        said += [f"missed: {'; '.join(self.missed)}"] if self.missed else []
        said += [f"wrong: {'; '.join(self.wrong)}"] if self.wrong else []
        return ". ".join([*said, *self.notes] or ["nothing missed, nothing wrong"])


def scored_task(task: str | Task[Any], names: Names | None = None) -> tuple[Task[Any], Metric]:
    """A task and its metric.

    Raises:
        InputError: The task has no metric, or its metric does not take these tables of names.
    """
    found = get_task(task)
    metric = find_metric(found)
    if names is not None and metric is not BC5CDR:
        raise InputError(f"tables of names are for bc5cdr: leave them out for {found.name}")
    if names is not None and not set(TABLES) <= names.keys():
        raise InputError(f'the tables of names are "{TABLES[0]}" and "{TABLES[1]}": give both')
    return found, metric


def score_one(  # noqa: PLR0913 - options, all but three keyword-only
    task: str | Task[Any],
    right: object,
    found: object,
    *,
    source: object = None,
    strict: bool = False,
    names: Names | None = None,
) -> Verdict:
    """Score one document.

    A result may be a result value, a Prediction, the JSON of either, or a mapping with one of these
    as its only field. A relation may also be [head, tail, type], and its ends plain names.

    Args:
        task: The task, or its name.
        right: The right result: the official target text, a label, or a result. With tables of
            names, BC5CDR's ends may be ids.
        found: The model's completion, or a result.
        source: The text that the model read, or the input that holds it; helps to split names at
            the right " and ".
        strict: Whether to read the completion like the official scripts.
        names: BC5CDR: "chemical2id" and "disease2id". Without them, names are compared instead of
            ids, ignoring case and spaces.

    Raises:
        InputError: The task has no metric, `right` cannot be read or has no id, or `found` is
            neither a completion nor a result.
    """
    chosen, metric = scored_task(task, names)
    text = text_of(chosen, source)
    gold = read_right(chosen, right, text)
    failure = ""
    notes: tuple[str, ...] = ()
    try:
        if strict:
            answer = read_strictly(chosen, found)
        else:
            reading = read_given(chosen, found, text)
            answer, notes = metric.answer(reading.result), reading.notes
    except ParseError as error:
        answer, failure = metric.failed, str(error)
    wanted = metric.answer(gold)
    if metric is BC5CDR and names is None:
        metric, names = _BY_NAME, _own_ids([*wanted, *answer])
        wanted = [link(pair, names) for pair in wanted]
    elif metric is BC5CDR:
        wanted = [_ids(relation, names or {}) for relation in gold]

    def corpus(wanted: Any) -> GoldSet[Any]:  # noqa: ANN401 - each task has its own
        return GoldSet(chosen.name, (Document("1", wanted),), names or {})

    def share(wanted: Any, answer: Any) -> tuple[float, float]:  # noqa: ANN401 - the same
        return metric.score(corpus(wanted), [answer]).documents[0]

    missed = [item for item in _singly(wanted) if not share(item, answer)[0]]
    wrong = [item for item in _singly(answer) if not failure and not share(wanted, item)[0]]
    return Verdict(
        score=ratio(*share(wanted, answer)),
        missed=tuple(text for item in missed for text in metric.show_gold(corpus(item))[0]),
        wrong=tuple(text for item in wrong for text in metric.show(item, corpus(wanted))),
        failure=failure,
        notes=notes,
    )


def _singly(answer: Any) -> list[Any]:  # noqa: ANN401 - each task has its own
    """The distinct items of an answer, each as a separate answer."""
    return [[item] for item in dict.fromkeys(answer)] if isinstance(answer, list) else [answer]


# --- BC5CDR's ids -----------------------------------------------------------------------------


def _arrows(pairs: Iterable[Pair]) -> tuple[str, ...]:
    return tuple(" -> ".join(pair) for pair in pairs)


_BY_NAME = replace(
    BC5CDR,
    show_gold=lambda gold: [_arrows(each.gold) for each in gold.documents],
    show=lambda pairs, _: _arrows(pairs),
)


def _own_ids(pairs: Sequence[Pair]) -> Names:
    """Tables in which a name is its own id, ignoring case and spaces."""

    def table(names: Iterable[str]) -> dict[str, str]:
        first: dict[str, str] = {}
        return {name: first.setdefault("".join(name.lower().split()), name) for name in names}

    return {kind: table(pair[side] for pair in pairs) for side, kind in enumerate(TABLES)}


def _ids(relation: Relation, names: Names) -> Pair:
    chemical, disease = map(_id, (relation.head, relation.tail), (names[kind] for kind in TABLES))
    return chemical, disease


def _id(end: Entity, ids: Mapping[str, str]) -> str:
    found = end.id or ids.get(end.name)
    if found is None and plain_id(end.text) in map(plain_id, ids.values()):
        found = end.text
    if found is None:
        raise InputError(
            f"the right end {end.text!r} has no id in the tables of names: give an id, as in "
            '{"text": name, "id": id}'
        )
    return plain_id(found)
