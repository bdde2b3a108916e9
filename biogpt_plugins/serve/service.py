"""What a server serves: one engine, the pipelines of its tasks, and its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from biogpt_plugins.engine import PRETRAINED, Engine
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.taught import untrained
from biogpt_plugins.remote.wire import Facts
from biogpt_plugins.serve.engine_facts import facts_of
from biogpt_plugins.serve.errors import Refused
from biogpt_plugins.serve.gate import Gate
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.serve.metrics import Metrics
from biogpt_plugins.tasks.registry import TASKS, fold
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Kind


class Service:
    """One engine for all requests.

    Attributes:
        engine: The engine.
        name: The name by which clients ask for the model.
        limits: The limits of requests.
        gate: Admits requests.
        metrics: Counts them.
        draining: Whether no more requests should come.
    """

    def __init__(self, pipelines: Mapping[str, Pipeline], limits: Limits) -> None:
        """Set up.

        Args:
            pipelines: The pipelines of the tasks, by their names, on one engine.
            limits: The limits of requests.

        Raises:
            InputError: There are none, or they have several engines.
        """
        engines = {id(one.engine): one.engine for one in pipelines.values()}
        if len(engines) != 1:
            raise InputError(f"a server has one engine, not {len(engines)}")
        self.engine: Engine = next(iter(engines.values()))
        self.limits = limits
        self.gate = Gate(limits)
        self.metrics = Metrics(self.engine, self.gate)
        self.draining = False
        given = self.engine.model_name
        # The name of a folder tells nothing of the machine's other folders.
        self.name = Path(given).name if Path(given).is_absolute() else given
        self._pipelines = {fold(name): one for name, one in pipelines.items()}
        self._facts: Facts | None = None
        self._telling = Lock()

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks."""
        return [pipeline.task.name for pipeline in self._pipelines.values()]

    @property
    def ready(self) -> bool:
        """Whether requests are answered."""
        return not (self.draining or getattr(self.engine, "closed", False))

    def facts(self) -> Facts:
        """What clients' engines are told; the first call reads the model's files.

        Raises:
            OSError: One cannot be read.
        """
        with self._telling:
            self._facts = self._facts or facts_of(
                list(self._pipelines.values()), self.name, self.limits
            )
        return self._facts

    def check_model(self, model: str) -> None:
        """Check that a client asks for the model that is served.

        Raises:
            Refused: It asks for another.
        """
        if model not in (self.name, self.engine.model_name):
            raise Refused(
                404,
                f"the model {model!r} is not served here: ask for {self.name!r}",
                param="model",
                code="model_not_found",
            )

    def pipeline(
        self, kinds: tuple[Kind, ...], task: str | None, settings: Mapping[str, Any]
    ) -> Pipeline:
        """The pipeline that answers a request.

        Args:
            kinds: The kinds of results that the endpoint gives.
            task: The name of the task; None for the first that fits.
            settings: Settings of the pipeline, as in Spec.

        Raises:
            Refused: The task is not served.
            InputError: A setting does not apply.
        """
        fitting = {n: one for n, one in self._pipelines.items() if one.task.kind in kinds}
        chosen = next(iter(fitting), None) if task is None else fold(task)
        if chosen not in fitting:
            served = ", ".join(one.task.name for one in fitting.values()) or "none"
            asked = "no task of this kind is served" if task is None else f"no task {task!r} here"
            raise Refused(
                404, f"{asked}: the tasks served are {served}", param="task", code="task_not_found"
            )
        pipeline = fitting[chosen]
        if not settings:
            return pipeline
        return pipeline.with_settings(pipeline.spec.but(**settings))

    def remark(self, pipeline: Pipeline) -> tuple[str, ...]:
        """What to know of results of a task that the model was not trained for."""
        own = pipeline.card != PRETRAINED
        fault = None if own else untrained(pipeline.task, pipeline.cards)
        return (f"model {self.name!r} {fault}",) if fault else ()

    @property
    def pipelines(self) -> Iterable[Pipeline]:
        """The pipelines of the tasks."""
        return self._pipelines.values()

    @classmethod
    def of(cls, pipeline: Pipeline, tasks: list[str] | None, limits: Limits) -> Service:
        """Serve the engine of a pipeline.

        Args:
            pipeline: A pipeline.
            tasks: The tasks to serve; None for all known ones, those that the model was trained for
                first.
            limits: The limits of requests.
        """
        if tasks is None:
            trained = [name for name in pipeline.cards if name in TASKS]
            tasks = list(dict.fromkeys([pipeline.task.name, *trained, *TASKS]))
        return cls({name: pipeline.for_task(name) for name in tasks}, limits)
