"""`biogpt calibrate`: fits probabilities to how often predictions are right."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table

from biogpt_plugins.checkpoints.calibration import CALIBRATION_FILE, Calibration, read_calibration
from biogpt_plugins.checkpoints.locate import BUNDLED
from biogpt_plugins.cli import console
from biogpt_plugins.cli.evaluate import (
    CHUNK,
    Entities,
    GroundTruth,
    Limit,
    Task,
    Written,
)
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.evaluation.run import check_texts, predict
from biogpt_plugins.pipeline.loading import find_task
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

if TYPE_CHECKING:
    from biogpt_plugins.evaluation.calibrating import Fitted


@console.takes_model_options
def calibrate(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    task: Task,
    *,
    data: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Labelled documents that the model was not trained on."),
    ],
    model: console.Model = "demo",
    limit: Limit = None,
    decoding: Annotated[
        Written,
        typer.Option(
            help="How the model writes relations. grounded makes it copy names from the text; "
            "entities makes it name only what the corpus annotates."
        ),
    ] = Written.free,
    method: Annotated[
        console.Method | None,
        typer.Option(
            help="rank fits the probabilities of ranked pairs of annotated entities.",
            show_default="choose if the task has labels, otherwise complete",
        ),
    ] = None,
    contextual: Annotated[
        bool | None,
        typer.Option(
            "--contextual/--no-contextual",
            help="Divide answer probabilities by those that the model gives without a text.",
            show_default="whichever is better on the data",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the calibration to this file, for --calibration and "
            "`load(..., calibration=FILE)`.",
            show_default="the model folder, where `load` finds it",
        ),
    ] = None,
    ground_truth: GroundTruth = None,
    entities: Entities = None,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Fit a calibration of answer probabilities or relation scores on labelled data.

    The command measures the calibration by five-fold cross-validation, repeated ten times. If the
    file already has calibrations for other tasks, they stay.
    """
    from biogpt_plugins.evaluation import calibrating  # noqa: PLC0415 - loads numpy

    path = _place(model, out)
    known = read_calibration(path) if path.is_file() else Calibration()
    right = read_gold(
        data, find_task(task, model), ground_truth=ground_truth, entities=entities, limit=limit
    )
    check_texts(right)
    own = get_task(right.task)
    calibration = calibrating.unfitted(own, contextual=contextual)
    asked: dict[str, Any] = {"method": "choose"}
    if own.kind == "relations":
        asked = {"decoding": decoding.value, "min_score": 0.0}
        asked |= {"method": method.value} if method else {}
    ranked = method is console.Method.rank
    pipeline = console.load(
        ctx,
        model,
        own.name,
        calibration=calibration,
        **options,
        **asked,
    )
    predictions = []
    with console.progress() as progress:
        bar = progress.add_task(own.name, total=len(right.documents), rest="")
        for prediction in predict(pipeline, right, chunk_size=CHUNK):
            predictions.append(prediction)
            progress.update(bar, advance=1)
    found = calibrating.calibrate(right, predictions, contextual=contextual)
    known.with_task(own.name, found.calibration, ranked=ranked).save(path)
    if as_json:
        console.print_json(found)
    else:
        _show(found)
    console.stderr().print(f"written to {path}", soft_wrap=True)
    if not out and {"engine", "dtype"} & options.keys():
        console.remark(
            "note",
            "`load` uses this calibration with every engine and dtype of the model: to use it only "
            "on request, write it elsewhere with --out",
        )


def _place(model: str, out: Path | None) -> Path:
    """The file to write the calibration to.

    Raises:
        InputError: The model is not a folder, or the folder is not writable.
    """
    if out:
        return out
    folder = Path(model).expanduser()
    if model in BUNDLED or not folder.is_dir():
        raise InputError(
            f"{model!r} is not a local model folder, so the calibration needs a file: name one "
            "with --out, and give it to load(..., calibration=FILE)"
        )
    if not os.access(folder, os.W_OK):
        raise InputError(
            f"the folder {folder} is not writable: name a file with --out, and give it to "
            "load(..., calibration=FILE)"
        )
    return folder / CALIBRATION_FILE


def _show(found: Fitted) -> None:
    answers = "temperature" in found.calibration.model_dump()
    table = Table("", box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for head in ("ECE", "NLL", "accuracy" if answers else "precision", "AUROC"):
        table.add_column(head, justify="right")
    for each in found.variants:
        shares = (f"{100 * each.ece:.2f}", f"{each.nll:.4f}", f"{100 * each.accuracy:.2f}")
        style = "bold" if each.name == found.chosen else ""
        table.add_row(each.name, *shares, f"{each.auroc:.3f}", style=style)
    out = console.stdout()
    noun = "answers" if answers else "relations"
    out.print(f"{found.task}, {found.examples:,} {noun}", style="bold")
    out.print(table)
    fields = found.calibration.model_dump(exclude={"examples"}, exclude_defaults=True)
    numbers = ", ".join(
        name if value is True else f"{name} {value:.3f}" for name, value in fields.items()
    )
    out.print(f"Chosen: {found.chosen} ({numbers}).")
    out.print(
        "Shares are in percent, measured on data outside the fit (cross-validation).",
        style="dim",
    )
    if min(found.variants, key=lambda each: each.nll) is found.variants[0]:
        console.remark("note", "the calibration is no better than the model's own probabilities")
    if found.failures:
        without = counted(
            found.failures, "document without a result was", "documents without a result were"
        )
        console.remark("note", f"{without} left out")
