"""Reader for spreadsheets of labelled texts: a row for each relation, as CSV or an Excel workbook.

Columns, in any order and case: `text`, `head`, `type` and `tail`; `document`, the id of the paper
that the text is from, and `title`, if there are any. Rows of the same document, title and text
are the relations of one text. A row without head, type and tail says that its text has none.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from biogpt_plugins.corpus.readers.formats import MARKS, columns, separator
from biogpt_plugins.values.errors import InputError, MissingExtraError, did_you_mean

WORKBOOK = b"PK\x03\x04"
"""How an Excel workbook begins."""

_RELATION = ("head", "type", "tail")
_NEEDED = ("text", *_RELATION)
_NAMES = (*_NEEDED, "document", "title")
_SYNONYMS = {"sentence": "text", "relation": "type", "abstract": "text"}
_SYNONYMS |= dict.fromkeys(("documentid", "doc", "docid", "id", "pmid"), "document")
_FAULTS_SHOWN = 5

_Row = tuple[int, list[str]]
"""The number of a row, as a spreadsheet counts, and its cells."""


def is_sheet(text: str) -> bool:
    """Whether a text begins with a header that names the columns of a relation."""
    return bool(text) and _header(text)[1] is not None


def csv_rows(text: str) -> Iterator[_Row]:
    """The rows of CSV, with the header first."""
    skipped, mark = _header(text)
    lines = io.StringIO(text, newline="")
    for _ in range(skipped):
        next(lines)
    try:
        yield from enumerate(csv.reader(lines, delimiter=mark or ","), start=skipped + 1)
    except csv.Error as error:
        raise InputError(f"it is not valid CSV: {error}") from error


def workbook_rows(data: bytes) -> Iterator[_Row]:
    """The rows of the first sheet of a workbook, with the header first.

    Raises:
        MissingExtraError: openpyxl is not installed.
    """
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.of("workbooks need openpyxl", "excel") from error
    try:
        sheet = load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets[0]
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"it is not a workbook that can be read: {error}") from error
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        yield number, ["" if cell is None else str(cell) for cell in row]


def sheet_items(rows: Iterable[_Row]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The place of each text, and the text with its relations as a row of JSON.

    Raises:
        InputError: A column is missing, unknown or twice; or a row has a part of a relation, a name
            that its text does not contain, or a relation that another row denies or repeats.
    """
    rows = iter(rows)
    names = _names(next(rows, (1, []))[1])
    texts: dict[tuple[str, str, str], _Text] = {}
    faults: list[str] = []
    for number, cells in rows:
        if not any(map(str.strip, cells)):
            continue
        if len(cells) > len(names) and any(cells[len(names) :]):
            faults.append(f"row {number} has more cells than the header: quote texts with commas")
            continue
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        key = row.get("document", ""), row.get("title", ""), row.get("text", "")
        text = texts.setdefault(key, _Text(*key, number))
        faults += [f"row {number} {fault}" for fault in text.add(row, number)]
    if faults:
        more = len(faults) - _FAULTS_SHOWN
        tail = [f"and {more:,} more"] if more > 0 else []
        raise InputError("; ".join([*faults[:_FAULTS_SHOWN], *tail]))
    yield from _numbered(texts.values())


@dataclass
class _Text:
    document: str
    title: str
    text: str
    row: int
    relations: dict[tuple[str, ...], int] = field(default_factory=dict)

    def add(self, row: dict[str, str], number: int) -> Iterator[str]:
        """Add the relation of a row. Yields what is wrong with it."""
        relation = tuple(row.get(name, "") for name in _RELATION)
        missing = [name for name in _RELATION if not row.get(name)]
        if not self.text:
            yield "has no text: add it"
        elif missing and len(missing) < len(_RELATION):
            yield (
                f"has no {' and no '.join(missing)}: fill it in, or leave head, type and tail "
                "empty if the text states no relation"
            )
        elif relation in self.relations:
            yield f"repeats row {self.relations[relation]}: remove one"
        elif self.relations and (missing or not any(next(iter(self.relations)))):
            yield (
                f"and row {next(iter(self.relations.values()))} disagree on whether the text "
                "states a relation: remove one"
            )
        else:
            self.relations[relation] = number
            whole = f"{self.title} {self.text}".lower()
            for name in ("head", "tail"):
                if row.get(name, "").lower() not in whole:
                    yield (
                        f"has the {name} {row[name]!r}, which its text does not contain: write it "
                        "as the text does"
                    )

    def json(self, id_: str | None) -> dict[str, Any]:
        given = {"id": id_, "document": self.document, "title": self.title}
        relations = [one for one in self.relations if any(one)]
        gold = [dict(zip(_RELATION, one, strict=True)) for one in relations]
        return {**{k: v for k, v in given.items() if v}, "text": self.text, "gold": gold}


def _numbered(texts: Iterable[_Text]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The texts, with ids: the document's, and a number behind it if it has several texts."""
    by_document: dict[str, list[_Text]] = {}
    for text in texts:
        by_document.setdefault(text.document, []).append(text)
    for document, its in by_document.items():
        for number, text in enumerate(its, start=1):
            id_ = f"{document}:{number}" if document and len(its) > 1 else document
            yield f"row {text.row}", text.json(id_)


def _header(text: str) -> tuple[int, str | None]:
    """The lines before the header, and what stands between columns; None if it is no sheet."""
    first, _, rest = text.partition("\n")
    told = separator(first)
    header = rest.partition("\n")[0] if told else first
    for mark in (told,) if told else MARKS:
        if {*_NEEDED} <= {*map(_folded, columns(header, mark))}:
            return int(told is not None), mark
    return 0, None


def _folded(name: str) -> str:
    plain = "".join(filter(str.isalnum, name.lower()))
    return _SYNONYMS.get(plain, plain)


def _names(header: Sequence[str]) -> list[str]:
    given = [name.strip() for name in header]
    while given and not given[-1]:
        given.pop()
    names = [_folded(name) for name in given]
    if missing := [name for name in _NEEDED if name not in names]:
        raise InputError(f"there is no column {missing[0]!r}: the columns are {', '.join(_NAMES)}")
    for name, folded in zip(given, names, strict=True):
        if folded not in _NAMES:
            guess = did_you_mean(name, _NAMES)
            raise InputError(
                f"the column {name!r} is unknown.{guess} Rename or remove it; the columns are "
                f"{', '.join(_NAMES)}"
            )
        if names.count(folded) > 1:
            raise InputError(f"there are two columns for {folded!r}: remove one")
    return names
