"""`biogpt finetune`: solved papers in, a model folder out."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.values.errors import InputError


class Weights(str, Enum):
    """Which weights are trained."""

    full = "full"
    lora = "lora"


def finetune(  # noqa: PLR0913 - options of a command
    task: Annotated[
        str,
        typer.Argument(help="Names or TOML files, with commas between them."),
    ],
    *,
    train: Annotated[
        list[Path],
        typer.Option(
            help='Solved inputs: JSONL with "gold", BC5CDR or PubMedQA JSON, PubTator. Repeatable.'
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the new model.")],
    valid: Annotated[
        Path | None, typer.Option(help="Solved inputs on which the loss is measured.")
    ] = None,
    model: Annotated[
        str,
        typer.Option("--model", "-m", help='As elsewhere; or "fresh" for a small new one.'),
    ] = "microsoft/biogpt",
    epochs: Annotated[float | None, typer.Option(help="Passes over the data.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its peak.")] = None,
    weights: Annotated[Weights, typer.Option(help="All of them, or low-rank.")] = Weights.full,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted run left off.")
    ] = False,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME=VALUE",
            help="Any other field of biogpt_plugins.training.Options, layers=4 say. Repeatable.",
        ),
    ] = None,
) -> None:
    """Teach a model a task, in the official layout with learned prompt tokens.

    The folder that comes of it knows its task: `biogpt extract ... --model FOLDER`.
    """
    options: dict[str, Any] = {"epochs": epochs, "learning_rate": learning_rate}
    options = {name: value for name, value in options.items() if value is not None}
    options |= {"weights": weights.value, **dict(map(_setting, more or ()))}

    from biogpt_plugins.training import finetune as teach  # noqa: PLC0415 - seldom needed

    made = teach(task, train=train, valid=valid, model=model, out=out, resume=resume, **options)
    loss = f"loss {made.train_loss:.3f}"
    if made.valid_loss is not None:
        loss += f", on the validation data {made.valid_loss:.3f}"
    err = console.stderr()
    err.print(f"{made.examples:,} examples, {made.steps:,} steps, {loss}")
    err.print("the model is in ", end="")
    console.stdout().print(str(made.folder), soft_wrap=True)


def _setting(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not (name and equals and value):
        raise InputError(f"--set {pair} is no setting: give NAME=VALUE")
    return name.strip().replace("-", "_"), value.strip()
