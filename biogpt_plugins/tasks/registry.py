"""Which tasks there are."""

from __future__ import annotations

from typing import Any

from biogpt_plugins.tasks.bc5cdr import BC5CDR
from biogpt_plugins.tasks.ddi import DDI
from biogpt_plugins.tasks.describe import DESCRIBE
from biogpt_plugins.tasks.generate import GENERATE
from biogpt_plugins.tasks.hoc import HOC
from biogpt_plugins.tasks.kd_dti import KD_DTI
from biogpt_plugins.tasks.pubmedqa import PUBMEDQA, PUBMEDQA_REASONING_FREE
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError

TASKS: dict[str, Task[Any]] = {
    task.name: task
    for task in (
        BC5CDR,
        DDI,
        KD_DTI,
        PUBMEDQA,
        PUBMEDQA_REASONING_FREE,
        HOC,
        DESCRIBE,
        GENERATE,
    )
}


def get_task(name: str | Task[Any]) -> Task[Any]:
    """Find a task by name; case, "-" and "_" are not told apart.

    Raises:
        InputError: There is no such task; the message lists those there are.
    """
    if isinstance(name, Task):
        return name
    task = TASKS.get(name.lower().replace("-", "_"))
    if task is None:
        raise InputError(f"no task is called {name!r}: the tasks are {', '.join(TASKS)}")
    return task
