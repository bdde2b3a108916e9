"""`biogpt aggregate`: combines the Predictions of many papers into one edge per relation."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import Enum
from io import StringIO
from typing import Annotated, Literal

import typer
from rich import box
from rich.table import Table

from biogpt_plugins.cli import console, found, naming
from biogpt_plugins.corpus import JsonlWriter, check_predictions, read_predictions
from biogpt_plugins.corpus.export import csv_line
from biogpt_plugins.findings.edges import Aggregate, Edge
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

_COLUMNS = ("head", "relation", "tail", "supporting", "speculating", "contradicting", "score")
_HEADINGS = ("head", "relation", "tail", "stated", "possible", "negated", "score")
_FIRST_FIGURE = 3


class Shape(str, Enum):
    """The output format."""

    table = "table"
    markdown = "markdown"
    csv = "csv"


def aggregate(  # noqa: PLR0913 - options of a command
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help='Files or run folders that `biogpt extract` wrote; "-" for standard input.',
        ),
    ],
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write all edges to this JSON Lines file.",
            show_default=False,
        ),
    ] = None,
    dictionary: naming.Names = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the --out file if it exists.")
    ] = False,
    shape: Annotated[
        Shape, typer.Option("--format", "-f", help="The format to print.")
    ] = Shape.table,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="Print only the first N edges.")
    ] = None,
) -> None:
    """Combine the relations found in many papers into edges.

    Relations are the same if their ends have the same ids, or without ids the same names. A name
    without id counts as the id that other papers give to this name, unless they give several. Each
    edge lists the papers that state the relation, call it possible, or negate it. A repeated paper
    counts once. The order of papers and files does not matter.
    """
    check_predictions(files)
    aggregated, names = Aggregate(), naming.names(dictionary)
    faults, papers = found.Faults(), 0
    with JsonlWriter(out or "-", force=force, inputs=files) as writer:
        for prediction in read_predictions(files):
            papers += 1
            try:
                if isinstance(prediction, InputError):
                    raise prediction
                aggregated.add(prediction)
            except InputError as error:
                faults.tell(error)
        if papers == faults.number:
            raise InputError(f"no predictions in {', '.join(files)}")
        nodes = aggregated.nodes(names)
        edges = aggregated.edges(nodes)
        for edge in edges if out else ():
            writer.write(edge)
    if out != "-":
        _print(edges[:limit], shape)
    _conclude(papers - faults.number, edges, out)
    naming.tell(nodes)
    faults.conclude()


def _row(edge: Edge) -> tuple[str, ...]:
    lists = (edge.supporting, edge.speculating, edge.contradicting)
    score = "" if edge.score is None else f"{edge.score:.3f}"
    return edge.head.name, edge.type, edge.tail.name, *(str(len(papers)) for papers in lists), score


def _print(edges: Iterable[Edge], shape: Shape) -> None:
    rows = map(_row, edges)
    if shape is Shape.table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for number, column in enumerate(_HEADINGS):
            side: Literal["left", "right"] = "right" if number >= _FIRST_FIGURE else "left"
            table.add_column(column, justify=side, no_wrap=side == "right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        console.stdout().print(table)
        return
    text = StringIO()
    if shape is Shape.csv:
        text.writelines(map(csv_line, [_COLUMNS, *rows]))
    else:
        rule = ("---",) * _FIRST_FIGURE + ("---:",) * (len(_HEADINGS) - _FIRST_FIGURE)
        for row in (_HEADINGS, rule, *rows):
            cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
            text.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.buffer.write(text.getvalue().encode())
    sys.stdout.buffer.flush()


def _conclude(papers: int, edges: list[Edge], out: str | None) -> None:
    err = console.stderr()
    disputed = sum(bool(edge.contradicting) for edge in edges)
    several = sum(len(edge.papers) > 1 for edge in edges)
    err.print(
        f"{counted(len(edges), 'relation')} in {counted(papers, 'prediction')}: "
        f"{several:,} in several papers, {disputed:,} negated in at least one"
    )
    if out and out != "-":
        err.print(f"written to {out}", soft_wrap=True)
