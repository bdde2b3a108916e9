"""`biogpt bench`: how fast a model is on this machine."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table as Grid

from biogpt_plugins.bench.report import MEDIANS, cells, columns, markdown, notes
from biogpt_plugins.cli import console
from biogpt_plugins.corpus import write_text
from biogpt_plugins.values.errors import InputError

if TYPE_CHECKING:
    from biogpt_plugins.bench.figures import Report


class Case(str, Enum):
    """What can be measured."""

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
            help="A task to measure. Repeatable.", show_default="the tasks of the model's card"
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="A file of papers, as `extract` reads them. Repeatable.",
            show_default="the demo's papers",
        ),
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="An engine to measure: transformers or ctranslate2. Repeatable.",
            show_default="each one that is installed",
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="A device to measure: cuda, cuda:1, mps or cpu. Repeatable.",
            show_default="the best one",
        ),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(
            help="A dtype to measure: bfloat16, float16, float32 or, with ctranslate2, int8. "
            "Repeatable.",
            show_default="the engine's choice",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Most inputs to compute at once.", show_default="the engine's choice"
        ),
    ] = None,
    sizes: Annotated[
        str, typer.Option(help="How many papers to give in one call; a row for each number.")
    ] = "1,8,32",
    new_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most tokens to write for each paper.",
            show_default="the task's own limit",
        ),
    ] = None,
    only: Annotated[
        list[Case] | None,
        typer.Option(help="Measure only this. Repeatable.", show_default="everything"),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often to measure everything.")] = 3,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Also write OUT.json and OUT.md.", show_default=False),
    ] = None,
    as_json: console.Json = False,
    allow_pickle: console.AllowPickle = False,
) -> None:
    """Measure a model on this machine: papers and tokens a second, first token, loading, memory.

    Each combination of engine, device and dtype is a column of the result. They take turns, and
    read each paper anew. The command names what cannot run here.
    """
    from biogpt_plugins.bench.run import run  # noqa: PLC0415 - loads torch

    err = console.stderr()
    with err.status("loading") as status:
        report = run(
            model,
            load=ctx.obj,
            command=_command(),
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
        raise InputError(f"--sizes must be numbers above 0 with commas between, not {text!r}")
    return tuple(map(int, parts))


def _command() -> str:
    """The command as it was given, without the folders of the user's files."""
    given = (Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:])
    return join(["biogpt", *given])


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
