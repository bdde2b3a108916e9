"""Files as bytes: plain or gzip, by lines or by pieces, with a look at the beginning first."""

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
"""The exceptions of reading a damaged or truncated file."""

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 18
_MOST_LOOKED_AT = 1 << 16


class OpenFile(NamedTuple):
    """An open file, whose beginning has been read already.

    Attributes:
        name: The file's name without its folders; None for standard input.
        head: The first bytes, in whole lines unless a line is very long.
        stream: The rest.
    """

    name: str | None
    head: bytes
    stream: IO[bytes]

    def lines(self) -> Iterator[bytes]:
        """All lines, with line ends."""
        whole = self.head if self.head.endswith(b"\n") else self.head + self.stream.readline()
        return chain(io.BytesIO(whole), self.stream)

    def pieces(self) -> Iterator[bytes]:
        """All bytes, in pieces."""
        read = cast(io.BufferedReader, self.stream).read1
        return chain([self.head], iter(lambda: read(_PIECE), b""))


def called(path: str) -> str:
    """The name of an input in messages."""
    return "standard input" if path == STDIN else path


def is_pipe(path: str) -> bool:
    """Whether the input can be read only once."""
    return path == STDIN or not Path(path).is_file()


def check_readable(paths: Iterable[str]) -> None:
    """Check before any work that files exist and are readable.

    Raises:
        InputError: A path is a folder.
        OSError: A file is missing or not readable.
    """
    for path in paths:
        if path == STDIN:
            continue
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder: name the files in it, {path.rstrip('/')}/*")
        os.stat(path)
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "no permission to read it", path)


@contextmanager
def open_source(path: str, enough: Callable[[bytes], bool]) -> Iterator[OpenFile]:
    """Open a file and read its beginning until `enough` says so, or up to 64 KiB."""
    with ExitStack() as stack:
        raw = sys.stdin.buffer if path == STDIN else stack.enter_context(Path(path).open("rb"))
        file = io.BufferedReader(cast(io.RawIOBase, raw))
        stack.callback(file.detach)  # closing it would close standard input
        zipped = file.peek(len(_GZIP)).startswith(_GZIP)
        stream = cast(IO[bytes], stack.enter_context(gzip.open(file)) if zipped else file)
        head = b""
        looked_at = -1  # a check after each of many short lines would be slow
        while (room := _MOST_LOOKED_AT - len(head)) > 0:
            if len(head) > looked_at * 5 // 4:
                looked_at = len(head)
                if enough(head):
                    break
            line = stream.readline(room)
            if not line:
                break
            head += line
        yield OpenFile(None if path == STDIN else Path(path).name, head.removeprefix(BOM), stream)


def decode(data: bytes) -> str | InputError:
    """The text of UTF-8 bytes, or an error."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at {error.start}"
        return InputError(f"not UTF-8 text ({byte}): convert the file, for example with iconv")


def broken_off(error: Exception) -> InputError:
    """The error for a file that cannot be read to its end."""
    return InputError(f"cannot read further: {getattr(error, 'strerror', None) or error}")
