"""Writers: Predictions, and what is made of them -> files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from pydantic import BaseModel
from typing_extensions import Self

from biogpt_plugins.values.errors import InputError

STDOUT = "-"


def check_writable(path: str, *, force: bool = False, inputs: Iterable[str] = ()) -> None:
    """Look at a place to write to before any work is done.

    Args:
        path: A file, or "-" for the standard output.
        force: Replace a file that holds something.
        inputs: Files that are being read, which are never replaced.

    Raises:
        InputError: The file holds something and `force` is False, or it is an input, or there is no
            such folder.
    """
    if path == STDOUT:
        return
    place = Path(path)
    if place.is_dir():
        raise InputError(f"{path} is a folder: name a file in it")
    if not place.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {place.parent}")
    if not place.exists():
        return
    if any(Path(name).exists() and place.samefile(name) for name in inputs):
        raise InputError(f"{path} is one of the inputs: name another file to write to")
    if place.stat().st_size and not force:
        raise InputError(f"{path} holds something already: name another, or give --force")


def write_text(path: str, parts: Iterable[str]) -> None:
    """Write a text in UTF-8, whole or not at all; its parts one after the other.

    Raises:
        OSError: The disk is full, the pipe closed, the folder locked, ...
    """
    if path == STDOUT:
        sys.stdout.buffer.writelines(part.encode() for part in parts)
        sys.stdout.buffer.flush()
        return
    with whole(path) as stream:
        stream.writelines(part.encode() for part in parts)


@contextmanager
def whole(path: str) -> Iterator[IO[bytes]]:
    """A stream to a file that is there, whole, when the context ends without an error.

    Raises:
        OSError: As `write_text`.
    """
    place = Path(path)
    beside = place.with_name(f".{place.name}.part")
    try:
        with beside.open("wb") as stream:
            yield stream
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


class JsonlWriter:
    """One Prediction, or other value, a line, on disk as soon as it is written; a context manager.

    Results that are there already are never lost by mistake: a file that holds something is only
    replaced when asked to, and not before the first value is there to replace it.
    """

    def __init__(self, path: str, *, force: bool = False, inputs: Iterable[str] = ()) -> None:
        """Look at the place to write to; nothing is opened yet.

        Args:
            path: A file, or "-" for the standard output.
            force: Replace a file that holds something.
            inputs: Files that are being read, which are never replaced.

        Raises:
            InputError: The file holds something and `force` is False, or it is an input.
            OSError: There is no such folder.
        """
        self.path = path
        self._files = ExitStack()
        self._stream: IO[bytes] | None = None
        check_writable(path, force=force, inputs=inputs)

    def write(self, value: BaseModel) -> None:
        """Write one line and hand it to the operating system.

        Raises:
            OSError: The disk is full, the pipe closed, the file locked, ...
        """
        if self._stream is None:
            self._stream = self._open()
        self._stream.write(value.model_dump_json().encode() + b"\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._files.close()

    def _open(self) -> IO[bytes]:
        if self.path == STDOUT:
            return sys.stdout.buffer
        return self._files.enter_context(Path(self.path).open("wb"))
