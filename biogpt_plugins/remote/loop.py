"""An event loop in a thread of its own, in which the requests of a process run.

Threads wait for their requests in it, and leave them when their callers are cancelled. So one pool
of connections serves all threads and event loops of a program.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from threading import Event, RLock, Thread
from typing import Any, TypeVar

import httpx

from biogpt_plugins.engine import cancelled
from biogpt_plugins.values.errors import EngineError

T = TypeVar("T")

LOOK = 0.05
"""Seconds between two looks whether the caller was cancelled."""


class Gone(EngineError):
    """The caller was cancelled: nobody waits for the answer."""

    def __init__(self) -> None:
        super().__init__("cancelled")


class Loop:
    """A thread with an event loop and a client of HTTP; both begin with the first request."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        """Start nothing.

        Args:
            make: Makes the client.
        """
        self._make = make
        self._lock, self._ready = RLock(), Event()  # a finaliser may come in between
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event
        self._closed = False
        self.client: httpx.AsyncClient

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work in the loop.

        Raises:
            Gone: The caller was cancelled, and so is the work.
            EngineError: The loop was closed.
        """
        future = self.start(work)
        try:
            while not wait([future], LOOK).done:
                if cancelled():
                    raise Gone
            return future.result()
        except CancelledError:
            raise EngineError("the connection to the server was closed") from None
        finally:
            future.cancel()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin work in the loop, and do not wait for it.

        Raises:
            EngineError: The loop was closed.
        """
        with self._lock:
            if self._closed:
                work.close()
                raise EngineError("the connection to the server was closed")
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="biogpt-remote", daemon=True)
                self._thread.start()
                self._ready.wait()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End the work in progress, and wait for the thread to end."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread:
            self._loop.call_soon_threadsafe(self._end.set)
            thread.join()

    def _serve(self) -> None:
        asyncio.run(self._until_closed())

    async def _until_closed(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with self._make() as self.client:
            self._ready.set()
            await self._end.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
