"""CSV and TSV: the rows of `biogpt_plugins.values.table`, for spreadsheets, R and scripts.

The columns are those of Parquet, one cell each: the sentences of the evidence are joined by " | ",
warnings by "; ", and what is not known is empty. A text that a spreadsheet would take for a formula
begins with an apostrophe: "'=1+1".
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from biogpt_plugins.corpus.export.documents import one_line
from biogpt_plugins.values.table import COLUMNS, TableRow

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_line(cells: Iterable[object]) -> str:
    """A line of CSV, in which texts that begin like a formula are guarded."""
    return _line(map(_cell, cells), ",")


def csv_table(rows: Iterable[TableRow]) -> Iterator[str]:
    """Rows as CSV, with a line of columns. Line breaks in a text are quoted."""
    yield csv_line(COLUMNS)
    for row in rows:
        yield csv_line(_flat(row))


def tsv_table(rows: Iterable[TableRow]) -> Iterator[str]:
    """Rows as TSV, with a line of columns. Tabs and line breaks in a text become spaces."""
    yield _line(COLUMNS, "\t")
    for row in rows:
        yield _line((one_line(_cell(cell)) for cell in _flat(row)), "\t")


def _line(cells: Iterable[str], mark: str) -> str:
    line = StringIO()
    # With this end of lines a carriage return in a cell is quoted, too.
    csv.writer(line, delimiter=mark, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def _flat(row: TableRow) -> Iterator[object]:
    for name, value in row.items():
        if name == "evidence":
            yield " | ".join(sentence["text"] for sentence in value or ())
        else:
            yield "; ".join(value) if isinstance(value, list) else value


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    text = value.replace("\0", "\ufffd")  # some readers refuse it
    return f"'{text}" if text.startswith(_FORMULA) else text
