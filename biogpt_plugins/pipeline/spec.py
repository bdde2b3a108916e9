"""The settings that determine results, as one value.

Each setting is declared once, here. `load`, `Pipeline`, adapter fields, command-line options, Ray
workers, run manifests and cache keys are derived from these declarations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
)
from pydantic_core import from_json
from typing_extensions import Self

from biogpt_plugins.checkpoints import BUNDLED
from biogpt_plugins.checkpoints.address import check_address, is_address
from biogpt_plugins.checkpoints.calibration import Calibration, read_calibration
from biogpt_plugins.engine import Decoding, Form, Runtime
from biogpt_plugins.entities import EntityDictionary, Instead, source_of
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.entities import EntitySource
from biogpt_plugins.values.errors import BioGPTError, InputError, OptionError, did_you_mean

if TYPE_CHECKING:
    from biogpt_plugins.pipeline.pipeline import Pipeline

Method = Literal["auto", "complete", "choose", "rank"]
LongTexts = Literal["windows", "cut"]
_USES = ("use", "ignore", "decoded")  # entities of inputs, and of the model


def _calibration(given: object) -> object:
    return read_calibration(Path(given)) if isinstance(given, str | Path) else given


def _setting(default: Any, description: str, **limits: Any) -> Any:  # noqa: ANN401 - pydantic's
    """A field that is saved only if it differs from its default."""
    return Field(
        default=default,
        description=description,
        exclude_if=lambda value: value is default or bool(value == default),
        **limits,
    )


class Settings(BaseModel):
    """How a task is run, and which of its results are accepted."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    decoding: Decoding | Form | None = _setting(
        None,
        'How completions are generated. "grounded" follows the format of the task\'s targets and '
        'copies names from the text. "entities" follows it and names only entities of the input. '
        '"free" and None use the task\'s official decoding; a Decoding replaces it.',
    )
    method: Method = _setting(
        "auto",
        '"choose" scores the task\'s labels, "complete" generates and parses a completion, "rank" '
        'gives every pair of the input\'s entities the probability of its clause, "auto" is '
        '"choose" for tasks with labels and "complete" for others.',
    )
    long_texts: LongTexts = _setting(
        "windows",
        "How texts that exceed the model's limit are read, for tasks that find relations: in "
        'overlapping "windows" of whole sentences, or with their ends "cut", as the official code '
        "does.",
    )
    min_score: float | None = _setting(
        None,
        "Minimum score of a relation, from 0 to 1. A warning counts the relations that are left "
        "out. 0 keeps all relations, with scores even where these need a further pass (beams). "
        'method="rank" returns all pairs without it.',
    )
    recall: float | None = _setting(
        None,
        'For method="rank": keep the most probable pairs that together hold this share of the '
        "relations that a paper is expected to have, by its calibrated probabilities.",
    )
    samples: int | None = _setting(
        None,
        "Number of completions for each input, sampled at the decoding's temperature (1 if it has "
        "none) or taken from its beams. Relations then have an `agreement`.",
    )
    min_agreement: float = _setting(
        0.5, "Minimum share of the samples that must contain a relation, from 0 to 1."
    )
    abstain_below: float | None = _setting(
        None,
        "Minimum probability of an answer. If no label reaches it, the result gives the reason "
        "instead of an answer.",
    )
    calibration: Annotated[Calibration | None, BeforeValidator(_calibration)] = _setting(
        None,
        "Correction of probabilities: a Calibration or the path of its file. None uses the file "
        "that `biogpt calibrate` saved with the model; `Calibration()` corrects nothing.",
    )
    dictionary: EntityDictionary | None = _setting(
        None,
        "Dictionary of entity ids: an EntityDictionary, or the path of a file that `biogpt "
        "dictionary build` wrote or of a CSV file.",
    )
    entities: Literal["use", "ignore", "decoded"] | EntitySource = _setting(
        "use",
        'Entities of inputs, which decoding "entities" and method "rank" need: "use" those that '
        "inputs bring; or what finds them, for inputs that bring none: a function of a Text, an "
        'EntityDictionary or its path, or "spacy:MODEL". `Instead` of these finds them for all '
        'inputs. "rank" takes "decoded" ones, too: names that the model writes. "ignore" reads '
        "none.",
    )

    @classmethod
    def of(cls, given: Mapping[str, Any], what: str) -> Self:
        """Validate settings.

        Args:
            given: The settings by name.
            what: What they were passed to, for messages.

        Raises:
            InputError: A setting is unknown or out of range; the message names it.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            raise explained(error, cls.model_fields, what) from error

    def every(self) -> dict[str, Any]:
        """All settings by name."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def given(self, kind: type[Settings] | None = None) -> dict[str, Any]:
        """The settings that differ from their defaults, by name.

        Args:
            kind: Return only the fields of this class.
        """
        fields = (kind or type(self)).model_fields
        every = {name: getattr(self, name) for name in fields}
        return {name: one for name, one in every.items() if one != fields[name].default}

    @field_validator("min_score", "min_agreement", "abstain_below", "recall")
    @classmethod
    def _is_a_share(cls, share: float | None, info: ValidationInfo) -> float | None:
        if share is not None and not 0 <= share <= 1:
            raise InputError(f"{info.field_name} must be from 0 to 1, not {share:g}")
        return share

    @field_validator("entities", mode="before")
    @classmethod
    def _is_at_hand(cls, entities: object) -> object:
        if isinstance(entities, Mapping) and "instead" in entities:
            found = cls._is_at_hand(entities["instead"])
            if isinstance(found, EntitySource):
                return Instead(found)
        if isinstance(entities, Mapping) and "source" in entities:
            raise InputError(
                f"entities came from {entities['source']}, which is not saved: give it again"
            )
        if isinstance(entities, Mapping):
            return EntityDictionary.of(entities)
        if isinstance(entities, Path) or (isinstance(entities, str) and entities not in _USES):
            return source_of(entities)
        return entities

    @field_serializer("entities")
    def _is_named(self, entities: object) -> object:
        if isinstance(entities, Instead):
            return {"instead": self._is_named(entities.source)}
        if isinstance(entities, EntityDictionary):
            return entities.as_json()
        spelling = entities if isinstance(entities, str) else getattr(entities, "spelling", None)
        return spelling or {"source": named(entities)}

    @field_validator("samples")
    @classmethod
    def _can_agree(cls, samples: int | None) -> int | None:
        if samples is not None and samples < 2:  # noqa: PLR2004
            raise InputError(f"samples must be at least 2, not {samples}")
        return samples


class ModelSettings(Settings):
    """The model, the hardware it runs on, and how a task is run."""

    KNOBS: ClassVar[frozenset[str]] = frozenset(
        {"device", "batch_size", "drafts", "allow_pickle", "token"}
    )
    """Settings that do not change results."""

    UNSAVED: ClassVar[dict[str, Any]] = {"allow_pickle": False, "token": None}
    """Settings that no saved or pickled value holds, and their defaults."""

    model: str = Field(
        default="demo",
        description='"demo" for the bundled model, a folder, a hub id such as '
        '"microsoft/BioGPT-Large", or the address of a server ("http://...").',
    )
    revision: str | None = _setting(None, "Branch, tag or commit of a hub model.")
    engine: Runtime | None = _setting(
        None,
        '"transformers", or "ctranslate2" (an extra). None uses the engine that the model\'s '
        "folder was made for.",
    )
    device: str | None = _setting(
        None,
        '"cuda", "cuda:1", "mps" or "cpu"; None uses the best available. "cuda:0,cuda:1" or "all" '
        "(every CUDA device) puts a copy of the model on each device and divides the work.",
    )
    dtype: str | None = _setting(
        None,
        '"bfloat16", "float16" or "float32"; None uses the best for the device. For CTranslate2: '
        '"int8" (the default) or "float32".',
    )
    batch_size: int | None = _setting(
        None,
        "Maximum number of inputs computed at once, for all users of the model; None chooses by "
        "device.",
    )
    drafts: bool | None = _setting(
        None,
        "Whether a pass of the model may write several tokens, which are guessed before, for all "
        "users of the model. It does not change completions. None means True, or what another "
        'user has chosen; engine "ctranslate2" makes none.',
    )
    # Only the program may allow code from files; a saved value must not.
    allow_pickle: bool = Field(
        default=False,
        exclude=True,
        description="Also load pytorch_model.bin, which can run code from its author. This setting "
        "is never saved, and never read from saved settings.",
    )

    token: SecretStr | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Bearer token of the server that `model` is the address of; None uses the one "
        "in BIOGPT_SERVE_TOKEN. It is never saved, pickled or shown.",
    )

    @field_validator("model", mode="before")
    @classmethod
    def _names_a_folder(cls, model: object) -> object:
        if isinstance(model, str) and is_address(model):
            return check_address(model)
        if not isinstance(model, Path):
            return model
        # A path is a folder even if a bundled model or a hub model has the same name.
        model = model.expanduser()
        clear = model.is_absolute() or (model.is_dir() and str(model) not in BUNDLED)
        return str(model) if clear else f"./{model}"

    @field_validator("batch_size")
    @classmethod
    def _is_a_number(cls, size: int | None) -> int | None:
        if size is not None and size < 1:
            raise InputError(f"batch_size must be at least 1, not {size}")
        return size


class Spec(ModelSettings):
    """All settings that determine results, as one hashable value for pickle and JSON.

        spec = Spec(model="demo", task="bc5cdr", min_score=0.5)
        spec.pipeline().run(texts)
        Spec.model_validate_json(spec.model_dump_json()) == spec

    The JSON form contains the settings that differ from their defaults, except `allow_pickle`
    and `token`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    task: str | None = _setting(
        None,
        "Name of the task, see `biogpt tasks`; None uses the first task in the model's card.",
    )
    own: tuple[str, ...] = _setting(
        (), "Parts that the program made itself and a spec cannot describe, such as an engine."
    )

    if not TYPE_CHECKING:  # type checkers should see the fields

        def __init__(self, **given: object) -> None:
            """Set the fields.

            Raises:
                InputError: A setting is unknown or out of range; the message names it.
            """
            try:
                super().__init__(**given)
            except ValidationError as error:
                raise explained(error, type(self).model_fields, "load") from error

        @classmethod
        def model_validate(cls, obj: object, **options: object) -> Self:
            """Read a saved spec, which must not set `allow_pickle`."""
            if isinstance(obj, Mapping) and obj.get("allow_pickle"):
                raise InputError(
                    "allow_pickle cannot be read from a saved spec: if you trust the author of the "
                    "model, use Spec(...).but(allow_pickle=True)"
                )
            return super().model_validate(obj, **options)

        @classmethod
        def model_validate_json(cls, json_data: str | bytes, **options: object) -> Self:
            """Read a saved spec, as `model_validate` does."""
            return cls.model_validate(from_json(json_data), **options)

    def but(self, **changes: object) -> Self:
        """This spec with some settings changed."""
        return type(self)(**{**self.given(), **changes})

    def for_task(self, task: str | Task[Any]) -> Self:
        """This spec for another task, without the settings that do not apply to it.

        A Decoding is removed too, because it was chosen for the previous task.
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

        A process loads each spec once. All callers with the same spec share one pipeline, until the
        model's files change.

        Raises:
            InputError: The task is unknown, or no task is given and the model was not trained for
            any. ModelError: The model cannot be found or is not a BioGPT, or the spec has parts
                that the program made itself (`own`).
            DeviceError: This machine does not have the device or does not support the dtype.
            MissingExtraError: CTranslate2 is not installed.
        """
        from biogpt_plugins.pipeline.loading import pipeline_of  # noqa: PLC0415 - imports this

        return pipeline_of(self)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": {**state["__dict__"], **self.UNSAVED}}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "model", self.model
        for name, value in self.given().items():
            if name not in ("model", "token"):
                yield name, short(value)


def fitting(given: Mapping[str, Any], task: Task[Any]) -> dict[str, Any]:
    """The given settings that apply to a task."""
    fit = dict(given)
    for name in ("long_texts", "min_score", "samples", "min_agreement", "entities"):
        if task.kind != "relations":
            fit.pop(name, None)
    if not (task.clause if fit.get("method") == "rank" else task.choices):
        fit.pop("method", None)
    if fit.get("method") != "rank":
        fit.pop("recall", None)
        if fit.get("entities") == "decoded":
            fit.pop("entities")
    if not task.choices or fit.get("method") == "complete":
        fit.pop("abstain_below", None)
    decoding = fit.get("decoding")
    form = decoding.form if isinstance(decoding, Decoding) else decoding
    if not task.writes(form or "free"):
        fit.pop("decoding")
        if isinstance(decoding, Decoding):
            fit["decoding"] = decoding.but(form="free")
    return fit


def cannot_be_loaded(model: str, own: Sequence[str]) -> str:
    """The message for a spec from which no pipeline can be loaded."""
    return (
        f"{model!r} cannot be loaded by name: a program made it with {' and '.join(own)}. Make it "
        "again in this program with from_pipeline(...) or from_engine(...)"
    )


def is_saved(source: object) -> bool:
    """Whether the JSON form of a spec holds where entities come from."""
    if isinstance(source, Instead):
        return is_saved(source.source)
    return isinstance(source, str | EntityDictionary) or bool(getattr(source, "spelling", None))


def named(source: object) -> str:
    """What tells a source of entities from others: its fingerprint, or its name in the program."""
    if isinstance(source, Instead):
        return f"{named(source.source)}, instead of annotations"
    found = getattr(source, "fingerprint", None) or getattr(source, "spelling", None)
    what = source if hasattr(source, "__qualname__") else type(source)
    return str(found or f"{what.__module__}.{what.__qualname__}")


class _Verbatim:
    """A text whose `repr` is the text itself."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def short(value: object) -> object:
    """A short form of a setting for `repr`: a Decoding's changes, a Calibration's tasks."""
    if isinstance(value, Calibration):
        tasks = [*value.answers, *value.relations]
        return _Verbatim(f"Calibration({', '.join(tasks)})")
    if isinstance(value, Decoding):
        usual = Decoding()
        changed = [
            f"{field.name}={getattr(value, field.name)!r}"
            for field in dataclass_fields(value)
            if getattr(value, field.name) != getattr(usual, field.name)
        ]
        return _Verbatim(f"Decoding({', '.join(changed)})")
    return value


def explained(error: ValidationError, known: Iterable[str], what: str) -> BioGPTError:
    """The first of pydantic's validation errors, as a one-line error."""
    faults = error.errors(include_url=False)
    fault = next((one for one in faults if one["type"] == "value_error"), faults[0])
    name = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return OptionError(unknown_option(name, known, what))
    if fault["type"] == "value_error":
        return InputError(str(fault["ctx"]["error"]))
    choices = [str(one["ctx"]["expected"]) for one in faults if "expected" in one.get("ctx", {})]
    if choices:
        guess = did_you_mean(str(fault["input"]), re.findall(r"'([^']*)'", choices[0]))
        remark = f".{guess}" if guess else ""
        return InputError(f"{name} must be {choices[0]}, not {fault['input']!r}{remark}")
    told = f"{fault['msg'][:1].lower()}{fault['msg'][1:]}"
    return InputError(f"{name} = {fault['input']!r} is invalid: {told}")


def unknown_option(name: str, known: Iterable[str], what: str) -> str:
    """The message for an unknown option."""
    names = [one for one in known if one not in ("own", "pipeline")]
    guess = did_you_mean(name, names)
    return f"{what} has no option {name!r}.{guess} Its options are {', '.join(names)}"
