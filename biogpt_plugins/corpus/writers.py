"""Write Predictions and other values to files."""

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
    """Check that a file can be written, before any work is done.

    Args:
        path: A file, or "-" for the standard output.
        force: Whether to replace a file that is not empty.
        inputs: Files that are being read. They are never replaced.

    Raises:
        InputError: The file is not empty and `force` is False, the file is an input, or its folder
            does not exist.
    """
    if path == STDOUT:
        return
    place = Path(path)
    if place.is_dir():
        raise InputError(f"{path} is a folder: give a file name")
    if not place.parent.is_dir():
        raise InputError(f"cannot write {path}: folder {place.parent} does not exist")
    if not place.exists():
        return
    if any(Path(name).exists() and place.samefile(name) for name in inputs):
        raise InputError(f"{path} is one of the inputs: choose another output file")
    if place.stat().st_size and not force:
        raise InputError(f"{path} is not empty: choose another file, or add --force to replace it")


def write_text(path: str, parts: Iterable[str]) -> None:
    """Write the parts of a text in UTF-8, one after the other, atomically.

    Raises:
        OSError: The file cannot be written: the disk is full, the pipe is closed, ...
    """
    if path == STDOUT:
        sys.stdout.buffer.writelines(part.encode() for part in parts)
        sys.stdout.buffer.flush()
        return
    with whole(path) as stream:
        stream.writelines(part.encode() for part in parts)


@contextmanager
def whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file that appears, complete, only if the context ends without an error.

    Raises:
        OSError: As for `write_text`.
    """
    place = Path(path)
    part = place.with_name(f".{place.name}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


class JsonlWriter:
    """A context manager that writes one Prediction, or other value, a line, without delay.

    It never loses results by mistake: a file that is not empty is replaced only with `force`, and
    only when the first value is written.
    """

    def __init__(self, path: str, *, force: bool = False, inputs: Iterable[str] = ()) -> None:
        """Check that the file can be written, without opening it.

        Args:
            path: A file, or "-" for the standard output.
            force: Whether to replace a file that is not empty.
            inputs: Files that are being read. They are never replaced.

        Raises:
            InputError: As for `check_writable`.
        """
        self.path = path
        self._files = ExitStack()
        self._stream: IO[bytes] | None = None
        check_writable(path, force=force, inputs=inputs)

    def write(self, value: BaseModel) -> None:
        """Write one line, and flush it to the operating system.

        Raises:
            OSError: The file cannot be written: the disk is full, the pipe is closed, ...
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
