"""Training data: solved inputs, each an input of a task with the text that it should give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from biogpt_plugins.corpus.gold import REMEDY, Solved, is_named, read_solved
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Result


@dataclass(frozen=True)
class Example:
    """One solved input: what the model reads, and what it is to write."""

    task: str
    input: Text
    target: str


def read_examples(path: str | Path, tasks: Sequence[str]) -> list[Example]:
    """Read a file of solved inputs for some tasks, in any of the formats of `corpus.gold`.

    Lines of other tasks are left out, and documents without relations where the task's layout, such
    as the official ones, has no target for them.

    Raises:
        InputError: The file is missing, of no known format, or holds nothing for these tasks.
    """
    examples = [
        _example(document, result)
        for document in read_solved(path, tasks)
        if (result := _written(document)) != [] or _can_say_nothing(document)
    ]
    if not examples:
        raise InputError(f"{path} holds no example of {', '.join(tasks)}: {REMEDY}")
    return examples


def _written(document: Solved) -> Result | None:
    """What is right about a document, as far as it can be written: by names."""
    if not isinstance(document.result, list):
        return document.result
    return [r for r in document.result if is_named(r.head) and is_named(r.tail)]


def _can_say_nothing(document: Solved) -> bool:
    clause = get_task(document.task).clause
    # A relation whose ends have no names cannot be written, which is not to say that it is none.
    return document.result == [] and clause is not None and bool(clause.nothing)


def _example(document: Solved, result: Result | None) -> Example:
    if document.input is None:
        raise InputError(f"{document.where} has no text to learn from: {REMEDY}")
    task = get_task(document.task)
    return Example(task.name, task.read_input(document.input), task.target(result))
