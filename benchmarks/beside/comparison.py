"""This package's figures beside those of others, and whether all sides wrote the same."""

from __future__ import annotations

from statistics import median

from pydantic import BaseModel, ConfigDict, computed_field

from beside.sides import OURS
from biogpt_plugins.bench.figures import Report, Series, Spread, Table
from biogpt_plugins.values.counted import counted


class ComparedSeries(Series):
    """What was measured on one side, and whether the side belongs to this package."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ours(self) -> bool:
        """Whether the side belongs to this package."""
        return self.side.startswith(OURS)


class ComparedTable(Table):
    """One quantity, with how many times better this package is."""

    rows: tuple[ComparedSeries, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def times(self) -> dict[str, dict[str, Spread]]:
        """How many times better each side of ours is than each other side, round by round."""
        return {
            own.side: {row.side: self._times(own, row) for row in self.rows if row.values}
            for own in self.rows
            if own.ours and own.values
        }

    def _times(self, own: Series, other: Series) -> Spread:
        pairs = list(zip(own.values, other.values, strict=True))
        ratios = tuple(b / a if self.less_is_better else a / b for a, b in pairs)
        return Spread(median=median(ratios), min=min(ratios), max=max(ratios))


class Agreement(BaseModel):
    """Whether several sides wrote the same.

    Attributes:
        what: What was compared.
        sides: The sides.
        of: The number of prompts.
        equal: For how many prompts all sides wrote the same.
        different: How many different texts were written. If all prompts got one text, equal texts
            would prove little.
        ties: For how many prompts the sides wrote the same up to a token that the model could
            hardly tell from another token, where rounding decides.
        example: The first other difference, if there is one.
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
        """Whether all sides wrote the same."""
        return self.equal + self.ties == self.of

    def __str__(self) -> str:
        same = self.equal + self.ties
        ties = f", {self.ties} of them up to a near tie" if self.ties else ""
        counts = f"{same} of {self.of} equal{ties} ({counted(self.different, 'different one')})"
        return f"{self.what}: {counts}, of {'; '.join(self.sides)}"


class ComparedReport(Report):
    """A run beside peers.

    Attributes:
        agreements: Which sides were compared, and whether they wrote the same.
    """

    agreements: tuple[Agreement, ...] = ()
    tables: tuple[ComparedTable, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Where sides did not write the same, so that their speeds cannot be compared."""
        return [f"{one}: {one.example}" for one in self.agreements if not one.holds]


def compared(table: Table) -> ComparedTable:
    """A table with its ratios."""
    return ComparedTable.model_validate(table.model_dump())
