"""Files as what is in them: packages unpacked, encodings and line ends made alike, one by one."""

from __future__ import annotations

import io
import re
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from biogpt_plugins.corpus.readers import packages
from biogpt_plugins.corpus.readers.files import (
    BOM,
    BREAKS,
    STDIN,
    OpenFile,
    Refused,
    is_pipe,
    shown,
)
from biogpt_plugins.corpus.readers.signatures import XLSX, Binary, Kind, binary, office
from biogpt_plugins.corpus.readers.streams import (
    has_mark,
    in_utf8,
    seekable,
    unpacked,
    with_line_feeds,
)
from biogpt_plugins.values.errors import InputError

_MOST_LOOKED_AT = 1 << 16
_MOST_NESTED = 3
_DECLARED = re.compile(rb"(<\?xml[^>]*?\sencoding\s*=\s*[\"'])utf-?(?:16|32)\w*", re.IGNORECASE)


def opened(path: str, told: Callable[[bytes], bool]) -> Generator[OpenFile | Refused, None, None]:
    """Open a file, or the files in a package one after another.

    Of each is read on until its beginning has told enough, or there is much of it. Each is to be
    read before the next is asked for.

    Args:
        path: The file; "-" for the standard input.
        told: Whether so much of the beginning is enough.
    """
    name = None if path == STDIN else Path(path).name
    with ExitStack() as stack:
        raw = sys.stdin.buffer if path == STDIN else stack.enter_context(Path(path).open("rb"))
        again = None if is_pipe(path) else lambda: _open(path)
        called_ = "standard input" if path == STDIN else shown(path)
        yield from _opened(_File(name, called_, raw, again), told, 0)


def _open(path: str) -> IO[bytes]:
    return Path(path).open("rb")


class _File(NamedTuple):
    name: str | None
    called: str
    stream: IO[bytes]
    again: Callable[[], IO[bytes]] | None


def _opened(file: _File, told: Callable[[bytes], bool], depth: int) -> Iterator[OpenFile | Refused]:
    try:
        name, head, stream = unpacked(file.name, file.stream)
    except InputError as error:
        yield Refused(file.called, error)
        return
    if packages.is_tar(head):
        yield from _of_tar(file, stream, told, depth)
    elif packages.is_zip(head):
        # A file that is not packed once more is read in place.
        plain = name == file.name and file.again
        with file.again() if plain and file.again else stream as whole:
            yield from _of_zip(file, name, whole, told, depth)
    elif has_mark(head):
        yield _text(name, file.called, head, stream, told)
    elif (kind := binary(head)) and kind.kind is Kind.read:
        with seekable(stream) as whole:
            yield OpenFile(name, file.called, head, whole, kind)
    elif kind:
        yield _refused(file, kind)
    else:
        yield _text(name, file.called, head, stream, told)


def _text(
    name: str | None,
    called_: str,
    start: bytes,
    stream: io.BufferedReader,
    told: Callable[[bytes], bool],
) -> OpenFile:
    changed, stream = in_utf8(start, stream)
    head = b""
    looked_at = -1  # asking after each of many short lines would take long
    while (room := _MOST_LOOKED_AT - len(head)) > 0:
        if len(head) > looked_at * 5 // 4:
            looked_at = len(head)
            if told(head):
                break
        line = stream.readline(room)
        if not line:
            break
        head += line
    head = head.removeprefix(BOM)
    if changed:
        head = _DECLARED.sub(rb"\1UTF-8", head, count=1)
    if b"\r" in head and b"\n" not in head:  # as Excel for the Mac has it
        head, stream = head.replace(b"\r", b"\n"), with_line_feeds(stream)
    return OpenFile(name, called_, head, stream)


def _of_tar(
    file: _File, stream: IO[bytes], told: Callable[[bytes], bool], depth: int
) -> Iterator[OpenFile | Refused]:
    def all_names() -> Iterator[str]:
        if file.again:
            # Where it breaks off is told when its files are read.
            with suppress(*BREAKS), file.again() as again:
                yield from packages.names_of_tar(unpacked(None, again)[2])

    yield from _members(file, packages.of_tar(stream), packages.Names(all_names()), told, depth)


def _of_zip(
    file: _File, name: str | None, stream: IO[bytes], told: Callable[[bytes], bool], depth: int
) -> Iterator[OpenFile | Refused]:
    with packages.opened_zip(stream) as package:
        names = package.namelist()
        kind = office(set(names))
        if kind is XLSX:
            whole = cast(IO[bytes], package.fp)
            whole.seek(0)
            yield OpenFile(name, file.called, b"", whole, kind)
        elif kind:
            yield _refused(file, kind)
        else:
            known = packages.Names(filter(packages.is_wanted, names))
            yield from _members(file, packages.of_zip(package), known, told, depth)


def _members(
    file: _File,
    members: Iterator[packages.Member],
    names: packages.Names,
    told: Callable[[bytes], bool],
    depth: int,
) -> Iterator[OpenFile | Refused]:
    passed = packages.Passed()
    found = False
    for member in members:
        names.note(member.name)
        called_ = f"{file.called}/{shown(member.name)}"
        if depth >= _MOST_NESTED:
            yield Refused(called_, InputError("it is in packages within packages: unpack them"))
            return
        if isinstance(member.stream, InputError):
            yield Refused(called_, member.stream)
            continue
        if names.is_supplement(member.name):
            passed.add("supplements of a full text")
            continue
        inner = _File(PurePosixPath(member.name).name, called_, member.stream, None)
        for one in _opened(inner, told, depth + 1):
            kind = one.kind
            if kind and kind.kind is Kind.media:
                passed.add(kind.name)
            elif kind and kind is not XLSX and names.is_copy(member.name):
                passed.add(f"{kind.name} beside XML")
            else:
                found = True
                yield one
    if line := passed.told():
        warnings.warn(f"{file.called}: {line}", stacklevel=2)
    if not found:
        yield Refused(file.called, InputError("there is no paper in the package"))


def _refused(file: _File, kind: Binary) -> Refused:
    return Refused(file.called, InputError(f"{kind.name} cannot be read: {kind.advice}"), kind)
