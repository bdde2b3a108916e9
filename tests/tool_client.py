"""Clients of `biogpt mcp`: those of the protocol's SDK, of either line."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp import ClientSession, StdioServerParameters, stdio_client, types
from mcp.client.streamable_http import streamable_http_client

ONE = not hasattr(types, "jsonrpc_message_adapter")  # the line 1.x of the SDK
ROOT = Path(__file__).parents[1]
PATIENCE = 600  # seconds until a test fails; on the busiest machine it takes none of them


@asynccontextmanager
async def connected(transport):
    """A session over a transport, which gives two streams, and in the line 1.x more."""
    async with transport as streams, ClientSession(*streams[:2]) as session:
        session.greeting = wire(await session.initialize())
        yield session


def process(*arguments, errors=sys.stderr):
    """The transport to a process of this Python, and of this checkout."""
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "integrations", ROOT / "tests")))
    options = StdioServerParameters(
        command=sys.executable, args=[*map(str, arguments)], env={**os.environ, "PYTHONPATH": paths}
    )
    return stdio_client(options, errlog=errors)


def web(address):
    """The transport to a server."""
    return streamable_http_client(f"{address}mcp")


def wire(message):
    """A message as it is on the wire, which is the same in both lines of the SDK."""
    return message.model_dump(mode="json", by_alias=True, exclude_none=True)


async def call(session, name, /, progress=None, **arguments):
    """Call a tool: whether it failed, what the chat model is told, and the structured result."""
    told = wire(await session.call_tool(name, arguments, progress_callback=progress))
    (content,) = told["content"]
    assert content["type"] == "text"
    return told["isError"], content["text"], told.get("structuredContent")


async def cancel(session, calling):
    """Cancel a call; the line 1.x of the SDK leaves it to the program to tell the server."""
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    if ONE:
        params = types.CancelledNotificationParams(requestId=session._request_id - 1)
        note = types.CancelledNotification(method="notifications/cancelled", params=params)
        await session.send_notification(types.ClientNotification(note))


async def said(path, words):
    """Wait until a file has these words."""
    for _ in range(100 * PATIENCE):
        if words in Path(path).read_text(encoding="utf-8"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(words)
