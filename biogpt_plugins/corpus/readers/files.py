"""Files as bytes: plain or gzip, by lines or by pieces, with the beginning looked at first."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple, cast

from biogpt_plugins.values.errors import InputError

STDIN = "-"
BOM = b"\xef\xbb\xbf"
BREAKS = (OSError, EOFError, zlib.error)
"""What reading raises where a file breaks off."""

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 18
_MOST_LOOKED_AT = 1 << 16


class Source(NamedTuple):
    """A file that is open, and its beginning, which has been read already.

    Attributes:
        name: The file's name without its folders; None for the standard input.
        head: Its first bytes, whole lines of them unless one is very long.
        stream: The rest.
    """

    name: str | None
    head: bytes
    stream: IO[bytes]

    def lines(self) -> Iterator[bytes]:
        """All lines with their ends."""
        whole = self.head if self.head.endswith(b"\n") else self.head + self.stream.readline()
        return chain(io.BytesIO(whole), self.stream)

    def pieces(self) -> Iterator[bytes]:
        """All bytes, in pieces of some length."""
        read = cast(io.BufferedReader, self.stream).read1
        return chain([self.head], iter(lambda: read(_PIECE), b""))


def called(path: str) -> str:
    """What an input is called in messages."""
    return "the standard input" if path == STDIN else path


def is_pipe(path: str) -> bool:
    """Whether it is no file that can be read twice."""
    return path == STDIN or not Path(path).is_file()


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


@contextmanager
def open_source(path: str, told: Callable[[bytes], bool]) -> Iterator[Source]:
    """Open a file and read on until its beginning has told enough, or there is much of it."""
    with ExitStack() as stack:
        raw = sys.stdin.buffer if path == STDIN else stack.enter_context(Path(path).open("rb"))
        file = io.BufferedReader(cast(io.RawIOBase, raw))
        stack.callback(file.detach)  # closing it would close the standard input
        zipped = file.peek(len(_GZIP)).startswith(_GZIP)
        stream = cast(IO[bytes], stack.enter_context(gzip.open(file)) if zipped else file)
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
        yield Source(None if path == STDIN else Path(path).name, head.removeprefix(BOM), stream)


def decode(data: bytes) -> str | InputError:
    """The text of UTF-8, or the error that stands in its place."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at {error.start}"
        return InputError(f"no UTF-8 text ({byte}): convert the file, with iconv for example")


def broken_off(error: Exception) -> InputError:
    """What is said where a file breaks off."""
    return InputError(f"cannot read on: {getattr(error, 'strerror', None) or error}")
