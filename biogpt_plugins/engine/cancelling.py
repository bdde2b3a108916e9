"""Run work in threads, and stop it when its caller stops waiting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import cache
from threading import Event
from typing import TypeVar

T = TypeVar("T")

_CANCEL: ContextVar[Event | None] = ContextVar("biogpt_cancel", default=None)


def cancelled() -> bool:
    """Whether the asyncio task that waits for this thread was cancelled."""
    return watch()()


def watch() -> Callable[[], bool]:
    """Return this thread's `cancelled`, for other threads that work on its behalf."""
    cancel = _CANCEL.get()
    return cancel.is_set if cancel else bool  # bool() is False


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
        _CANCEL.set(cancel)
        return work(*args)

    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads(os.getpid()), context.run, do)
    except asyncio.CancelledError:
        cancel.set()
        raise
