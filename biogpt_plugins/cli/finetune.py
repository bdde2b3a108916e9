"""`biogpt finetune`: trains a model on solved papers."""

from __future__ import annotations

from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError


class RecipeName(str, Enum):
    """Where settings come from that are not given."""

    default = "default"
    official = "official"


class Weights(str, Enum):
    """The weights to train."""

    full = "full"
    lora = "lora"
    qlora = "qlora"


def finetune(  # noqa: PLR0913 - options of a command
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help="A task that `biogpt tasks` lists, or a TOML file; several separated by commas.",
        ),
    ],
    *,
    train: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE",
            help='Solved inputs: JSON Lines with "gold", a spreadsheet with the columns text, '
            "head, type and tail, JSON of BC5CDR or PubMedQA, or PubTator. Repeatable.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="The folder for the new model.")
    ],
    valid: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Solved inputs to measure the loss and the metric on; the best weights are saved.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help='The model to start from: a model folder, a model id on the hub, or "fresh" for '
            "a small new model.",
        ),
    ] = "microsoft/biogpt",
    recipe: Annotated[
        RecipeName,
        typer.Option(
            metavar="default|official",
            help="default suits your own data; official trains as BioGPT's authors did.",
        ),
    ] = RecipeName.default,
    epochs: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Number of passes over the data.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="RATE", help="The peak learning rate.")
    ] = None,
    weights: Annotated[
        Weights,
        typer.Option(
            help="full trains all weights; lora trains low-rank additions to them; qlora does so "
            "with the model in 4 bits."
        ),
    ] = Weights.full,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model or run in the folder.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check all data and print updates, tokens, memory, disk and time; write nothing.",
        ),
    ] = False,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME=VALUE",
            help="Any other field of biogpt_plugins.training.Options, for example layers=4. "
            "Repeatable.",
        ),
    ] = None,
) -> None:
    """Train a model for a task, in the official layout with learned prompt tokens.

    The new folder records its task: `biogpt extract FILE --model FOLDER`.
    """
    options: dict[str, Any] = {"epochs": epochs, "learning_rate": learning_rate}
    options = {name: value for name, value in options.items() if value is not None}
    options |= {"weights": weights.value, **dict(map(setting, more or ()))}

    options |= {"train": train, "valid": valid, "model": model, "recipe": recipe.value}
    options["tell"] = partial(console.remark, "note")

    from biogpt_plugins.training import TrainingInterrupted, estimate  # noqa: PLC0415 - rarely
    from biogpt_plugins.training import finetune as teach  # noqa: PLC0415
    from biogpt_plugins.training.allocation import keep_freed_memory  # noqa: PLC0415
    from biogpt_plugins.training.processes import is_first  # noqa: PLC0415

    if dry_run:
        console.stdout().print(str(estimate(task, **options)), soft_wrap=True, highlight=False)
        return
    keep_freed_memory()
    try:
        trained = teach(task, out=out, resume=resume, overwrite=overwrite, **options)
    except TrainingInterrupted as interrupted:
        if is_first():
            console.remark("warning", str(interrupted))
        raise typer.Exit(128 + interrupted.number) from interrupted
    if not is_first():
        return
    loss = f"loss {trained.train_loss:.3f}"
    if trained.valid_loss is not None:
        loss += f", on the validation data {trained.valid_loss:.3f}"
    loss += "".join(f", {name} {value:.1%}" for name, value in trained.figures)
    err = console.stderr()
    examples, updates = counted(trained.examples, "example"), counted(trained.steps, "update")
    err.print(f"{examples}, {updates}, {loss}")
    err.print("the model is in ", end="")
    console.stdout().print(str(trained.folder), soft_wrap=True)


def setting(pair: str) -> tuple[str, str]:
    """The name and the value of a setting, as `--set` gives them.

    Raises:
        InputError: It is not NAME=VALUE.
    """
    name, equals, value = pair.partition("=")
    if not (name and equals and value):
        raise InputError(f"--set must be NAME=VALUE, not {pair!r}")
    return name.strip().replace("-", "_"), value.strip()
