"""The application of `biogpt serve` as a deployment of Ray Serve.

    serve run ray_biogpt.serve:app model=demo task=bc5cdr max_replicas=8

Each replica has one engine and answers as `biogpt serve` does. Ray's proxies divide the requests
among the replicas; Ray starts and stops replicas with the number of requests.
"""
# Without `from __future__ import annotations`: Ray looks for the class of the argument of `app`.

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from biogpt_plugins.engine import Decoding, in_thread
from biogpt_plugins.pipeline import Pipeline, Spec
from biogpt_plugins.pipeline.spec import explained, unknown_option
from biogpt_plugins.serve import Limits, create_app, tokens_of
from biogpt_plugins.values.errors import EngineError, InputError, MissingExtraError, OptionError
from ray_biogpt.cluster import loader
from ray_biogpt.papers import working_in

try:
    from fastapi import FastAPI
    from ray import serve
    from starlette.datastructures import MutableHeaders
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ray_biogpt.replica_metrics import ReplicaMetrics
except ImportError as error:
    raise MissingExtraError.of("ray_biogpt.serve needs Ray Serve", "ray-serve") from error

TOKENS = "BIOGPT_SERVE_TOKENS"
"""The variable that may hold the tokens of clients, as for `biogpt serve`."""

_NAME = "BioGPT"
_RETRY = 5  # seconds after which a client tries again that found the queue of a proxy full


def _listed(given: object) -> object:
    """The items of a text with commas, which is what the command line can give."""
    return given.split(",") if isinstance(given, str) else given


class Options(BaseModel):
    """How a model is deployed. The fields of a Serve config file take precedence.

    Attributes:
        tasks: The tasks to serve; None for all known ones. A task's TOML file, as any other file,
            must be on every machine.
        gpus: GPUs of each replica; 0 to compute on CPUs.
        cpus: CPUs of each replica.
        min_replicas: Replicas that are always there.
        max_replicas: Most replicas; by default no more than `min_replicas`.
        target_ongoing_requests: Requests in progress and waiting, for each replica, that Ray aims
            at when it starts and stops replicas.
        queue: Texts and completions in progress in each replica; requests beyond it get 429.
        max_queued_requests: Requests that wait in each proxy while all replicas are busy; those
            beyond it get 429.
        drain: Seconds that the requests in progress have when a replica is stopped.
        token_file: File with the tokens of clients, on every machine; or the variable TOKENS holds
            them, there and where the application is built.
        local: Whether only requests to localhost are answered, if there are no tokens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: Annotated[tuple[str, ...] | None, BeforeValidator(_listed)] = None
    gpus: float = Field(1, ge=0)
    cpus: float = Field(1, ge=0)
    min_replicas: int = Field(1, ge=0)
    max_replicas: int | None = Field(None, ge=1)
    target_ongoing_requests: float = Field(32, gt=0)
    queue: int = Field(Limits.queue, ge=1)
    max_queued_requests: int = Field(512, ge=1)
    drain: float = Field(30, ge=0)
    token_file: Path | None = None
    local: bool = True

    @property
    def limits(self) -> Limits:
        """The limits of each replica."""
        return replace(Limits(), queue=self.queue)

    @property
    def deployment(self) -> dict[str, Any]:
        """The options of `ray.serve.deployment`."""
        return {
            "name": _NAME,
            "ray_actor_options": {"num_cpus": self.cpus, "num_gpus": self.gpus},
            "autoscaling_config": {
                "min_replicas": self.min_replicas,
                "max_replicas": self.max_replicas or max(self.min_replicas, 1),
                "target_ongoing_requests": self.target_ongoing_requests,
            },
            # Where a replica takes no more, the proxies hold requests for the first that does.
            "max_ongoing_requests": self.limits.requests,
            "max_queued_requests": self.max_queued_requests,
            "backpressure_config": {"status_code": 429, "retry_after_s": _RETRY},
            "graceful_shutdown_timeout_s": self.drain,
        }


class Arguments(Options):
    """The arguments of `app`: those of Options, and the fields of Spec.

    Attributes:
        model: The model, as in `biogpt_plugins.load`; on every machine, or on the hub.
        task: The task that is served first; `tasks` may name more.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    model: str = "demo"
    task: str | None = None

    @model_validator(mode="after")
    def _are_known(self) -> Self:
        known = dict.fromkeys([*type(self).model_fields, *Spec.model_fields])
        for name in self.model_extra or ():
            if name not in known:
                raise OptionError(unknown_option(name, known, "ray_biogpt.serve:app"))
        return self

    @property
    def spec(self) -> Spec:
        """The model and its settings."""
        first = self.task or next(iter(self.tasks or ()), None)
        return Spec(model=self.model, task=first, **(self.model_extra or {}))

    @property
    def options(self) -> dict[str, Any]:
        """The options of `application`."""
        given = {name: getattr(self, name) for name in Options.model_fields}
        if self.task:
            given["tasks"] = tuple(dict.fromkeys([self.task, *(self.tasks or ())]))
        return given


def app(arguments: Arguments) -> serve.Application:
    """Build the application, for `serve run` and for the `import_path` of a Serve config file.

    Raises:
        InputError: An argument is invalid.
    """
    return application(arguments.spec, **arguments.options)


def application(
    pipeline: Spec | Callable[[], Pipeline],
    **options: Any,  # noqa: ANN401 - the fields of Options
) -> serve.Application:
    """Build an application for `ray.serve.run` or `serve build`.

    Args:
        pipeline: What each replica loads: a Spec, or a function that makes a pipeline.
        options: The fields of Options.

    Raises:
        InputError: An option is unknown or invalid.
    """
    try:
        chosen = Options(**options)
    except ValidationError as error:
        raise explained(error, Options.model_fields, "application") from error
    guarded = bool(chosen.token_file or os.environ.get(TOKENS))
    deployed = serve.deployment(**chosen.deployment)(serve.ingress()(Replica))
    return deployed.bind(loader(pipeline), chosen, Path.cwd(), guarded=guarded)


class Replica:
    """One engine with the application of `biogpt serve`."""

    def __init__(
        self, load: Callable[[], Pipeline], options: Options, here: Path, *, guarded: bool
    ) -> None:
        """Load the model.

        Args:
            load: Makes the pipeline.
            options: The options of the application.
            here: The folder where relative paths begin, if this machine has it.
            guarded: Whether there must be tokens.

        Raises:
            InputError: This machine lacks the tokens.
            BioGPTError: The model cannot be loaded.
        """
        with working_in(here):
            tokens = tokens_of(options.token_file, os.environ.get(TOKENS))
            if guarded and not tokens:
                raise InputError(
                    f"the tokens are not on this machine: set {TOKENS} on every machine of the "
                    "cluster, or name a file that each of them has with token_file"
                )
            pipeline = load()
            tasks = options.tasks and [pipeline.for_task(one).task.name for one in options.tasks]
        self._served = create_app(
            pipeline,
            tasks,
            limits=options.limits,
            tokens=tokens,
            local=options.local,
            replicated=True,
        )
        self._served.add_middleware(_OneRequestId)
        self._service = self._served.state.service
        self._metrics = ReplicaMetrics()

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The application; Ray's name for this method."""
        return self._served

    async def check_health(self) -> None:
        """Check that the engine works; Ray replaces a replica that fails three times in a row.

        An idle engine has to write a token. A busy one is not asked, as its answer would wait for
        those of others.

        Raises:
            EngineError: It does not.
        """
        self._metrics.tell(self._service.metrics)
        if not self._service.ready:
            raise EngineError("the engine is closed")
        if not self._service.gate.rows:
            await in_thread(self._write)

    def _write(self) -> None:
        (completion,) = self._service.engine.complete(["a"], Decoding(max_new_tokens=1))
        if completion.error:
            raise completion.error

    def __del__(self) -> None:
        """Let go of the engine, once Ray has waited for the requests in progress."""
        service = getattr(self, "_service", None)  # absent where the model could not be loaded
        close = getattr(service and service.engine, "close", None)
        if close:
            close()


class _OneRequestId:
    """Leaves the header with the request's id to Ray's proxies, which add it, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def once(message: Message) -> None:
            if message["type"] == "http.response.start":
                del MutableHeaders(scope=message)["X-Request-ID"]
            await send(message)

        await self._app(scope, receive, once)
