"""A run as a grid: a row for each figure, a column for each side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from biogpt_plugins.bench.figures import Report, Spread, Table

MEDIANS = "Medians of the rounds, smallest and largest in brackets."


def three_digits(value: float) -> str:
    """A number with three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004


def spread(values: Spread | None) -> str:
    """A median, with the smallest and the largest value in brackets."""
    if values is None:
        return ""
    middle, least, most = map(three_digits, (values.median, values.min, values.max))
    return middle if least == most else f"{middle} ({least} to {most})"


def cells(table: Table, report: Report) -> list[str]:
    """A table as one row of the grid."""
    rows = {row.side: row for row in table.rows}
    measured = (spread(rows[side].spread) if side in rows else "" for side in columns(report))
    return [table.title, table.unit, *measured]


def columns(report: Report) -> list[str]:
    """The sides that were measured."""
    measured = {row.side for table in report.tables for row in table.rows if row.values}
    return [side for side in report.sides if side in measured]


def notes(report: Report) -> list[str]:
    """Why sides, or some of their values, are missing."""
    rows = (row for table in report.tables for row in table.rows if row.note)
    return list(dict.fromkeys(f"{row.side}: {row.note}" for row in rows))


def head(report: Report) -> Iterator[str]:
    """The head of a report in Markdown: how it was made, and on what."""
    yield f"# {report.model}"
    yield ""
    yield f"`{report.command}`, {report.date}."
    yield ""
    yield from surroundings(report.machine, report.versions, report.settings)


def surroundings(
    machine: Mapping[str, str], versions: Mapping[str, str], settings: Mapping[str, str]
) -> Iterator[str]:
    """On what figures were measured, and what was asked: a line each in Markdown."""
    for name, facts in (("Machine", machine), ("Versions", versions), ("Asked", settings)):
        yield f"- {name}: " + "; ".join(f"{key} {value}" for key, value in facts.items())


def markdown(report: Report) -> str:
    """The report in Markdown."""
    lines = [*head(report), f"- Figures: {MEDIANS[0].lower()}{MEDIANS[1:-1]}"]
    lines += [f"- Not measured: {note}" for note in notes(report)]
    names = columns(report)
    lines += ["", "| " + " | ".join(["", "unit", *names]) + " |"]
    lines.append("| --- | --- |" + " ---: |" * len(names))
    lines += ["| " + " | ".join(cells(table, report)) + " |" for table in report.tables]
    return "\n".join(lines) + "\n"
