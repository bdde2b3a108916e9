"""The types of a chain's inputs and results, for JSON schemas and tools."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field, create_model, model_validator
from pydantic.fields import FieldInfo

from biogpt_plugins import Answer, Hallmarks, Prediction, Relation
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.results import Kind
from langchain_biogpt.documents import as_input

_TYPES: dict[Kind, Any] = {
    "relations": list[Relation],
    "answer": Answer,
    "labels": Hallmarks,
    "text": str,
}
_WORDS = {
    "id": "Identifier of the paper, such as its PMID.",
    "title": "The paper's title.",
    "abstract": "The exact text to read: an abstract, or a few sentences.",
    "question": "A question whose answer is yes, no or maybe.",
    "context": "The exact text that answers the question: an abstract, or its findings.",
    "long_answer": "The conclusion of the abstract.",
    "text": "The exact text to read.",
    "term": "Only the term: a gene, protein, drug, disease or method.",
}


def result_type(task: Task[Any], *, predictions: bool) -> Any:  # noqa: ANN401 - a type
    """The type of a task's results, or of its Predictions."""
    result: Any = _TYPES[task.kind]
    return Prediction.__class_getitem__(result) if predictions else result


@lru_cache(maxsize=64)
def input_type(task: Task[Any], text: str = "") -> type[BaseModel]:
    """A model with a field for each field of a task's input.

    It validates all values that a chain accepts, such as strings and messages.

    Args:
        task: The task.
        text: The name of the field with the text; "" uses the task's own name.
    """
    known = {name: one for name, one in task.input.model_fields.items() if name != "entities"}
    text = text or known["text"].alias or "text"
    names = {name: text if name == "text" else info.alias or name for name, info in known.items()}

    def fields(given: object) -> object:
        if isinstance(given, BaseModel):
            return given
        read = task.read_input(as_input(given))
        return {names[name]: getattr(read, name) for name in known}

    shown: dict[str, Any] = {
        names[name]: (known[name].annotation, _described(names[name], known[name]))
        for name in sorted(known, key=_place)
    }
    validators: dict[str, Any] = {"read": model_validator(mode="before")(fields)}
    return create_model(f"{task.name}_input", __validators__=validators, **shown)


def _place(name: str) -> int:
    """The text follows the title and the question; the identifier is last."""
    return {"text": 1, "long_answer": 2, "id": 3}.get(name, 0)


def _described(name: str, known: FieldInfo) -> Any:  # noqa: ANN401 - pydantic's own type
    # An empty text is a title without an abstract, which the task's own check refuses or accepts.
    default = ... if known.is_required() or known.alias else known.get_default()
    return Field(default, description=known.description or _WORDS.get(name))
