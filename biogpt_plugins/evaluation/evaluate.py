"""From predictions and a gold corpus to an Evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from biogpt_plugins.evaluation.curves import curve_of
from biogpt_plugins.evaluation.matching import check_counts, check_gold, match, name
from biogpt_plugins.evaluation.metrics import Metric, find_metric, is_scored_as
from biogpt_plugins.evaluation.trials import reliability, trials
from biogpt_plugins.evaluation.values import Assessment, Evaluation, Row
from biogpt_plugins.scoring.figures import Share, bootstrap, ratio
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import BioGPTError, InputError
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Answer, Failure, Prediction


def evaluate(
    gold: GoldSet[Any], predictions: Iterable[str] | Iterable[Prediction[Any]]
) -> Evaluation:
    """Score predictions by a gold corpus.

    Args:
        gold: The corpus. Where its documents have texts, completions are read with them at hand.
        predictions: Completions, one a document in the corpus' order, which may hold the echoed
            prompt and learned tokens; or Predictions, matched by id. Predictions without ids are
            matched by order, which a note says.

    Raises:
        InputError: The task has no metric, the corpus cannot be scored by, or the predictions are
            not exactly those of its documents.
    """
    task = get_task(gold.task)
    metric = find_metric(task)
    check_gold(gold, metric)
    found, notes = _in_order(gold, task, predictions)
    for prediction in found:
        if not is_scored_as(prediction.task, task):
            raise InputError(
                f"a prediction of task {prediction.task} cannot be scored by gold of {task.name}"
            )
    strict = (
        [_read_officially(metric.official, metric, prediction) for prediction in found]
        if metric.official and _were_written(found)
        else None
    )
    default = [_read_by_default(metric, prediction) for prediction in found]
    raw, calibrated = reliability(gold, metric, trials(gold, metric, found))
    withheld = sum(isinstance(p.result, Answer) and p.result.label is None for p in found)
    if withheld:
        were = "was withheld, and counts" if withheld == 1 else "were withheld, and count"
        notes += (f"{withheld:,} of {counted(len(found), 'answer')} {were} as wrong",)
    return Evaluation(
        task=task.name,
        documents=len(gold.documents),
        figure=metric.figure,
        strict=_assess(gold, metric, strict) if strict else None,
        default=_assess(gold, metric, default),
        grounded=_grounded(gold, found) if task.kind == "relations" else None,
        raw=raw,
        calibrated=calibrated,
        curve=curve_of(gold, metric, found),
        notes=notes,
    )


def _in_order(
    gold: GoldSet[Any], task: Task[Any], predictions: Iterable[str] | Iterable[Prediction[Any]]
) -> tuple[list[Prediction[Any]], tuple[str, ...]]:
    given: list[object] = [] if isinstance(predictions, str) else list(predictions)
    completions = [each for each in given if isinstance(each, str)]
    finished = [each for each in given if isinstance(each, Prediction)]
    if isinstance(predictions, str) or len(given) not in (len(completions), len(finished)):
        raise InputError("give a list of completions or a list of Predictions, one a document")
    if not completions:
        return match(gold, finished)
    check_counts(gold, len(completions))
    pairs = zip(gold.documents, completions, strict=True)
    return [_predict(task, document, completion) for document, completion in pairs], ()


def _predict(task: Task[Any], document: Document[Any], completion: str) -> Prediction[Any]:
    """What a pipeline makes of a completion; grounded where the document has a text."""
    written = encodable(completion)
    try:
        source = (
            None
            if document.input is None
            else task.read_input(document.input, entities=False).source
        )
    except InputError as error:
        raise InputError(f"document {name(document)}: {error}") from error
    facts: dict[str, Any] = {"id": document.id, "task": task.name, "completion": written}
    try:
        reading = task.interpret(written, source, evidence=False)
    except BioGPTError as error:
        return Prediction(error=Failure.of(error), **facts)
    return Prediction(result=reading.result, warnings=reading.notes, **facts)


# --- the two readings -------------------------------------------------------------------------


class _Reading(NamedTuple):
    answer: Any
    unreadable: bool
    note: str


def _were_written(found: Sequence[Prediction[Any]]) -> bool:
    """Whether there are completions, and one for every result."""
    return any(each.completion is not None for each in found) and all(
        each.completion is not None for each in found if each.ok
    )


def _read_officially(
    official: Callable[[str], Any], metric: Metric, prediction: Prediction[Any]
) -> _Reading:
    answer = official(prediction.completion or "")
    if answer != metric.failed:
        return _Reading(answer, False, "")
    lost = prediction.error if prediction.completion is None else None
    return _Reading(answer, True, lost.message if lost else "the official reader reads nothing")


def _read_by_default(metric: Metric, prediction: Prediction[Any]) -> _Reading:
    if prediction.error:
        return _Reading(metric.failed, True, prediction.error.message)
    return _Reading(metric.answer(prediction.result), False, "; ".join(prediction.warnings))


# --- their figures ----------------------------------------------------------------------------


def _assess(gold: GoldSet[Any], metric: Metric, readings: Sequence[_Reading]) -> Assessment:
    scored = metric.score(gold, [reading.answer for reading in readings])
    columns = (gold.documents, metric.show_gold(gold), scored.documents, readings)
    rows = (
        Row(
            id=document.id,
            where=document.where,
            score=ratio(*share),
            gold=right,
            predicted=() if reading.unreadable else metric.show(reading.answer, gold),
            note=reading.note,
        )
        for document, right, share, reading in zip(*columns, strict=True)
    )
    return Assessment(
        score=scored.score,
        value=getattr(scored.score, metric.figure),
        interval=bootstrap(scored.documents),
        types=scored.types,
        unreadable=Share(part=sum(each.unreadable for each in readings), whole=len(readings)),
        linked=scored.linked,
        rows=tuple(rows),
    )


def _grounded(gold: GoldSet[Any], found: Sequence[Prediction[Any]]) -> Share | None:
    pairs = zip(gold.documents, found, strict=True)
    ends = [
        (document, end.grounded)
        for document, prediction in pairs
        for relation in prediction.result or ()
        for end in (relation.head, relation.tail)
    ]
    # Without a text, an end that has offsets shows that its model had one.
    seen = {document.id for document, grounded in ends if grounded or document.input is not None}
    told = [grounded for document, grounded in ends if document.id in seen]
    return Share(part=sum(told), whole=len(told)) if told else None
