"""Fits calibrations on labelled data, by minimal negative log-likelihood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from biogpt_plugins.checkpoints.calibration import AnswerCalibration, RelationCalibration
from biogpt_plugins.evaluation.reliability import Trial
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer

LEAST = 50
"""Fewer examples are refused: a fit to them would not generalise."""

_LEAST_OF_A_KIND = 5
_STEPS = 100
_WARMEST, _COLDEST = 100.0, 0.01
_NOTHING = 1e-12
Floats = NDArray[np.float64]
T = TypeVar("T")
C = TypeVar("C")


def fit_answers(
    answers: Sequence[tuple[Answer, str]], *, contextual: bool = False
) -> AnswerCalibration:
    """Fit the temperature that makes the right labels of answers most probable.

    Args:
        answers: Answers with probabilities, and the right label of each. If `contextual`, the
            probabilities have been corrected by their prior, and not by a temperature.
        contextual: Whether to start from the corrected probabilities.
    """
    shares = [_shares(answer, contextual=contextual) for answer, _ in answers]
    pairs = zip(shares, answers, strict=True)
    truth = np.array([list(own).index(label) for own, (_, label) in pairs])
    logs = np.log(np.maximum([list(own.values()) for own in shares], _NOTHING))
    return AnswerCalibration(
        temperature=1 / _sharpness(logs, truth), contextual=contextual, examples=len(answers)
    )


def fit_relations(trials: Sequence[Trial]) -> RelationCalibration:
    """Fit Platt's two numbers, which turn log-probabilities into log-odds of being right.

    The slope is 0 if more probable relations are not more often right.
    """
    right = np.array([trial.right for trial in trials], dtype=float)
    hits, whole = right.sum(), len(trials)
    logs = np.log(np.maximum([trial.probability for trial in trials], _NOTHING))
    # Platt's targets keep the numbers finite if right and wrong scores do not overlap.
    targets = np.where(right > 0, (hits + 1) / (hits + 2), 1 / (whole - hits + 2))
    inputs = np.stack([logs, np.ones_like(logs)], axis=1)
    weights = np.zeros(2)
    for _ in range(_STEPS):
        shares = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (shares - targets)
        curvature = (inputs * (shares * (1 - shares))[:, None]).T @ inputs + _NOTHING * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights -= step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < _NOTHING:
            break
    slope, intercept = map(float, weights)
    if slope <= 0:
        share = float(targets.mean())
        slope, intercept = 0.0, float(np.log(share / (1 - share)))
    return RelationCalibration(slope=slope, intercept=intercept, examples=whole)


def check_enough(what: str, right: int, whole: int) -> None:
    """Check that there are enough examples to fit.

    Args:
        what: The name of the examples, in errors.
        right: Number of right ones.
        whole: Number of all.

    Raises:
        InputError: There are too few examples, too few right ones or too few wrong ones.
    """
    if whole < LEAST:
        raise InputError(
            f"{whole} {what} are too few to calibrate with: use enough documents for at "
            f"least {LEAST}"
        )
    if min(right, whole - right) < _LEAST_OF_A_KIND:
        raise InputError(
            f"{right} of {whole} {what} are right: calibration needs at least "
            f"{_LEAST_OF_A_KIND} right and {_LEAST_OF_A_KIND} wrong"
        )


def held_apart(
    examples: Sequence[T], fit: Callable[[Sequence[T]], C], *, folds: int = 5, repeats: int = 10
) -> list[tuple[T, C]]:
    """Repeated cross-validation: each example with fits on folds that do not contain it.

    Examples are shuffled with a fixed seed, because corpora may have an order.
    """
    draw = np.random.default_rng(0)
    pairs: list[tuple[T, C]] = []
    for _ in range(repeats):
        shuffled = [examples[number] for number in draw.permutation(len(examples))]
        for fold in range(folds):
            others = [example for i, example in enumerate(shuffled) if i % folds != fold]
            fitted = fit(others)
            pairs += [(example, fitted) for example in shuffled[fold::folds]]
    return pairs


def _shares(answer: Answer, *, contextual: bool) -> dict[str, float]:
    own = answer.probabilities if contextual else answer.uncalibrated or answer.probabilities
    if not own:
        raise InputError("an answer has no probabilities: score its labels with method='choose'")
    return own


def _sharpness(logs: Floats, truth: NDArray[np.int_]) -> float:
    """The factor of the logarithms; Newton's method finds the single peak of the likelihood."""
    sharpness = 1.0
    for _ in range(_STEPS):
        scaled = sharpness * logs
        shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        mean = (shares * logs).sum(axis=1)
        slope = (mean - logs[np.arange(len(logs)), truth]).mean()
        bend = ((shares * logs**2).sum(axis=1) - mean**2).mean() + _NOTHING
        # At most half or double: far from the peak the curvature is a poor guide.
        step = float(np.clip(sharpness - slope / bend, sharpness / 2, 2 * sharpness))
        step = min(max(step, 1 / _WARMEST), 1 / _COLDEST)
        if abs(step - sharpness) < _NOTHING:
            break
        sharpness = step
    return sharpness
