"""Standard streams that whoever started `biogpt` has closed (`biogpt extract >&-`)."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

_STANDARD = 3


class _Closed(io.RawIOBase):
    """The standard output that is closed: to write to it is an error that names it."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401, ARG002 - a buffer has no type here
        raise OSError(errno.EBADF, "it is closed", "standard output")


def open_closed_streams() -> None:
    """Put streams in the places of closed ones, which are None in Python.

    What is written to the standard error is lost, as was asked for.
    """
    # Otherwise the next file to be opened is the standard output of every library in C.
    while (number := os.open(os.devnull, os.O_RDWR)) < _STANDARD:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stdout is None:
        closed: Any = _Closed()
        sys.stdout = io.TextIOWrapper(closed, encoding="utf-8", write_through=True)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
