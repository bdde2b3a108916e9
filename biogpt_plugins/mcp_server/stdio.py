"""A server that a client starts, and speaks with over standard input and output."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Any, TextIO

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server


def claim_stdout() -> TextIO:
    """Standard output for the protocol alone, until the process ends.

    Whatever else is printed goes to standard error: by Python, by libraries in C, by child
    processes, and by what runs at the exit.
    """
    sys.stdout.flush()
    wire = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(wire, "w", encoding="utf-8", newline="\n")


def serve_stdio(server: Server[Any], wire: TextIO) -> None:
    """Serve until the client closes standard input.

    Args:
        server: The server.
        wire: Where the protocol's messages go.

    Raises:
        BrokenPipeError: The client does not read what it is told.
    """
    # A thread waits for input, and cannot be interrupted: Ctrl-C ends the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        anyio.run(_serve, server, wire)
    except BaseException as error:
        if _gone(error):
            raise BrokenPipeError(errno.EPIPE, "the client has gone") from error
        raise


async def _serve(server: Server[Any], wire: TextIO) -> None:
    async with stdio_server(stdout=anyio.wrap_file(wire)) as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _gone(error: BaseException) -> bool:
    """Whether an error, or each of a group, is that nobody reads."""
    every = getattr(error, "exceptions", None)
    return all(map(_gone, every)) if every else isinstance(error, BrokenPipeError)
