"""The model of a server, as `load` finds it: see `biogpt_plugins.remote`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from biogpt_plugins.pipeline.spec import Spec
from biogpt_plugins.pipeline.taught import another_version, own_task, untaught
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.generate import GENERATE
from biogpt_plugins.tasks.registry import BUILT_IN, get_task, register_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.tasks.toml_task import task_of
from biogpt_plugins.values.errors import InputError

if TYPE_CHECKING:
    from biogpt_plugins.remote import RemoteEngine
    from biogpt_plugins.remote.wire import Facts

_ITS_OWN = ("revision", "engine", "device", "dtype", "batch_size", "drafts", "allow_pickle")
_OURS = {task.name for task in BUILT_IN} - {GENERATE.name}


def connected(model: str, token: SecretStr | None = None) -> RemoteEngine:
    """The engine of a server, whose tasks are then known here.

    Args:
        model: Its address.
        token: Its token; None takes the one in the environment.

    Raises:
        ServerError: It cannot be reached, or does not fit this version.
        MissingExtraError: httpx is not installed.
    """
    from biogpt_plugins.remote import connect  # noqa: PLC0415 - loads an extra

    engine = connect(model, token=token.get_secret_value() if token else None)
    for name, task in engine.facts.tasks.items():
        if task.declaration and name not in TASKS:
            register_task(task_of(task.declaration, where=f"task {name} of {model}"))
    return engine


def task_on_server(
    spec: Spec, task: Task[Any] | None
) -> tuple[Task[Any], RemoteEngine, str | None]:
    """The task of a spec, the engine, and the warning to give.

    Args:
        spec: The spec, whose model is an address.
        task: The task; None takes the server's first.

    Raises:
        InputError: A setting is the server's, or it does not serve the task.
        ServerError: It cannot be reached, or does not fit this version.
    """
    for name in set(_ITS_OWN) & spec.given().keys():
        raise InputError(f"{name} is set where the server is started: leave it out with a server")
    engine = connected(spec.model, spec.token)
    facts = engine.facts
    chosen = task or get_task(next(iter(facts.tasks), "") or own_task(facts.cards, facts.model))
    theirs = facts.tasks.get(chosen.name)
    if chosen.name in _OURS and theirs is None:
        raise InputError(
            f"{spec.model} does not serve the task {chosen.name}: its tasks are "
            f"{', '.join(facts.tasks)}; start the server with --task {chosen.name}, or take one of "
            "them"
        )
    return chosen, engine, _remark(chosen, facts)


def _remark(task: Task[Any], facts: Facts) -> str | None:
    theirs, card = facts.tasks.get(task.name), facts.cards.get(task.name)
    if card and theirs and theirs.fingerprint != task.taught(card).fingerprint:
        return another_version(facts.model, task.name, "of the server")
    return untaught(facts.model, facts.cards, task)
