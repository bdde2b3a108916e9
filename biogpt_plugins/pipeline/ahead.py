"""Keeps an engine at work: while it computes, the next texts are read, and the last results made.

A work is a generator. It yields each call of the engine, gets its answer back, and returns the
results. All of a work but these calls is done in the caller's thread, in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import partial
from typing import Any, Generic, TypeVar

from biogpt_plugins.engine import Engine, Helpers

R = TypeVar("R")
Call = Callable[[], Any]
Work = Generator[Call, Any, R]

_AT_ONCE = 2  # calls of an engine that merges them: it reads the second while it computes the first
_END: Any = object()


def at_once(work: Work[R]) -> R:
    """Do a work, and wait for each of its calls."""
    return _Begun(work, lambda call: call).end()


def in_order(
    works: Iterable[Work[R] | None], engine: Engine, *, ahead: bool
) -> Generator[tuple[R, float], None, None]:
    """Do works on an engine; yield the result of each, and the seconds that the engine took for it.

    An error ends it, but not before the results of the works that had begun. Closing the generator
    cancels them.

    Args:
        works: The works; None lets the work before it end before the next one is looked at.
        engine: The engine. One that does not merge calls gets one at a time, in order.
        ahead: Whether to begin a work while the engine computes for the one before it.
    """
    upcoming = iter(works)
    last: _Begun[R] | None = None
    helpers = Helpers(_AT_ONCE if getattr(engine, "merges_calls", False) else 1)
    with closing(helpers):
        while True:
            fault: Exception | None = None
            work = begun = None
            try:
                work = next(upcoming, _END)
                if work is not None and work is not _END:
                    begun = _Begun(work, helpers.submit if ahead else lambda call: call)
            except Exception as error:  # whatever reading raises
                fault = error
            for one in filter(None, (last, None if ahead else begun)):
                yield one.end(), one.seconds
            if fault:
                raise fault
            if work is _END:
                return
            last = begun if ahead else None


class _Begun(Generic[R]):
    """A work of which the first call was made.

    Attributes:
        seconds: How long its calls took.
    """

    def __init__(self, work: Work[R], ask: Callable[[Call], Call]) -> None:
        """Begin a work.

        Args:
            work: The work.
            ask: Makes a call, and returns what waits for its answer.
        """
        self.seconds = 0.0
        self._work, self._ask = work, ask
        self._result: R
        self._waiting: Call | None = None
        self._go_on(partial(next, work))

    def end(self) -> R:
        """Do the rest of the work."""
        while self._waiting:
            try:
                answer = self._waiting()
            except Exception as error:  # the work knows what to do about it
                self._go_on(partial(self._work.throw, error))
            else:
                self._go_on(partial(self._work.send, answer))
        return self._result

    def _go_on(self, step: Callable[[], Call]) -> None:
        try:
            self._waiting = self._ask(partial(self._timed, step()))
        except StopIteration as end:
            self._waiting, self._result = None, end.value

    def _timed(self, call: Call) -> Any:  # noqa: ANN401 - an engine's answer
        began = time.monotonic()
        try:
            return call()
        finally:
            self.seconds += time.monotonic() - began
