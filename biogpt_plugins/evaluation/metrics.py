"""How tasks are scored: the official metrics, and one each for relations and labels of any task.

A task names its metric (`Task.metric`); one that names none has what suits its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from biogpt_plugins.evaluation.relations import ComparedRelation, count_matches
from biogpt_plugins.evaluation.values import Score
from biogpt_plugins.scoring import bc5cdr, interactions, labels, official
from biogpt_plugins.scoring.figures import Counts, Share
from biogpt_plugins.scoring.gold import TABLES, GoldSet, Pair, Triple
from biogpt_plugins.tasks import TASKS, hoc, pubmedqa
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Kind, Relation

Texts = tuple[str, ...]


class Scored(NamedTuple):
    """The result of a metric.

    Attributes:
        score: All figures.
        documents: Each document's terms in the main figure, as in `bootstrap`.
        types: Counts by type.
        linked: Names that have an id, for tasks whose names have ids.
    """

    score: Score
    documents: list[tuple[float, float]]
    types: dict[str, Counts]
    linked: Share | None = None


@dataclass(frozen=True)
class Metric:
    """How a task is scored. An answer is what the official reader gives for a completion.

    Attributes:
        figure: Name of the main figure.
        official: The official reader; None if there is none.
        failed: Its answer for an unreadable completion.
        answer: A pipeline's result -> an answer of the same form.
        score: (gold corpus, answers in its order) -> figures.
        show_gold: The gold of the documents as texts.
        show: (answer, gold corpus) -> the answer as texts.
        labels: All possible labels, if the gold consists of labels.
    """

    figure: str
    official: Callable[[str], Any] | None
    failed: Any
    answer: Callable[[Any], Any]
    score: Callable[[GoldSet[Any], Sequence[Any]], Scored]
    show_gold: Callable[[GoldSet[Any]], list[Texts]]
    show: Callable[[Any, GoldSet[Any]], Texts]
    labels: Texts = ()


# --- BC5CDR -----------------------------------------------------------------------------------


def _score_bc5cdr(gold: GoldSet[Any], answers: Sequence[list[Pair]]) -> Scored:
    right, found = _by_id(gold, answers)
    names = gold.names
    counts = (bc5cdr.count_relations(right[id_], found[id_], names) for id_ in right)
    # Each relation of a document once: repetitions by the model do not count.
    distinct = [pair for pairs in answers for pair in dict.fromkeys(pairs)]
    ids = [id_ for pair in distinct for id_ in bc5cdr.link(pair, names)]
    return Scored(
        score=bc5cdr.score_bc5cdr(right, found, names),
        documents=[_share(each) for each in counts],
        types=_totals(bc5cdr.count_ends(right[id_], found[id_], names) for id_ in right),
        linked=Share(part=sum(id_ != bc5cdr.UNKNOWN_ID for id_ in ids), whole=len(ids)),
    )


def _show_ids(gold: GoldSet[Any]) -> list[Texts]:
    # If an id has several names, show the first.
    chemicals, diseases = (
        {bc5cdr.plain_id(id_): name for name, id_ in reversed([*gold.names[table].items()])}
        for table in TABLES
    )
    return [
        tuple(
            _show_pair((chemicals.get(ids[0], "?"), diseases.get(ids[1], "?")), ids)
            for ids in (tuple(map(bc5cdr.plain_id, pair)) for pair in document.gold)
        )
        for document in gold.documents
    ]


def _show_names(pairs: Iterable[Pair], gold: GoldSet[Any]) -> Texts:
    return tuple(_show_pair(pair, bc5cdr.link(pair, gold.names)) for pair in pairs)


def _show_pair(names: Sequence[str], ids: Sequence[str]) -> str:
    return f"{names[0]} ({ids[0]}) -> {names[1]} ({ids[1]})"


BC5CDR = Metric(
    figure="f1",
    official=official.official_pairs,
    failed=[],
    answer=lambda relations: [(r.head.name, r.tail.name) for r in relations],
    score=_score_bc5cdr,
    show_gold=_show_ids,
    show=_show_names,
)

# --- DDI, KD-DTI ------------------------------------------------------------------------------


def _score_interactions(gold: GoldSet[Any], answers: Sequence[list[Triple]]) -> Scored:
    right, found = _by_id(gold, answers)
    types = {type_ for triples in right.values() for _, _, type_ in triples}
    return Scored(
        score=interactions.score_interactions(right, found),
        documents=[(interactions.match_document(right[id_], found[id_]).f1, 1) for id_ in right],
        types=_totals(interactions.count_types(right[id_], found[id_], types) for id_ in right),
    )


def _show_triples(triples: Iterable[Triple], _: GoldSet[Any]) -> Texts:
    return tuple(f"{head} -[{type_}]-> {tail}" for head, tail, type_ in triples)


DDI = Metric(
    figure="tp_micro_f1",
    official=official.official_triples,
    failed=[(official.FAILED, official.FAILED, official.FAILED)],
    answer=lambda relations: [(r.head.name, r.tail.name, r.type) for r in relations],
    score=_score_interactions,
    show_gold=lambda gold: [_show_triples(each.gold, gold) for each in gold.documents],
    show=_show_triples,
)
# Scored alike, but a separate metric: predictions of one task cannot be scored as the other.
KD_DTI = replace(DDI)

# --- PubMedQA ---------------------------------------------------------------------------------


def _score_pubmedqa(gold: GoldSet[Any], answers: Sequence[str]) -> Scored:
    right, found = _by_id(gold, answers)
    return Scored(
        score=labels.score_pubmedqa(right, found),
        documents=[(right[id_] == found[id_], 1) for id_ in right],
        types=labels.count_labels(
            [[label] for label in right.values()], [[label] for label in answers], pubmedqa.LABELS
        ),
    )


PUBMEDQA = Metric(
    figure="accuracy",
    official=official.official_answer,
    failed=official.FAILED,
    answer=lambda answer: answer.label or official.FAILED,
    score=_score_pubmedqa,
    show_gold=lambda gold: [(each.gold,) for each in gold.documents],
    show=lambda label, _: (label,),
    labels=pubmedqa.LABELS,
)

# --- HoC --------------------------------------------------------------------------------------

_CLASSES = (*hoc.LABELS, hoc.EMPTY)


def _score_hoc(gold: GoldSet[Any], answers: Sequence[list[str]]) -> Scored:
    right, found = _by_id(gold, answers)
    right = {id_: _or_empty(hallmarks) for id_, hallmarks in right.items()}
    types = labels.count_labels(list(right.values()), answers, _CLASSES)
    counts = (Counts.between({*found[id_]} & {*_CLASSES}, {*right[id_]}) for id_ in right)
    return Scored(
        score=labels.score_hoc(right, found, _CLASSES),
        documents=[_share(each) for each in counts],
        types=types,
    )


def _or_empty(hallmarks: Iterable[str]) -> Texts:
    return tuple(hallmarks) or (hoc.EMPTY,)


HOC = Metric(
    figure="f1",
    official=official.official_hallmarks,
    failed=[official.FAILED],
    answer=lambda hallmarks: list(_or_empty(hallmarks.labels)),
    score=_score_hoc,
    show_gold=lambda gold: [_or_empty(each.gold) for each in gold.documents],
    show=lambda hallmarks, _: tuple(hallmarks),
    labels=_CLASSES,
)

# --- relations of any task --------------------------------------------------------------------


def _score_relations(gold: GoldSet[Any], answers: Sequence[list[ComparedRelation]]) -> Scored:
    pairs = [
        ([*map(_compared, document.gold)], answer)
        for document, answer in zip(gold.documents, answers, strict=True)
    ]
    counts = [count_matches(*pair) for pair in pairs]
    return Scored(
        score=Counts.total(counts),
        documents=[_share(each) for each in counts],
        types=_totals(_by_type(*pair) for pair in pairs),
    )


def _compared(relation: Relation | ComparedRelation) -> ComparedRelation:
    return relation if isinstance(relation, ComparedRelation) else ComparedRelation.of(relation)


def _by_type(
    right: Sequence[ComparedRelation], found: Sequence[ComparedRelation]
) -> dict[str, Counts]:
    types = dict.fromkeys(one.type for one in (*right, *found))
    return {
        type_: count_matches(
            *([one for one in told if one.type == type_] for told in (right, found))
        )
        for type_ in types
    }


RELATIONS = Metric(
    figure="f1",
    official=None,
    failed=[],
    answer=lambda relations: [*map(ComparedRelation.of, relations)],
    score=_score_relations,
    show_gold=lambda gold: [
        tuple(str(_compared(one)) for one in each.gold) for each in gold.documents
    ],
    show=lambda told, _: tuple(map(str, told)),
)

# --- labels of any task -----------------------------------------------------------------------


def _score_labels(gold: GoldSet[Any], answers: Sequence[Texts]) -> Scored:
    right = [document.gold for document in gold.documents]
    types = labels.count_labels(right, answers)
    counts = (
        Counts.between({*found}, {*wanted}) for found, wanted in zip(answers, right, strict=True)
    )
    return Scored(
        score=Counts.total(types.values()), documents=[_share(each) for each in counts], types=types
    )


LABELS = Metric(
    figure="f1",
    official=None,
    failed=(),
    answer=lambda result: result.labels,
    score=_score_labels,
    show_gold=lambda gold: [tuple(each.gold) for each in gold.documents],
    show=lambda found, _: found,
)

METRICS = {
    "bc5cdr": BC5CDR,
    "ddi": DDI,
    "kd_dti": KD_DTI,
    "pubmedqa": PUBMEDQA,
    "hoc": HOC,
}
"""The official metrics, by the name that tasks call them by."""

_EVERY = {**METRICS, "relations": RELATIONS, "labels": LABELS}
_USUAL: Mapping[Kind, str] = {"relations": "relations", "answer": "pubmedqa", "labels": "labels"}


def find_metric(task: Task[Any]) -> Metric:
    """The metric of a task.

    Raises:
        InputError: The task has no metric, or names an unknown one.
    """
    name = _name_of(task)
    if not has_metric(task):
        fit = ", ".join(name for name, each in TASKS.items() if has_metric(each))
        raise InputError(f"task {task.name} has no metric; tasks with one: {fit}")
    if name not in _EVERY:
        raise InputError(
            f"task {task.name} names the unknown metric {name!r}: use {', '.join(_EVERY)}"
        )
    return _EVERY[name]


def has_metric(task: Task[Any]) -> bool:
    """Whether a task names a metric, or its kind has one."""
    return bool(_name_of(task))


def _name_of(task: Task[Any]) -> str:
    return task.metric or _USUAL.get(task.kind, "")


def is_scored_as(name: str, task: Task[Any]) -> bool:
    """Whether predictions of a task of some name can be scored by gold of another task.

    Tasks with one official metric can be scored by each other's gold; relations that have none are
    those of one task.
    """
    if name == task.name or name not in TASKS:
        return name == task.name
    return _name_of(task) in METRICS and _name_of(TASKS[name]) == _name_of(task)


def _by_id(gold: GoldSet[Any], answers: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    right = {document.id: document.gold for document in gold.documents}
    return right, dict(zip(right, answers, strict=True))


def _share(counts: Counts) -> tuple[float, float]:
    return 2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn


def _totals(documents: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    types: dict[str, list[Counts]] = {}
    for document in documents:
        for type_, counts in document.items():
            types.setdefault(type_, []).append(counts)
    return {type_: Counts.total(types[type_]) for type_ in sorted(types)}
