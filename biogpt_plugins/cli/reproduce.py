"""`biogpt reproduce`: the paper's figures, from the official data and recipe."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich import box
from rich.table import Table

from biogpt_plugins.cli import console
from biogpt_plugins.cli.finetune import setting
from biogpt_plugins.cli.running import SIGTERM
from biogpt_plugins.corpus.run.interrupts import Terminated, terminated_cleanly
from biogpt_plugins.reproduction import Report
from biogpt_plugins.reproduction import reproduce as run

T = TypeVar("T")


class Figure(str, Enum):
    """A task whose figure the paper reports."""

    bc5cdr = "bc5cdr"
    ddi = "ddi"
    kd_dti = "kd_dti"
    hoc = "hoc"
    pubmedqa = "pubmedqa"


def reproduce(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    figure: Annotated[
        Figure,
        typer.Argument(
            metavar="|".join(each.value for each in Figure), help="The figure to reproduce."
        ),
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="The model to start from: a model folder, or a model id on the hub. One that "
            "knows the task already is evaluated without training.",
            show_default="microsoft/biogpt; for pubmedqa microsoft/BioGPT-Large-PubMedQA",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The official files, if you have them: a copy of the repository microsoft/BioGPT, "
            "or any folder in it down to their own.",
            show_default="download them",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="The folder for data, model and figures.",
            show_default="reproduced-TASK, with --smoke reproduced-TASK-smoke",
        ),
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke",
            help="Try everything in a minute or two on a CPU: 20 papers, two epochs, and unless "
            "--model names one a tiny new model. The papers are invented unless --data or --url "
            "is given. The figures say nothing about quality.",
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="BIOGPT_DATA_URL",
            help="Where to download the data: the address of a copy of the repository.",
            show_default="the official repository on GitHub",
        ),
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME=VALUE",
            help="Replace a setting of the official recipe, as in `biogpt finetune`, for example "
            "dtype=bfloat16. Repeatable.",
        ),
    ] = None,
    as_json: console.Json = False,
) -> None:
    """Reproduce a figure of the BioGPT paper on your own GPU, and show both.

    The command downloads the official data, trains by the official recipe, and evaluates on the
    test set: with the official reading of completions, with this package's, and with grounded
    decoding. The same command continues an interrupted run; finished stages are not done again.
    """
    name = figure.value
    folder = out or Path(f"reproduced-{name}{'-smoke' if smoke else ''}")

    from biogpt_plugins.training import TrainingInterrupted  # noqa: PLC0415 - seldom needed

    try:
        with terminated_cleanly():
            report = run(
                name,
                out=folder,
                model=model,
                data=data,
                url=url,
                smoke=smoke,
                options=dict(map(setting, more or ())),
                load=partial(console.load, ctx),
                tell=partial(console.remark, "note"),
                watch=_watch,
            )
    except KeyboardInterrupt as error:
        console.remark(
            "warning", f"interrupted; {folder} keeps what is done: the same command continues it"
        )
        number = error.number if isinstance(error, TrainingInterrupted) else None
        if number or isinstance(error, Terminated):
            raise typer.Exit(128 + number if number else SIGTERM) from error
        raise
    if as_json:
        console.print_json(report)
    else:
        _show(report)
    console.stderr().print(f"written to {folder}", soft_wrap=True)


def _watch(values: Iterator[T], name: str, total: int) -> Iterator[T]:
    with console.progress() as progress:
        bar = progress.add_task(name, total=total, rest="")
        for value in values:
            yield value
            progress.update(bar, advance=1)


def _show(report: Report) -> None:
    (first, *others), *rows = report.table()
    table = Table(first, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in others:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    out = console.stdout()
    out.print(report.title, style="bold")
    out.print(table)
    for note in report.notes():
        out.print(note, style="dim")
