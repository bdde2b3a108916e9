"""The reliability of probabilities: how often predictions of a given probability are right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import fsum, nan

from biogpt_plugins.scoring.figures import Figure, Value, ratio

BINS = 15


class Trial(Value):
    """A relation or an answer: its probability, and whether it is right."""

    probability: float
    right: bool


class Bin(Value):
    """Trials of similar probability.

    Attributes:
        low: Lower bound, exclusive, except 0.
        high: Upper bound, inclusive.
        trials: Number of trials.
        probability: Their mean probability.
        right: The share of them that is right.
    """

    low: float
    high: float
    trials: int
    probability: Figure
    right: Figure


class Reliability(Value):
    """Probabilities compared with outcomes.

    Attributes:
        ece: Expected calibration error (Guo et al., 2017): the mean distance between probability
            and share right, over 15 bins of equal width, each weighted by its trials.
        auroc: The probability that a right trial has a higher probability than a wrong one; 0.5 is
            chance. Undefined if all are right, or all wrong.
        average_precision: The area under `precision_recall`; right ones that were missed lower it.
        whole: Number of right ones in the gold.
        bins: The bins, lowest probability first.
        trials: The trials.
    """

    ece: Figure
    auroc: Figure
    average_precision: Figure
    whole: int
    bins: tuple[Bin, ...]
    trials: tuple[Trial, ...]

    @classmethod
    def of(cls, trials: Iterable[Trial], whole: int, *, bins: int = BINS) -> Reliability:
        """The figures of some trials; undefined if there are none."""
        known = tuple(trials)
        filled = tuple(_bins(known, bins))
        gaps = (abs(b.right - b.probability) * b.trials for b in filled if b.trials)
        return cls(
            ece=ratio(fsum(gaps), len(known)),
            auroc=_auroc(known),
            average_precision=_area(precision_recall(known, whole)) if whole else nan,
            whole=whole,
            bins=filled,
            trials=known,
        )


def precision_recall(trials: Iterable[Trial], whole: int) -> list[tuple[float, float]]:
    """Precision and recall for each probability as the acceptance threshold.

    Args:
        trials: The trials.
        whole: Number of right ones in the gold, including missed ones.
    """
    ranked = sorted(trials, key=lambda trial: -trial.probability)
    steps: list[tuple[float, float]] = []
    right = 0
    for number, trial in enumerate(ranked, 1):
        right += trial.right
        # Trials of equal probability are accepted together.
        if number == len(ranked) or ranked[number].probability < trial.probability:
            steps.append((right / number, ratio(right, whole)))
    return steps


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
            trial
            for trial in trials
            if low < trial.probability <= high or (trial.probability == 0 and not number)
        ]
        yield Bin(
            low=low,
            high=high,
            trials=len(inside),
            probability=ratio(fsum(trial.probability for trial in inside), len(inside)),
            right=ratio(sum(trial.right for trial in inside), len(inside)),
        )


def _auroc(trials: Sequence[Trial]) -> float:
    """By ranks (Mann and Whitney); equal probabilities share their mean rank."""
    values = sorted(trial.probability for trial in trials)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for rank, value in enumerate(values, 1):
        first.setdefault(value, rank)
        last[value] = rank
    right = [trial.probability for trial in trials if trial.right]
    wrong = len(trials) - len(right)
    ranks = fsum((first[probability] + last[probability]) / 2 for probability in right)
    return ratio(ranks - len(right) * (len(right) + 1) / 2, len(right) * wrong)
