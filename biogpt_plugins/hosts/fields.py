"""Fields of host framework components that use a BioGPT.

A component stores the name of its model and loads the model on first use. It can therefore be
copied, pickled, hashed and configured without the model. Components with the same model share one
engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.address import is_address
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.folders import read_config
from biogpt_plugins.checkpoints.locate import base_of
from biogpt_plugins.engine import FEW_SHOT, PRETRAINED, Decoding, Engine
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.loading import find_task
from biogpt_plugins.pipeline.served import connected
from biogpt_plugins.pipeline.spec import (
    ModelSettings,
    Settings,
    Spec,
    cannot_be_loaded,
    fitting,
    short,
    unknown_option,
)
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.tasks.registry import know_tasks_of
from biogpt_plugins.values.errors import InputError, ModelError, OptionError

OPTIONS = ("max_new_tokens", "temperature", "top_p", "top_k", "num_beams", "seed", "truncate")
"""Options of Decoding that are also fields of an LLM."""

HOST_WORDS = {"max_tokens": "max_new_tokens"}
"""The hosts' names of options, and the names used here."""

_TRUST = ("min_score", "samples", "min_agreement", "abstain_below", "dictionary", "method")


def relation_task(task: str) -> str:
    """The registered name of a relation task.

    Raises:
        InputError: The task is unknown or does not find relations.
    """
    found = get_task(task)
    if found.kind != "relations":
        fit = " or ".join(TASKS.of_kind("relations"))
        raise InputError(f"task {task!r} does not find relations: use {fit}")
    return found.name


class Options(BaseModel):
    """Constructor options as fields; an unknown option gives a one-line error."""

    @model_validator(mode="before")
    @classmethod
    def _are_known(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        if not isinstance(given, Mapping):
            return given
        aliases = {field.alias for field in cls.model_fields.values() if field.alias}
        for name in given:
            if name not in cls.model_fields and name not in aliases:
                words = HOST_WORDS if "max_new_tokens" in cls.model_fields else ()
                known = [*cls.model_fields, *words]
                raise OptionError(unknown_option(name, known, cls.__name__))
        return given


class ModelFields(ModelSettings, Options):
    """The model and how it is used: the settings of `biogpt_plugins.Spec`.

    Attributes:
        own: As in Spec; set if the component uses an engine, layout or task that a program made
            itself.
        pipeline: Used instead of loading `model`, as long as its engine has that name. It is not
            saved or sent to other processes; they load `model`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    own: tuple[str, ...] = Field(default=(), exclude_if=lambda own: not own)
    # A field, not a private attribute: hosts build copies from the fields alone.
    pipeline: Pipeline | None = Field(default=None, exclude=True, repr=False)

    @classmethod
    def from_pipeline(cls, pipeline: Pipeline, **options: Any) -> Self:  # noqa: ANN401
        """Make a component that uses a pipeline, with its task, layout and settings."""
        spec = pipeline.spec
        if (task := options.get("task")) and task != pipeline.task.name:
            spec = spec.for_task(task)
        named = {name: one for name, one in spec.given().items() if name in cls.model_fields}
        return cls(**{**named, **options, "pipeline": pipeline})

    def spec(self, task: str | None = None) -> Spec:
        """The settings of this component as one value.

        Args:
            task: The task; None uses the component's own.
        """
        settings = {name: getattr(self, name) for name in ModelSettings.model_fields}
        given = self.pipeline
        theirs = given is None or given.engine.model_name == self.model
        own = getattr(self, "task", None)
        return Spec(**settings, task=task or own, own=self.own if theirs else ())

    def bind_task(self, task: str) -> Pipeline:
        """A pipeline for a task on this component's model, which is loaded if necessary.

        A task other than the component's own gets only the settings that apply to it.

        Raises:
            InputError: A setting does not apply to the component's own task.
        """
        own = getattr(self, "task", None)
        return self._bound(self.spec(task) if own == task else self._fitting(task))

    def bind_engine(self) -> Engine:
        """The engine of this component's model, which is loaded if necessary.

        It is cached, because splitters count the tokens of every sentence.
        """
        if given := self._pipeline_at_hand():
            return given.engine
        if is_address(self.model):
            return connected(self.model, self.token)
        usual = Settings().every()
        return _engine(self.spec().but(**usual, task=None))

    def _fitting(self, task: str) -> Spec:
        """The settings that apply to a task."""
        given, own = self.pipeline, getattr(self, "task", None)
        at_hand = given.task if given and given.task.name == task else None
        fit = fitting(self.spec().given(), at_hand or get_task(task))
        chosen_for = own or (given.task.name if given else None)
        if chosen_for not in (None, task) and isinstance(self.decoding, Decoding):
            fit.pop("decoding", None)  # it was chosen for the other task
        return Spec(**{**fit, "task": task})

    def _bound(self, spec: Spec) -> Pipeline:
        given = self._pipeline_at_hand()
        return given.with_settings(spec) if given else spec.pipeline()

    def own_relation_task(self, *, local_files_only: bool | None = None) -> str:
        """Name of the first relation task that the model was trained for; does not load the model.

        Raises:
            InputError: The model was not trained for a relation task.
            ModelError: The model cannot be found; with `local_files_only` the hub is not searched.
        """
        names = self._taught(local_files_only)
        if found := [name for name in names if name in TASKS and TASKS[name].kind == "relations"]:
            return found[0]
        raise InputError(
            f"model {self.model!r} was trained for {', '.join(names) or 'no task'}, which does "
            f"not find relations: set task to {' or '.join(TASKS.of_kind('relations'))}, or use "
            "another model"
        )

    def _taught(self, local_files_only: bool | None) -> list[str]:
        if given := self._pipeline_at_hand():
            return [given.task.name, *given.cards]
        if is_address(self.model):
            return list(connected(self.model, self.token).facts.tasks)
        folder = self._folder(local_files_only)
        names = read_card(folder, self.model).tasks
        know_tasks_of(folder, names)
        return list(names)

    def own_ways(self) -> dict[str, Any]:
        """Settings of a given pipeline that determine its results and are not fields.

        Caches use them to tell results of different settings apart.
        """
        given = self._pipeline_at_hand()
        if given is None:
            return {}
        ways: dict[str, object] = {}
        if given.card != given.cards.get(given.task.name, PRETRAINED):
            ways["card"] = given.card
        runtime = getattr(given.engine, "runtime", "transformers")
        if runtime != (self.engine or "transformers"):
            ways |= {"engine": runtime, "dtype": str(getattr(given.engine, "dtype", ""))}
        if given.trust.calibration != (self.calibration or given.beside):
            ways["calibration"] = given.trust.calibration
        return {name: repr(way) for name, way in ways.items()}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # Only what differs from the defaults, in short form: a dictionary may have many rows.
        fields = type(self).model_fields
        for name, value in super().__repr_args__():
            field = fields.get(name or "")
            if name == "model" or field is None or value != field.get_default():
                yield name, short(value)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        left_out = {"pipeline": None, **self.UNSAVED}
        return {**state, "__dict__": {**state["__dict__"], **left_out}}

    def _folder(self, local_files_only: bool | None = None) -> Path:
        if own := self.spec().own:
            raise ModelError(cannot_be_loaded(self.model, own))
        return locate(
            self.model,
            revision=self.revision,
            local_files_only=local_files_only,
            allow_pickle=self.allow_pickle,
            weights=False,
        )

    def _pipeline_at_hand(self) -> Pipeline | None:
        given = self.pipeline
        return given if given and given.engine.model_name == self.model else None


@cache
def _engine(spec: Spec) -> Engine:
    if spec.own:
        raise ModelError(cannot_be_loaded(spec.model, spec.own))

    from biogpt_plugins.engines import load_engine  # noqa: PLC0415 - loads torch

    names = ModelSettings.model_fields.keys() - Settings.model_fields.keys() - {"token"}
    return load_engine(**{name: getattr(spec, name) for name in names})


class LLMFields(ModelFields):
    """The model and its decoding options.

    `max_tokens`, the hosts' name, is accepted for `max_new_tokens`. A component that runs several
    tasks ignores the settings that do not apply to a task.

    Attributes:
        task: Name of the task. Prompts are source texts, which are put into the task's layout. None
            continues prompts as they are.
        stop: Strings that end a completion, in addition to those of the task and of a call.
        max_new_tokens: As in `Decoding`; None uses the task's value. The same holds for the other
            options.
    """

    task: str | None = None
    stop: list[str] | None = None
    max_new_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    num_beams: int | None = None
    seed: int | None = None
    truncate: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _speaks_as_the_hosts_do(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        return in_own_words(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _knows_its_task(self) -> Self:
        own = self.pipeline.task.name if self.pipeline else None
        if self.task is not None and self.task != own:
            self.task = find_task(self.task, self.model, self.revision, self.token).name
        return self

    decoding_options: ClassVar[tuple[str, ...]] = OPTIONS

    @classmethod
    def from_engine(cls, engine: Engine, *, task: str | None = None, **options: Any) -> Self:  # noqa: ANN401
        """Make a component that uses a custom engine; prompts contain solved examples."""
        return cls.from_pipeline(Pipeline(task or "generate", engine), task=task, **options)

    def bind_task(self, task: str) -> Pipeline:
        """A pipeline for a task on this LLM's model, with the settings that apply to the task."""
        return self._bound(self._fitting(task))

    def bind_own_task(self) -> Pipeline:
        """A pipeline for this LLM's own task that writes text; its results are not filtered."""
        usual = Settings().every()
        spec = self.spec(self.task or "generate")
        return self._bound(spec.but(**{name: usual[name] for name in _TRUST}))

    def limits(self) -> tuple[int, int | None]:
        """Maximum tokens of prompt and completion together, and of a completion (None: no limit).

        This does not load the model.
        """
        if self._pipeline_at_hand() or is_address(self.model):
            given = self.bind_own_task()
            positions, card, decoding = given.engine.context_size, given.card, given.decoding
        else:
            folder = self._folder()
            task = get_task(self.task or "generate")
            card = read_card(folder, self.model).tasks.get(task.name, FEW_SHOT)
            own_decoding, usual = self.decoding, task.decoding_for(card)
            decoding = own_decoding if isinstance(own_decoding, Decoding) else usual
            base = base_of(folder, self.model, weights=False, allow_pickle=self.allow_pickle)
            config = read_config(base, self.model)
            positions = cast("int", config.get("max_position_embeddings", 1024))  # as transformers
        # The final `</s>`, which max_length counts, needs no position.
        window = min(positions, decoding.max_length - 1) if decoding.max_length else positions
        most = self.max_new_tokens or decoding.max_new_tokens
        if not card.max_source_tokens:
            return window, most
        if not most:
            return window, window - card.max_source_tokens
        # The rest of the window stays empty: a prompt is cut at the card's limit.
        return min(window, card.max_source_tokens + most), most

    def but(self, **changes: Any) -> Self:  # noqa: ANN401
        """A copy with other values of fields, which are validated."""
        if not changes:
            return self
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, **in_own_words(changes)})

    def bind_with_options(self, task: str, **options: Any) -> Pipeline:  # noqa: ANN401
        """A pipeline for a task on this LLM's model, with decoding options.

        The options override the fields. They may include the settings of `biogpt_plugins.Spec` that
        determine how a task is run.
        """
        settings = {name: options.pop(name) for name in Settings.model_fields if name in options}
        pipeline = self.but(**settings).bind_task(task)
        if "logprobs" not in self.decoding_options:
            logprobs = options.pop("logprobs", None)
            pipeline = pipeline.with_decoding(pipeline.decoding.but(logprobs=logprobs))
        decoding = self.decoding_for(pipeline, options.pop("stop", None), options)
        return pipeline.with_decoding(replace(decoding, n=1))  # a result is of one completion

    def check_options(self, options: Iterable[str]) -> None:
        """Check that a call accepts these options.

        Raises:
            OptionError: An option is unknown.
        """
        known = (*self.decoding_options, "decoding", "stop", *HOST_WORDS)
        for name in options:
            if name not in known:
                raise OptionError(unknown_option(name, known, type(self).__name__))

    def decoding_for(
        self, pipeline: Pipeline, stop: Sequence[str] | None, options: Mapping[str, Any]
    ) -> Decoding:
        """The pipeline's decoding, changed by the fields and then by the options of a call.

        Raises:
            OptionError: An option is unknown.
            InputError: An option is out of range, or the task does not support grounded decoding.
        """
        self.check_options(options)
        options = in_own_words(options)
        changes = {name: getattr(self, name) for name in self.decoding_options} | options
        if changes["temperature"] and changes["num_beams"] is None:
            changes["num_beams"] = 1  # requested sampling overrides the task's beams
        decoding, form = pipeline.decoding, changes.pop("decoding", None)
        if isinstance(form, Decoding):
            decoding = form
        elif form:
            changes["form"] = Settings.of({"decoding": form}, type(self).__name__).decoding
        called = (stop,) if isinstance(stop, str) else stop or ()
        stops = (*decoding.stop, *(self.stop or ()), *called)
        changed = decoding.but(**{**changes, "stop": stops})
        return pipeline.with_decoding(changed).decoding


def in_own_words(options: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the hosts' names of options by the names used here.

    Raises:
        OptionError: An option has different values under its two names.
    """
    found = dict(options)
    for theirs, ours in HOST_WORDS.items():
        if theirs in found:
            value = found.pop(theirs)
            if found.get(ours) not in (None, value):
                raise OptionError(f"{theirs} and {ours} are the same option: give only one of them")
            found[ours] = value if value is not None else found.get(ours)
    return found
