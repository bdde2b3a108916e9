"""Which score is enough: the threshold of relations with the best F1 on a gold corpus."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from biogpt_plugins.evaluation.matching import check_gold, match
from biogpt_plugins.evaluation.metrics import find_metric
from biogpt_plugins.evaluation.trials import trials
from biogpt_plugins.scoring.gold import GoldSet
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction


class Point(NamedTuple):
    """An operating point.

    Attributes:
        threshold: The least score.
        f1: F1 of the relations with at least this score.
        precision: Their precision.
        recall: Their recall.
    """

    threshold: float
    f1: float
    precision: float
    recall: float


def points(gold: GoldSet[Any], predictions: Sequence[Prediction[Any]]) -> list[Point]:
    """All operating points, the highest threshold first.

    Raises:
        InputError: No relation has a score.
    """
    metric = find_metric(get_task(gold.task))
    check_gold(gold, metric)
    matched, _ = match(gold, predictions)
    pairs = [pair.calibrated or pair.raw for pair in trials(gold, metric, matched)]
    ranked = sorted(pairs, key=lambda trial: -trial.probability)
    whole = sum(len(set(of_one)) for of_one in metric.show_gold(gold))
    if not ranked or not whole:
        raise InputError(
            "the corpus has no relations with scores: give one with annotated entities"
        )
    right = accumulate(trial.right for trial in ranked)
    found = []
    following = [one.probability for one in ranked[1:]] + [-1.0]
    for count, (trial, after, good) in enumerate(zip(ranked, following, right, strict=True), 1):
        if after < trial.probability:  # equal scores are above a threshold together
            found.append(
                Point(trial.probability, 2 * good / (count + whole), good / count, good / whole)
            )
    return found


def best_f1(gold: GoldSet[Any], predictions: Sequence[Prediction[Any]]) -> Point:
    """The operating point with the best F1; its threshold is midway to the next score below.

    Raises:
        InputError: No relation has a score.
    """
    every = points(gold, predictions)
    best = max(every, key=lambda point: point.f1)
    below = next((low for high, low in pairwise(every) if high is best), None)
    return best._replace(threshold=(best.threshold + below.threshold) / 2) if below else best
