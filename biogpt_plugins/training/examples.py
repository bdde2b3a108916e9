"""Training data: inputs of a task, each with its target text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biogpt_plugins.corpus.gold import REMEDY, Solved, is_named, read_solved
from biogpt_plugins.scoring.gold import Names
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Result


@dataclass(frozen=True)
class Example:
    """One training example: the input and the text to write.

    Attributes:
        task: The task, as the model is taught it.
        input: The task's input.
        target: The text to write.
        where: File and place, for messages.
        result: What the target says.
        names: For BC5CDR: all names of chemicals and diseases in the text, with their ids.
    """

    task: Task[Any]
    input: Text
    target: str
    where: str = ""
    result: Result | None = None
    names: Names = field(default_factory=dict)


def read_examples(
    path: str | Path,
    tasks: Sequence[str | Task[Any]],
    tell: Callable[[str], None] = lambda _: None,
) -> list[Example]:
    """Read training examples for some tasks, in any format of `corpus.gold`.

    Lines of other tasks are skipped, and so are documents without relations if the task has no
    words for them, as in the official layouts.

    Args:
        path: The file.
        tasks: The tasks or their names.
        tell: Called with a line about the documents without relations that are skipped.

    Raises:
        InputError: The file is missing, has an unknown format, or no examples for these tasks.
    """
    known = {task.name: task for task in map(get_task, tasks)}
    examples, skipped = [], Counter[str]()
    for document in read_solved(path, list(known)):
        task, result = known[document.task], _written(document)
        if result == [] and not _can_say_nothing(document, task):
            skipped[task.name] += 1
        else:
            examples.append(_example(document, task, result))
    for name, number in skipped.items():
        documents = counted(number, "document has", "documents have")
        tell(f"{path}: {documents} no relation that {name} can write: left out")
    if not examples:
        raise InputError(f"{path} has no examples for {', '.join(known)}: {REMEDY}")
    return examples


def _written(document: Solved) -> Result | None:
    """The gold result of a document, without relations whose ends have no name to write."""
    if not isinstance(document.result, list):
        return document.result
    return [r for r in document.result if is_named(r.head) and is_named(r.tail)]


def _can_say_nothing(document: Solved, task: Task[Any]) -> bool:
    # A relation whose ends have no names cannot be written, which is not to say that it is none.
    return document.result == [] and task.clause is not None and bool(task.clause.nothing)


def _example(document: Solved, task: Task[Any], result: Result | None) -> Example:
    if document.input is None:
        raise InputError(f"{document.where} has no text to train on: {REMEDY}")
    return Example(
        task,
        task.read_input(document.input, entities=False),
        task.target(result),
        document.where,
        result,
        document.names,
    )
