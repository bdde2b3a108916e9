"""What predictions say with a probability, and whether it is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from biogpt_plugins.evaluation.metrics import BC5CDR, Metric
from biogpt_plugins.evaluation.reliability import Reliability, Trial
from biogpt_plugins.scoring.bc5cdr import link
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.values.results import Prediction, Relation


class Told(NamedTuple):
    """A relation or an answer by the model's own probability, and by the calibrated one."""

    raw: Trial
    calibrated: Trial | None


def trials(
    gold: GoldSet[Any], metric: Metric, predictions: Sequence[Prediction[Any]]
) -> list[Told]:
    """The relations and answers that have probabilities.

    Of relations that gold takes for one, the most probable one.

    Args:
        gold: The corpus.
        metric: Its task's metric, by which a relation is right.
        predictions: In the corpus' order.
    """
    return [
        told
        for document, prediction in zip(gold.documents, predictions, strict=True)
        for told in _told(gold, metric, document, prediction)
    ]


def reliability(
    gold: GoldSet[Any], metric: Metric, told: Sequence[Told]
) -> tuple[Reliability | None, Reliability | None]:
    """The figures of the model's own probabilities, and of calibrated ones; None without them."""
    items = metric.show_gold(gold) if not metric.labels else [("",)] * len(gold.documents)
    whole = sum(len(set(of_one)) for of_one in items)
    raw = Reliability.of((one.raw for one in told), whole) if told else None
    calibrated = [one.calibrated for one in told if one.calibrated]
    return raw, Reliability.of(calibrated, whole) if calibrated else None


def _told(
    gold: GoldSet[Any], metric: Metric, document: Document[Any], prediction: Prediction[Any]
) -> Iterator[Told]:
    result: Any = prediction.result
    if prediction.kind == "answer" and result.probabilities:
        raw = result.uncalibrated or result.probabilities
        corrected = result.probabilities if result.uncalibrated else None
        yield Told(_best(raw, document), _best(corrected, document) if corrected else None)
    elif prediction.kind == "relations":
        yield from _relations(gold, metric, document, prediction.relations)


def _best(shares: Mapping[str, float], document: Document[Any]) -> Trial:
    label = max(shares, key=shares.__getitem__)
    return Trial(probability=shares[label], right=label == document.gold)


def _relations(
    gold: GoldSet[Any], metric: Metric, document: Document[Any], relations: Iterable[Relation]
) -> Iterator[Told]:
    alone = GoldSet(gold.task, (document,), gold.names)
    seen = set()
    for relation in sorted(relations, key=lambda one: -(one.score or 0)):
        if relation.confidence is None or relation.score is None:
            continue
        (answer,) = answers = metric.answer([relation])
        identity = link(answer, gold.names) if metric is BC5CDR else answer
        if identity in seen:
            continue
        seen.add(identity)
        right = metric.score(alone, [answers]).documents[0][0] > 0
        own, score = relation.confidence.clause, relation.score
        corrected = Trial(probability=score, right=right) if score != own else None
        yield Told(Trial(probability=own, right=right), corrected)
