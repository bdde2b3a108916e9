"""How far probabilities can be relied on: how often what they speak of is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import fsum, nan

from biogpt_plugins.scoring.figures import Figure, Value, ratio

BINS = 15


class Trial(Value):
    """A relation or an answer: how probable it was said to be, and whether it is right."""

    probability: float
    right: bool


class Bin(Value):
    """Trials of like probability.

    Attributes:
        low: The least probability, which is not among them but for 0, and
        high: the greatest one, which is.
        trials: How many there are.
        probability: Their mean probability.
        right: The share of them that is right.
    """

    low: float
    high: float
    trials: int
    probability: Figure
    right: Figure


class Reliability(Value):
    """Probabilities beside what became of them.

    Attributes:
        ece: Expected calibration error (Guo et al., 2017): the mean distance between probability
            and share of right ones, over 15 bins of equal width, each weighted by its trials.
        auroc: How probable it is that one that is right was said to be more probable than one that
            is wrong; 0.5 says nothing. Undefined if all are right, or all wrong.
        average_precision: The area under `precision_recall`, where what was not found counts as
            never found.
        whole: How many right ones there were to be found.
        bins: The bins, the least probable first.
        trials: What they were made of.
    """

    ece: Figure
    auroc: Figure
    average_precision: Figure
    whole: int
    bins: tuple[Bin, ...]
    trials: tuple[Trial, ...]

    @classmethod
    def of(cls, trials: Iterable[Trial], whole: int, *, bins: int = BINS) -> Reliability:
        """The figures of some trials; undefined where there are none."""
        known = tuple(trials)
        found = tuple(_bins(known, bins))
        gaps = (abs(one.right - one.probability) * one.trials for one in found if one.trials)
        return cls(
            ece=ratio(fsum(gaps), len(known)),
            auroc=_auroc(known),
            average_precision=_area(precision_recall(known, whole)) if whole else nan,
            whole=whole,
            bins=found,
            trials=known,
        )


def precision_recall(trials: Iterable[Trial], whole: int) -> list[tuple[float, float]]:
    """Precision and recall at each probability, as the least one that is accepted.

    Args:
        trials: The trials.
        whole: How many right ones there are, also those that were not found.
    """
    ranked = sorted(trials, key=lambda one: -one.probability)
    found: list[tuple[float, float]] = []
    right = 0
    for number, trial in enumerate(ranked, 1):
        right += trial.right
        # Equals are accepted together.
        if number == len(ranked) or ranked[number].probability < trial.probability:
            found.append((right / number, ratio(right, whole)))
    return found


def _area(steps: Iterable[tuple[float, float]]) -> float:
    area = before = 0.0
    for precision, recall in steps:
        area += precision * (recall - before)
        before = recall
    return area


def _bins(trials: Sequence[Trial], count: int) -> Iterator[Bin]:
    for number in range(count):
        low, high = number / count, (number + 1) / count
        inside = [
            one
            for one in trials
            if low < one.probability <= high or (one.probability == 0 and not number)
        ]
        yield Bin(
            low=low,
            high=high,
            trials=len(inside),
            probability=ratio(fsum(one.probability for one in inside), len(inside)),
            right=ratio(sum(one.right for one in inside), len(inside)),
        )


def _auroc(trials: Sequence[Trial]) -> float:
    """By ranks (Mann and Whitney), those of equals being their mean."""
    values = sorted(one.probability for one in trials)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for rank, value in enumerate(values, 1):
        first.setdefault(value, rank)
        last[value] = rank
    right = [one for one in trials if one.right]
    wrong = len(trials) - len(right)
    ranks = fsum((first[one.probability] + last[one.probability]) / 2 for one in right)
    return ratio(ranks - len(right) * (len(right) + 1) / 2, len(right) * wrong)
