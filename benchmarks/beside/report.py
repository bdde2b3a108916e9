"""A run as Markdown and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from beside.comparison import ComparedReport, ComparedSeries, ComparedTable
from biogpt_plugins.bench.report import head, spread, three_digits
from biogpt_plugins.values.errors import MissingExtraError

FIGURES = (
    "medians of the rounds, smallest and largest in brackets; ratios are taken round by round, and "
    "say how many times better ours is: more in the same time, or less time, memory or cost"
)

_OURS, _OTHERS = "#2a6f97", "#b0b7bf"
_WIDTH, _LINE, _HEAD = 9.0, 0.32, 1.0


def heads(table: ComparedTable) -> list[str]:
    """The columns of a table."""
    return [table.unit, *(f"times better: {side}" for side in table.times)]


def cells(table: ComparedTable, row: ComparedSeries) -> list[str]:
    """A row of a table, its name left out."""
    if not row.values:
        return [row.note, *("" for _ in table.times)]
    times = (
        "" if own == row.side else spread(others.get(row.side))
        for own, others in table.times.items()
    )
    return [spread(row.spread), *times]


def markdown(report: ComparedReport) -> str:
    """All of a run."""
    return "\n".join([*_facts(report), *(line for t in report.tables for line in _table(t))]) + "\n"


def _facts(report: ComparedReport) -> Iterator[str]:
    yield from head(report)
    yield f"- Figures: {FIGURES}"
    if report.agreements:
        yield ""
        yield "Written alike, in float32:"
        yield ""
        for agreement in report.agreements:
            wrong = "" if agreement.holds else f" **NOT EQUAL**: {agreement.example}"
            yield f"- {agreement}{wrong}"


def _table(table: ComparedTable) -> Iterator[str]:
    yield ""
    yield f"## {table.title}"
    yield ""
    columns = ["", *heads(table)]
    yield "| " + " | ".join(columns) + " |"
    yield "| --- |" + " ---: |" * (len(columns) - 1)
    for row in table.rows:
        name = f"**{row.side}**" if row.ours else row.side
        yield "| " + " | ".join([name, *cells(table, row)]) + " |"
    for fact in table.facts:
        yield ""
        yield f"{fact[0].upper()}{fact[1:]}."


def plot(report: ComparedReport, path: Path) -> None:
    """Draw all tables as bars, with a line from the smallest to the largest value.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("the picture needs matplotlib: pip install matplotlib") from error

    tables = [table for table in report.tables if any(row.values for row in table.rows)]
    shown = [[row for row in table.rows if row.values] for table in tables]
    heights = [_HEAD + _LINE * len(rows) for rows in shown]
    image = Figure(figsize=(_WIDTH, sum(heights) or _HEAD), layout="constrained")
    axes = image.subplots(
        max(1, len(tables)), squeeze=False, gridspec_kw={"height_ratios": heights or [1]}
    )
    for ax, table, rows in zip(axes[:, 0], tables, shown, strict=False):
        found = [row.spread for row in rows]
        middles = [one.median for one in found if one]
        ends = [
            [one.median - one.min for one in found if one],
            [one.max - one.median for one in found if one],
        ]
        colours = [_OURS if row.ours else _OTHERS for row in rows]
        bars = ax.barh([row.side for row in rows], middles, xerr=ends, color=colours)
        ax.bar_label(bars, labels=[f" {three_digits(middle)}" for middle in middles], padding=4)
        ax.invert_yaxis()
        ax.margins(x=0.15)
        ax.spines[["top", "right"]].set_visible(False)
        better = ", less is better" if table.less_is_better else ""
        ax.set_title(f"{table.title} ({table.unit}{better})", loc="left", fontsize="medium")
    image.savefig(path, dpi=110)
