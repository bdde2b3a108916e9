"""CSV and TSV whose first line names the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from biogpt_plugins.corpus.readers.columns import no_text
from biogpt_plugins.corpus.readers.formats import columns, marked, separator
from biogpt_plugins.corpus.readers.records import ParsedRecord
from biogpt_plugins.corpus.readers.rows import read_rows
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.names import is_text, misspelt, renaming
from biogpt_plugins.values.records import identifier

_READ = ("id", "title", "abstract", "text")
_ASKED = ("id", "question", "context", "long_answer")


class Header:
    """The columns of a table, and which of our fields they are.

    Args:
        names: What they are called there.
        told: Names of columns by our fields.

    Raises:
        InputError: None is a text; one that is told is not there; or one looks misspelt.
    """

    def __init__(self, names: list[str], told: Mapping[str, str]) -> None:
        found = renaming(names, told)
        self.keys = [found.get(name) or name.lower() for name in names]
        if not any(map(is_text, found.values())):
            raise no_text(names)
        wanted = _ASKED if "question" in self.keys else _READ
        if slip := misspelt(self.keys, wanted):
            raise InputError(
                f"there is no column {slip[1]!r}, but one called {slip[0]!r}: rename it, or say "
                f"what it is with --columns"
            )
        self.id_at = next((at for at, key in enumerate(self.keys) if key in ("id", "pmid")), None)

    def record(self, cells: Iterable[object]) -> dict[str, object]:
        """A row as a mapping; what is empty is left out."""
        row = zip(self.keys, cells, strict=True)
        named = ((key, _as_written(v) if key in ("id", "pmid") else v) for key, v in row if key)
        return {key: value for key, value in named if value not in (None, "")}


def _as_written(value: object) -> object:
    return identifier(value) if isinstance(value, str | float) else value


def read_table(
    lines: Iterable[bytes | InputError], told: Mapping[str, str]
) -> Iterator[ParsedRecord]:
    """Read a row as a mapping of the columns' names, ours or in lower case, to what is not empty.

    Args:
        lines: The table's.
        told: Names of columns by our fields.
    """
    # Bytes that are no UTF-8 pass as halves of surrogate pairs, so that they cost their row alone;
    # a line that is too long as one that is none.
    texts = (
        "\udcff\n" if isinstance(line, InputError) else line.decode(errors="surrogateescape")
        for line in lines
    )
    first, begin = next(texts, ""), 2
    mark = separator(first)
    if mark:
        first, begin = next(texts, ""), 3
    while first and not first.strip():
        first, begin = next(texts, ""), begin + 1
    mark = mark or marked(first)
    names = columns(first, mark)
    try:
        header = Header(names, told)
    except InputError as error:
        yield ParsedRecord(begin - 1, error)
        return
    for row in read_rows(chain(texts), mark, len(names), begin=begin, id_at=header.id_at):
        yield ParsedRecord(
            row.line, row.cells if isinstance(row.cells, InputError) else _record(header, row.cells)
        )


def _record(header: Header, cells: list[str]) -> object:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return InputError("not UTF-8 text: convert the file, for example with iconv")
    return header.record(cells)
