"""`biogpt aggregate`: the Predictions of many papers in, one edge a relation out."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from enum import Enum
from io import StringIO
from typing import Annotated, Literal

import typer
from rich import box
from rich.table import Table

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import JsonlWriter, check_predictions, read_predictions
from biogpt_plugins.findings.edges import Aggregate, Edge
from biogpt_plugins.values.errors import InputError

_COLUMNS = ("head", "relation", "tail", "supporting", "speculating", "contradicting", "score")
_HEADINGS = ("head", "relation", "tail", "stated", "possible", "negated", "score")
_FIRST_FIGURE = 3
_FAULTS_SHOWN = 5


class Shape(str, Enum):
    """What edges are printed as."""

    table = "table"
    markdown = "markdown"
    csv = "csv"


def aggregate(
    files: Annotated[
        list[str],
        typer.Argument(
            help='Files that `biogpt extract` wrote, or folders of runs; "-" for standard input.'
        ),
    ],
    *,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="JSON Lines file for all edges.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an OUT that exists.")] = False,
    shape: Annotated[
        Shape, typer.Option("--format", "-f", help="What to print: table, markdown or csv.")
    ] = Shape.table,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="Print so many edges, not all.")
    ] = None,
) -> None:
    """Make edges of the relations that were found in many papers.

    The same relation, by the ids of its ends or else by their names, is one edge, with the papers
    that state it, that speak of it as possible, and in which a sentence negates it. A paper that is
    there twice counts once, and the order of papers and files plays no part.
    """
    check_predictions(files)
    found = Aggregate()
    papers = faults = 0
    with JsonlWriter(out or "-", force=force, inputs=files) as writer:
        for prediction in read_predictions(files):
            papers += 1
            try:
                if isinstance(prediction, InputError):
                    raise prediction
                found.add(prediction)
            except InputError as error:
                faults += 1
                if faults <= _FAULTS_SHOWN:
                    console.remark("warning", str(error))
        if papers == faults:
            raise InputError(f"no predictions in {', '.join(files)}")
        edges = found.edges()
        for edge in edges if out else ():
            writer.write(edge)
    if out != "-":
        _print(edges[:limit], shape)
    _conclude(papers, faults, edges, out)


def _row(edge: Edge) -> tuple[str, ...]:
    lists = (edge.supporting, edge.speculating, edge.contradicting)
    score = "" if edge.score is None else f"{edge.score:.3f}"
    return edge.head.name, edge.type, edge.tail.name, *(str(len(one)) for one in lists), score


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
        csv.writer(text, lineterminator="\n").writerows([_COLUMNS, *rows])
    else:
        rule = ("---",) * _FIRST_FIGURE + ("---:",) * (len(_HEADINGS) - _FIRST_FIGURE)
        for row in (_HEADINGS, rule, *rows):
            cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
            text.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.buffer.write(text.getvalue().encode())
    sys.stdout.buffer.flush()


def _conclude(papers: int, faults: int, edges: list[Edge], out: str | None) -> None:
    err = console.stderr()
    disputed = sum(bool(edge.contradicting) for edge in edges)
    several = sum(len(edge.papers) > 1 for edge in edges)
    err.print(
        f"{len(edges):,} relations in {papers - faults:,} predictions: {several:,} in several "
        f"papers, {disputed:,} negated in some"
    )
    if faults:
        err.print(f"{faults:,} lines could not be used")
    if out and out != "-":
        err.print(f"written to {out}", soft_wrap=True)
