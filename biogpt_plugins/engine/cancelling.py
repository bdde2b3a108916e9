"""Work in threads that stops when nobody waits for it any more."""

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
    """Whether the task that waits for this thread's work was cancelled."""
    return watch()()


def watch() -> Callable[[], bool]:
    """This thread's `cancelled`, for other threads that work on its behalf."""
    cancel = _CANCEL.get()
    return cancel.is_set if cancel else bool  # bool() is False


@cache
def _threads(_: int) -> ThreadPoolExecutor:
    # One for each process: a forked one has the object, but not its threads.
    return ThreadPoolExecutor(128, thread_name_prefix="biogpt")


async def in_thread(work: Callable[..., T], *args: object) -> T:
    """Do work in a thread, so that the event loop goes on.

    The threads are our own, so that nobody else's work waits for ours. When the awaiting task is
    cancelled, `cancelled` becomes true in that thread, and an engine stops at its next step.
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
