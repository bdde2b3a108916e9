"""What the page needs to label the relations of a task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError


def labelling(task: Task[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The task as the page needs it, and the key under which browsers keep labels of these data.

    Raises:
        InputError: The task does not declare how it writes relations.
    """
    clause = task.clause
    if clause is None:
        raise InputError(
            f"{task.name} has no relations to label: name a task that declares a clause"
        )
    told = json.dumps([task.name, data], sort_keys=True).encode()
    return {
        "task": task.name,
        "head": clause.head,
        "tail": clause.tail,
        "types": list(clause.types),
        "closed": clause.closed,
        "nothing": bool(clause.nothing),
        "key": sha256(told).hexdigest()[:16],
    }
