"""Reader for this package's own rows: the fields of a task's input, and "gold".

"gold" is a label (PubMedQA), labels (HoC: a list, or one string with "|" between them), a text
(tasks that write free text) or relations. A relation is {"head", "type", "tail"}, where an end is
a name or {"text", "id"}. Files without texts may use [chemical id, disease id] or [head, tail,
type].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, model_validator

from biogpt_plugins.corpus.gold.solved import (
    Solved,
    hallmarks,
    is_named,
    mesh,
    relation,
)
from biogpt_plugins.scoring.gold import TABLES
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.bc5cdr import CID
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import id_of
from biogpt_plugins.values.results import Answer, Entity, Hallmarks, Relation, Result


class _End(BaseModel):
    text: str
    id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_an_end(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        return {"text": value} if isinstance(value, str) else value


class _Relation(BaseModel):
    head: _End
    type: str
    tail: _End


_PAIR = TypeAdapter(tuple[str, str])
_TRIPLE = TypeAdapter(tuple[str, str, str])
_RELATIONS = TypeAdapter(list[dict[str, Any] | list[str]])
_LABELS = TypeAdapter(list[str])
_TEXT = TypeAdapter(str)


def solve(row: object, tasks: Sequence[str]) -> Solved | None:
    """Read a row. A row that names no task belongs to the first task.

    Returns:
        None if `tasks` does not include its task.

    Raises:
        InputError: It is not a JSON object, has no "gold", or its "gold" does not fit the task.
    """
    if not isinstance(row, Mapping):
        raise InputError(f"it must be a JSON object, not {type(row).__name__}")
    if "gold" not in row:
        raise InputError('it has no "gold": give the solution, or "gold": [] if there is nothing')
    task = get_task(str(row.get("task", tasks[0])))
    if task.name not in tasks:
        return None
    result = _result(task, row["gold"])
    fields = {key: value for key, value in row.items() if key not in ("task", "gold")}
    return Solved(
        task=task.name,
        id=id_of(row),
        input=fields if fields.keys() - {"id", "pmid"} else None,
        result=result,
        names=_names(result) if task.metric == "bc5cdr" and isinstance(result, list) else {},
    )


def _result(task: Task[Any], gold: Any) -> Result:  # noqa: ANN401 - each task has its own
    match task.kind:
        case "answer":
            return Answer(label=gold)
        case "labels":
            labels = gold.split("|") if isinstance(gold, str) else _LABELS.validate_python(gold)
            return hallmarks(labels) if task.metric == "hoc" else Hallmarks(labels=tuple(labels))
        case "relations":
            return [_relation(task, item) for item in _RELATIONS.validate_python(gold)]
        case "text":
            return _TEXT.validate_python(gold)


def _relation(task: Task[Any], item: Mapping[str, Any] | Sequence[str]) -> Relation:
    head_type, tail_type = task.ends
    if isinstance(item, Mapping):
        read = _Relation.model_validate(item)
        return relation(task, _named(read.head, head_type), read.type, _named(read.tail, tail_type))
    if task.metric == "bc5cdr":
        chemical, disease = map(mesh, _PAIR.validate_python(item))
        head = Entity(text=chemical, type=head_type, id=chemical)
        return relation(task, head, CID, Entity(text=disease, type=tail_type, id=disease))
    drug, target, type_ = _TRIPLE.validate_python(item)
    return relation(
        task, Entity(text=drug, type=head_type), type_, Entity(text=target, type=tail_type)
    )


def _named(end: _End, type_: str) -> Entity:
    id_ = mesh(end.id) if end.id and end.id != end.text else None
    return Entity(text=end.text, type=type_, id=id_)


def _names(relations: Iterable[Relation]) -> dict[str, dict[str, str]]:
    """The ids of the names of relations' ends; a name without an id is its own id."""
    names: dict[str, dict[str, str]] = {kind: {} for kind in TABLES}
    for relation_ in relations:
        for kind, end in zip(TABLES, (relation_.head, relation_.tail), strict=True):
            if is_named(end):
                names[kind][end.text.lower()] = end.id or end.text.lower()
    return names
