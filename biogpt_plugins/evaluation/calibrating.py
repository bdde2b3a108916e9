"""A calibration fitted on a gold corpus, and what it is worth on documents that it has not seen."""

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
_Judged = tuple[Mapping[str, float], str]  # probabilities, and which of them is right


class Variant(Value):
    """What a way to calibrate is worth, on examples that it was not fitted on.

    Each fifth of them by what was fitted on the others, ten times over, dealt out anew.

    Attributes:
        name: What it does.
        ece: Expected calibration error.
        nll: Negative log-likelihood of what is right, a document or relation.
        accuracy: Share of answers that are right; of relations, its precision.
        auroc: As in Reliability.
    """

    name: str
    ece: Figure
    nll: Figure
    accuracy: Figure
    auroc: Figure


class Fitted(Value):
    """A calibration that was fitted.

    Attributes:
        task: Name of the task.
        examples: How many answers or relations it was fitted on.
        failures: How many documents have no result.
        variants: What each way to calibrate is worth; the first is to do nothing.
        chosen: Name of the one that was taken: of those tried, the one with the least `nll`.
        calibration: What was fitted, on all examples.
    """

    task: str
    examples: int
    failures: int
    variants: tuple[Variant, ...]
    chosen: str
    calibration: AnswerCalibration | RelationCalibration


def unfitted(task: Task[Any], *, contextual: bool | None = None) -> Calibration:
    """The calibration that a pipeline needs for its predictions to be fitted on.

    Args:
        task: The task.
        contextual: As in `calibrate`.

    Raises:
        InputError: The task has nothing to calibrate.
    """
    if not task.choices and task.kind != "relations":
        raise InputError(
            f"task {task.name} gives neither probabilities of labels nor scores of relations: "
            "there is nothing to calibrate"
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
        gold: What is right.
        predictions: Those of its documents, by a pipeline with `unfitted`'s calibration.
        contextual: For answers: whether to divide by their prior; None to do it if answers of
            folds that were not fitted on are more probable for it.

    Raises:
        InputError: There are too few relations or answers, or they have no probabilities.
    """
    task = get_task(gold.task)
    metric = find_metric(task)
    check_gold(gold, metric)
    found, _ = match(gold, predictions)
    failures = sum(not each.ok for each in found)
    if task.choices:
        pairs = zip(gold.documents, found, strict=True)
        answers = [(p.result, d.gold) for d, p in pairs if isinstance(p.result, Answer)]
        return _answers(task.name, answers, failures, contextual)
    return _relations(task.name, [one.raw for one in trials(gold, metric, found)], failures)


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
        # What was corrected by the prior alone is left to be corrected by the temperature.
        begin = answer.probabilities if by.contextual else answer.uncalibrated
        return by.correct(begin or answer.probabilities or {}), label

    variants = [_variant("as the model says", [judged(pair, own) for pair in answers])]
    fitted = {name: fit(answers) for name, fit in tried.items()}
    for name, fit in tried.items():
        apart = held_apart(answers, fit)
        variants.append(_variant(name, [judged(*pair) for pair in apart]))
    return _fitted(task, len(answers), failures, variants, fitted)


def _relations(task: str, told: Sequence[Trial], failures: int) -> Fitted:
    def judged(trial: Trial, correct: Callable[[float], float]) -> _Judged:
        share = correct(trial.probability)
        return {"right": share, "wrong": 1 - share}, "right" if trial.right else "wrong"

    check_enough("relations with a score", sum(one.right for one in told), len(told))
    found = fit_relations(told)
    if not found.slope:
        raise InputError(
            "the scores of these relations do not tell right from wrong: fit on other data, or "
            "leave them as they are"
        )
    apart = held_apart(told, fit_relations)
    variants = [
        _variant("as the model says", [judged(one, float) for one in told], "right"),
        _variant("calibrated", [judged(one, by.correct) for one, by in apart], "right"),
    ]
    return _fitted(task, len(told), failures, variants, {"calibrated": found})


def _fitted(
    task: str,
    examples: int,
    failures: int,
    variants: Sequence[Variant],
    fitted: Mapping[str, AnswerCalibration | RelationCalibration],
) -> Fitted:
    chosen = min(variants[1:], key=lambda each: each.nll).name
    return Fitted(
        task=task,
        examples=examples,
        failures=failures,
        variants=tuple(variants),
        chosen=chosen,
        calibration=fitted[chosen],
    )


def _variant(name: str, judged: Sequence[_Judged], label: str | None = None) -> Variant:
    """The figures of probabilities: those of the most probable label, or those of a given one."""
    told = []
    for shares, right in judged:
        own = label or max(shares, key=shares.__getitem__)
        told.append(Trial(probability=shares[own], right=own == right))
    found = Reliability.of(told, len(told))
    losses = [-log(max(shares[right], _NOTHING)) for shares, right in judged]
    return Variant(
        name=name,
        ece=found.ece,
        nll=fsum(losses) / len(losses),
        accuracy=sum(one.right for one in told) / len(told),
        auroc=found.auroc,
    )
