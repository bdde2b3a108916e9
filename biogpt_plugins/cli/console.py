"""Shared by all commands: consoles, options and model loading."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, Protocol, get_type_hints

import typer
from pydantic import BaseModel
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from biogpt_plugins.cli.consoles import TOLD, remark, stderr, stdout
from biogpt_plugins.corpus import check_columns
from biogpt_plugins.engine import Form
from biogpt_plugins.pipeline import Pipeline, Spec
from biogpt_plugins.pipeline.loading import TRIALS, trial_note
from biogpt_plugins.values.errors import BioGPTError, InputError
from biogpt_plugins.values.results import Prediction, is_for_trial

__all__ = ["remark", "stderr", "stdout"]  # from consoles, beside the names below

Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help='"demo", a model folder, a model id on the Hugging Face hub, or the address of a '
        "server (http://...).",
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="ENGINE",
        help="transformers or ctranslate2.",
        show_default="the engine that the model folder was made for",
    ),
]
DecodingManner = Annotated[
    Form | None,
    typer.Option(
        "--decoding",
        help="free lets the model write anything. grounded makes it copy names from the text and "
        "write only what the task can read. entities makes it name only what the files annotate.",
        show_default="free",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE", help="cuda, cuda:1, mps or cpu.", show_default="the fastest available"
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="DTYPE",
        help="bfloat16, float16 or float32; with ctranslate2 int8 or float32.",
        show_default="the best for the device",
    ),
]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Also load *.bin weights. Such a file can run any code: use only files you trust.",
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(
        metavar="REVISION",
        help="Branch, tag or commit of a model on the hub.",
        show_default="the main branch",
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Largest number of inputs to compute at once.",
        show_default="depends on the device",
    ),
]
Drafts = Annotated[
    bool | None,
    typer.Option(
        "--drafts/--no-drafts",
        help="Write several tokens in one pass of the model where they can be guessed. It does not "
        "change completions.",
        show_default="--drafts",
    ),
]
MODEL_OPTIONS: dict[str, Any] = {
    "engine": Engine,
    "device": Device,
    "dtype": Dtype,
    "revision": Revision,
    "batch_size": BatchSize,
    "drafts": Drafts,
    "allow_pickle": AllowPickle,
}
"""The options for loading a model, by their names in Spec."""

AbstainBelow = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="PROBABILITY",
        help="Withhold an answer if its probability is lower.",
        show_default=False,
    ),
]
CalibrationFile = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="A file that `biogpt calibrate` wrote.",
        show_default="the one in the model folder, if any",
    ),
]


class Method(str, Enum):
    """How a model finds labels or relations."""

    complete = "complete"
    choose = "choose"
    rank = "rank"


class LongTexts(str, Enum):
    """How a text is read that is longer than the model takes."""

    windows = "windows"
    cut = "cut"


Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        help="FIELD=NAME: which column of a table, or key of JSON, is the id, title, abstract, "
        "text, question, context or entities, where its name does not say so. Repeatable.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def takes_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add MODEL_OPTIONS to a command, which gets those that the user set in `options`."""
    hints = get_type_hints(command, include_extras=True)
    given = [one for one in signature(command).parameters.values() if one.name != "options"]
    own = [one.replace(annotation=hints[one.name]) for one in given]
    usual = Spec.model_fields
    more = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=usual[name].default, annotation=kind)
        for name, kind in MODEL_OPTIONS.items()
    ]

    def run(*args: Any, **given: Any) -> None:  # noqa: ANN401 - what typer gives
        every = {name: given.pop(name) for name in MODEL_OPTIONS}
        chosen = {name: one for name, one in every.items() if one != usual[name].default}
        command(*args, options=chosen, **given)

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, __name__
    run.__signature__ = signature(command).replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    kinds = {one.name: hints[one.name] for one in own}
    run.__annotations__ = {**kinds, **MODEL_OPTIONS, "return": None}
    return run


class Load(Protocol):
    """A model loader: `biogpt_plugins.load`, or the `obj` that the app was given."""

    def __call__(self, model: str, task: str | None, **options: Any) -> Pipeline:  # noqa: ANN401
        """Load a model for a task, or for the model's own task."""
        ...


@dataclass(frozen=True)
class Asked:
    """The pipeline that a command asks, as a value: here, or in another process, it is loaded.

    Attributes:
        spec: The model, the task and the settings.
        load: How models are loaded.
        allow_pickle: As in Spec, whose pickle leaves it out.
        scored: Whether each relation tells how sure the model was of it.
    """

    spec: Spec
    load: Load
    allow_pickle: bool = False
    scored: bool = False

    @classmethod
    def of(
        cls,
        load: Load,
        *,
        scored: bool = False,
        **options: Any,  # noqa: ANN401 - the fields of Spec
    ) -> Asked:
        """What a command was given.

        Raises:
            InputError: An option is out of range; the message names it.
            OSError: The file of a dictionary or a calibration is missing.
        """
        given = {name: one for name, one in options.items() if one is not None}
        spec = Spec(**given)
        return cls(spec, load, spec.allow_pickle, scored)

    def __call__(self) -> Pipeline:
        """Load it."""
        given = self.spec.but(allow_pickle=self.allow_pickle).given()
        model, task = given.pop("model", self.spec.model), given.pop("task", None)
        pipeline = self.load(model, task, **given)
        if self.scored and pipeline.task.kind == "relations":
            pipeline = pipeline.with_decoding(pipeline.decoding.but(logprobs=True))
        return pipeline


def named_columns(given: list[str] | None) -> dict[str, str]:
    """Names of columns by our fields, as `--columns` gives them.

    Raises:
        InputError: One is not FIELD=NAME, or names a field that there is not.
    """
    named: dict[str, str] = {}
    for each in given or ():
        field, mark, name = each.partition("=")
        if not mark or not name.strip():
            raise InputError(f"--columns {each}: give FIELD=NAME, title=ArticleTitle for one")
        named[field.strip().lower()] = name.strip()
    check_columns(named)
    return named


def print_json(value: BaseModel, *, exclude: Any = None) -> None:  # noqa: ANN401 - pydantic's
    """Print JSON in one line, always in UTF-8."""
    sys.stdout.buffer.write(value.model_dump_json(exclude=exclude).encode() + b"\n")
    sys.stdout.buffer.flush()


def decode(data: bytes, name: str) -> str:
    """The text of a file's bytes.

    Raises:
        InputError: It is not in UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 text: convert it first, for example with iconv"
        ) from error


def progress() -> Progress:
    """A progress bar with a field `rest` for remarks; disabled without a terminal."""
    err = stderr()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rest]}", style="dim"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def load(
    ctx: typer.Context,
    model: str,
    task: str | None,
    **options: Any,  # noqa: ANN401
) -> Pipeline:
    """Load a model for a task, with a status line."""
    chosen: Load = ctx.obj
    return loaded(partial(chosen, model, task, **options), model)


def loaded(load: Callable[[], Pipeline], model: str) -> Pipeline:
    """Call a function that loads a model, with a status line.

    If the model is for trying out, one line tells it, once in a command.
    """
    TRIALS.disabled = True  # a command says it itself, each time
    try:
        with stderr().status(f"loading {model}"):
            pipeline = load()
    finally:
        TRIALS.disabled = False
    if is_for_trial(pipeline.model_name):
        tell_of_trial(pipeline.model_name)
    return pipeline


def tell_of_trial(model: str) -> None:
    """Say that a model is for trying out, once in a command."""
    if model not in TOLD:
        TOLD.add(model)
        remark("note", trial_note(model))


def result_of(prediction: Prediction[Any], *, as_json: bool = False) -> Any:  # noqa: ANN401
    """The result of a Prediction; print the Prediction as JSON if `as_json`.

    Raises:
        BioGPTError: It holds an error.
    """
    if as_json:
        print_json(prediction)
    # Free text usually ends at the limit: no warning.
    for warning in () if prediction.kind == "text" else prediction.warnings:
        remark("warning", warning)
    if prediction.error:
        raise BioGPTError(prediction.error.message)
    return prediction.result
