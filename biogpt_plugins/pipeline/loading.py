"""Load the pipeline that a spec describes, once in a process."""

from __future__ import annotations

import logging
import sys
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, signature
from pathlib import Path
from threading import Lock, RLock
from typing import Any

from pydantic import SecretStr

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.address import is_address
from biogpt_plugins.checkpoints.calibration import Calibration, read_calibration
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.folders import contents
from biogpt_plugins.checkpoints.locate import find_here
from biogpt_plugins.pipeline.pipeline import Pipeline
from biogpt_plugins.pipeline.served import connected, task_on_server
from biogpt_plugins.pipeline.spec import Settings, Spec, cannot_be_loaded
from biogpt_plugins.pipeline.taught import another_version, own_task, untaught
from biogpt_plugins.tasks import TASKS, get_task, load_task
from biogpt_plugins.tasks.registry import declared, is_file, know_tasks_of
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.tasks.toml_task import read_task
from biogpt_plugins.values.errors import ModelError
from biogpt_plugins.values.results import is_for_trial

TRIALS = logging.getLogger("biogpt_plugins.trial")
"""Tells once that a model is for trying out."""

_OURS = ("biogpt_plugins", "langchain_biogpt", "llama_index_biogpt", "ray_biogpt")
_MOST = 64  # pipelines that a process keeps; they share engines


@dataclass(frozen=True)
class _Loaded:
    """A pipeline and the files that it was loaded from."""

    pipeline: Pipeline
    task: Task[Any]
    folder: Path | None
    contents: frozenset[tuple[str, int, int]]
    remark: str | None

    def is_of(self, spec: Spec) -> bool:
        """Whether loading the spec now would give the same pipeline."""
        try:
            return (
                find_here(spec.model, spec.revision) == self.folder
                and (self.folder is None or contents(self.folder) == self.contents)
                and (spec.task is None or get_task(spec.task) is self.task)
                and not getattr(self.pipeline.engine, "closed", False)
            )
        except OSError:  # the folder is gone: loading says so
            return False


class _Pipelines:
    """The most recently used pipelines of this process by spec; thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[Spec, _Loaded] = OrderedDict()
        self._lock = Lock()
        self._loading = RLock()

    def get(self, spec: Spec) -> tuple[_Loaded, bool]:
        """The pipeline of a spec, and whether this call has loaded it."""
        if spec.own:
            raise ModelError(cannot_be_loaded(spec.model, spec.own))
        if found := self._find(spec):
            return found, False
        with self._loading:
            if found := self._find(spec):  # another thread has loaded it
                return found, False
            made = _loaded(spec, _task_of(spec))
            # Naming the model's own task and leaving it out give the same pipeline.
            made = self._find(made.pipeline.spec) or made
            self._keep({spec: made, made.pipeline.spec: made})
            return made, True

    def _find(self, spec: Spec) -> _Loaded | None:
        with self._lock:
            found = self._known.get(spec)
        if found is None or not found.is_of(spec):
            return None
        self._keep({spec: found})
        return found

    def _keep(self, loaded: dict[Spec, _Loaded]) -> None:
        with self._lock:
            for spec, one in loaded.items():
                self._known[spec] = one
                self._known.move_to_end(spec)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)


_PIPELINES = _Pipelines()


def load(
    model: str | Path = "demo",
    task: str | Path | Task[Any] | None = None,
    **options: Any,  # noqa: ANN401 - the fields of Spec
) -> Pipeline:
    """Load a model for a task. A model that is already in memory is shared, not loaded again.

    `load(...)` is short for `Spec(...).pipeline()`, and its options are the fields of Spec. A
    warning tells, the first time, if the model was not trained for the task.

    Args:
        model: "demo" for the bundled model, a folder, a hub id such as "microsoft/BioGPT-Large", or
            the address of a server of this package, such as "http://127.0.0.1:8000".
        task: The task or its name, see `biogpt_plugins.TASKS`; None uses the first task in the
            model's card.
        options: {options}

    Raises:
        InputError: An option is unknown or out of range; the task is unknown; or no task is given
            and the model was not trained for any.
        ModelError: The model cannot be found or is not a BioGPT.
        ServerError: The server cannot be reached, or runs another version.
        DeviceError: This machine does not have the device or does not support the dtype.
        MissingExtraError: CTranslate2 is not installed, or httpx for a server.
    """
    own = task if isinstance(task, Task) and TASKS.get(task.name) is not task else None
    name = task.name if isinstance(task, Task) else task and str(task)
    spec = Spec(model=model, task=None if own else name, **options)
    found, new = (_loaded(spec, own), True) if own else _PIPELINES.get(spec)
    if new and found.remark:
        warnings.warn(found.remark, stacklevel=2)
    return found.pipeline


def pipeline_of(spec: Spec) -> Pipeline:
    """The pipeline of a spec, for `Spec.pipeline`; warnings are given only when it is loaded."""
    found, new = _PIPELINES.get(spec)
    if new and found.remark:
        warnings.warn(found.remark, stacklevel=_level_of_caller())
    return found.pipeline


def _level_of_caller() -> int:
    """The `stacklevel` of the first frame outside this package, for the function that asks."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level


def _task_of(spec: Spec) -> Task[Any] | None:
    return find_task(spec.task, spec.model, spec.revision, spec.token) if spec.task else None


def _loaded(spec: Spec, task: Task[Any] | None) -> _Loaded:
    """Load a model, or take the one of a server."""
    read = _from_server if is_address(spec.model) else _from_folder
    loaded = read(spec, task)
    pipeline = loaded.pipeline
    if is_for_trial(pipeline.model_name):
        _tell_of_trial(pipeline.model_name)
    registered = task is None or spec.task is not None
    own = () if registered else (f"an unregistered task, {loaded.task.name!r}",)
    pipeline.spec = spec.but(task=spec.task or loaded.task.name, own=own)
    return loaded


def _from_folder(spec: Spec, task: Task[Any] | None) -> _Loaded:
    # Importing torch takes seconds, so misspelt names are reported first.
    folder = locate(spec.model, revision=spec.revision, allow_pickle=spec.allow_pickle)
    before = contents(folder)
    card = read_card(folder, spec.model)
    if task is None:
        know_tasks_of(folder, card.tasks)
    chosen = task or get_task(own_task(card.tasks, spec.model))
    beside = read_calibration(folder) if spec.calibration is None else Calibration()

    from biogpt_plugins.engines import load_engine  # noqa: PLC0415 - loads torch

    engine = load_engine(
        spec.model,
        engine=spec.engine,
        device=spec.device,
        dtype=spec.dtype,
        revision=spec.revision,
        batch_size=spec.batch_size,
        drafts=spec.drafts,
        allow_pickle=spec.allow_pickle,
    )
    given = {"calibration": beside, **spec.given(Settings)}
    pipeline = Pipeline(chosen, engine, cards=card.tasks, **given)
    pipeline.beside = beside
    return _Loaded(pipeline, chosen, folder, before, _remark(card, folder, spec.model, chosen))


def _from_server(spec: Spec, task: Task[Any] | None) -> _Loaded:
    chosen, engine, remark = task_on_server(spec, task)
    beside = engine.facts.calibration if spec.calibration is None else Calibration()
    given = {"calibration": beside, **spec.given(Settings)}
    pipeline = Pipeline(chosen, engine, cards=engine.facts.cards, **given)
    pipeline.beside = beside
    return _Loaded(pipeline, chosen, None, frozenset(), remark)


@cache
def _tell_of_trial(model: str) -> None:
    """Log once in a process that a model is for trying out."""
    TRIALS.warning("%s", trial_note(model))


def trial_note(model: str) -> str:
    """What to know of results of a model for trying out."""
    return (
        f"model {model!r} is small and for trying out the software: do not rely on its results. "
        "`biogpt models` lists models that were trained for a task"
    )


def find_task(
    name: str, model: str, revision: str | None = None, token: SecretStr | None = None
) -> Task[Any]:
    """The task with this name or file: a registered one, or one of the model's folder or server.

    Raises:
        InputError: The task is unknown.
        ServerError: The server cannot be reached.
    """
    if not is_file(name) and name not in TASKS:
        if is_address(model):
            connected(model, token)
            return get_task(name)
        folder = find_here(model, revision)
        if folder and (path := declared(folder, name)):
            return load_task(path)
    return get_task(name)


def _remark(card: ModelCard, folder: Path, model: str, task: Task[Any]) -> str | None:
    """The warning for a model that was not trained for the task."""
    own = declared(folder, task.name) if task.name in card.tasks else None
    if own and read_task(own).fingerprint != task.fingerprint:
        return another_version(model, task.name, f"in {own}")
    return untaught(model, card.tasks, task)


def _signature() -> None:
    """Add the fields of Spec to the signature and docstring of `load`."""
    fields = {name: field for name, field in Spec.model_fields.items() if name != "own"}
    first = [one for one in signature(load).parameters.values() if one.name in fields]
    rest = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=field.default, annotation=field.annotation)
        for name, field in fields.items()
        if name not in ("model", "task")
    ]
    load.__signature__ = signature(load).replace(parameters=[*first, *rest])  # type: ignore[attr-defined]
    listed = "\n            ".join(f"{one.name}: {fields[one.name].description}" for one in rest)
    load.__doc__ = (load.__doc__ or "").replace("{options}", f"\n            {listed}")


_signature()
