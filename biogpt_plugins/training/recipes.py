"""The official recipes, as the authors of BioGPT published them for each task.

Figures of `examples/*/train.sh` in microsoft/BioGPT, in the terms of `Options`. The number of
positions tells BioGPT-Large from BioGPT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from biogpt_plugins.values.errors import InputError

Recipe = Literal["default", "official"]
RECIPES: tuple[Recipe, ...] = ("default", "official")

_LARGE_POSITIONS = 2048
_ALL: Mapping[str, Any] = {
    "epochs": 100.0,
    "learning_rate": 1e-5,
    "warmup": 100,
    "schedule": "inverse_sqrt",
    "tokens_per_batch": 1024,
    "accumulate": 32,
    "order": "official",
    "loss": "all",
    "optimizer": "fairseq",
    "max_grad_norm": 0.0,
    "average_epochs": 5,
    "select": "last",
    "patience": 0,
    "truncation": "official",
    "max_source_tokens": 640,
    "dtype": "float32",
    "save_dtype": "float32",
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "seed": 1,
}
_TASKS: Mapping[str, Mapping[str, Any]] = {
    "bc5cdr": {},
    "ddi": {"learning_rate": 1e-4, "warmup": 500},
    "kd_dti": {"epochs": 30.0, "warmup": 1000},
    "hoc": {
        "epochs": None,
        "max_steps": 20_000,
        "warmup": 1000,
        "max_source_tokens": 900,
        "average_epochs": 0,
    },
    # The published checkpoint is one epoch's; which one is not known: the last is taken.
    "pubmedqa_reasoning_free": {
        "max_source_tokens": 900,
        "lowercase": True,
        "average_epochs": 0,
    },
}
# As many tokens an update, in half the batches, for twice the positions.
_LARGE: Mapping[str, Any] = {"tokens_per_batch": 2048, "accumulate": 16}
# The only recipe that was published for Large; for other tasks it is the one of BioGPT.
_LARGE_TASKS: Mapping[str, Mapping[str, Any]] = {
    "pubmedqa_reasoning_free": {
        "max_source_tokens": 1900,
        "lowercase": False,
        "average_epochs": 5,
    },
}


def recipe_for(name: str, tasks: Sequence[str], *, positions: int = 1024) -> Mapping[str, Any]:
    """The settings of a recipe that are not those of `Options`.

    Args:
        name: "default" or "official".
        tasks: The tasks to train.
        positions: The model's positions.

    Raises:
        InputError: There is no such recipe, or no official one for these tasks.
    """
    if name == "default":
        return {}
    if name != "official":
        raise InputError(f"recipe must be 'default' or 'official', not {name!r}")
    if len(tasks) > 1:
        raise InputError(
            f"the official recipes train one task at a time, not {', '.join(tasks)}: train one, "
            "or use the recipe 'default'"
        )
    [task] = tasks
    if task not in _TASKS:
        raise InputError(
            f"there is no official recipe for {task}: there is one for {', '.join(_TASKS)}; use "
            "the recipe 'default'"
        )
    values = {**_ALL, **_TASKS[task]}
    if positions >= _LARGE_POSITIONS:
        values |= {**_LARGE, **_LARGE_TASKS.get(task, {})}
    return values
