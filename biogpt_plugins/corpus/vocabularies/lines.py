"""The lines of a text file."""

from __future__ import annotations

from collections.abc import Iterator

from biogpt_plugins.corpus.readers.files import OpenFile, decode
from biogpt_plugins.values.errors import InputError


def texts(file: OpenFile) -> Iterator[tuple[int, str]]:
    """The lines without their ends, and their numbers from 1.

    Raises:
        InputError: A line is not UTF-8, or too long; the message gives its number.
    """
    for number, line in enumerate(map(decode, file.lines()), start=1):
        if isinstance(line, InputError):
            raise InputError(f"{file.called}:{number}: {line}")
        yield number, line.rstrip("\r\n")
