"""Files that are open, what inputs are called, and which there are."""

from __future__ import annotations

import io
import lzma
import os
import re
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from glob import glob
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple, cast

from biogpt_plugins.corpus.readers.signatures import Binary
from biogpt_plugins.values.errors import InputError, LostError

STDIN = "-"
BOM = b"\xef\xbb\xbf"
BREAKS = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)
"""What reading raises where a file breaks off."""
LONGEST_LINE = 1 << 26
"""A line that has more bytes is passed over, and told."""

_PIECE = 1 << 18
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
