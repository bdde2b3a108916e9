"""Which score is enough: the threshold of relations with the best F1 on a gold corpus."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isnan
from typing import Any

from biogpt_plugins.evaluation.curves import points_of
from biogpt_plugins.evaluation.matching import check_gold, match
from biogpt_plugins.evaluation.metrics import find_metric
from biogpt_plugins.evaluation.values import Point
from biogpt_plugins.scoring.gold import GoldSet
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction


def points(gold: GoldSet[Any], predictions: Sequence[Prediction[Any]]) -> tuple[Point, ...]:
    """All operating points, the highest threshold first.

    Raises:
        InputError: No relation has a score.
    """
    metric = find_metric(get_task(gold.task))
    check_gold(gold, metric)
    found = points_of(gold, metric, match(gold, predictions)[0])
    if not found:
        raise InputError(
            "the corpus has no relations with scores: give one with annotated entities"
        )
    return found


def best_f1(gold: GoldSet[Any], predictions: Sequence[Prediction[Any]]) -> Point:
    """The operating point with the best F1; its threshold is midway to the next score below.

    Raises:
        InputError: No relation has a score.
    """
    every = points(gold, predictions)
    best = max(every, key=lambda point: 0 if isnan(point.f1) else point.f1)
    below = next((low for high, low in pairwise(every) if high is best), None)
    if below is None:
        return best
    return best.model_copy(update={"probability": (best.probability + below.probability) / 2})
