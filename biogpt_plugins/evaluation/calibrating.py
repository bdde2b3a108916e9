"""Fits a calibration on a gold corpus, and measures it on documents outside the fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import fsum, log
from typing import Any

from biogpt_plugins.checkpoints.calibration import (
    AnswerCalibration,
    Calibration,
    RelationCalibration,
)
from biogpt_plugins.evaluation.fitting import (
    check_enough,
    fit_answers,
    fit_relations,
    held_apart,
)
from biogpt_plugins.evaluation.matching import check_gold, match
from biogpt_plugins.evaluation.metrics import find_metric
from biogpt_plugins.evaluation.reliability import Reliability, Trial
from biogpt_plugins.evaluation.trials import trials
from biogpt_plugins.scoring.figures import Figure, Value
from biogpt_plugins.scoring.gold import GoldSet
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer, Prediction

_NOTHING = 1e-12
_Judged = tuple[Mapping[str, float], str]  # probabilities, and the right label


class Variant(Value):
    """The figures of a way to calibrate, on examples outside the fit.

    Five-fold cross-validation, repeated ten times with new folds.

    Attributes:
        name: What it fits.
        ece: Expected calibration error.
        nll: Mean negative log-likelihood of the right outcome.
        accuracy: Share of right answers; for relations, precision.
        auroc: As in Reliability.
    """

    name: str
    ece: Figure
    nll: Figure
    accuracy: Figure
    auroc: Figure


class Fitted(Value):
    """A fitted calibration.

    Attributes:
        task: Name of the task.
        examples: Number of answers or relations it was fitted on.
        failures: Number of documents without a result.
        variants: The figures of each way to calibrate; the first is "uncalibrated".
        chosen: Name of the chosen variant: the calibration with the lowest `nll`.
        calibration: The calibration, fitted on all examples.
    """

    task: str
    examples: int
    failures: int
    variants: tuple[Variant, ...]
    chosen: str
    calibration: AnswerCalibration | RelationCalibration


def unfitted(task: Task[Any], *, contextual: bool | None = None) -> Calibration:
    """The calibration that a pipeline must use to produce predictions for `calibrate`.

    Args:
        task: The task.
        contextual: As in `calibrate`.

    Raises:
        InputError: The task has nothing to calibrate.
    """
    if not task.choices and task.kind != "relations":
        raise InputError(
            f"task {task.name} has neither label probabilities nor relation scores to calibrate"
        )
    if not task.choices or contextual is False:
        return Calibration()
    return Calibration().with_task(task.name, AnswerCalibration(contextual=True))


def calibrate(
    gold: GoldSet[Any],
    predictions: Sequence[Prediction[Any]],
    *,
    contextual: bool | None = None,
) -> Fitted:
    """Fit a calibration.

    Args:
        gold: The gold corpus.
        predictions: Predictions for its documents, by a pipeline with the calibration of
            `unfitted`.
        contextual: For answers: whether to divide by their prior; None does so if it makes right
            answers more probable in cross-validation.

    Raises:
        InputError: There are too few relations or answers, or they have no probabilities.
    """
    task = get_task(gold.task)
    metric = find_metric(task)
    check_gold(gold, metric)
    matched, _ = match(gold, predictions)
    failures = sum(not prediction.ok for prediction in matched)
    if task.choices:
        pairs = zip(gold.documents, matched, strict=True)
        answers = [(p.result, d.gold) for d, p in pairs if isinstance(p.result, Answer)]
        return _answers(task.name, answers, failures, contextual)
    return _relations(task.name, [each.raw for each in trials(gold, metric, matched)], failures)


def _answers(
    task: str, answers: Sequence[tuple[Answer, str]], failures: int, contextual: bool | None
) -> Fitted:
    right = sum(answer.label == label for answer, label in answers)
    check_enough("answers", right, len(answers))
    own = AnswerCalibration()
    tried = {
        "temperature": partial(fit_answers, contextual=False),
        "prior and temperature": partial(fit_answers, contextual=True),
    }
    if contextual is not None:
        tried = {
            name: fit for name, fit in tried.items() if fit.keywords["contextual"] is contextual
        }

    def judged(pair: tuple[Answer, str], by: AnswerCalibration) -> _Judged:
        answer, label = pair
        # Probabilities corrected by the prior still need the temperature.
        begin = answer.probabilities if by.contextual else answer.uncalibrated
        return by.correct(begin or answer.probabilities or {}), label

    variants = [_variant("uncalibrated", [judged(pair, own) for pair in answers])]
    fitted = {name: fit(answers) for name, fit in tried.items()}
    for name, fit in tried.items():
        apart = held_apart(answers, fit)
        variants.append(_variant(name, [judged(*pair) for pair in apart]))
    return _fitted(task, len(answers), failures, variants, fitted)


def _relations(task: str, scored: Sequence[Trial], failures: int) -> Fitted:
    def judged(trial: Trial, correct: Callable[[float], float]) -> _Judged:
        share = correct(trial.probability)
        return {"right": share, "wrong": 1 - share}, "right" if trial.right else "wrong"

    check_enough("relations with a score", sum(trial.right for trial in scored), len(scored))
    fitted = fit_relations(scored)
    if not fitted.slope:
        raise InputError(
            "the scores of these relations do not separate right from wrong: fit on other "
            "data, or use the scores as they are"
        )
    apart = held_apart(scored, fit_relations)
    variants = [
        _variant("uncalibrated", [judged(trial, float) for trial in scored], "right"),
        _variant("calibrated", [judged(trial, by.correct) for trial, by in apart], "right"),
    ]
    return _fitted(task, len(scored), failures, variants, {"calibrated": fitted})


def _fitted(
    task: str,
    examples: int,
    failures: int,
    variants: Sequence[Variant],
    fitted: Mapping[str, AnswerCalibration | RelationCalibration],
) -> Fitted:
    chosen = min(variants[1:], key=lambda variant: variant.nll).name
    return Fitted(
        task=task,
        examples=examples,
        failures=failures,
        variants=tuple(variants),
        chosen=chosen,
        calibration=fitted[chosen],
    )


def _variant(name: str, judged: Sequence[_Judged], label: str | None = None) -> Variant:
    """The figures of the most probable label, or of a given label."""
    outcomes = []
    for shares, right in judged:
        own = label or max(shares, key=shares.__getitem__)
        outcomes.append(Trial(probability=shares[own], right=own == right))
    figures = Reliability.of(outcomes, len(outcomes))
    losses = [-log(max(shares[right], _NOTHING)) for shares, right in judged]
    return Variant(
        name=name,
        ece=figures.ece,
        nll=fsum(losses) / len(losses),
        accuracy=sum(trial.right for trial in outcomes) / len(outcomes),
        auroc=figures.auroc,
    )
