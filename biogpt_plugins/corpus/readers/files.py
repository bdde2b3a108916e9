"""Files as what is in them: packages unpacked, encodings and line ends made alike, one by one."""

from __future__ import annotations

import io
import lzma
import os
import re
import sys
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from glob import glob
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from biogpt_plugins.corpus.readers import packages
from biogpt_plugins.corpus.readers.signatures import (
    XLSX,
    Binary,
    Kind,
    binary,
    office,
)
from biogpt_plugins.corpus.readers.streams import (
    has_mark,
    in_utf8,
    seekable,
    unpacked,
    with_line_feeds,
)
from biogpt_plugins.values.errors import InputError, LostError

STDIN = "-"
BOM = b"\xef\xbb\xbf"
BREAKS = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)
"""What reading raises where a file breaks off."""
LONGEST_LINE = 1 << 26
"""A line that has more bytes is passed over, and told."""

_PIECE = 1 << 18
_MOST_LOOKED_AT = 1 << 16
_MOST_NESTED = 3
_DECLARED = re.compile(rb"(<\?xml[^>]*?\sencoding\s*=\s*[\"'])utf-?(?:16|32)\w*", re.IGNORECASE)
_ENDINGS = re.compile(r"\.(txt|text)$", re.IGNORECASE)


class OpenFile(NamedTuple):
    """A file, or a file in a package, that is open, and its beginning, which was read already.

    Attributes:
        name: The file's name without its folders; None for the standard input.
        called: What it is called in messages.
        head: Its first bytes, whole lines of them unless one is very long.
        stream: The rest; the whole of a binary file, which can be read in any order.
        kind: What it is, if it is binary.
    """

    name: str | None
    called: str
    head: bytes
    stream: IO[bytes]
    kind: Binary | None = None

    @property
    def id(self) -> str | None:
        """What the text in it is called: the file's name without ".txt"."""
        return shown(_ENDINGS.sub("", self.name)) if self.name else None

    def lines(self) -> Iterator[bytes | InputError]:
        """All lines with their ends; an error in place of one that is too long."""
        for line in chain(io.BytesIO(self.head), iter(partial(self.stream.readline, _PIECE), b"")):
            yield line if line.endswith(b"\n") else self._line(line)

    def _line(self, begun: bytes) -> bytes | InputError:
        """The whole of a line that has begun."""
        parts, size = [begun], len(begun)
        while part := self.stream.readline(_PIECE):
            size += len(part)
            if size > LONGEST_LINE:
                parts.clear()
            parts.append(part)
            if part.endswith(b"\n"):
                break
        if size > LONGEST_LINE:
            return InputError(f"a line of {size:,} bytes is too long: {LONGEST_LINE:,} is the most")
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes]:
        """All bytes, in pieces."""
        read = cast(io.BufferedReader, self.stream).read1
        return chain([self.head], iter(lambda: read(_PIECE), b""))


class Refused(NamedTuple):
    """A file, or a file in a package, that cannot be read, and why."""

    called: str
    error: InputError
    kind: Binary | None = None


def called(path: str) -> str:
    """What an input is called in messages."""
    return "standard input" if path == STDIN else shown(path)


def shown(name: str) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return os.fsencode(name).decode(errors="backslashreplace")


def is_pipe(path: str) -> bool:
    """Whether the input can be read only once."""
    return path == STDIN or not Path(path).is_file()


def expanded(given: Iterable[str]) -> list[str]:
    """Files for what stands for several: a pattern in quotes, or a folder.

    Of a folder all files but hidden ones, and none of folders in it; each in the order of names.

    Raises:
        InputError: A folder holds no file.
    """
    found: list[str] = []
    for one in given:
        if one != STDIN and Path(one).is_dir():
            inside = [str(p) for p in sorted(Path(one).iterdir()) if p.is_file()]
            inside = [path for path in inside if not Path(path).name.startswith(".")]
            if not inside:
                raise InputError(f"the folder {shown(one)} holds no file: name another")
            found += inside
        elif one == STDIN or Path(one).exists():
            found.append(one)
        else:
            found += sorted(glob(one)) or [one]
    return found


def check_readable(paths: Iterable[str]) -> None:
    """Check before any work that files exist and are readable.

    Raises:
        InputError: A path is a folder, or the standard input is closed.
        OSError: A file is missing or not readable.
    """
    for path in paths:
        if path == STDIN:
            if sys.stdin is None:
                raise InputError("the standard input is closed: name a file")
            continue
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder: name the files in it, {path.rstrip('/')}/*")
        os.stat(path)
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "no permission to read it", path)


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


def decode(data: bytes | InputError) -> str | InputError:
    """The text of UTF-8, or the error that stands in its place."""
    if isinstance(data, InputError):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at {error.start}"
        return InputError(f"not UTF-8 text ({byte}): convert the file, for example with iconv")


def broken_off(error: Exception) -> InputError:
    """What is said where a file breaks off."""
    return LostError(f"cannot read further: {getattr(error, 'strerror', None) or error}")
