"""The settings that decide on results, as one value.

Each is declared here, once: `load`, `Pipeline`, fields of adapters, options of commands, workers on
Ray, manifests of runs and keys of caches are made of these declarations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import from_json
from typing_extensions import Self

from biogpt_plugins.checkpoints import BUNDLED
from biogpt_plugins.checkpoints.calibration import Calibration, read_calibration
from biogpt_plugins.engine import Decoding, Form, Runtime
from biogpt_plugins.pipeline.dictionary import EntityDictionary
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import BioGPTError, InputError, OptionError

if TYPE_CHECKING:
    from biogpt_plugins.pipeline.pipeline import Pipeline

Method = Literal["auto", "complete", "choose"]


def _calibration(given: object) -> object:
    return read_calibration(Path(given)) if isinstance(given, str | Path) else given


def _setting(default: Any, description: str, **limits: Any) -> Any:  # noqa: ANN401 - pydantic's
    """A field that is written down only where it differs from its default."""
    return Field(
        default=default,
        description=description,
        exclude_if=lambda value: value is default or bool(value == default),
        **limits,
    )


class Settings(BaseModel):
    """How a task is asked, and which of its results are believed."""

    model_config = ConfigDict(extra="forbid")

    decoding: Decoding | Form | None = _setting(
        None,
        'How completions are chosen. "grounded" keeps to the form of the task\'s targets and '
        'copies names from the text; "free" and None are the task\'s official decoding; a '
        "Decoding takes its place.",
    )
    method: Method = _setting(
        "auto",
        '"choose" scores the task\'s labels, "complete" writes and reads a completion, "auto" '
        "chooses where the task has labels.",
    )
    min_score: float | None = _setting(
        None,
        "Least score of a relation, from 0 to 1. A warning counts the relations that are left out. "
        "0 leaves out nothing, and asks for scores.",
    )
    samples: int | None = _setting(
        None,
        "Write this many completions for each input, at temperature 1 unless the decoding has "
        "another, or as beams if it has beams; relations then have an `agreement`.",
    )
    min_agreement: float = _setting(
        0.5, "Least share of the samples that must have a relation, from 0 to 1."
    )
    abstain_below: float | None = _setting(
        None, "Give no answer, but the reason, where no label has at least this probability."
    )
    calibration: Annotated[Calibration | None, BeforeValidator(_calibration)] = _setting(
        None,
        "How probabilities are corrected: a Calibration, or the file that holds one. None takes "
        "what `biogpt calibrate` left beside the model; `Calibration()` corrects nothing.",
    )
    dictionary: EntityDictionary | None = _setting(
        None, "Gives entities their ids: an EntityDictionary, or the path of a CSV file."
    )

    @classmethod
    def of(cls, given: Mapping[str, Any], what: str) -> Self:
        """The settings given to something.

        Raises:
            InputError: One is unknown or out of range; the message names it.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            raise explained(error, cls.model_fields, what) from error

    def every(self) -> dict[str, Any]:
        """All settings by name, as they are."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def given(self, kind: type[Settings] | None = None) -> dict[str, Any]:
        """The settings that differ from their defaults, by name.

        Args:
            kind: Of these only.
        """
        fields = (kind or type(self)).model_fields
        every = {name: getattr(self, name) for name in fields}
        return {name: one for name, one in every.items() if one != fields[name].default}

    @field_validator("min_score", "min_agreement", "abstain_below")
    @classmethod
    def _is_a_share(cls, share: float | None, info: ValidationInfo) -> float | None:
        if share is not None and not 0 <= share <= 1:
            raise InputError(f"{info.field_name} = {share:g} must be from 0 to 1")
        return share

    @field_validator("samples")
    @classmethod
    def _can_agree(cls, samples: int | None) -> int | None:
        if samples is not None and samples < 2:  # noqa: PLR2004
            raise InputError(f"samples = {samples} must be at least 2: one agrees with itself")
        return samples


class ModelSettings(Settings):
    """Which model is asked, on what it runs, and how it is asked."""

    KNOBS: ClassVar[frozenset[str]] = frozenset({"device", "batch_size", "allow_pickle"})
    """Settings that do not change results."""

    model: str = Field(
        default="demo",
        description='"demo" for the bundled model, a folder, or a hub id such as '
        '"microsoft/BioGPT-Large".',
    )
    revision: str | None = _setting(None, "Branch, tag or commit of a hub model.")
    engine: Runtime | None = _setting(
        None,
        '"transformers", or "ctranslate2" (an extra). None takes what the model\'s folder was '
        "made for.",
    )
    device: str | None = _setting(
        None,
        '"cuda", "cuda:1", "mps" or "cpu"; None takes the best there is. "cuda:0,cuda:1", or "all" '
        "for every CUDA device: each has a copy of the model, and all share the work.",
    )
    dtype: str | None = _setting(
        None,
        '"bfloat16", "float16" or "float32"; None takes the best for the device. CTranslate2 takes '
        '"int8", its default, or "float32".',
    )
    batch_size: int | None = _setting(
        None,
        "Most inputs computed at once, for all who share the model; None takes what suits the "
        "device.",
    )
    # Whether a file may run code is for the program to say, not for what it reads from a disk.
    allow_pickle: bool = Field(
        default=False,
        exclude=True,
        description="Also load pytorch_model.bin, which can run code of whoever made it. It is "
        "never written down, and never taken from what was.",
    )

    @field_validator("model", mode="before")
    @classmethod
    def _names_a_folder(cls, model: object) -> object:
        if not isinstance(model, Path):
            return model
        # A path means a folder, also where a bundled model or one of the hub has the same name.
        clear = model.is_absolute() or (model.is_dir() and str(model) not in BUNDLED)
        return str(model) if clear else f"./{model}"

    @field_validator("batch_size")
    @classmethod
    def _is_a_number(cls, size: int | None) -> int | None:
        if size is not None and size < 1:
            raise InputError(f"batch_size = {size} must be at least 1")
        return size


class Spec(ModelSettings):
    """All that decides on results, as one value: hashable, and the same as pickle and as JSON.

        spec = Spec(model="demo", task="bc5cdr", min_score=0.5)
        spec.pipeline().run(texts)
        Spec.model_validate_json(spec.model_dump_json()) == spec

    What differs from the defaults is written down, but for `allow_pickle`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str | None = _setting(
        None,
        "The task's name, see `biogpt tasks`; None takes the model's own, the first in its card.",
    )
    own: tuple[str, ...] = _setting(
        (), "What the program made by itself, and no spec can make again: an engine, say."
    )

    if not TYPE_CHECKING:  # type checkers are to see the fields

        def __init__(self, **given: object) -> None:
            """See the fields.

            Raises:
                InputError: A setting is unknown or out of range; the message names it.
            """
            try:
                super().__init__(**given)
            except ValidationError as error:
                raise explained(error, type(self).model_fields, "load") from error

        @classmethod
        def model_validate(cls, obj: object, **options: object) -> Self:
            """A spec that was written down; it does not say whether files may run code."""
            if isinstance(obj, Mapping) and obj.get("allow_pickle"):
                raise InputError(
                    "allow_pickle is not taken from what was written down: "
                    "Spec(...).but(allow_pickle=True) if you trust who made the model"
                )
            return super().model_validate(obj, **options)

        @classmethod
        def model_validate_json(cls, json_data: str | bytes, **options: object) -> Self:
            """The same."""
            return cls.model_validate(from_json(json_data), **options)

    def but(self, **changes: object) -> Self:
        """This spec with other settings."""
        return type(self)(**{**self.given(), **changes})

    def for_task(self, task: str | Task[Any]) -> Self:
        """This spec for another task, without the settings that the task has no use for.

        A Decoding was chosen for the task before, and is left out too.
        """
        found = get_task(task)
        name = task if isinstance(task, str) and task.endswith(".toml") else found.name
        if name == self.task:
            return self
        fit = fitting(self.given(), found)
        if isinstance(self.decoding, Decoding):
            del fit["decoding"]
        return type(self)(**{**fit, "task": name})

    def pipeline(self) -> Pipeline:
        """The pipeline that this spec describes.

        A process loads it once: as long as the model's files stay what they are, all who ask for
        the same spec share one pipeline.

        Raises:
            InputError: There is no such task or engine, or no task is named and the model was
                taught none.
            ModelError: The model cannot be found, or is no BioGPT; or the spec describes what a
                program made by itself.
            DeviceError: This machine does not have the device or dtype.
            MissingExtraError: CTranslate2 is not installed.
        """
        from biogpt_plugins.pipeline.loading import pipeline_of  # noqa: PLC0415 - imports this

        return pipeline_of(self)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": {**state["__dict__"], "allow_pickle": False}}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "model", self.model
        for name, value in self.given().items():
            if name != "model":
                yield name, short(value)


def fitting(given: Mapping[str, Any], task: Task[Any]) -> dict[str, Any]:
    """The settings among those given that another task has a use for."""
    fit = dict(given)
    for name in ("min_score", "samples", "min_agreement"):
        if task.kind != "relations":
            fit.pop(name, None)
    if not task.choices:
        fit.pop("method", None)
    if not task.choices or fit.get("method") == "complete":
        fit.pop("abstain_below", None)
    decoding = fit.get("decoding")
    if task.grammar is None and decoding == "grounded":
        fit.pop("decoding")
    if task.grammar is None and isinstance(decoding, Decoding) and decoding.form == "grounded":
        fit["decoding"] = decoding.but(form="free")
    return fit


def cannot_be_loaded(model: str, own: Sequence[str]) -> str:
    """What to say of a spec that no pipeline can be loaded by."""
    return (
        f"{model!r} cannot be loaded by its name: a program made it with {' and '.join(own)}. Make "
        "it again in this program, with from_pipeline(...) or from_engine(...)"
    )


class _Told:
    """A word that `repr` gives as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def short(value: object) -> object:
    """A setting in short, for a `repr`: what a decoding changes, and the tasks of a calibration."""
    if isinstance(value, Calibration):
        tasks = [*value.answers, *value.relations]
        return _Told(f"Calibration({', '.join(tasks)})")
    if isinstance(value, Decoding):
        usual = Decoding()
        changed = [
            f"{field.name}={getattr(value, field.name)!r}"
            for field in dataclass_fields(value)
            if getattr(value, field.name) != getattr(usual, field.name)
        ]
        return _Told(f"Decoding({', '.join(changed)})")
    return value


def explained(error: ValidationError, known: Iterable[str], what: str) -> BioGPTError:
    """What pydantic found wrong with options, in one line: the first of them."""
    faults = error.errors(include_url=False)
    fault = next((one for one in faults if one["type"] == "value_error"), faults[0])
    name = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return OptionError(unknown_option(name, known, what))
    if fault["type"] == "value_error":
        return InputError(str(fault["ctx"]["error"]))
    choices = [str(one["ctx"]["expected"]) for one in faults if "expected" in one.get("ctx", {})]
    if choices:
        return InputError(f"{name} must be {choices[0]}, not {fault['input']!r}")
    told = f"{fault['msg'][:1].lower()}{fault['msg'][1:]}"
    return InputError(f"{name} = {fault['input']!r}: {told}")


def unknown_option(name: str, known: Iterable[str], what: str) -> str:
    """What to say of an option that there is not."""
    names = [one for one in known if one not in ("own", "pipeline")]
    near = get_close_matches(name, names, n=1)
    guess = f" Do you mean {near[0]!r}?" if near else ""
    return f"{what} has no option {name!r}.{guess} It has {', '.join(names)}"
