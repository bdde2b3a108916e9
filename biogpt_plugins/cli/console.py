"""What the commands share: consoles, options, and how a model is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, Protocol, get_type_hints

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from biogpt_plugins.engine import Form
from biogpt_plugins.pipeline import Pipeline, Spec
from biogpt_plugins.values.errors import BioGPTError, InputError
from biogpt_plugins.values.results import Prediction

WIDEST = 100
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}

Model = Annotated[
    str,
    typer.Option("--model", "-m", help='"demo", a model folder, or an id on the Hugging Face hub.'),
]
Engine = Annotated[
    str | None,
    typer.Option(
        help="transformers or ctranslate2.", show_default="what the model's folder was made for"
    ),
]
DecodingManner = Annotated[
    Form | None,
    typer.Option(
        "--decoding",
        help="grounded: names are copied from the text, and everything written can be read.",
        show_default="free",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(help="cuda, cuda:1, mps or cpu.", show_default="the best there is"),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        help="bfloat16, float16 or float32; with ctranslate2 int8 or float32.",
        show_default="the best for it",
    ),
]
AllowPickle = Annotated[
    bool,
    typer.Option("--allow-pickle", help="Load *.bin weights too; they can run their maker's code."),
]
Revision = Annotated[
    str | None,
    typer.Option(help="Branch, tag or commit of a hub model.", show_default="its main branch"),
]
BatchSize = Annotated[
    int | None,
    typer.Option(min=1, help="Most inputs computed at once.", show_default="what suits the device"),
]
MODEL_OPTIONS: dict[str, Any] = {
    "engine": Engine,
    "device": Device,
    "dtype": Dtype,
    "revision": Revision,
    "batch_size": BatchSize,
    "allow_pickle": AllowPickle,
}
"""Options that say how a model is loaded, by the names that they have in Spec."""

AbstainBelow = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Give no answer where none is as probable as this.",
        show_default=False,
    ),
]
CalibrationFile = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        help="What `biogpt calibrate` wrote.",
        show_default="what lies beside the model",
    ),
]


class Method(str, Enum):
    """How labels are found."""

    complete = "complete"
    choose = "choose"


Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def takes_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command MODEL_OPTIONS; it gets those that were chosen in one mapping, `options`."""
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
    """How models are loaded: `biogpt_plugins.load`, unless the app was given another as `obj`."""

    def __call__(self, model: str, task: str | None, **options: Any) -> Pipeline:  # noqa: ANN401
        """Bind a task, or the model's own, to a model."""
        ...


def stdout() -> Console:
    """Where results go."""
    console = Console(highlight=False, emoji=False, markup=False)
    console.width = min(console.width, WIDEST)
    return console


def stderr() -> Console:
    """Where progress and remarks go."""
    return Console(stderr=True, highlight=False, emoji=False, markup=False)


def remark(kind: str, message: str) -> None:
    """Say something on the standard error, in one line of any length."""
    line = Text.assemble((f"{kind}: ", _STYLES[kind]), " ".join(message.split()))
    stderr().print(line, soft_wrap=True)


def print_json(value: BaseModel, *, exclude: Any = None) -> None:  # noqa: ANN401 - pydantic's
    """Write JSON in one line; UTF-8, whatever the terminal's encoding."""
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
        raise InputError(f"{name} is no UTF-8 text: convert it, with iconv say") from error


def progress() -> Progress:
    """A bar for records, with a field `rest` for remarks; nothing where nobody watches."""
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
    """Load a model for a task, and show that it takes its time."""
    chosen: Load = ctx.obj
    return loaded(partial(chosen, model, task, **options), model)


def loaded(load: Callable[[], Pipeline], model: str) -> Pipeline:
    """What a function loads, and show that it takes its time."""
    with stderr().status(f"loading {model}"):
        return load()


def result_of(prediction: Prediction[Any], *, as_json: bool = False) -> Any:  # noqa: ANN401
    """The result of a Prediction, which is printed as JSON if asked for.

    Raises:
        BioGPTError: It holds an error.
    """
    if as_json:
        print_json(prediction)
    # Free text ends at the limit as a rule: nothing to warn of.
    for warning in () if prediction.kind == "text" else prediction.warnings:
        remark("warning", warning)
    if prediction.error:
        raise BioGPTError(prediction.error.message)
    return prediction.result
