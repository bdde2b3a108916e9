"""JSON values from arrays and objects of any length, in constant memory.

An event parser such as ijson stops at the first fault; this one continues after the broken value.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from biogpt_plugins.corpus.readers import bioc
from biogpt_plugins.corpus.readers.files import BREAKS, broken_off
from biogpt_plugins.corpus.readers.records import ParsedRecord, Sections
from biogpt_plugins.values.errors import InputError

LARGEST = 1 << 26
"""A value with more characters counts as unclosed."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"\s*")
_MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)
_NEXT = re.compile(r"\n(?=[{\[])")
_COLLECTIONS = ("documents", "PubTator3")


class _BrokenOff(Exception):
    """The rest of the file cannot be read."""


def read_values(pieces: Iterable[bytes], *, collection: bool) -> Iterator[tuple[int, object]]:
    """Read successive values, and the items of arrays.

    Args:
        pieces: The bytes of a file.
        collection: Whether objects are BioC collections, whose documents are read one by one.

    Yields:
        The line on which a value begins, and the value or an error.
    """
    view = _View(pieces)

    def values() -> Iterator[tuple[int, object]]:
        while first := view.peek():
            if first == "[":
                yield from view.items()
            elif collection and first == "{":
                for key in view.members():
                    if key in _COLLECTIONS and view.peek() == "[":
                        yield from view.items()
                    else:
                        view.value()
            else:
                yield view.line, view.value(alone=True)

    yield from view.guarded(values())


def read_questions(pieces: Iterable[bytes]) -> Iterator[ParsedRecord]:
    """Read PubMedQA's JSON: an object that maps PMIDs to questions, or to other records."""
    view = _View(pieces)

    def values() -> Iterator[tuple[int, object]]:
        if view.peek() != "{":
            raise _BrokenOff("expected an object that maps PMIDs to records")
        for key in view.members():
            view.peek()
            line, value = view.line, view.value()
            if isinstance(value, dict):
                value = {**value, "id": key}
            elif not isinstance(value, InputError):
                value = InputError(f"{str(value)[:40]} is not a record: expected a JSON object")
            yield line, value

    for line, value in view.guarded(values()):
        yield ParsedRecord(line, value)


def papers(value: object, sections: Sections) -> Iterator[ParsedRecord]:
    """The records of a value: papers of BioC, or the value itself."""
    if isinstance(value, dict) and isinstance(value.get("passages"), list):
        yield from bioc.read_json(value, sections)
    elif isinstance(value, dict | str | InputError):
        yield ParsedRecord(0, value)
    else:
        yield ParsedRecord(
            0, InputError(f"{str(value)[:40]} is not a record: expected a JSON object")
        )


class _View:
    """A window on a text."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        # Bytes that are not UTF-8 become halves of surrogate pairs, so that one value is lost.
        decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
        self._pieces: Iterator[str] = (decoder.decode(piece) for piece in pieces)
        self._failure: Exception | None = None
        self._text = ""
        self._at = 0
        self.line = 1

    def guarded(self, values: Iterator[tuple[int, object]]) -> Iterator[tuple[int, object]]:
        """The values, followed by an error if the rest cannot be read."""
        try:
            yield from values
        except _BrokenOff as error:
            yield self.line, InputError(f"cannot read further: {error}")
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
            yield self.line, self.value()
            if self._take(",", "]") == "]":
                return

    def members(self) -> Iterator[str]:
        """The keys of the object at this position; the caller reads the value of each."""
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            self.peek()
            key = self.value()
            if not isinstance(key, str):
                raise _BrokenOff("expected a key in quotes")
            self._take(":")
            yield key
            if self._take(",", "}") == "}":
                return

    def value(self, *, alone: bool = False) -> Any:  # noqa: ANN401 - JSON may be anything
        """The value at this position, or an error.

        Args:
            alone: Whether it is not nested, so that a line that begins a value ends it.
        """
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or not self._more():  # a number may go on
                    return self._sound(value, end)
                continue
            except (ValueError, RecursionError) as error:
                reason = getattr(error, "msg", None) or str(error)
                place = getattr(error, "pos", None) if alone else None
            past = self._end(place)
            if past is not None:
                self._go(past)
                return InputError(f"not JSON: {reason}")
            if len(self._text) - self._at > LARGEST:
                raise _BrokenOff(f"a value does not end within {LARGEST >> 20} million characters")
            if not self._more():
                raise _BrokenOff(reason)

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
