"""Reads what evaluators get: completions, results, Predictions, JSON, or mappings of these."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from biogpt_plugins.evaluation.metrics import find_metric, is_scored_as
from biogpt_plugins.tasks import hoc
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError, ParseError
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Failure, Prediction, Relation

_MOST_SHOWN = 80
_NOTHING = "there is nothing to read"


def read_given(task: Task[Any], value: object, source: str | None) -> Reading[Any]:
    """Read a completion, a result or a Prediction as the task's result.

    Args:
        task: A task that has a metric.
        value: The completion, result or Prediction.
        source: The text that the completion is about, if at hand.

    Raises:
        ParseError: The value is empty, or a completion or result that cannot be read.
        InputError: The value belongs to another task, or it is unclear which field is the result.
    """
    match _opened(value):
        case str() as text:
            return _read_text(task, text, source)
        case Prediction(error=Failure(message=message), completion=completion):
            raise ParseError(message, completion or "")
        case Prediction() as prediction:
            _check(task, prediction)
            return replace(read_given(task, prediction.result, None), notes=prediction.warnings)
        case {"abstained": str() as reason}:
            raise ParseError(f"the model abstained: {reason}", "")
        case {"label": label}:
            return read_given(task, label, None)
        case {"head": _, "tail": _} as row:
            return _relations(task, [row])
        case list() | tuple() as rows if task.kind == "relations":
            return _relations(task, rows)
        case list() | tuple() as labels:
            return task.read("|".join(map(str, labels)) or hoc.EMPTY, None, False)
        case other if not other:
            raise ParseError(_NOTHING, "")
        case other:
            raise InputError(
                f"{_short(other)} is not a result of {task.name}: name the field that holds it"
            )


def read_right(task: Task[Any], right: object, source: str | None) -> Any:  # noqa: ANN401
    """Read the right result.

    Raises:
        InputError: It cannot be read, or only in part.
    """
    try:
        reading = read_given(task, right, source)
    except ParseError as error:
        example = task.shots[0][1]
        raise InputError(
            f"cannot read the right result: {error}; give a text like {example!r}, or a result"
        ) from error
    if reading.notes:
        raise InputError(f"cannot read all of the right result: {'; '.join(reading.notes)}")
    return reading.result


def read_strictly(task: Task[Any], found: object) -> Any:  # noqa: ANN401 - each task has its own
    """Read a completion, or a Prediction's completion, with the official reader.

    Raises:
        ParseError: The official reader reads nothing.
        InputError: There is a result without its completion.
    """
    metric, opened = find_metric(task), _opened(found)
    if metric.official is None:
        raise InputError(f"task {task.name} has no official reader: leave `strict` out")
    if opened is None or opened == {}:
        raise ParseError(_NOTHING, "")
    decoded = _opened(_json(opened)) if isinstance(opened, str) else opened
    if isinstance(decoded, Prediction):
        _check(task, decoded)
        if decoded.error and decoded.completion is None:
            raise ParseError(decoded.error.message, "")
        opened = decoded.completion
    if not isinstance(opened, str):
        raise InputError(
            f"the official reader takes a completion, not {_short(found)}: give that, or leave "
            "`strict` out"
        )
    answer = metric.official(opened)
    if answer == metric.failed:
        raise ParseError("the official reader reads nothing", opened)
    return answer


def text_of(task: Task[Any], source: object) -> str | None:
    """The text of a task's input, or of a mapping's only field; None if it is not an input."""
    if isinstance(source, Mapping) and len(source) == 1:
        (source,) = source.values()
    try:
        return task.read_input(source).source
    except InputError:
        return None


def _check(task: Task[Any], prediction: Prediction[Any]) -> None:
    if not is_scored_as(prediction.task, task):
        raise InputError(f"a prediction of task {prediction.task} cannot be scored as {task.name}")


def _read_text(task: Task[Any], text: str, source: str | None) -> Reading[Any]:
    decoded = _json(text)
    if decoded is None:
        return task.read(text, source, False)
    try:
        return read_given(task, decoded, source)
    except InputError as error:  # by now it is the model's fault, not the caller's
        raise ParseError(str(error), text) from error


def _json(text: str) -> object:
    """The object or list in a JSON text; None if the text is not JSON."""
    try:
        return json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return None


def _opened(value: object) -> object:
    """Unwrap a value: models become mappings or Predictions, a mapping's only field its value."""
    while isinstance(value, BaseModel | Mapping) and not isinstance(value, Prediction):
        if isinstance(value, BaseModel):
            value = value.model_dump()
        elif len(value) == 1:
            (value,) = value.values()
        elif value.keys() >= {"task", "error"}:
            try:
                value = Prediction.model_validate(value)
            except ValidationError:
                return value
        else:
            return value
    return encodable(value) if isinstance(value, str) else value


def _relations(task: Task[Any], rows: Iterable[object]) -> Reading[list[Relation]]:
    try:
        return Reading([_relation(task, row) for row in rows])
    except ValidationError as error:
        fault = error.errors()[0]
        raise ParseError(
            f"{_short(rows)} are not relations of {task.name}: "
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].lower()}",
            _short(rows),
        ) from error


def _relation(task: Task[Any], row: object) -> Relation:
    types = task.clause.types if task.clause else ()
    type_: object = types[0] if len(types) == 1 else None
    match row.model_dump() if isinstance(row, BaseModel) else row:
        case {"head": head, "tail": tail, **rest}:
            type_ = rest.get("type", type_)
        case [head, tail]:
            pass
        case [head, tail, type_]:
            pass
        case _:
            head = tail = None
    return Relation.model_validate({"head": _end(head), "type": type_, "tail": _end(tail)})


def _end(end: object) -> dict[str, object]:
    """An end of a relation; a name taken from its text is put in lower case, as models write."""
    given = end if isinstance(end, Mapping) else {"text": end}
    known = {field: given[field] for field in ("text", "id", "name") if given.get(field)}
    return {"type": "", "name": str(known.get("text", "")).lower(), **known}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
