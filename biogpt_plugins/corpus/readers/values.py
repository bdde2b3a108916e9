"""JSON values from arrays and objects of any length, in constant memory.

An event parser such as ijson stops at the first fault; this one continues after the broken value.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from biogpt_plugins.corpus.readers import bioc
from biogpt_plugins.corpus.readers.files import BREAKS, broken_off
from biogpt_plugins.corpus.readers.markup import unmarked
from biogpt_plugins.corpus.readers.outline import Shape, holds_records, is_nested
from biogpt_plugins.corpus.readers.records import ParsedRecord, Sections
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError, LostError
from biogpt_plugins.values.names import is_text, renamed

LARGEST = 1 << 26
"""A value with more characters counts as unclosed."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"\s*")
_MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)
_NEXT = re.compile(r"\n(?=[{\[])")
_ITEM = re.compile(r",\s*(?=\{)")
_MEMBER = re.compile(r',\s*"[^"\\]*(?:\\.[^"\\]*)*"\s*:\s*(?=\{)')
_REACH = 16
_EUROPE_PMC = "abstractText"


class _BrokenOff(Exception):
    """The rest of the file cannot be read."""


def read_values(
    pieces: Iterable[bytes], form: Shape = Shape.record
) -> Iterator[tuple[int, object]]:
    """Read values that follow one another, and the items of arrays.

    Args:
        pieces: A file's bytes.
        form: What objects are: records; collections, whose items are read; or tables as pandas
            writes them.

    Yields:
        The line on which a value begins, and the value or an error.
    """
    view = _View(pieces)

    def collected() -> Iterator[tuple[int, object]]:
        for key in view.members():
            first = view.peek()
            if holds_records(key, first):
                yield from view.items()
            elif is_nested(key, first):
                yield from collected()
            elif isinstance(value := view.value(), InputError):
                yield view.line, value

    def values() -> Iterator[tuple[int, object]]:
        while first := view.peek():
            if first == "[":
                yield from view.items()
            elif first == "{" and form is Shape.collection:
                yield from collected()
            elif first == "{" and form in (Shape.columns, Shape.split):
                line, value = view.line, view.value()
                rows = _of_columns(value) if form is Shape.columns else _of_split(value)
                yield from ((line, row) for row in rows)
            else:
                view.peek()
                yield view.line, view.value(alone=True)

    yield from view.guarded(values())


def read_by_id(pieces: Iterable[bytes]) -> Iterator[tuple[int, object]]:
    """Read an object of ids and their records: PubMedQA's, or a table of pandas by its index."""
    view = _View(pieces)

    def values() -> Iterator[tuple[int, object]]:
        if view.peek() != "{":
            raise _BrokenOff("expected an object that maps PMIDs to records")
        for key in view.members(records=True):
            if isinstance(key, InputError):
                yield view.line, key
                continue
            view.peek()
            line, value = view.line, view.value(by_id=True)
            if isinstance(value, dict):
                has_id = any(name.lower() in ("id", "pmid") for name in value)
                value = value if has_id else {**value, "id": key}
            elif not isinstance(value, InputError):
                value = InputError(f"{str(value)[:40]} is not a record: expected a JSON object")
            yield line, value

    yield from view.guarded(values())


def papers(value: object, sections: Sections, told: Mapping[str, str]) -> Iterator[ParsedRecord]:
    """What a value holds: papers, if it is BioC, or else a record.

    Raises:
        InputError: It has not the form of BioC, or lacks a field that is told.
    """
    if isinstance(value, dict) and isinstance(value.get("passages"), list):
        yield from bioc.read_json(value, sections)
    elif isinstance(value, dict):
        yield ParsedRecord(0, _record(value, told))
    elif isinstance(value, str | InputError):
        yield ParsedRecord(0, value)
    else:
        yield ParsedRecord(
            0, InputError(f"{str(value)[:40]} is not a record: expected a JSON object")
        )


def _record(value: dict[str, Any], told: Mapping[str, str]) -> dict[str, Any]:
    record = renamed(value, told)
    if _EUROPE_PMC in value:
        marked = ("title", "abstract")
        record = {
            k: unmarked(v) if k in marked and isinstance(v, str) else v for k, v in record.items()
        }
    return record


def _of_columns(value: object) -> Iterator[object]:
    """The rows of a table that pandas wrote by column."""
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        yield value if isinstance(value, InputError) else InputError("no table of columns")
        return
    for key in dict.fromkeys(key for column in value.values() for key in column):
        row = ((name, column.get(key)) for name, column in value.items())
        yield {name: cell for name, cell in row if cell is not None}


def _of_split(value: object) -> Iterator[object]:
    """The rows of a table that pandas wrote with its columns' names apart."""
    names, rows = (value.get("columns"), value.get("data")) if isinstance(value, dict) else (0, 0)
    if not isinstance(names, list) or not isinstance(rows, list):
        yield value if isinstance(value, InputError) else InputError("no table of columns and data")
        return
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            yield InputError(f"{str(row)[:40]} has not the {counted(len(names), 'cell')} of a row")
        else:
            named = zip(names, row, strict=True)
            yield {str(name): cell for name, cell in named if cell is not None}


class _View:
    """A window on a text."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        # Bytes that are not UTF-8 become halves of surrogate pairs, so that one value is lost.
        decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
        self._pieces: Iterator[str] = (decoder.decode(piece) for piece in pieces)
        self._failure: Exception | None = None
        self._text = ""
        self._at = 0
        self._keys: frozenset[str] = frozenset()
        self._is_sound = True  # what was read last, as a record
        self.line = 1

    def guarded(self, values: Iterator[tuple[int, object]]) -> Iterator[tuple[int, object]]:
        """The values, followed by an error if the rest cannot be read."""
        try:
            yield from values
        except _BrokenOff as error:
            yield self.line, LostError(f"cannot read further: {error}")
        except BREAKS as error:
            yield self.line, broken_off(error)

    def peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            self._go(_SPACE.match(self._text, self._at).end())  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def items(self) -> Iterator[tuple[int, object]]:
        """The items of the array at this position."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        while True:
            self.peek()
            line, value = self.line, self.value(by_id=False)
            sign = self.peek()
            if sign in (",", "]", "") or isinstance(value, dict | InputError):
                yield line, value
            if sign not in (",", "]", ""):
                line, fault = self.line, self._mended(_ITEM, f"expected , or ], not {sign}")
                if not isinstance(value, InputError):  # which has told it
                    yield line, fault
                if self.peek() == "{":
                    continue
            if self._take(",", "]") == "]":
                return

    def members(self, *, records: bool = False) -> Iterator[Any]:
        """The keys of the object that begins here; whoever takes one reads its value.

        Args:
            records: Each value is a record: where a key is broken, an error stands in its place,
                and the next record is looked for.
        """
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            self.peek()
            key = self.value()
            if not isinstance(key, str) or self.peek() != ":":
                if not records:
                    raise _BrokenOff("expected a key in quotes")
                yield self._mended(_MEMBER, "expected a name in quotes and a colon")
            else:
                self._take(":")
                yield key
                if records and (sign := self.peek()) not in (",", "}", ""):
                    fault = self._mended(_MEMBER, f"expected , or }}, not {sign}")
                    if self._is_sound:
                        yield fault
            if self._take(",", "}") == "}":
                return

    def value(self, *, alone: bool = False, by_id: bool | None = None) -> Any:  # noqa: ANN401
        """The value that begins here, or the error that stands in its place.

        Args:
            alone: It is in no other, so that the next may be found by a line that begins with one.
            by_id: It is a record among others, in an array or by its id: the next can be found.
        """
        self.peek()
        next_one = None if by_id is None else _MEMBER if by_id else _ITEM
        while True:
            try:
                self._is_sound = False
                value, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or not self._more():  # a number may go on
                    if by_id is not None and isinstance(value, dict) and not self._keys:
                        self._keys = frozenset(value)
                    self._is_sound = isinstance(value, dict)
                    return self._sound(value, end)
                continue
            except (ValueError, RecursionError) as error:
                reason = getattr(error, "msg", None) or str(error)
                pos = getattr(error, "pos", None)
                place = pos if alone else None
            past = self._end(place)
            # What is wrong at the end of what is in sight may be right as soon as more is.
            certain = pos is None or (pos < len(self._text) - _REACH and "Unterm" not in reason)
            if next_one and (certain or past is not None):
                following = self._following(next_one)
                past = following if following is not None else past
            if past is not None:
                self._go(past)
                return InputError(f"not JSON: {reason}")
            if len(self._text) - self._at > LARGEST:
                raise _BrokenOff(f"a value does not end within {LARGEST >> 20} million characters")
            if not self._more():
                past = self._following(next_one) if next_one else None
                if past is None:
                    raise _BrokenOff(reason)
                self._go(past)
                return InputError(f"not JSON: {reason}")

    def _following(self, next_one: re.Pattern[str]) -> int | None:
        """Where the next record is, as far as it is in sight: at the comma before it."""
        for found in next_one.finditer(self._text, self._at + 1):
            try:
                value, _ = _DECODER.raw_decode(self._text, found.end())
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict) and self._is_like(value):
                return found.start()
        return None

    def _is_like(self, value: dict[str, Any]) -> bool:
        """Whether an object has the keys that records have, which those in records have not."""
        if not self._keys:
            return any(map(is_text, value)) or "passages" in value
        common = self._keys.intersection(value)
        return len(common) * 2 > len(self._keys.union(value)) or self._keys == common

    def _mended(self, next_one: re.Pattern[str], reason: str) -> InputError:
        """Go on at the next record.

        Raises:
            _BrokenOff: There is none.
        """
        if next_one is _ITEM and self.peek() == "{":
            return InputError(f"not JSON: {reason}")
        while (past := self._following(next_one)) is None:
            if len(self._text) - self._at > LARGEST or not self._more():
                raise _BrokenOff(reason)
        self._go(past)
        return InputError(f"not JSON: {reason}")

    def _sound(self, value: object, end: int) -> object:
        text = self._text[self._at : end]
        self._go(end)
        try:
            text.encode()
            if "\\u" in text:
                json.dumps(value, ensure_ascii=False).encode()  # finds half a surrogate pair
        except UnicodeEncodeError:
            return InputError("not UTF-8 text, or half of a surrogate pair: convert the file")
        return value

    def _end(self, place: int | None) -> int | None:
        """Where a broken value ends; None if the end is not read yet.

        It ends before the next value, if that caused the fault or if the broken value has a line of
        its own; otherwise where its brackets close.

        Args:
            place: The position of the fault, if the value is not nested.
        """
        if place is not None:
            near = max(place - 1, self._at)
            following = _NEXT.search(self._text, near)
            if following and (
                following.start() <= place or "\n" not in self._text[self._at : following.start()]
            ):
                return following.end()
        depth = 0
        for mark in _MARKS.finditer(self._text, self._at):
            if mark[0] == '"':
                return None
            depth += (mark[0] in "[{") - (mark[0] in "]}")
            if depth <= 0:
                return mark.end()
        return None

    def _take(self, *wanted: str) -> str:
        found = self.peek()
        if found not in wanted:
            raise _BrokenOff(f"expected {' or '.join(wanted)}, not {found or 'the end'}")
        self._go(self._at + 1)
        return found

    def _go(self, at: int) -> None:
        self.line += self._text.count("\n", self._at, at)
        self._at = at

    def _more(self) -> bool:
        wanted = max(len(self._text) - self._at, 1)  # reading as much again keeps the cost linear
        found = [self._text[self._at :]]
        try:
            while wanted > 0 and (piece := next(self._pieces, None)) is not None:
                found.append(piece)
                wanted -= len(piece)
        except BREAKS as error:  # what was read before is looked at first
            self._failure = error
            self._pieces = iter(())
        if len(found) == 1 and self._failure:
            raise self._failure
        self._text, self._at = "".join(found), 0
        return len(found) > 1
