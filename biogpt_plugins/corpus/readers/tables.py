"""CSV and TSV whose first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from biogpt_plugins.corpus.readers.formats import MARKS, TEXTS, columns
from biogpt_plugins.corpus.readers.records import Found
from biogpt_plugins.values.errors import InputError


def read_table(lines: Iterable[bytes]) -> Iterator[Found]:
    """Read a row as a mapping of the columns' names, in lower case, to what is not empty."""
    # Bytes that are no UTF-8 pass as halves of surrogate pairs, so that they cost their row alone.
    texts = (line.decode("utf-8", errors="surrogateescape") for line in lines)
    header = next(texts, "")
    mark = max(MARKS, key=lambda mark: len(TEXTS.intersection(columns(header, mark))))
    names = columns(header, mark)
    if not TEXTS.intersection(names):
        known = ", ".join(sorted(TEXTS))
        yield Found(1, InputError(f"no column of a text: name one of {known} in the first line"))
        return
    rows = csv.reader(texts, delimiter=mark, strict=True)
    while True:
        line = rows.line_num + 2  # the header is a line, too
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Found(line, InputError(f"no row of a table: {error}"))
        else:
            if row:
                yield Found(line, _record(names, row))


def _record(names: list[str], row: list[str]) -> object:
    if len(row) != len(names):
        return InputError(
            f"it has {len(row)} columns, and the first line names {len(names)}: quote what "
            "has the columns' mark in it"
        )
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return InputError("no UTF-8 text: convert the file, with iconv for example")
    return {name: value for name, value in zip(names, row, strict=True) if value}
