"""What a model was trained for, and what is said of one that was not trained for a task."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from biogpt_plugins.checkpoints.registry import advice
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.tasks.toml_task import FOLDER
from biogpt_plugins.values.errors import InputError


def own_task(tasks: Collection[str], model: str) -> str:
    """The first task that a model was trained for.

    Args:
        tasks: The tasks that it was trained for.
        model: Its name.

    Raises:
        InputError: There is none, or it is not known here.
    """
    if not tasks:
        raise InputError(
            f"model {model!r} was trained for no task: name the task to use (--task), one of "
            f"{', '.join(TASKS)}"
        )
    name = next(iter(tasks))
    if name not in TASKS:
        raise InputError(
            f"model {model!r} was trained for the task {name!r}, which is not known here, and "
            f"its folder has no {FOLDER}/{name}.toml: pass the task's file (--task {name}.toml) or "
            "register the task"
        )
    return name


def untrained(task: Task[Any], cards: Iterable[str]) -> str | None:
    """What is said of a model that was not trained for a task; None if nothing has to be.

    Args:
        task: The task.
        cards: The tasks that the model was trained for.
    """
    if task.name in (names := list(cards)):
        return None
    if names:
        fault = f"was trained for {', '.join(names)}, not {task.name}: its results are unreliable"
        return f"{fault}, although its prompts contain solved examples" if task.shots else fault
    if task.shots:
        return f"was not trained for {task.name}: its prompts contain solved examples instead"
    return None


def untaught(model: str, cards: Iterable[str], task: Task[Any]) -> str | None:
    """The warning for a model that was not trained for a task; None if there is none to give."""
    fault = untrained(task, cards)
    return f"model {model!r} {fault}. {advice(task.name)}" if fault else None


def another_version(model: str, task: str, where: str) -> str:
    """The warning for a model that was trained for another version of a task."""
    return (
        f"model {model!r} was trained for another version of {task}, the one {where}. "
        "Expect worse results, or fine-tune the model again"
    )
