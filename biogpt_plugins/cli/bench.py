"""`biogpt bench`: measures the speed of a model on this machine."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table as Grid

from biogpt_plugins.bench.clock import command_line
from biogpt_plugins.bench.report import MEDIANS, cells, columns, markdown, notes
from biogpt_plugins.cli import console
from biogpt_plugins.corpus import write_text
from biogpt_plugins.values.errors import InputError

if TYPE_CHECKING:
    from biogpt_plugins.bench.figures import Report


class Case(str, Enum):
    """A kind of measurement."""

    speed = "speed"
    stream = "stream"
    load = "load"


def bench(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    *,
    model: console.Model = "demo",
    task: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK",
            help="A task to measure. Repeatable.",
            show_default="the tasks of the model's card",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="A file of papers in any format that `extract` reads. Repeatable.",
            show_default="the demo's papers",
        ),
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENGINE",
            help="An engine to measure: transformers or ctranslate2. Repeatable.",
            show_default="every installed engine",
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DEVICE",
            help="A device to measure: cuda, cuda:1, mps or cpu. Repeatable.",
            show_default="the fastest available",
        ),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DTYPE",
            help="A dtype to measure: bfloat16, float16, float32 or, with ctranslate2, int8. "
            "Repeatable.",
            show_default="the engine's choice",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Largest number of inputs to compute at once.",
            show_default="the engine's choice",
        ),
    ] = None,
    sizes: Annotated[
        str,
        typer.Option(
            metavar="N,N,...", help="Numbers of papers to give in one call. Each gets a row."
        ),
    ] = "1,8,32",
    new_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Largest number of tokens to write for each paper.",
            show_default="the task's own limit",
        ),
    ] = None,
    only: Annotated[
        list[Case] | None,
        typer.Option(
            metavar="|".join(case.value for case in Case),
            help="Measure only this. Repeatable.",
            show_default="everything",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often to repeat each measurement.")] = 3,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="NAME",
            help="Also write NAME.json and NAME.md.",
            show_default=False,
        ),
    ] = None,
    as_json: console.Json = False,
    allow_pickle: console.AllowPickle = False,
) -> None:
    """Measure a model's speed, time to the first token, loading time and memory on this machine.

    The result has a column for each combination of engine, device and dtype. Combinations take
    turns, and each reads every paper afresh. Notes name the combinations that cannot run here.
    """
    from biogpt_plugins.bench.run import run  # noqa: PLC0415 - loads torch

    err = console.stderr()
    with err.status("loading") as status:
        report = run(
            model,
            load=ctx.obj,
            command=command_line("biogpt", words=sys.argv[1:]),
            cases=[case.value for case in only or Case],
            tasks=task or (),
            engines=engine or (),
            devices=device or (),
            dtypes=dtype or (),
            batch_size=batch_size,
            allow_pickle=allow_pickle,
            data=data or (),
            sizes=_numbers(sizes),
            rounds=rounds,
            new_tokens=new_tokens,
            tell=status.update,
        )
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(f"{out}.json", [report.model_dump_json(indent=2), "\n"])
        write_text(f"{out}.md", [markdown(report)])
    if as_json:
        console.print_json(report)
    else:
        _show(report)
    for note in notes(report):
        console.remark("note", f"not measured: {note}")
    if out:
        err.print(f"written to {out}.json and {out}.md", soft_wrap=True)


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise InputError(
            f"--sizes must be whole numbers above 0, separated by commas, not {text!r}"
        )
    return tuple(map(int, parts))


def _show(report: Report) -> None:
    out = console.stdout()
    grid = Grid(
        title=report.model,
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        header_style="bold",
        title_style="bold",
        title_justify="left",
    )
    grid.add_column("", overflow="fold")
    grid.add_column("")
    for name in columns(report):
        grid.add_column(name, justify="right", overflow="fold")
    for table in report.tables:
        grid.add_row(*cells(table, report))
    out.print(grid)
    out.print(MEDIANS, style="dim")
    facts = {key: value for key, value in report.machine.items() if key != "device"}
    out.print("; ".join(f"{key} {value}" for key, value in facts.items()), style="dim")
