"""Fields of a host framework's component that has a BioGPT behind it.

A component names its model and loads it on first use, so that it can be copied, pickled, hashed and
configured without the model; all who name the same model share one engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from biogpt_plugins.engine import FEW_SHOT, Decoding, Engine, Runtime
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.loading import load
from biogpt_plugins.pipeline.spec import Settings
from biogpt_plugins.pipeline.trust import Trust
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.tasks.registry import know_tasks_of
from biogpt_plugins.values.errors import InputError

OPTIONS = (
    "max_new_tokens",
    "temperature",
    "top_p",
    "top_k",
    "num_beams",
    "seed",
    "truncate",
    "grounded",
)
"""Options of Decoding that are fields of an LLM."""


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


class ModelFields(BaseModel):
    """Which model.

    Attributes:
        model: "demo", a folder or a hub id.
        engine: As in `biogpt_plugins.load`. It is written down only where it is given, so that
            what was written down without it stays the same.
        device: As in `biogpt_plugins.load`; likewise `dtype`, `revision` and `allow_pickle`.
        pipeline: Used instead of loading, as long as `model` names its engine. It is left out of
            whatever is written down or sent to another process, which then loads `model`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    model: str = "demo"
    engine: Runtime | None = Field(default=None, exclude_if=lambda engine: engine is None)
    device: str | None = None
    dtype: str | None = None
    revision: str | None = None
    # Whether a file may run code is for the program to say, not for what it reads from a disk.
    allow_pickle: bool = Field(default=False, exclude=True)
    # A field, not a private attribute: hosts build copies from the fields alone.
    pipeline: Pipeline | None = Field(default=None, exclude=True, repr=False)

    @classmethod
    def from_pipeline(cls, pipeline: Pipeline, **options: Any) -> Self:  # noqa: ANN401
        """One on a pipeline at hand, its layout and its decoding."""
        named = {"model": pipeline.engine.model_name, "task": pipeline.task.name}
        named |= _runs(pipeline.engine)
        return cls(**{**named, **options, "pipeline": pipeline})

    def bind_task(self, task: str) -> Pipeline:
        """The task on this component's model, which is loaded if need be."""
        given = self._pipeline_at_hand()
        if given is None:
            return load(
                self.model,
                task,
                engine=self.engine,
                device=self.device,
                dtype=self.dtype,
                revision=self.revision,
                allow_pickle=self.allow_pickle,
            )
        return given if given.task.name == task else given.for_task(task)

    def bind_engine(self) -> Engine:
        """This component's model, whatever it was taught; loaded if need be.

        For tokens: it is found once, as splitters count those of every sentence.
        """
        if given := self._pipeline_at_hand():
            return given.engine
        return _engine(
            self.model, self.engine, self.device, self.dtype, self.revision, self.allow_pickle
        )

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
        """What a pipeline at hand does otherwise than its model, as these fields name it, would.

        For whoever tells results apart by the settings that they came from. A calibration counts,
        wherever it came from.
        """
        given = self._pipeline_at_hand()
        if given is None:
            return {}
        usual = given.for_task(given.task)
        ways: dict[str, tuple[object, object]] = {
            "card": (given.card, usual.card),
            "decoding": (given.decoding, usual.decoding),
            "trust": (_trusted(given.trust), _trusted(Trust(Settings(), Calibration()))),
            **{name: (own, getattr(self, name)) for name, own in _runs(given.engine).items()},
        }
        others = {name: repr(own) for name, (own, other) in ways.items() if own != other}
        return others | ({"dictionary": given.dictionary.fingerprint} if given.dictionary else {})

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": {**state["__dict__"], "pipeline": None}}

    def _folder(self, local_files_only: bool | None = None) -> Path:
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


def _trusted(trust: Trust) -> tuple[Any, ...]:
    own = trust.settings
    return own.min_score, own.samples, own.min_agreement, own.abstain_below, trust.calibration


def _runs(engine: Engine) -> dict[str, str]:
    """What an engine runs its model by, where that is not what a name alone would give."""
    runtime = getattr(engine, "runtime", "transformers")
    if runtime == "transformers":
        return {}
    return {"engine": runtime, "dtype": str(getattr(engine, "dtype", ""))}


@cache
def _engine(  # noqa: PLR0913, PLR0917 - the fields, as a key
    model: str,
    engine: Runtime | None,
    device: str | None,
    dtype: str | None,
    revision: str | None,
    allow_pickle: bool,
) -> Engine:
    fields = ModelFields(
        model=model,
        engine=engine,
        device=device,
        dtype=dtype,
        revision=revision,
        allow_pickle=allow_pickle,
    )
    return fields.bind_task((fields._taught(None) or ["generate"])[0]).engine


class LLMFields(ModelFields):
    """Which model, and how it writes.

    Attributes:
        task: Name of the task whose layout a prompt is put into, the prompt being a source text;
            None to continue prompts as they stand.
        stop: Strings that end a completion, besides the task's own and those of a call.
        max_new_tokens: As in `Decoding`, None being the task's own; likewise the other options.
        grounded: Names are copied from the text, labels are the task's, and all can be read. For
            tasks that have such a form; a component of several tasks decodes the others freely.
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
    grounded: bool | None = None

    @model_validator(mode="after")
    def _knows_its_task(self) -> Self:
        own = self.pipeline.task.name if self.pipeline else None
        if self.task is not None and self.task != own:
            self.task = get_task(self.task).name
        return self

    decoding_options: ClassVar[tuple[str, ...]] = OPTIONS

    @classmethod
    def from_engine(cls, engine: Engine, *, task: str | None = None, **options: Any) -> Self:  # noqa: ANN401
        """One on an engine of your own, which is shown solved examples of the task."""
        return cls.from_pipeline(Pipeline(task or "generate", engine), task=task, **options)

    def bind_own_task(self) -> Pipeline:
        """This LLM's own task on its model."""
        return self.bind_task(self.task or "generate")

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
            decoding = task.decoding_for(card)
            config = read_config(folder, self.model)
            positions = cast("int", config.get("max_position_embeddings", 1024))  # as transformers
        # The final `</s>`, which max_length counts, needs no position.
        window = min(positions, decoding.max_length - 1) if decoding.max_length else positions
        own = window - card.max_source_tokens if card.max_source_tokens else None
        return window, self.max_new_tokens or decoding.max_new_tokens or own

    def bind_with_options(self, task: str, **options: Any) -> Pipeline:  # noqa: ANN401
        """A task on this LLM's model, decoded as the fields and these options say."""
        pipeline = self.bind_task(task)
        if pipeline.task.grammar is None:
            options["grounded"] = None
        decoding = self.decoding(pipeline, options.pop("stop", None), options)
        return pipeline.with_decoding(replace(decoding, n=1))  # a result is of one completion

    def decoding(
        self, pipeline: Pipeline, stop: Sequence[str] | None, options: Mapping[str, Any]
    ) -> Decoding:
        """The pipeline's decoding as the fields, and then the options of a call, change it.

        Raises:
            InputError: An option is out of range, or the task has no form to keep to.
        """
        changes = {name: getattr(self, name) for name in self.decoding_options} | dict(options)
        grounded = changes.pop("grounded", None)
        changes["form"] = None if grounded is None else "grounded" if grounded else "free"
        if changes["temperature"] and changes["num_beams"] is None:
            changes["num_beams"] = 1  # sampling that is asked for comes before a task's own beams
        called = (stop,) if isinstance(stop, str) else stop or ()
        stops = (*pipeline.decoding.stop, *(self.stop or ()), *called)
        changed = pipeline.decoding.but(**{**changes, "stop": stops})
        return pipeline.with_decoding(changed).decoding
