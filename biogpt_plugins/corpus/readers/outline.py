"""What a JSON file is, by the keys in sight of its beginning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from biogpt_plugins.values.names import is_text

COLLECTIONS = ("documents", "PubTator3", "data", "items", "records", "articles")
"""Keys of arrays of records, in objects that hold no text of their own."""
_NESTED, _RESULTS = "resultList", "result"  # as Europe PMC answers
_BELOW = 2  # the depth of keys in the object's members
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_MARKS = re.compile(rf"{_STRING}|[\[\]{{}}:,]", re.DOTALL)


class Shape(Enum):
    """What an object at the beginning of a file is."""

    record = "record"
    bioc = "bioc"
    collection = "collection"
    by_id = "by id"
    columns = "columns"
    split = "split"
    unknown = "unknown"


class _Member(NamedTuple):
    key: str
    kind: str
    inner: tuple[tuple[str, str], ...]


def shape(start: str) -> Shape:  # noqa: PLR0911 - one each
    """The shape of the object that begins here."""
    members = list(_members(start))
    kinds = {one.key: one.kind for one in members}
    if kinds.get("passages") == "[":
        return Shape.bioc
    asked = [one.kind == "{" and any(is_text(key) for key, _ in one.inner) for one in members[:2]]
    if len(asked) > 1 and all(asked):
        return Shape.by_id
    if any(is_text(key) and kind in ('"', "[") for key, kind in kinds.items()):
        return Shape.record
    arrays = {key for key, kind in kinds.items() if kind == "["}
    if {"columns", "data"} <= kinds.keys() and "columns" in arrays:
        return Shape.split
    if arrays.intersection(COLLECTIONS) or kinds.get(_NESTED) == "{":
        return Shape.collection
    inner = members[0].inner if members and members[0].kind == "{" else ()
    if (
        inner
        and all(key.isdigit() for key, _ in inner)
        and any(is_text(one.key) for one in members)
    ):
        return Shape.columns
    if any(is_text(key) for key, _ in inner):
        return Shape.by_id
    return Shape.unknown


def is_nested(key: str, first: str) -> bool:
    """Whether an object's member holds the array of records deeper down."""
    return key == _NESTED and first == "{"


def holds_records(key: str, first: str) -> bool:
    """Whether the member of a collection is an array of records."""
    return key in (*COLLECTIONS, _RESULTS) and first == "["


def _members(start: str) -> Iterator[_Member]:  # noqa: PLR0912 - a case each
    """The members of the object that begins here, with the keys of those that are objects."""
    depth, key, kind = 0, "", ""
    inner: list[tuple[str, str]] = []
    last, awaited = "", False  # the string before, and whether a value is to come
    inner_key, inner_awaited = "", False
    for mark in _MARKS.finditer(start):
        sign = mark[0][0]
        if depth == 1 and awaited and sign in '"[{':
            kind, awaited = sign, False
        elif depth == 1 and awaited and sign in ",}":  # a number, true, false or null
            kind, awaited = "0", False
        if depth == _BELOW and inner_awaited and sign in '"[{,}':
            inner.append((inner_key, sign if sign in '"[{' else "0"))
            inner_awaited = False
        if sign == '"':
            last = mark[0][1:-1]
        elif sign == ":":
            if depth == 1:
                key, awaited = _text(last), True
            elif depth == _BELOW and kind == "{":
                inner_key, inner_awaited = _text(last), True
        elif sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        if kind and ((depth == 1 and sign == ",") or depth == 0):
            yield _Member(key, kind, tuple(inner))
            key, kind, inner = "", "", []
        if depth == 0:
            return
    if kind:
        yield _Member(key, kind, tuple(inner))


def _text(quoted: str) -> str:
    try:
        return str(json.loads(f'"{quoted}"'))
    except ValueError:
        return quoted
