"""Rows of CSV, one at a time; a quote that is missing costs the rows that it runs over, no more.

Python's csv reads on to the next quote, which may be that of the last row of a file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError, LostError

LONGEST_ROW = 1 << 23
"""The most characters of a row. If there are more, a quote is missing."""

_MOST_LONG = 100  # each costs as much time as that many characters take
_SURE = 3
_LINE = 64  # bytes that Python adds to a line


class Row(NamedTuple):
    """A row, or the error that stands in its place, and the line on which it begins."""

    line: int
    cells: list[str] | InputError


class _TooLong(Exception):
    """A row goes on for too long."""


class _Lines:
    """Lines, counted, that can be given back."""

    def __init__(self, lines: Iterable[str], number: int) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self.next = number
        self.begin()

    def begin(self) -> None:
        """Begin a row."""
        self.span: list[str] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        while True:
            line = self._back.popleft() if self._back else next(self._lines, None)
            if line is None:
                return
            self.next += 1
            self._size += len(line) + _LINE
            self.span.append(line)
            if self._size > LONGEST_ROW and len(self.span) > 1:
                raise _TooLong(f"it has more than {LONGEST_ROW:,} characters")
            yield line

    def give_back(self, lines: list[str]) -> None:
        """Have lines be the next again."""
        self._back.extendleft(reversed(lines))
        self.next -= len(lines)


class _Seen:
    """What sound rows have in common, which tells rows from lines of a quoted text."""

    def __init__(self, mark: str, width: int, id_at: int | None) -> None:
        self._mark, self.width, self._id_at = mark, width, id_at
        self._rows = self._numbers = self._quoted = 0

    def add(self, cells: list[str], line: str) -> None:
        self._rows += 1
        self._numbers += self._id_at is not None and cells[self._id_at].strip().isdigit()
        self._quoted += line.startswith('"')

    @property
    def numbered(self) -> bool:
        """Whether it is known that each row has a number for its id."""
        return self._rows >= _SURE and self._numbers == self._rows

    def fits(self, line: str) -> bool:
        """Whether a line may be a row, or the first line of one."""
        begun = False
        try:
            cells = next(csv.reader([line], delimiter=self._mark, strict=True), [])
        except csv.Error as error:
            begun = "end of data" in str(error)
            cells = next(csv.reader([line], delimiter=self._mark), []) if begun else []
        if len(cells) != self.width and not (begun and self.numbered and cells):
            return False
        if self._quoted == self._rows and not line.startswith('"'):
            return False
        at = self._id_at or 0
        return not self.numbered or (len(cells) > at and cells[at].strip().isdigit())


def read_rows(
    lines: Iterable[str], mark: str, width: int, *, begin: int, id_at: int | None
) -> Iterator[Row]:
    """Read the rows of a table.

    Args:
        lines: Its lines behind the header.
        mark: What stands between columns.
        width: How many columns there are.
        begin: The number of the first line.
        id_at: The column of ids, if there is one.
    """
    csv.field_size_limit(LONGEST_ROW)  # the module's own is 128 KiB
    source = _Lines(lines, begin)
    seen = _Seen(mark, width, id_at)
    rows = csv.reader(source, delimiter=mark, strict=True)
    long = 0
    while True:
        source.begin()
        certain = True  # that a quote is missing
        try:
            cells = next(rows)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            fault = f"not a row of a table: {error}"
            long += isinstance(error, _TooLong)
        else:
            fault, certain = _fault(cells, source.span, seen), seen.numbered
            if not fault:
                if cells:
                    seen.add(cells, source.span[0])
                    yield Row(source.next - len(source.span), cells)
                continue
        yield _lost(fault, source, seen, certain=certain)
        if long > _MOST_LONG:
            yield Row(source.next, LostError("too many quotes are missing to read on"))
            return
        rows = csv.reader(source, delimiter=mark, strict=True)


def _fault(cells: list[str], span: list[str], seen: _Seen) -> str:
    """What is wrong with a row; "" if nothing is."""
    if cells and len(cells) != seen.width:
        return (
            f"the row has {counted(len(cells), 'column')}, but the first line has {seen.width}: "
            "quote cells that contain the delimiter"
        )
    if seen.numbered and any(map(seen.fits, span[1:])):
        return "not a row of a table: a quote is missing, and other rows stand in its text"
    return ""


def _lost(fault: str, source: _Lines, seen: _Seen, *, certain: bool) -> Row:
    """The error in place of a row; lines that may be rows are given back."""
    span = source.span
    first = source.next - len(span)
    last = source.next - 1
    if certain and (again := next((n for n, line in enumerate(span[1:], 1) if seen.fits(line)), 0)):
        source.give_back(span[again:])
        last = first + again - 1
    elif certain and len(span) > 1 and not fault.startswith("the row has"):
        fault = f"{fault}; the rest of the file is lost" if "end of data" in fault else fault
        return Row(first, LostError(f"{fault} (lines {first} to {last})"))
    lines = f" (lines {first} to {last} are lost)" if last > first else ""
    return Row(first, InputError(f"{fault}{lines}"))
