"""Formats with a record in one line or a few: PubTator and JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import starmap

from biogpt_plugins.corpus.readers.files import decode
from biogpt_plugins.corpus.readers.formats import TITLE_OR_ABSTRACT
from biogpt_plugins.corpus.readers.records import ParsedRecord
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper, annotated
from biogpt_plugins.values.mentions import Mention, placed

_FIELDS = {"t": "title", "a": "abstract"}
_OFFSETS = re.compile(r"-?\d+(?:[;,|]\d+)*")
_BETWEEN = re.compile(r"[;,|]")
_COLUMNS = 5


def read_jsonl(lines: Iterable[bytes | InputError]) -> Iterator[tuple[int, object]]:
    """Read one JSON object or string a line."""
    for number, line in enumerate(map(decode, lines), start=1):
        if isinstance(line, InputError):
            yield number, line
        elif line.strip():
            yield number, _json(line)


def _json(line: str) -> object:
    try:
        value = json.loads(line)
        if "\\u" in line:
            json.dumps(value, ensure_ascii=False).encode()  # finds half a surrogate pair
    except (ValueError, RecursionError) as error:
        return InputError(f"not JSON: {error}; write one JSON object per line")
    if isinstance(value, dict | str):
        return value
    return InputError(f"{line[:40].strip()} is not a record: write one JSON object per line")


# The bioc library's PubTator reader strips titles, which moves offsets, and says of a broken line
# neither where it is nor that it left it out.
def read_pubtator(lines: Iterable[bytes | InputError]) -> Iterator[ParsedRecord]:
    """Read titles and abstracts, with their mentions as entities; relations are passed over.

    A mention is a line of document, start, end, words, type and id. A composite mention has
    several ids with "|" between them and, in the next column, a name for each.
    """
    return starmap(ParsedRecord, _pubtator(enumerate(map(decode, lines), start=1)))


class _Block:
    """The lines of a document."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.start = 0
        self.closed = False
        self._annotations: list[tuple[int, str]] = []

    def takes(self, id_: str, part: str) -> bool:
        """Whether a part of a document belongs to this one."""
        return not self.closed and id_ == self.fields["id"] and part not in self.fields

    def add(self, number: int, id_: str, part: str, text: str) -> None:
        """Add the title or the abstract."""
        self.start = self.start or number
        self.fields |= {"id": id_, part: text}

    def annotate(self, number: int, line: str) -> None:
        """Add a mention or a relation."""
        self._annotations.append((number, line))

    def paper(self) -> Paper:
        paper = Paper.model_validate(self.fields)
        return annotated(paper, lambda: placed(self._mentions(), paper.source, paper.id))

    def _mentions(self) -> list[Mention]:
        return [m for at, line in self._annotations for m in _mentions(at, line, self.fields["id"])]


def _pubtator(lines: Iterable[tuple[int, str | InputError]]) -> Iterator[tuple[int, object]]:
    block = _Block()
    for number, line in lines:
        text = line.rstrip("\r\n") if isinstance(line, str) else ""
        if "\t" in text.partition("|")[0]:
            if block.fields:
                block.annotate(number, text)
            continue
        part = TITLE_OR_ABSTRACT.fullmatch(text)
        key = _FIELDS[part[2]] if part else ""
        if isinstance(line, str) and not text.strip():
            block.closed = bool(block.fields)  # its annotations may still follow
            continue
        if block.fields and not (part and block.takes(part[1], key)):
            yield block.start, block.paper()
            block = _Block()
        if part:
            block.add(number, part[1], key, part[3])
        elif isinstance(line, InputError):
            yield number, line
        else:
            yield number, InputError("not a PubTator line: expected id|t|title or id|a|abstract")
    if block.fields:
        yield block.start, block.paper()


def _mentions(number: int, line: str, document: str) -> Iterator[Mention]:
    """The mention in a line, if it is not a relation."""
    cells = line.split("\t")
    if not _OFFSETS.fullmatch(cells[1]):
        return
    whole = len(cells) >= _COLUMNS and bool(_OFFSETS.fullmatch(cells[2]))
    places = [list(map(int, _BETWEEN.split(cell))) for cell in cells[1:3]] if whole else [[], []]
    starts, ends = places
    if cells[0] != document or not starts or len(starts) != len(ends):
        raise InputError(
            f"line {number} is not a mention of document {document}: expected its id, start, end, "
            "words, type and identifier, with tabs between them; correct it, or leave annotations "
            "out (--entities ignore)"
        )
    ids, names = [*cells[5:], "", ""][:2]
    named = zip(names.split("|"), ids.split("|"), strict=False) if names and "|" in ids else ()
    yield Mention(cells[3], cells[4], tuple(zip(starts, ends, strict=True)), ids, tuple(named))
