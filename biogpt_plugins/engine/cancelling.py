"""Run work in threads, and stop it when its caller stops waiting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import cache
from threading import Event
from typing import TypeVar

T = TypeVar("T")

_CANCELLED: ContextVar[Callable[[], bool]] = ContextVar("biogpt_cancelled", default=bool)


def cancelled() -> bool:
    """Whether the asyncio task that waits for this thread was cancelled."""
    return watch()()


def watch() -> Callable[[], bool]:
    """Return this thread's `cancelled`, for other threads that work on its behalf."""
    return _CANCELLED.get()  # bool() is False


@cache
def _threads(_: int) -> ThreadPoolExecutor:
    # One pool for each process: a forked process inherits the object, but not its threads.
    return ThreadPoolExecutor(128, thread_name_prefix="biogpt")


async def in_thread(work: Callable[..., T], *args: object) -> T:
    """Run `work` in a thread, so that it does not block the event loop.

    The thread pool belongs to this package, so that other libraries' work does not wait for it.
    When the awaiting task is cancelled, `cancelled` becomes true in the thread, and an engine stops
    at its next step.
    """
    cancel, context = Event(), copy_context()

    def do() -> T:
        _CANCELLED.set(cancel.is_set)
        return work(*args)

    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads(os.getpid()), context.run, do)
    except asyncio.CancelledError:
        cancel.set()
        raise


class Helpers:
    """Threads that work for another, in its context.

    Their work is cancelled with whoever waits for it, or waited last.
    """

    def __init__(self, threads: int) -> None:
        """Set up the threads, which start with their work."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="biogpt-ahead")
        self._closed, self._outer = Event(), watch()

    def submit(self, work: Callable[[], T]) -> Callable[[], T]:
        """Begin some work, and return a function that waits for what it returns or raises."""
        context = copy_context()
        context.run(_CANCELLED.set, self._cancelled)
        begun: Future[T] = self._pool.submit(context.run, work)

        def answer() -> T:
            self._outer = watch()
            return begun.result()

        return answer

    def close(self) -> None:
        """Cancel all work, without waiting for its end."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _cancelled(self) -> bool:
        return self._closed.is_set() or self._outer()
