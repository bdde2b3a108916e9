"""`biogpt bench`: how fast this package is on this machine, beside what one would use instead."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table as Grid

from biogpt_plugins.bench.report import FIGURES, cells, heads, markdown, plot
from biogpt_plugins.cli import console
from biogpt_plugins.values.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from biogpt_plugins.bench.figures import Report, Table


class Shape(str, Enum):
    """Sizes of models with random weights."""

    tiny = "tiny"
    base = "base"
    large = "large"


class Case(str, Enum):
    """What can be measured."""

    tokenizer = "tokenizer"
    extract = "extract"
    questions = "questions"
    several = "several"
    stream = "stream"
    callers = "callers"
    load = "load"
    overhead = "overhead"
    decode = "decode"


class Peer(str, Enum):
    """What it is measured beside."""

    langchain = "langchain"
    llama_index = "llama-index"
    transformers = "transformers"
    generate = "generate"
    generate_static = "generate-static"
    generate_batch = "generate-batch"


def bench(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    *,
    model: console.Model = "demo",
    shape: Annotated[
        Shape | None,
        typer.Option(
            help="Random weights in this shape instead, with the model's vocabulary; base and "
            "large are those of BioGPT, tiny is to try the command.",
            show_default=False,
        ),
    ] = None,
    dictionary: Annotated[
        Path | None,
        typer.Option("--dict", help="dict.txt, another vocabulary for it.", show_default=False),
    ] = None,
    bpecodes: Annotated[
        Path | None, typer.Option("--bpecodes", help="Its byte-pair codes.", show_default=False)
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Files of papers, as `extract` reads them. Repeatable.",
            show_default="the demo's papers",
        ),
    ] = None,
    only: Annotated[
        list[Case] | None,
        typer.Option(help="Measure this alone. Repeatable.", show_default="all that fits"),
    ] = None,
    peer: Annotated[
        list[Peer] | None,
        typer.Option(help="Measure beside this alone. Repeatable.", show_default="all"),
    ] = None,
    sizes: Annotated[
        str, typer.Option(help="Papers in one call, a table for each number.")
    ] = "1,8,32,64",
    callers: Annotated[
        int, typer.Option(min=1, help="How many ask at the same time; questions, too.")
    ] = 32,
    new_tokens: Annotated[
        int, typer.Option(min=2, help="Most tokens to write for each paper.")
    ] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each side.")] = 3,
    checked: Annotated[
        int, typer.Option(min=1, help="Papers for which greedy ids are compared.")
    ] = 8,
    batch_sizes: Annotated[
        str, typer.Option(help="Those tried by hand for HuggingFacePipeline.")
    ] = "8,32",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write OUT.json, OUT.md and OUT.png.", show_default=False),
    ] = None,
    device: console.Device = None,
    as_json: console.Json = False,
    allow_pickle: console.AllowPickle = False,
) -> None:
    """Measure speed, memory and own cost, beside what one would use instead.

    All sides get the same prompts and write greedily; in float32 they must write the same, or the
    command ends with 1. What is not installed is named, and left out.
    """
    from biogpt_plugins.bench import run as running  # noqa: PLC0415 - loads torch
    from biogpt_plugins.bench.trial import Settings  # noqa: PLC0415 - the same
    from biogpt_plugins.engines.devices import pick_device  # noqa: PLC0415 - the same

    chosen = running.Model(
        name=model,
        shape=shape.value if shape else None,
        dictionary=dictionary,
        bpecodes=bpecodes,
        allow_pickle=allow_pickle,
    )
    # Without a GPU it says little: weights are read as fast as they come.
    decodes = shape is not None and pick_device(device).type == "cuda"
    fitting = [case for case in Case if case is not Case.decode or decodes]
    cases = [case.value for case in only or fitting]
    if "decode" in cases and not shape:
        raise InputError("decode needs a model that does not end by itself: give a --shape")
    settings = Settings(
        sizes=_numbers(sizes, "--sizes"),
        new_tokens=new_tokens,
        rounds=rounds,
        callers=callers,
        checked=checked,
        batch_sizes=_numbers(batch_sizes, "--batch-sizes"),
        peers=tuple(one.value for one in peer or Peer),
    )
    err = console.stderr()
    with err.status("loading") as status:
        found = running.run(
            chosen,
            cases,
            settings,
            ctx.obj,
            command=_command(),
            data=data or (),
            device=device,
            tell=status.update,
        )
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        _file(out, "json").write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
        _file(out, "md").write_text(markdown(found), encoding="utf-8")
        try:
            plot(found, _file(out, "png"))
        except MissingExtraError as error:
            console.remark("note", str(error))
    _show(found, as_json=as_json)
    if out:
        err.print(f"written to {out}.json, .md and .png", soft_wrap=True)
    for fault in found.faults:
        console.remark("error", fault)
    if found.faults:
        raise typer.Exit(1)


def _numbers(text: str, option: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise InputError(f"{option} {text} is no list of numbers above 0: give 1,8,32 say")
    return tuple(map(int, parts))


def _file(out: Path, ending: str) -> Path:
    return out.with_name(f"{out.name}.{ending}")


def _command() -> str:
    """As it was given, without the places where somebody's files lie."""
    given = (Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:])
    return join(["biogpt", *given])


def _show(found: Report, *, as_json: bool) -> None:
    if as_json:
        console.print_json(found)
        return
    out = console.stdout()
    for table in found.tables:
        out.print(_grid(table))
        for fact in table.facts:
            out.print(fact, style="dim")
        out.print()
    out.print(FIGURES, style="dim")
    for agreement in found.agreements:
        out.print(str(agreement), style="" if agreement.holds else "bold red")


def _grid(table: Table) -> Grid:
    grid = Grid(
        title=table.title,
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        header_style="bold",
        title_style="bold",
        title_justify="left",
    )
    grid.add_column("", overflow="fold")
    for head in heads(table):
        grid.add_column(head, justify="right", overflow="fold")
    for row in table.rows:
        grid.add_row(row.side, *cells(table, row), style="cyan" if row.ours else "")
    return grid
