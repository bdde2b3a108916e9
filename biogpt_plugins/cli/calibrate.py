"""`biogpt calibrate`: probabilities brought in line with how often they are right."""

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
from biogpt_plugins.values.errors import InputError

if TYPE_CHECKING:
    from biogpt_plugins.evaluation.calibrating import Fitted


@console.takes_model_options
def calibrate(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    task: Task,
    *,
    data: Annotated[
        Path, typer.Option(help="Labelled documents that the model was not trained on.")
    ],
    model: console.Model = "demo",
    limit: Limit = None,
    decoding: Annotated[
        Written, typer.Option(help="How relations are found; grounded copies names from the text.")
    ] = Written.free,
    contextual: Annotated[
        bool | None,
        typer.Option(
            "--contextual/--no-contextual",
            help="Divide answers by what the model answers without a text.",
            show_default="if it helps",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Write it to this file, for `load(..., calibration=FILE)`.",
            show_default=f"{CALIBRATION_FILE} in the model's folder, which `load` finds",
        ),
    ] = None,
    ground_truth: GroundTruth = None,
    entities: Entities = None,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Fit a calibration of answers' probabilities, or of relations' scores, on labelled data.

    What it is worth is measured on each fifth of the data by what was fitted on the others, ten
    times over, dealt out anew.
    A file that has other tasks' calibrations keeps them.
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
    known.with_task(own.name, found.calibration).save(path)
    if as_json:
        console.print_json(found)
    else:
        _show(found)
    console.stderr().print(f"written to {path}", soft_wrap=True)
    if not out and {"engine", "dtype"} & options.keys():
        console.remark(
            "note",
            "`load` takes it for every engine and dtype of this model: give --out for one that is "
            "taken only where it is named",
        )


def _place(model: str, out: Path | None) -> Path:
    """Where the calibration is to be written.

    Raises:
        InputError: The model has no folder of the user's own, or it cannot be written to.
    """
    if out:
        return out
    folder = Path(model).expanduser()
    if model in BUNDLED or not folder.is_dir():
        raise InputError(
            f"{model!r} is no folder of yours to write into: name a file with --out, and give it "
            "to load(..., calibration=FILE)"
        )
    if not os.access(folder, os.W_OK):
        raise InputError(
            f"{folder} cannot be written to: name a file with --out, and give it to "
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
    told = found.calibration.model_dump(exclude={"examples"}, exclude_defaults=True)
    numbers = ", ".join(
        name if value is True else f"{name} {value:.3f}" for name, value in told.items()
    )
    out.print(f"Taken: {found.chosen} ({numbers}).")
    out.print(
        "Shares in percent, on fifths of the data that were not fitted on.",
        style="dim",
    )
    if min(found.variants, key=lambda each: each.nll) is found.variants[0]:
        console.remark("note", "it is no better than what the model says: think twice of using it")
    if found.failures:
        console.remark("note", f"{found.failures:,} documents have no result, and no part in it")
