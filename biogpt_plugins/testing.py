"""What tests of programs that use this package need.

An engine whose completions are given, and tasks that are registered for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from biogpt_plugins.engine.scripted import ScriptedEngine
from biogpt_plugins.tasks.registry import TASKS, register_task
from biogpt_plugins.tasks.task import Task

__all__ = ["ScriptedEngine", "registered"]


@contextmanager
def registered(task: Task[Any]) -> Iterator[Task[Any]]:
    """A task that is known by its name inside the `with` block, and not after it."""
    register_task(task)
    try:
        yield task
    finally:
        TASKS.forget(task.name)
