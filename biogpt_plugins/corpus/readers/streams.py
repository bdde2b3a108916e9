"""Streams of bytes made of others: begun again, unpacked, in UTF-8, with line ends of one kind."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import shutil
import tempfile
from collections.abc import Callable
from typing import IO, Any

from biogpt_plugins.values.errors import InputError, installing

_PIECE = 1 << 16
_FIRST = 8
_SMALL_PIECE = 1 << 10  # a block of 4 bytes may become 128 KiB
_MOST_MEMORY = 1 << 29  # `xz -9` and `zstd -19` take an eighth of it
_TOO_MUCH = "memory"
_BLOCK = 512
_MOST_LAYERS = 4
_ZSTD = b"\x28\xb5\x2f\xfd"
_PACKED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lambda stream: _unxz(stream),  # noqa: PLW0108 - it is defined below
    _ZSTD: lambda stream: _unzstd(stream),  # noqa: PLW0108
}
_BOMS = (  # UTF-32's begins as UTF-16's does
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class _Made(io.RawIOBase):
    """A stream of the pieces that a function gives; an empty one is the end."""

    def __init__(self, more: Callable[[], bytes]) -> None:
        super().__init__()
        self._more = more
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer has no type here
        if not self._left:
            self._left = self._more()
        piece = self._left[: len(buffer)]
        self._left = self._left[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


def made(more: Callable[[], bytes]) -> io.BufferedReader:
    """A stream of the pieces that a function gives; an empty one is the end."""
    return io.BufferedReader(_Made(more), _PIECE)


def begun(stream: IO[bytes]) -> tuple[bytes, io.BufferedReader]:
    """The first bytes of a stream, and a stream that has them too.

    A block is read where it may be that of a tar; a pipe that gives a line at a time is not waited
    for otherwise.
    """
    read = getattr(stream, "read1", stream.read)
    head = b""
    while len(head) < _FIRST or (b"\0" in head and len(head) < _BLOCK):
        piece = read(_BLOCK)
        if not piece:
            break
        head += piece
    pieces = iter([head] if head else [])
    return head, made(lambda: next(pieces, None) or read(_PIECE))


def unpacked(name: str | None, stream: IO[bytes]) -> tuple[str | None, bytes, io.BufferedReader]:
    """Take off gzip, bzip2, xz and Zstandard.

    Returns:
        The name without the ending of what was taken off, the first bytes, and the stream.

    Raises:
        InputError: There is no library for Zstandard, or a file is packed again and again.
    """
    for _ in range(_MOST_LAYERS):
        head, stream = begun(stream)
        opener = next((opener for mark, opener in _PACKED.items() if head.startswith(mark)), None)
        if opener is None:
            return name, head, stream
        stream = opener(stream)
        stem, _, ending = (name or "").rpartition(".")
        if ending.lower() in ("gz", "bz2", "xz", "zst"):
            name = stem
        elif ending.lower() in ("tgz", "tbz2", "txz"):
            name = f"{stem}.tar"
    raise InputError(f"it is packed more than {_MOST_LAYERS - 1} times: unpack it")


def has_mark(head: bytes) -> bool:
    """Whether a file that begins so says that it is UTF-16 or UTF-32."""
    return head.startswith(tuple(bom for bom, _ in _BOMS))


def in_utf8(head: bytes, stream: io.BufferedReader) -> tuple[bool, io.BufferedReader]:
    """A stream in UTF-8, where the first bytes say that it is UTF-16 or UTF-32; and if so."""
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if encoding is None:
        return False, stream
    # Halves of surrogate pairs pass, as bytes that are no UTF-8, so that they cost one record.
    decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")

    def more() -> bytes:
        while piece := stream.read1(_PIECE):
            if text := decoder.decode(piece):
                return text.encode(errors="surrogatepass")
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise EOFError(f"{encoding.upper()} ends in the middle of a character") from error
        return b""

    return True, made(more)


def with_line_feeds(stream: io.BufferedReader) -> io.BufferedReader:
    """A stream with a line feed in place of each carriage return."""
    return made(lambda: stream.read1(_PIECE).replace(b"\r", b"\n"))


def seekable(stream: IO[bytes]) -> IO[bytes]:
    """A copy on disk, which is removed when it is closed."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asks closes it
    shutil.copyfileobj(stream, copy, _PIECE)
    copy.seek(0)
    return copy


def _unxz(stream: IO[bytes]) -> io.BufferedReader:
    def begin() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)

    return made(_Frames(stream, begin, "xz", "xz -d").more)


def _unzstd(stream: IO[bytes]) -> io.BufferedReader:
    try:
        import zstandard  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            "it is packed with Zstandard: unpack it with unzstd, or install zstandard "
            f"({installing('zstd')})"
        ) from error

    def begin() -> Any:  # noqa: ANN401 - untyped
        return zstandard.ZstdDecompressor(max_window_size=_MOST_MEMORY).decompressobj()

    return made(_Frames(stream, begin, "Zstandard", "zstd -d --long=31").more)


class _Frames:
    """Packed data, frame by frame, in bounded memory.

    The libraries' own readers take as much memory as a file asks for, or do not say where it is
    cut off.
    """

    def __init__(
        self, stream: IO[bytes], begin: Callable[[], Any], name: str, command: str
    ) -> None:
        self._stream, self._begin = stream, begin
        self._name, self._command = name, command
        self._frame: Any = None
        self._left = b""
        self._found = False

    def more(self) -> bytes:
        """The next piece; empty at the end."""
        while piece := self._left or self._stream.read(_SMALL_PIECE):
            self._left = b""
            if self._frame is None:
                piece = piece.lstrip(b"\0")  # what may stand between the streams of xz
                if not piece:
                    continue
                self._frame = self._begin()
            found = self._unpacked(piece)
            if self._frame.eof:
                self._left, self._frame = self._frame.unused_data, None
            if found:
                self._found = True
                return found
        if self._frame is not None:
            raise EOFError(f"{self._name}'s data ended before the end of a frame")
        return b""

    def _unpacked(self, piece: bytes) -> bytes:
        try:
            return bytes(self._frame.decompress(piece))
        except MemoryError:
            fault = _TOO_MUCH
        except Exception as error:  # of two libraries
            fault = str(error)
        if _TOO_MUCH not in fault.lower():
            raise EOFError(fault)
        told = (
            f"unpacking it takes more than {_MOST_MEMORY >> 20} MB of memory: unpack it with "
            f"{self._command}"
        )
        raise EOFError(told) if self._found else InputError(told)
