"""Decisions: questions about texts with labels to choose from, all in one call of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import exp, fsum
from typing import Any, NamedTuple

from biogpt_plugins.checkpoints.calibration import AnswerCalibration
from biogpt_plugins.engine import Choice, Prompt, Scored
from biogpt_plugins.pipeline.outcomes import not_finite, paired
from biogpt_plugins.pipeline.pipeline import Pipeline
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.choosing import prompt_with_options
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Question, read
from biogpt_plugins.values.results import Usage


class Decision(NamedTuple):
    """What the model reads, and the labels that it may write.

    Attributes:
        labels: The labels, as the user names them.
        prompt: The prompt, which ends before the label.
        bare: The same without the text, if the calibration needs the model's answer to it.
        calibration: The correction of the probabilities.
        end: What follows a label, so that none is the beginning of another one.
    """

    labels: tuple[str, ...]
    prompt: Prompt
    bare: Prompt | None = None
    calibration: AnswerCalibration | None = None
    end: str = ""


def decision(
    pipeline: Pipeline, text: str, question: str, labels: Mapping[str, str | None]
) -> Decision:
    """Prepare a question about a text.

    The labels are those of a task that the model was trained for, which is then asked in its own
    layout; a task that reads no question is asked without it. A model that was trained for no task,
    or only to write texts, chooses among any labels; its prompt has solved examples. Yes, no and
    maybe are PubMedQA's for every model.

    Args:
        pipeline: The model's pipeline for PubMedQA.
        text: The text.
        question: The question.
        labels: The labels to choose from, each with its description or None.

    Raises:
        InputError: The model was trained for tasks, but not with these labels; or they are empty,
            or have descriptions, which only models without training for tasks read.
    """
    _check(labels)
    asked, names = read(Question, {"question": question, "context": text}), tuple(labels)
    known = [pipeline.task, *(TASKS[name] for name in pipeline.cards if name in TASKS)]
    for task in known:
        if set(names) <= set(labels_of(task)):
            if described := next(filter(None, labels.values()), None):
                raise InputError(
                    f"the model was trained with the labels {_listed(names)} and reads no "
                    f"description of them ({described!r:.60}): give each label None"
                )
            return _taught(pipeline.for_task(task), asked, names)
    taught = [name for name in pipeline.cards if name not in TASKS or TASKS[name].kind != "text"]
    if taught:
        raise InputError(
            f"model {pipeline.model_name!r} cannot choose among {_listed(names)}: it was "
            f"trained for {', '.join(taught)}. Choose among {_choices(known)}, or use a "
            'model that was trained for no task, such as "microsoft/biogpt"'
        )
    options = {label: about or "" for label, about in labels.items()}
    return Decision(names, prompt_with_options(asked, options), end=".")


def decide(pipeline: Pipeline, decisions: Sequence[Decision]) -> list[Choice]:
    """The probabilities of the labels of each decision, with one call of the engine.

    Args:
        pipeline: The model's pipeline for PubMedQA.
        decisions: What `decision` has prepared for it.

    Returns:
        A Choice for each, in order; what failed has an `error`.
    """
    bare = [one for one in decisions if one.bare]
    asked = [*((one, one.prompt) for one in decisions), *((one, one.bare) for one in bare)]
    prompts = [prompt for _, prompt in asked if prompt]
    written = [[f"{label}{one.end}" for label in one.labels] for one, _ in asked]
    truncate = pipeline.decoding.truncate
    scored = pipeline.engine.score(prompts, written, truncate=truncate) if prompts else []
    found = [_choice(one, result) for (one, _), result in paired(asked, scored)]
    priors = dict(zip(map(id, bare), found[len(decisions) :], strict=True))
    return [
        _corrected(one, choice, priors.get(id(one)))
        for one, choice in zip(decisions, found, strict=False)
    ]


def labels_of(task: Task[Any]) -> tuple[str, ...]:
    """The labels that a task writes; none for other tasks."""
    clause = task.grammar.clause if task.grammar else ()
    return clause[0] if len(clause) == 1 and isinstance(clause[0], tuple) else task.choices


def _taught(pipeline: Pipeline, asked: Question, labels: tuple[str, ...]) -> Decision:
    task, card = pipeline.task, pipeline.card
    given = task.read_input(asked if issubclass(task.input, Question) else asked.text)
    stem = task.stem or (task.grammar.before if task.grammar else "")
    calibration = pipeline.trust.calibration.answers.get(task.name)
    bare = None
    if calibration and calibration.contextual:
        bare = replace(task.render_without_text(given, card), target=stem)
    prompt = replace(task.render_text(given, card), target=stem)
    return Decision(labels, prompt, bare, calibration)


def _choice(asked: Decision, scored: Scored) -> Choice:
    logs = [fsum(token.logprob for token in tokens) for tokens in scored.tokens]
    shares = [exp(log - max(logs)) for log in logs]
    if error := scored.error or not_finite(shares):
        return Choice(probabilities={}, error=error)
    return Choice(
        probabilities={
            label: share / sum(shares) for label, share in zip(asked.labels, shares, strict=True)
        },
        usage=Usage(prompt_tokens=scored.usage.prompt_tokens),
        truncated_tokens=scored.truncated_tokens,
    )


def _corrected(asked: Decision, choice: Choice, prior: Choice | None) -> Choice:
    if error := choice.error or (prior and prior.error):
        return replace(choice, probabilities={}, error=error)
    if asked.calibration is None:
        return choice
    before = prior.probabilities if prior else None
    return replace(choice, probabilities=asked.calibration.correct(choice.probabilities, before))


def _check(labels: Mapping[str, str | None]) -> None:
    if not labels:
        raise InputError("a question needs labels to choose from: give at least one")
    for label in labels:
        if not label.strip():
            raise InputError(f"the label {label!r} is empty: give at least one word")


def _choices(tasks: Sequence[Task[Any]]) -> str:
    known = {task.name: labels_of(task) for task in tasks}
    return " or ".join(f"{_listed(labels)} ({name})" for name, labels in known.items() if labels)


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(map(repr, labels))
