"""The model to start from, before it is loaded: its folder, and the tasks in its words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from biogpt_plugins.checkpoints.adapter import is_adapter
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.folders import converted
from biogpt_plugins.checkpoints.locate import locate
from biogpt_plugins.checkpoints.registry import find_known
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError, ModelError, ModelNotFoundError

FRESH = "fresh"


def taught(names: Iterable[str], model: str | Path, nothing: str) -> dict[str, Task[Any]]:
    """The tasks to train by name, with their words for a text without relations.

    Args:
        names: The tasks.
        model: The model to start from, whose words stay.
        nothing: The words of the options, for tasks that have none.

    Raises:
        InputError: No task can have the words, or one has others.
        ModelError: The card of the model cannot be found or read.
    """
    cards = _card(model).tasks
    tasks = [get_task(name) for name in names]
    if nothing and not any(task.clause for task in tasks):
        raise InputError("nothing needs a task that writes relations: leave it out")
    return {
        task.name: task.taught(with_words(cards.get(task.name, TaskCard()), task, nothing))
        for task in tasks
    }


def with_words(card: TaskCard, task: Task[Any], nothing: str) -> TaskCard:
    """The card of a task with words for a text without relations, if any are given.

    Raises:
        InputError: The card, or the task, has others.
    """
    if not nothing or task.clause is None:
        return card
    own = task.clause.nothing if card.nothing is None else card.nothing
    if own and own != nothing:
        raise InputError(
            f"nothing is {nothing!r}, and {task.name} says {own!r} already: give that, or leave "
            "it out"
        )
    return card if own else card.model_copy(update={"nothing": nothing})


def _card(model: str | Path) -> ModelCard:
    known = find_known(str(model))
    # Published models have no words of their own: the hub need not be asked.
    if model == FRESH or str(model).endswith(".json") or (known and known.home == "hub"):
        return ModelCard()
    try:
        return read_card(located(model, weights=False), str(model))
    except ModelNotFoundError:
        if known is None:
            raise
        return ModelCard()


def located(model: str | Path, *, weights: bool = True) -> Path:
    """The folder of a model that can be trained.

    Args:
        model: A folder, a hub id or a bundled model.
        weights: Whether its weights are needed; if not, a hub's are not fetched.

    Raises:
        ModelError: It cannot be found, is no BioGPT, or cannot be trained.
    """
    folder = locate(model, weights=weights)
    if is_adapter(folder):
        raise ModelError(
            f"{str(model)!r} is an adapter: merge it with `biogpt convert {model} FOLDER`, and "
            "start from that folder"
        )
    if converted(folder):
        raise ModelError(
            f"{str(model)!r} was converted for CTranslate2, which cannot train: start from the "
            "model that it was converted from"
        )
    return folder
