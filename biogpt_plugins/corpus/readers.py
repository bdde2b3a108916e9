"""Readers: files of papers -> records, one at a time, in constant memory.

Formats:
    pubtator: `id|t|title` and `id|a|abstract` lines; annotations are passed over. Offsets count in
        title + " " + abstract, as PubTator's own do.
    jsonl: one JSON object a line, with the fields of the task's input (`title`, `abstract`, `id` or
        `pmid`; `text`; `question`, `context`), or one JSON string a line.
    text: one document a file, whatever its line breaks, named by its file.

Files are UTF-8, plain or gzip; both the compression and the format are known by content, not by
name. "-" is the standard input.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple, cast

from biogpt_plugins.errors import InputError
from biogpt_plugins.inputs import Paper

STDIN = "-"

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_ARRAY = re.compile(rb"\[\s*([{\"]|$)")
_TITLE_OR_ABSTRACT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
_FIELDS = {"t": "title", "a": "abstract"}
_Lines = Iterable[tuple[int, "str | InputError"]]


class Format(str, Enum):
    """How a file is laid out; `auto` looks at its first line."""

    auto = "auto"
    pubtator = "pubtator"
    jsonl = "jsonl"
    text = "text"


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        where: "file:line", for messages.
        value: What a pipeline takes, or the error that stands in its place.
    """

    where: str
    value: object


def check_readable(paths: Iterable[str]) -> None:
    """Find files that are not there or may not be read before any work is done.

    Raises:
        InputError: One of them is a folder.
        OSError: One of them is missing or locked.
    """
    for path in paths:
        if path == STDIN:
            continue
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder: name the files in it, {path.rstrip('/')}/*")
        os.stat(path)
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "not allowed to read it", path)


def read_records(paths: Iterable[str], form: Format = Format.auto) -> Iterator[Record]:
    """Read files one after another.

    What cannot be read costs itself only: a broken record comes out as a record whose value is an
    InputError that names the file and the line, and so does the place where a file breaks off.
    """
    for path in paths:
        name = "standard input" if path == STDIN else path
        number = 0
        try:
            with _open(path) as stream:
                for number, value in _parse(stream, form, path):
                    where = f"{name}:{number}"
                    broken = isinstance(value, InputError)
                    yield Record(where, InputError(f"{where}: {value}") if broken else value)
        except (OSError, EOFError, zlib.error) as error:
            where = f"{name}:{number + 1}"
            reason = getattr(error, "strerror", None) or error
            yield Record(where, InputError(f"{where}: cannot read on: {reason}"))


@contextmanager
def _open(path: str) -> Iterator[IO[bytes]]:
    with ExitStack() as stack:
        raw = sys.stdin.buffer if path == STDIN else stack.enter_context(Path(path).open("rb"))
        file = io.BufferedReader(cast(io.RawIOBase, raw))
        stack.callback(file.detach)  # closing it would close the standard input
        zipped = file.peek(len(_GZIP)).startswith(_GZIP)
        yield cast(IO[bytes], stack.enter_context(gzip.open(file))) if zipped else file


def _parse(stream: IO[bytes], form: Format, path: str) -> Iterator[tuple[int, object]]:
    lines: Iterable[bytes] = stream
    if form is Format.auto:
        head: list[bytes] = []
        while (not head or not head[-1].strip()) and (line := stream.readline()):
            head.append(line)
        lines = chain(head, stream)
        form = _guess(head[-1].strip() if head else b"")
    if form is Format.text:
        text = _decode(b"".join(lines))
        name = None if path == STDIN else Path(path).name
        yield 1, Paper(id=name, text=text) if isinstance(text, str) else text
    elif form is Format.pubtator:
        yield from _pubtator(enumerate(map(_decode, lines), start=1))
    else:
        yield from _jsonl(enumerate(map(_decode, lines), start=1))


def _guess(line: bytes) -> Format:
    """The format of a file by its first line that is not blank."""
    line = line.removeprefix(_BOM)
    # A title may begin with a bracket: that of a paper in another language than English does.
    if line.startswith(b"{") or _ARRAY.match(line):
        return Format.jsonl
    if _TITLE_OR_ABSTRACT.match(line.decode("utf-8", errors="replace")):
        return Format.pubtator
    return Format.text


def _decode(data: bytes) -> str | InputError:
    try:
        return data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at {error.start}"
        return InputError(f"no UTF-8 text ({byte}): convert the file, with iconv for example")


def _jsonl(lines: _Lines) -> Iterator[tuple[int, object]]:
    for number, line in lines:
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
        return InputError(f"no JSON: {error}; give one JSON object a line")
    if isinstance(value, dict | str):
        return value
    return InputError(f"{line[:40].strip()} is no record: give one JSON object a line")


# The bioc library's PubTator reader strips titles, which moves offsets, and says of a broken line
# neither where it is nor that it left it out.
def _pubtator(lines: _Lines) -> Iterator[tuple[int, object]]:
    paper: dict[str, str] = {}
    start = 0
    for number, line in lines:
        text = line.rstrip("\r\n") if isinstance(line, str) else ""
        if "\t" in text.partition("|")[0]:
            continue  # an annotation
        part = _TITLE_OR_ABSTRACT.fullmatch(text)
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
            yield number, InputError("no line of PubTator: expected id|t|title or id|a|abstract")
    if paper:
        yield start, Paper.model_validate(paper)
