"""What a run leaves: rows with a name, a status and figures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field, field_validator

from biogpt_plugins.bench.figures import Spread
from biogpt_plugins.bench.report import spread, surroundings

Status = Literal["measured", "failed", "not installed", "no time"]

_WORD = r"[a-z0-9]+(-[a-z0-9]+)*"
NAME = re.compile(rf"{_WORD}(/{_WORD}){{1,3}}")
"""Names of rows: model, measurement, side, and how many prompts, such as large/decode/vllm/64."""


class Figure(BaseModel):
    """Some values of one quantity.

    Attributes:
        what: The quantity and its unit, such as "tokens/s".
        values: A value for each round, or for each stream.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    values: tuple[float, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def spread(self) -> Spread | None:
        """The spread of the values."""
        return Spread.of(self.values)


class Row(BaseModel):
    """One measurement.

    Attributes:
        name: What was measured; see NAME.
        status: "measured"; "failed", and the note says how; "not installed", and the note says
            what; "no time", if the whole run's was used up before.
        note: What a reader must know.
        budget: The seconds that it was given.
        took: The seconds that it took.
        figures: What it came to.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    status: Status
    note: str = ""
    budget: float
    took: float = 0.0
    figures: tuple[Figure, ...] = ()

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a row")
        return name


class CardReport(BaseModel):
    """A run.

    Attributes:
        command: The command that made it.
        date: When it was made, in ISO 8601.
        rehearsal: Whether it only shows that all parts run, so that its figures mean nothing.
        device: The device.
        machine: The machine, by the name of each part.
        versions: Distributions and their versions.
        settings: What was asked.
        took: Seconds so far.
        complete: Whether the run came to its end.
        rows: The measurements.
    """

    model_config = ConfigDict(frozen=True)

    command: str
    date: str
    rehearsal: bool
    device: str
    machine: dict[str, str]
    versions: dict[str, str]
    settings: dict[str, str]
    took: float = 0.0
    complete: bool = False
    rows: tuple[Row, ...] = ()

    @property
    def faults(self) -> list[str]:
        """The rows that have no figures and should have."""
        wrong = (row for row in self.rows if row.status in ("failed", "no time"))
        return [f"{row.name}: {row.status}: {row.note}" for row in wrong]

    def save(self, stem: Path) -> None:
        """Write STEM.json and STEM.md, each in one step."""
        for ending, text in (
            ("json", self.model_dump_json(indent=2) + "\n"),
            ("md", markdown(self)),
        ):
            file = stem.with_name(f"{stem.name}.{ending}")
            new = file.with_name(f".{file.name}.new")
            new.write_text(text, encoding="utf-8")
            os.replace(new, file)


def markdown(report: CardReport) -> str:
    """The report in Markdown, a table for each model and measurement."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: CardReport) -> Iterator[str]:
    what = f"REHEARSAL on {report.device}: no figure here means anything"
    yield f"# {what if report.rehearsal else f'Measured on {report.device}'}"
    yield ""
    ended = "complete" if report.complete else "cut short"
    yield f"`{report.command}`, {report.date}, {report.took:.0f} s, {ended}."
    yield ""
    yield from surroundings(report.machine, report.versions, report.settings)
    yield "- Figures: medians, smallest and largest in brackets"
    for title, rows in groupby(report.rows, key=lambda row: "/".join(row.name.split("/")[:2])):
        yield ""
        yield f"## {title}"
        yield ""
        yield from _table(list(rows))


def _table(rows: Sequence[Row]) -> Iterator[str]:
    columns = list(dict.fromkeys(figure.what for row in rows for figure in row.figures))
    yield "| " + " | ".join(["", *columns, "note"]) + " |"
    yield "| --- |" + " ---: |" * len(columns) + " --- |"
    for row in rows:
        known = {figure.what: spread(figure.spread) for figure in row.figures}
        side = "/".join(row.name.split("/")[2:]) or row.name
        status = "" if row.status == "measured" else f"**{row.status}**: "
        note = " ".join(f"{status}{row.note}".split()).replace("|", "\\|")
        yield "| " + " | ".join([side, *(known.get(name, "") for name in columns), note]) + " |"
