"""The figures of a run: tables with a value for each side and round."""

from __future__ import annotations

from statistics import median

from pydantic import BaseModel, ConfigDict, computed_field


class Spread(BaseModel):
    """The median of some values, the smallest and the largest."""

    model_config = ConfigDict(frozen=True)

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: tuple[float, ...]) -> Spread | None:
        """The spread of some values; None if there are no values."""
        return cls(median=median(values), min=min(values), max=max(values)) if values else None


class Series(BaseModel):
    """The values of one side.

    Attributes:
        side: The side's name.
        values: A value for each round.
        note: Why there are no values.
    """

    model_config = ConfigDict(frozen=True)

    side: str
    values: tuple[float, ...] = ()
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def spread(self) -> Spread | None:
        """The spread of the values."""
        return Spread.of(self.values)


class Table(BaseModel):
    """One quantity, measured on all sides in turns.

    Attributes:
        case: The case that it belongs to.
        title: What was done.
        unit: What the values count.
        less_is_better: Whether smaller values are better.
        rows: The sides.
        facts: What a reader must know about the values.
    """

    model_config = ConfigDict(frozen=True)

    case: str
    title: str
    unit: str
    less_is_better: bool = False
    rows: tuple[Series, ...]
    facts: tuple[str, ...] = ()


class Report(BaseModel):
    """A run.

    Attributes:
        command: The command that made it.
        date: When it was made, in ISO 8601.
        model: The model that it ran on.
        machine: The machine, by the name of each part.
        versions: Distributions and their versions.
        settings: What all sides were asked.
        tables: The figures.
    """

    model_config = ConfigDict(frozen=True)

    command: str
    date: str
    model: str
    machine: dict[str, str]
    versions: dict[str, str]
    settings: dict[str, str]
    tables: tuple[Table, ...] = ()

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of all sides, in the order of the tables."""
        return tuple(dict.fromkeys(row.side for table in self.tables for row in table.rows))
