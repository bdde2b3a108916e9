"""The values that figures are kept in, and what all scorers share.

All are immutable pydantic models with a JSON round trip. A figure that is undefined (a precision
of no predictions) is NaN in Python and null in JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from biogpt_plugins.values.errors import InputError

GoldT = TypeVar("GoldT")
PredictedT = TypeVar("PredictedT")


def _undefined(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


# One NaN object throughout, so that two values of the same undefined figures are equal.
Figure = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if _undefined(value) else value),
    PlainSerializer(lambda value: None if _undefined(value) else value, when_used="json"),
]


def ratio(part: float, whole: float) -> float:
    """Their quotient; NaN where there is none."""
    return part / whole if whole > 0 else math.nan


class Value(BaseModel):
    """What all figures are kept in: immutable, and knowing its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Counts(Value):
    """True positives, false positives, false negatives, and what follows from them."""

    tp: int
    fp: int
    fn: int
    precision: Figure
    recall: Figure
    f1: Figure

    @classmethod
    def of(cls, tp: int, fp: int, fn: int) -> Counts:
        """Counts with their figures: F1 as 2 tp / (2 tp + fp + fn), undefined only of nothing."""
        return cls(
            tp=tp,
            fp=fp,
            fn=fn,
            precision=ratio(tp, tp + fp),
            recall=ratio(tp, tp + fn),
            f1=ratio(2 * tp, 2 * tp + fp + fn),
        )

    @classmethod
    def between(cls, predicted: AbstractSet[Any], gold: AbstractSet[Any]) -> Counts:
        """What two sets have in common."""
        return cls.of(len(predicted & gold), len(predicted - gold), len(gold - predicted))

    @classmethod
    def total(cls, counts: Iterable[Counts]) -> Counts:
        """The sum of some counts, and the figures of the sum."""
        each = list(counts)
        return cls.of(sum(c.tp for c in each), sum(c.fp for c in each), sum(c.fn for c in each))


NOTHING = Counts.of(0, 0, 0)


class Share(Value):
    """So many of so many."""

    part: int
    whole: int

    @property
    def ratio(self) -> float:
        return ratio(self.part, self.whole)


class Interval(Value):
    """Where a figure would lie for other documents of the same kind, at a level of confidence."""

    low: Figure
    high: Figure
    level: float = 0.95
    resamples: int = 1000


def bootstrap(documents: Sequence[tuple[float, float]]) -> Interval:
    """The percentile bootstrap over documents, 1000 resamples from a fixed seed.

    Args:
        documents: Each document's share in a figure that is the quotient of two sums: for a mean
            (score, 1), for an F1 (2 tp, 2 tp + fp + fn).

    Returns:
        The middle 95 % of the resampled figures; NaN if the figure is always undefined.
    """
    import numpy as np  # noqa: PLC0415 - a tenth of a second at every start of the command

    interval = Interval(low=math.nan, high=math.nan)
    rows = np.asarray(documents, dtype=float)
    draw = np.random.default_rng(0).integers
    sums = np.stack(
        [rows[draw(len(rows), size=len(rows))].sum(axis=0) for _ in range(interval.resamples)]
    )
    parts, wholes = sums[sums[:, 1] > 0].T
    if not len(wholes):
        return interval
    tail = (1 - interval.level) / 2
    low, high = np.quantile(parts / wholes, [tail, 1 - tail])
    return interval.model_copy(update={"low": float(low), "high": float(high)})


def paired(
    gold: Mapping[str, GoldT], predicted: Mapping[str, PredictedT]
) -> list[tuple[GoldT, PredictedT]]:
    """What is right and what was predicted, document by document.

    Raises:
        InputError: There is no gold document, or one has no prediction.
    """
    if not gold:
        raise InputError("no gold documents: there is nothing to score")
    if missing := [document for document in gold if document not in predicted]:
        raise InputError(f"no prediction for document {missing[0]}: predict every gold document")
    return [(gold[document], predicted[document]) for document in gold]
