"""The values of the metrics, and what all scorers share.

All are immutable pydantic models with a JSON round trip. An undefined figure (the precision of no
predictions) is NaN in Python and null in JSON.
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


# A single NaN object, so that two values with the same undefined figures are equal.
Figure = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if _undefined(value) else value),
    PlainSerializer(lambda value: None if _undefined(value) else value, when_used="json"),
]


def ratio(part: float, whole: float) -> float:
    """Divide; NaN if `whole` is 0."""
    return part / whole if whole > 0 else math.nan


class Value(BaseModel):
    """The base of all figures: immutable, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Counts(Value):
    """True positives, false positives and false negatives, with precision, recall and F1."""

    tp: int
    fp: int
    fn: int
    precision: Figure
    recall: Figure
    f1: Figure

    @classmethod
    def of(cls, tp: int, fp: int, fn: int) -> Counts:
        """Counts with their figures; F1 is 2 tp / (2 tp + fp + fn), undefined if all are 0."""
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
        """The counts of a predicted set against a gold set."""
        return cls.of(len(predicted & gold), len(predicted - gold), len(gold - predicted))

    @classmethod
    def total(cls, counts: Iterable[Counts]) -> Counts:
        """The sum of some counts, and the figures of the sum."""
        terms = list(counts)
        return cls.of(sum(c.tp for c in terms), sum(c.fp for c in terms), sum(c.fn for c in terms))


NOTHING = Counts.of(0, 0, 0)


class Share(Value):
    """A part of a whole, as two numbers."""

    part: int
    whole: int

    @property
    def ratio(self) -> float:
        return ratio(self.part, self.whole)


class Interval(Value):
    """A confidence interval of a figure over documents."""

    low: Figure
    high: Figure
    level: float = 0.95
    resamples: int = 1000


def bootstrap(documents: Sequence[tuple[float, float]]) -> Interval:
    """The percentile bootstrap over documents, with 1000 resamples and a fixed seed.

    Args:
        documents: Each document's terms in a figure that is the quotient of two sums: (score, 1)
            for a mean, (2 tp, 2 tp + fp + fn) for an F1.

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
    """Pair gold and prediction, document by document.

    Raises:
        InputError: There are no gold documents, or one has no prediction.
    """
    if not gold:
        raise InputError("no gold documents: there is nothing to score")
    if missing := [document for document in gold if document not in predicted]:
        raise InputError(f"no prediction for document {missing[0]}: predict every gold document")
    return [(gold[document], predicted[document]) for document in gold]
