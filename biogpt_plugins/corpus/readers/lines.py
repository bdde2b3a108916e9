"""Formats with a record in one line or a few: PubTator and JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import starmap

from biogpt_plugins.corpus.readers.files import decode
from biogpt_plugins.corpus.readers.formats import TITLE_OR_ABSTRACT
from biogpt_plugins.corpus.readers.records import ParsedRecord
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper

_FIELDS = {"t": "title", "a": "abstract"}


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
    """Read titles and abstracts; annotations are passed over."""
    return starmap(ParsedRecord, _pubtator(enumerate(map(decode, lines), start=1)))


def _pubtator(lines: Iterable[tuple[int, str | InputError]]) -> Iterator[tuple[int, object]]:
    paper: dict[str, str] = {}
    start = 0
    for number, line in lines:
        text = line.rstrip("\r\n") if isinstance(line, str) else ""
        if "\t" in text.partition("|")[0]:
            continue  # an annotation
        part = TITLE_OR_ABSTRACT.fullmatch(text)
        key = _FIELDS[part[2]] if part else ""
        if paper and (not part or part[1] != paper["id"] or key in paper):
            yield start, Paper.model_validate(paper)
            paper = {}
        if part:
            start = start if paper else number
            paper |= {"id": part[1], key: part[3]}
        elif isinstance(line, InputError):
            yield number, line
        elif text.strip():
            yield number, InputError("not a PubTator line: expected id|t|title or id|a|abstract")
    if paper:
        yield start, Paper.model_validate(paper)
