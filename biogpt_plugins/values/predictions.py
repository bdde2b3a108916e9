"""The Predictions of many inputs as one list, and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from typing_extensions import Self

from biogpt_plugins.values.errors import MissingExtraError
from biogpt_plugins.values.results import Prediction
from biogpt_plugins.values.table import COLUMNS, rows

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

_DTYPES = {int: "Int64", float: "float64", bool: "bool"}
"""Integers remain integers where some are missing; pandas' own would be 12.0."""


class Predictions(list[Prediction[Any]]):
    """A list of Predictions, as `Pipeline.run` returns it. A notebook shows it as a table.

    pipeline.run(papers).to_dataframe()
    Predictions(pipeline.imap(papers)).to_dataframe()
    """

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Prediction[Any]: ...

    @overload
    def __getitem__(self, place: slice, /) -> Self: ...

    def __getitem__(self, place: SupportsIndex | slice, /) -> Prediction[Any] | Self:
        if isinstance(place, slice):
            return type(self)(super().__getitem__(place))
        return super().__getitem__(place)

    def _repr_html_(self) -> str:
        """What a notebook shows: a table with a row for each result, of the first hundred."""
        from biogpt_plugins.values.notebook import html_of_all  # noqa: PLC0415 - notebooks alone

        return html_of_all(self)

    def to_dataframe(self) -> pd.DataFrame:
        """One row for each result, in a table with the columns of `biogpt_plugins.values.table`.

        An input without results has one row. Offsets and counts are integers. `negated` and its
        neighbours are True or False in each row, so that `table[~table.negated]` works.

        Raises:
            MissingExtraError: pandas is not installed.
            InputError: An answer has probabilities for labels that have no column.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError("a DataFrame needs pandas: pip install pandas") from error
        table = [row for prediction in self for row in rows(prediction)]
        frame = pd.DataFrame(table, columns=list(COLUMNS))
        return frame.astype(
            {name: _DTYPES[type_] for name, type_ in COLUMNS.items() if type_ in _DTYPES}
        )
