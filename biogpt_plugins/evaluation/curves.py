"""Precision and recall by the least accepted probability, with bands over documents.

A curve has a point for each probability that occurs, where all relations of at least this
probability are accepted; those of equal probability are accepted together. Nothing is interpolated
(Davis and Goadrich, 2006): the precision at a recall between two points is that of the first point
that reaches it, and no precision is replaced by a better one further right. The curve ends where
everything is accepted.

A band resamples the documents, as `bootstrap` does and with the same seed. At each recall it is the
middle 95 % of the resamples' precision there, by the same rule. It ends where fewer than 95 % of
the resamples reach the recall.

Results without probabilities have no order. They are one point, and no curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

from typing_extensions import Self

from biogpt_plugins.evaluation.metrics import BC5CDR, Metric
from biogpt_plugins.evaluation.trials import judged
from biogpt_plugins.evaluation.values import Band, Curve, Point
from biogpt_plugins.scoring.figures import Interval, ratio
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.values.results import Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHARES = tuple(number / 10 for number in range(1, 10))
_LEVELS = 100


class _Item(NamedTuple):
    """A relation or label of a document."""

    document: int
    probability: float | None
    right: bool


def curve_of(
    gold: GoldSet[Any], metric: Metric, predictions: Sequence[Prediction[Any]]
) -> Curve | None:
    """The curve of predictions in the order of the corpus; None if they or the gold hold nothing.

    Documents without gold relations do not count for BC5CDR, as in its metric.
    """
    import numpy as np  # noqa: PLC0415 - a tenth of a second at every start of the command

    steps = _Steps.of(gold, metric, predictions)
    if steps is None:
        return None
    precision, recall = steps.figures(np.ones(len(steps.wholes)))
    points = steps.points()
    band, interval = _resampled(steps, float(recall[-1])) if steps.ranked else ((), None)
    return Curve(
        ranked=steps.ranked,
        whole=int(steps.wholes.sum()),
        points=points,
        operating=tuple(_operating(points)) if steps.ranked else points,
        average_precision=_area(precision, recall) if steps.ranked else None,
        interval=interval,
        band=band,
    )


def points_of(
    gold: GoldSet[Any], metric: Metric, predictions: Sequence[Prediction[Any]]
) -> tuple[Point, ...]:
    """The points of the same curve alone; none if results have no probabilities."""
    steps = _Steps.of(gold, metric, predictions)
    return steps.points() if steps and steps.ranked else ()


def _floats(values: NDArray[Any]) -> list[float]:
    return [float(value) for value in values]


def _operating(points: Sequence[Point]) -> Iterator[Point]:
    """What a threshold of each tenth accepts, the highest first, and what accepting all does."""
    for share in reversed(_SHARES):
        if accepted := [point for point in points if point.probability >= share]:
            yield accepted[-1].model_copy(update={"probability": share})
    yield points[-1].model_copy(update={"probability": 0.0})


class _Steps(NamedTuple):
    """Items in order of acceptance.

    Attributes:
        documents: The document of each item.
        right: Whether each is right.
        ends: The last item of each point.
        wholes: What each document has in the gold.
        shares: The probability of each point; NaN without probabilities.
    """

    documents: NDArray[np.int_]
    right: NDArray[np.bool_]
    ends: NDArray[np.int_]
    wholes: NDArray[np.int_]
    shares: NDArray[Any]

    @classmethod
    def of(
        cls, gold: GoldSet[Any], metric: Metric, predictions: Sequence[Prediction[Any]]
    ) -> Self | None:
        """The items of predictions; None if they or the gold hold nothing."""
        import numpy as np  # noqa: PLC0415 - see above

        found = zip(gold.documents, predictions, strict=True)
        wholes = np.array([len(set(shown)) for shown in metric.show_gold(gold)])
        items = [
            item
            for number, (document, prediction) in enumerate(found)
            if wholes[number] or metric is not BC5CDR
            for item in _items(gold, metric, document, prediction, number)
        ]
        if not items or not wholes.sum():
            return None
        if ranked := all(item.probability is not None for item in items):
            items.sort(key=lambda item: -(item.probability or 0))
        shares = np.array([item.probability for item in items] if ranked else [np.nan] * len(items))
        changes = np.flatnonzero(np.diff(shares) if ranked else ())
        ends = np.append(changes, len(items) - 1)
        return cls(
            documents=np.array([item.document for item in items]),
            right=np.array([item.right for item in items]),
            ends=ends,
            wholes=wholes,
            shares=shares[ends],
        )

    @property
    def ranked(self) -> bool:
        """Whether there are probabilities."""
        return not isnan(self.shares[0])

    def points(self) -> tuple[Point, ...]:
        """The operating points, the highest probability first."""
        import numpy as np  # noqa: PLC0415 - see above

        columns = (self.shares, *self.figures(np.ones(len(self.wholes))))
        return tuple(
            Point(probability=share, precision=p, recall=r, f1=ratio(2 * p * r, p + r))
            for share, p, r in zip(*map(_floats, columns), strict=True)
        )

    def figures(self, weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Precision and recall at each point, with each document counted so many times.

        Precision is 0 where nothing is accepted, and recall is 0 where nothing is in the gold.
        """
        import numpy as np  # noqa: PLC0415 - see above

        each = weights[self.documents]
        accepted = np.cumsum(each)[self.ends]
        right = np.cumsum(each * self.right)[self.ends]
        whole = float((weights * self.wholes).sum())
        return right / np.maximum(accepted, 1), right / max(whole, 1.0)


def _resampled(steps: _Steps, furthest: float) -> tuple[tuple[Band, ...], Interval]:
    """The band up to a recall, and the interval of the average precision."""
    import numpy as np  # noqa: PLC0415 - see above

    count = len(steps.wholes)
    draw = np.random.default_rng(0).integers
    interval = Interval(low=0, high=0)
    levels = np.arange(1, int(_LEVELS * furthest) + 1) / _LEVELS
    heights = np.full((interval.resamples, len(levels)), np.nan)
    areas = []
    for row in heights:
        weights = np.bincount(draw(count, size=count), minlength=count)
        precision, recall = steps.figures(weights)
        areas.append(_area(precision, recall))
        at = np.searchsorted(recall, levels - 1e-12)
        row[at < len(recall)] = precision[at[at < len(recall)]]
    tail = (1 - interval.level) / 2
    reached = np.isfinite(heights).mean(axis=0) >= interval.level
    ends = np.nanquantile(heights[:, reached], [tail, 1 - tail], axis=0)
    band = tuple(
        Band(recall=level, low=low, high=high)
        for level, low, high in zip(*map(_floats, (levels[reached], *ends)), strict=True)
    )
    low, high = np.quantile(areas, [tail, 1 - tail])
    return band, interval.model_copy(update={"low": float(low), "high": float(high)})


def _area(precision: NDArray[Any], recall: NDArray[Any]) -> float:
    """Average precision: each point's precision, weighted by the recall that it adds."""
    import numpy as np  # noqa: PLC0415 - see above

    return float((precision * np.diff(recall, prepend=0)).sum())


def _items(
    gold: GoldSet[Any],
    metric: Metric,
    document: Document[Any],
    prediction: Prediction[Any],
    number: int,
) -> Iterator[_Item]:
    if prediction.error:
        return
    result: Any = prediction.result
    if prediction.kind == "relations":
        for relation, right in judged(gold, metric, document, prediction.relations):
            yield _Item(number, relation.score, right)
    elif prediction.kind == "answer":
        shares = result.probabilities
        label = max(shares, key=shares.__getitem__) if shares else result.label
        yield _Item(number, shares[label] if shares else None, label == document.gold)
    else:
        (labels,) = metric.show_gold(GoldSet(gold.task, (document,), gold.names))
        for label in dict.fromkeys(metric.answer(result)):
            yield _Item(number, None, label in labels)
