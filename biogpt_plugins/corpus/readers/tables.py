"""CSV and TSV whose first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from biogpt_plugins.corpus.readers.formats import MARKS, TEXTS, columns
from biogpt_plugins.corpus.readers.records import ParsedRecord
from biogpt_plugins.values.errors import InputError


def read_table(lines: Iterable[bytes]) -> Iterator[ParsedRecord]:
    """Read each row as a mapping from lower-case column names to its non-empty cells."""
    # Bytes that are not UTF-8 become halves of surrogate pairs, so that only their row is lost.
    texts = (line.decode("utf-8", errors="surrogateescape") for line in lines)
    header = next(texts, "")
    mark = max(MARKS, key=lambda mark: len(TEXTS.intersection(columns(header, mark))))
    names = columns(header, mark)
    if not TEXTS.intersection(names):
        known = ", ".join(sorted(TEXTS))
        yield ParsedRecord(
            1,
            InputError(
                f"no column has the text: name one of the columns {known} in the first line"
            ),
        )
        return
    rows = csv.reader(texts, delimiter=mark, strict=True)
    while True:
        line = rows.line_num + 2  # the header counts as a line
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield ParsedRecord(line, InputError(f"not a row of a table: {error}"))
        else:
            if row:
                yield ParsedRecord(line, _record(names, row))


def _record(names: list[str], row: list[str]) -> object:
    if len(row) != len(names):
        return InputError(
            f"the row has {len(row)} columns, but the first line has {len(names)}: quote "
            "cells that contain the delimiter"
        )
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return InputError("not UTF-8 text: convert the file, for example with iconv")
    return {name: value for name, value in zip(names, row, strict=True) if value}
