"""Split labelled texts by document, so that no document is in two parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from biogpt_plugins.corpus.gold.files import read_rows
from biogpt_plugins.corpus.gold.solved import at
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import id_of

_BITS = 64
_NUMBERED = re.compile(r"(.*\d.*):\d{1,4}", re.DOTALL)
_Rows = tuple[dict[str, Any], ...]


class Split(NamedTuple):
    """The parts, as rows of JSON: the input's fields and "gold"."""

    train: _Rows
    valid: _Rows
    test: _Rows


def split(
    path: str | Path, *, test: float = 0.2, valid: float = 0.0, by: str | None = None
) -> Split:
    """Split JSONL or a spreadsheet by document.

    A hash of the document's id decides, so that a document stays in its part when other documents
    are added. The parts have about the shares asked for.

    Args:
        path: The file, in the format of rows or of spreadsheets that `read_gold` reads.
        test: Share of the documents to test on.
        valid: Share of the documents to select weights with.
        by: The field that names the document. None: "document"; if there is none the id, without
            the number that ids of a document's texts have (P003:1, P003:2; see `document_of`).

    Raises:
        InputError: The file cannot be read, a row does not name its document, or a part that was
            asked for would be empty.
    """
    if not (0 < test < 1 and 0 <= valid < 1 and test + valid < 1):
        raise InputError(
            f"test ({test}) and valid ({valid}) must be shares that leave some for training"
        )
    parts: dict[str, list[dict[str, Any]]] = {"train": [], "valid": [], "test": []}
    for place, row in read_rows(path):
        with at(f"{path}, {place}"):
            share = _share(_document(row, by))
        part = "test" if share < test else "valid" if share < test + valid else "train"
        parts[part].append(row)
    for part, rows in parts.items():
        if not rows and (part != "valid" or valid):
            raise InputError(
                f"{path} has too few documents: none is left to {part}. Label more, or change the "
                "shares"
            )
    return Split(**{part: tuple(rows) for part, rows in parts.items()})


def document_of(row: Mapping[str, Any], by: str | None = None) -> str | None:
    """The document that a row is from; None if the row does not name it.

    Texts of a document in a spreadsheet have ids like P003:1. They keep them where "document" is
    lost, as in labels that the report's page saves. PMID:1 is no such id: the number is all it has.
    """
    named = row.get(by or "document")
    if named not in (None, ""):
        return str(named)
    id_ = None if by else id_of(row)
    numbered = _NUMBERED.fullmatch(id_ or "")
    return numbered[1] if numbered else id_


def _document(row: Mapping[str, Any], by: str | None) -> str:
    document = document_of(row, by)
    if document is None:
        raise InputError(f"it does not name its document: give it {by or 'document or id'}")
    return document


def _share(document: str) -> float:
    return int.from_bytes(sha256(document.encode()).digest()[: _BITS // 8], "big") / (1 << _BITS)
