"""Dictionaries in tables: CSV with the columns name, id and type."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from biogpt_plugins.entities.entries import DictionaryEntry
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

_COLUMNS = ("name", "id", "type")


class _Reader(Protocol):
    """The type of csv.reader."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def read_table(path: Path) -> Iterator[DictionaryEntry]:
    """Read a UTF-8 file, whose first line names the columns; others are ignored.

    Raises:
        InputError: The header lacks a column, or a row is invalid; the message gives the line.
        OSError: The file is missing or locked.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from read_rows(file, str(path))


def read_rows(lines: Iterable[str], called: str) -> Iterator[DictionaryEntry]:
    """Read the lines of a table; tabs, semicolons and commas separate columns.

    Args:
        lines: The lines, with their ends.
        called: What the file is called in messages.

    Raises:
        InputError: As for `read_table`.
    """
    given = iter(lines)
    try:
        head = next(given, "")
        delimiter = max("\t;,", key=head.count)
        both = (line for part in ((head,), given) for line in part)
        yield from _rows(csv.reader(both, delimiter=delimiter, strict=True), called)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{called} is not UTF-8 text: convert it, for example with iconv"
        ) from error


def _rows(reader: _Reader, called: str) -> Iterator[DictionaryEntry]:
    try:
        header = [column.strip().casefold() for column in next(reader, [])]
        missing = [column for column in _COLUMNS[:2] if column not in header]
        if missing:
            raise InputError(
                f"{called}: the first line must name the columns name, id and, optionally, type; "
                f"it lacks {' and '.join(missing)}"
            )
        places = [header.index(column) for column in _COLUMNS if column in header]
        for row in reader:
            if not any(field.strip() for field in row):
                continue
            where = f"{called}:{reader.line_num}"
            if len(row) != len(header):
                raise InputError(
                    f"{where}: the row has {counted(len(row), 'field')}, but the header has "
                    f"{len(header)}: put names that contain the separator in double quotes"
                )
            fields = [row[place].strip() for place in places]
            if not fields[0] or not fields[1]:
                raise InputError(f"{where}: a row must have a name and an id, not {row}")
            yield DictionaryEntry(*fields)
    except csv.Error as error:
        raise InputError(f"{called}:{reader.line_num}: invalid CSV: {error}") from error
