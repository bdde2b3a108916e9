"""What a run measured: tables of rows with a value for each round, and which texts were equal."""

from __future__ import annotations

from statistics import median

from pydantic import BaseModel, ConfigDict, computed_field


class Spread(BaseModel):
    """The middle one of some values, and how far they lie apart."""

    model_config = ConfigDict(frozen=True)

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: tuple[float, ...]) -> Spread | None:
        """The spread of some values; None of none."""
        return cls(median=median(values), min=min(values), max=max(values)) if values else None


class Row(BaseModel):
    """One of those that were measured.

    Attributes:
        side: Its name.
        ours: Whether it belongs to this package.
        values: What was measured, a value a round.
        note: Why there are no values.
    """

    model_config = ConfigDict(frozen=True)

    side: str
    ours: bool = False
    values: tuple[float, ...] = ()
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def spread(self) -> Spread | None:
        """Of the values."""
        return Spread.of(self.values)


class Table(BaseModel):
    """One figure of all sides, measured in turns.

    Attributes:
        case: The case that it belongs to.
        title: What was done.
        unit: What is counted.
        less_is_better: Whether the smaller value is the better one.
        rows: The sides.
        facts: What is to be known of the figures.
    """

    model_config = ConfigDict(frozen=True)

    case: str
    title: str
    unit: str
    less_is_better: bool = False
    rows: tuple[Row, ...]
    facts: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def times(self) -> dict[str, dict[str, Spread]]:
        """How many times better each side of ours is than each other side, round by round."""
        return {
            own.side: {row.side: self._times(own, row) for row in self.rows if row.values}
            for own in self.rows
            if own.ours and own.values
        }

    def _times(self, own: Row, other: Row) -> Spread:
        pairs = list(zip(own.values, other.values, strict=True))
        found = tuple(b / a if self.less_is_better else a / b for a, b in pairs)
        return Spread(median=median(found), min=min(found), max=max(found))


class Agreement(BaseModel):
    """Whether several sides wrote the same.

    Attributes:
        what: What was compared.
        sides: Who.
        of: How many prompts.
        equal: For how many all was equal.
        different: How many of these texts there are; if all were one, that they are equal would
            say little.
        ties: For how many all was equal up to a token that the model could hardly tell from
            another one, where the smallest difference of computation decides.
        example: Where they differ elsewhere, if they do.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    sides: tuple[str, ...]
    of: int
    equal: int
    different: int
    ties: int = 0
    example: str = ""

    @property
    def holds(self) -> bool:
        """Whether they wrote the same."""
        return self.equal + self.ties == self.of

    def __str__(self) -> str:
        same = self.equal + self.ties
        ties = f", {self.ties} of them up to a near tie" if self.ties else ""
        said = f"{same} of {self.of} equal{ties} ({self.different} different ones)"
        return f"{self.what}: {said}, of {'; '.join(self.sides)}"


class Report(BaseModel):
    """A run.

    Attributes:
        command: How to run it again.
        date: When it was made, as in ISO 8601.
        model: What model it ran on.
        machine: What machine, by what of it.
        versions: Distributions and their versions.
        settings: What was asked of all sides.
        agreements: Who was seen to write the same.
        tables: The figures.
    """

    model_config = ConfigDict(frozen=True)

    command: str
    date: str
    model: str
    machine: dict[str, str]
    versions: dict[str, str]
    settings: dict[str, str]
    agreements: tuple[Agreement, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Where sides did not write the same, and the speed of one of them says nothing."""
        return [f"{found}: {found.example}" for found in self.agreements if not found.holds]
