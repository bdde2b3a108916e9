"""Fields of a host framework's component that has a BioGPT behind it.

A component names its model and loads it on first use, so that it can be copied, pickled, hashed and
configured without the model; all who name the same model share one engine.
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
from biogpt_plugins.checkpoints.calibration import Calibration
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.locate import read_config
from biogpt_plugins.engine import FEW_SHOT, PRETRAINED, Decoding, Engine
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.loading import find_task
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
"""Options of Decoding that are fields of an LLM."""

HOST_WORDS = {"max_tokens": "max_new_tokens"}
"""What the hosts call an option, and what it is called here."""

_TRUST = ("min_score", "samples", "min_agreement", "abstain_below", "dictionary", "method")


def relation_task(task: str) -> str:
    """The name of a relation task, as the tasks spell it.

    Raises:
        InputError: There is no such task, or it finds no relations.
    """
    found = get_task(task)
    if found.kind != "relations":
        fit = " or ".join(TASKS.of_kind("relations"))
        raise InputError(f"task {task!r} finds no relations: use {fit}")
    return found.name


class Options(BaseModel):
    """Fields that are options of a constructor: one that there is not is refused in one line."""

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
    """Which model, and how it is asked: the settings of `biogpt_plugins.Spec`.

    Attributes:
        own: As in Spec; told where the component was made from what a program made by itself.
        pipeline: Used instead of loading, as long as `model` names its engine. It is left out of
            whatever is written down or sent to another process, which then loads `model`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    own: tuple[str, ...] = Field(default=(), exclude_if=lambda own: not own)
    # A field, not a private attribute: hosts build copies from the fields alone.
    pipeline: Pipeline | None = Field(default=None, exclude=True, repr=False)

    @classmethod
    def from_pipeline(cls, pipeline: Pipeline, **options: Any) -> Self:  # noqa: ANN401
        """One on a pipeline at hand, with its task, its layout and its settings."""
        spec = pipeline.spec
        if (task := options.get("task")) and task != pipeline.task.name:
            spec = spec.for_task(task)
        named = {name: one for name, one in spec.given().items() if name in cls.model_fields}
        return cls(**{**named, **options, "pipeline": pipeline})

    def spec(self, task: str | None = None) -> Spec:
        """The settings of this component as one value.

        Args:
            task: The task that is asked; None for the component's own.
        """
        settings = {name: getattr(self, name) for name in ModelSettings.model_fields}
        given = self.pipeline
        theirs = given is None or given.engine.model_name == self.model
        own = getattr(self, "task", None)
        return Spec(**settings, task=task or own, own=self.own if theirs else ())

    def bind_task(self, task: str) -> Pipeline:
        """The task on this component's model, which is loaded if need be.

        A task that is not the component's own gets the settings that it has a use for.

        Raises:
            InputError: A setting is of no use to the component's own task.
        """
        own = getattr(self, "task", None)
        return self._bound(self.spec(task) if own == task else self._fitting(task))

    def bind_engine(self) -> Engine:
        """This component's model, whatever it was taught; loaded if need be.

        For tokens: it is found once, as splitters count those of every sentence.
        """
        if given := self._pipeline_at_hand():
            return given.engine
        usual = Settings().every()
        return _engine(self.spec().but(**usual, task=None))

    def _fitting(self, task: str) -> Spec:
        """The settings that a task has a use for."""
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
        """Name of the first relation task that the model was taught, which is not loaded for it.

        Raises:
            InputError: It was taught none.
            ModelError: It cannot be found; on the hub it is not looked for if `local_files_only`.
        """
        names = self._taught(local_files_only)
        if found := [name for name in names if name in TASKS and TASKS[name].kind == "relations"]:
            return found[0]
        raise InputError(
            f"model {self.model!r} was taught {', '.join(names) or 'no task'}, which finds no "
            f"relations: name a task, {' or '.join(TASKS.of_kind('relations'))}, or another model"
        )

    def _taught(self, local_files_only: bool | None) -> list[str]:
        if given := self._pipeline_at_hand():
            return [given.task.name, *given.cards]
        folder = self._folder(local_files_only)
        names = read_card(folder, self.model).tasks
        know_tasks_of(folder, names)
        return list(names)

    def own_ways(self) -> dict[str, Any]:
        """What decides on the results of a pipeline at hand, and is no field.

        For whoever tells results apart by the settings that they came from.
        """
        given = self._pipeline_at_hand()
        if given is None:
            return {}
        ways: dict[str, object] = {}
        if given.card != given.cards.get(given.task.name, PRETRAINED):
            ways["card"] = given.card
        if given.trust.calibration != (self.calibration or Calibration()):
            ways["calibration"] = given.trust.calibration  # the model's
        return {name: repr(way) for name, way in ways.items()}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # What is not usual, and in short: a dictionary may have thousands of rows.
        fields = type(self).model_fields
        for name, value in super().__repr_args__():
            field = fields.get(name or "")
            if name == "model" or field is None or value != field.get_default():
                yield name, short(value)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        left_out = {"pipeline": None, "allow_pickle": False}
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

    named = {name: getattr(spec, name) for name in ModelSettings.model_fields}
    return load_engine(**{name: named[name] for name in named if name not in Settings.model_fields})


class LLMFields(ModelFields):
    """Which model, and how it writes.

    `max_tokens`, as the hosts call it, is `max_new_tokens`. A component of several tasks leaves out
    the settings that a task has no use for.

    Attributes:
        task: Name of the task whose layout a prompt is put into, the prompt being a source text;
            None to continue prompts as they stand.
        stop: Strings that end a completion, besides the task's own and those of a call.
        max_new_tokens: As in `Decoding`, None being the task's own; likewise the other options.
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
            self.task = find_task(self.task, self.model, self.revision).name
        return self

    decoding_options: ClassVar[tuple[str, ...]] = OPTIONS

    @classmethod
    def from_engine(cls, engine: Engine, *, task: str | None = None, **options: Any) -> Self:  # noqa: ANN401
        """One on an engine of your own, which is shown solved examples of the task."""
        return cls.from_pipeline(Pipeline(task or "generate", engine), task=task, **options)

    def bind_task(self, task: str) -> Pipeline:
        """The task on this LLM's model, with the settings that the task has a use for."""
        return self._bound(self._fitting(task))

    def bind_own_task(self) -> Pipeline:
        """This LLM's own task on its model, to write texts: nothing is asked of their results."""
        usual = Settings().every()
        spec = self.spec(self.task or "generate")
        return self._bound(spec.but(**{name: usual[name] for name in _TRUST}))

    def limits(self) -> tuple[int, int | None]:
        """Most tokens of prompt and completion together, and of a completion if that has a limit.

        The model is not loaded for it.
        """
        if self._pipeline_at_hand():
            given = self.bind_own_task()
            positions, card, decoding = given.engine.context_size, given.card, given.decoding
        else:
            folder = self._folder()
            task = get_task(self.task or "generate")
            card = read_card(folder, self.model).tasks.get(task.name, FEW_SHOT)
            own_decoding, usual = self.decoding, task.decoding_for(card)
            decoding = own_decoding if isinstance(own_decoding, Decoding) else usual
            config = read_config(folder, self.model)
            positions = cast("int", config.get("max_position_embeddings", 1024))  # as transformers
        # The final `</s>`, which max_length counts, needs no position.
        window = min(positions, decoding.max_length - 1) if decoding.max_length else positions
        own = window - card.max_source_tokens if card.max_source_tokens else None
        return window, self.max_new_tokens or decoding.max_new_tokens or own

    def but(self, **changes: Any) -> Self:  # noqa: ANN401
        """This one with other fields, which are checked."""
        if not changes:
            return self
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, **in_own_words(changes)})

    def bind_with_options(self, task: str, **options: Any) -> Pipeline:  # noqa: ANN401
        """A task on this LLM's model, decoded as the fields and these options say.

        Settings of `biogpt_plugins.Spec` that say how a task is asked are options, too.
        """
        settings = {name: options.pop(name) for name in Settings.model_fields if name in options}
        pipeline = self.but(**settings).bind_task(task)
        if "logprobs" not in self.decoding_options:
            logprobs = options.pop("logprobs", None)
            pipeline = pipeline.with_decoding(pipeline.decoding.but(logprobs=logprobs))
        decoding = self.decoding_for(pipeline, options.pop("stop", None), options)
        return pipeline.with_decoding(replace(decoding, n=1))  # a result is of one completion

    def check_options(self, options: Iterable[str]) -> None:
        """See to it that a call has these options.

        Raises:
            OptionError: There is no such option.
        """
        known = (*self.decoding_options, "decoding", "stop", *HOST_WORDS)
        for name in options:
            if name not in known:
                raise OptionError(unknown_option(name, known, type(self).__name__))

    def decoding_for(
        self, pipeline: Pipeline, stop: Sequence[str] | None, options: Mapping[str, Any]
    ) -> Decoding:
        """The pipeline's decoding as the fields, and then the options of a call, change it.

        Raises:
            OptionError: There is no such option.
            InputError: An option is out of range, or the task has no form to keep to.
        """
        self.check_options(options)
        options = in_own_words(options)
        changes = {name: getattr(self, name) for name in self.decoding_options} | options
        if changes["temperature"] and changes["num_beams"] is None:
            changes["num_beams"] = 1  # sampling that is asked for comes before a task's own beams
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
    """Options by the names that they have here.

    Raises:
        OptionError: An option is given by both of its names, with different values.
    """
    found = dict(options)
    for theirs, ours in HOST_WORDS.items():
        if theirs in found:
            value = found.pop(theirs)
            if found.get(ours) not in (None, value):
                raise OptionError(f"{theirs} and {ours} are the same option: give one of them")
            found[ours] = value if value is not None else found.get(ours)
    return found
