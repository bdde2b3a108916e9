"""Whether the event loop goes on while an engine works, seen without a clock.

The engine works until the test, which runs in the event loop, lets it go. Had the loop stood still,
nobody would, and the engine says so in the end.
"""

import asyncio
import time
from collections.abc import Awaitable
from threading import Event

import pytest

from biogpt_plugins.engine import Decoding, cancelled
from biogpt_plugins.testing import ScriptedEngine

PATIENCE = 60  # seconds until a test fails; on the busiest machine it takes none of them


class Held(ScriptedEngine):
    """Works until `freed` is set, or until nobody waits any more, which sets `stopped`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.started, self.freed, self.stopped = Event(), Event(), Event()

    def complete(self, prompts, decoding=Decoding()):
        self.hold()
        return super().complete(prompts, decoding)

    def choose(self, prompts, choices, *, truncate=True):
        self.hold()
        return super().choose(prompts, choices, truncate=truncate)

    def hold(self):
        self.started.set()
        until = time.monotonic() + PATIENCE
        while not self.freed.wait(0.005):
            if cancelled():
                self.stopped.set()
                break
            assert time.monotonic() < until, "the event loop stood still"


async def at_work(work: Awaitable, engine: Held) -> asyncio.Task:
    """Begin work, and see from the event loop that the engine is in it."""
    task = asyncio.ensure_future(work)
    assert await asyncio.to_thread(engine.started.wait, PATIENCE)
    assert not task.done()
    return task


async def cancelling_stops(work: Awaitable, engine: Held) -> None:
    """Begin work, cancel it once the engine is in it, and see the engine stop."""
    task = await at_work(work, engine)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(engine.stopped.wait, PATIENCE)
