"""Relations and answers with a probability, and whether each is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from biogpt_plugins.evaluation.metrics import BC5CDR, Metric
from biogpt_plugins.evaluation.reliability import Reliability, Trial
from biogpt_plugins.scoring.bc5cdr import link
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.values.results import Prediction, Relation


class TrialPair(NamedTuple):
    """A relation or an answer with the model's own probability and the calibrated one."""

    raw: Trial
    calibrated: Trial | None


def trials(
    gold: GoldSet[Any], metric: Metric, predictions: Sequence[Prediction[Any]]
) -> list[TrialPair]:
    """The relations and answers that have probabilities.

    If gold counts several relations as one, only the most probable of them is used.

    Args:
        gold: The corpus.
        metric: The task's metric, which decides whether a relation is right.
        predictions: Predictions in the order of the corpus.
    """
    return [
        pair
        for document, prediction in zip(gold.documents, predictions, strict=True)
        for pair in _pairs(gold, metric, document, prediction)
    ]


def reliability(
    gold: GoldSet[Any], metric: Metric, pairs: Sequence[TrialPair]
) -> tuple[Reliability | None, Reliability | None]:
    """The reliability of the model's own and of the calibrated probabilities; None if absent."""
    items = metric.show_gold(gold) if not metric.labels else [("",)] * len(gold.documents)
    whole = sum(len(set(of_one)) for of_one in items)
    raw = Reliability.of((pair.raw for pair in pairs), whole) if pairs else None
    calibrated = [pair.calibrated for pair in pairs if pair.calibrated]
    return raw, Reliability.of(calibrated, whole) if calibrated else None


def _pairs(
    gold: GoldSet[Any], metric: Metric, document: Document[Any], prediction: Prediction[Any]
) -> Iterator[TrialPair]:
    result: Any = prediction.result
    if prediction.kind == "answer" and result.probabilities:
        raw = result.uncalibrated or result.probabilities
        corrected = result.probabilities if result.uncalibrated else None
        yield TrialPair(_best(raw, document), _best(corrected, document) if corrected else None)
    elif prediction.kind == "relations":
        yield from _relations(gold, metric, document, prediction.relations)


def _best(shares: Mapping[str, float], document: Document[Any]) -> Trial:
    label = max(shares, key=shares.__getitem__)
    return Trial(probability=shares[label], right=label == document.gold)


def _relations(
    gold: GoldSet[Any], metric: Metric, document: Document[Any], relations: Iterable[Relation]
) -> Iterator[TrialPair]:
    scored = [one for one in relations if one.confidence and one.score is not None]
    for relation, right in judged(gold, metric, document, scored):
        assert relation.confidence  # see above
        assert relation.score is not None
        own, score = relation.confidence.clause, relation.score
        corrected = Trial(probability=score, right=right) if score != own else None
        yield TrialPair(Trial(probability=own, right=right), corrected)


def judged(
    gold: GoldSet[Any], metric: Metric, document: Document[Any], relations: Iterable[Relation]
) -> Iterator[tuple[Relation, bool]]:
    """Each relation of a document once, the most probable first, and whether it is right."""
    alone = GoldSet(gold.task, (document,), gold.names)
    seen = set()
    for relation in sorted(relations, key=lambda one: -(one.score or 0)):
        (answer,) = answers = metric.answer([relation])
        identity = link(answer, gold.names) if metric is BC5CDR else answer
        if identity not in seen:
            seen.add(identity)
            yield relation, metric.score(alone, [answers]).documents[0][0] > 0
