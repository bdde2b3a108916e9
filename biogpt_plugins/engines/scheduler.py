"""One queue for all who use an engine: what arrives at the same time is done together."""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Condition, Event, RLock
from typing import Protocol

import torch

from biogpt_plugins.engine import cancelled, watch
from biogpt_plugins.engines.works import Row, Work
from biogpt_plugins.values.errors import EngineError, InputError

_MOST_WAITING = 1024
_PATIENCE = 64
_LOOK = 0.1  # seconds between looks at whether a caller who waits is wanted still
_SHORT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


class Batch(Protocol):
    """Works that are started together."""

    @property
    def works(self) -> list[Work]:
        """The works."""
        ...

    def add(self, work: Work) -> bool:
        """Take a work in if it can be started together with those that are in; whether it can."""
        ...


class Runner(Protocol):
    """A copy of a model, as a Scheduler uses it: by one thread at a time."""

    @property
    def places(self) -> int:
        """Most rows in work at once."""
        ...

    @property
    def rows(self) -> Sequence[Row]:
        """The rows in work."""
        ...

    def batch(self) -> Batch:
        """An empty batch, to which those works can be added that can be started together."""
        ...

    def start(self, works: Sequence[Work]) -> None:
        """Do works that fit together, or take them aboard as rows. May raise anything.

        What it leaves neither done nor aboard waits for its turn again.
        """
        ...

    def step(self) -> None:
        """Write a token of every row in work. May raise anything."""
        ...

    def drop(self, works: Sequence[Work]) -> None:
        """Have these in work no longer, if they are."""
        ...


class _Request:
    """The works of one call, the longest first."""

    def __init__(self, works: Sequence[Work]) -> None:
        self.waiting = deque(sorted(works, key=lambda work: -work.size))
        self.open = len(works)
        self.changed = Event()
        self.dropped = False
        self.broken: BaseException | None = None
        self._cancelled = watch()
        for work in works:
            work.wanted, work.tell = self.wanted, self.changed.set

    def wanted(self) -> bool:
        return not (self.dropped or self._cancelled())

    @property
    def ready(self) -> bool:
        """Whether there is a work that waits for nothing but its turn."""
        return bool(self.waiting) and not _stalls(self.waiting[0])

    def settle(self, count: int = 1) -> None:
        self.open -= count
        if not self.open:
            self.changed.set()


class _Worker:
    """A runner, its thread, and what it has in hand."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.most = self.fit = runner.places
        self.calm = 0
        self.running = False
        self.aboard: dict[Work, _Request] = {}
        self.again: list[list[Work]] = []
        self.thread: ThreadPoolExecutor | None = None

    @property
    def has_rows(self) -> bool:
        """Whether there are rows to go on with."""
        return not all(row.waits for row in self.runner.rows)


class Scheduler:
    """Does the works of all callers, on one or several runners.

    Callers take turns, a work each, and works of like length go together: a call of thousands
    holds nobody up, and many calls of one make full batches. Rows end one by one, and others take
    their places at once; between two tokens at most one pass is spent on reading what is new.

    A pass that fails is tried again by halves, so that a work fails only if it fails alone. Where
    memory ran out, there are fewer rows at once for a while.

    Each runner has a thread, which ends with the scheduler, or with the interpreter.
    """

    def __init__(self, runners: Sequence[Runner], *, most_waiting: int = _MOST_WAITING) -> None:
        """Make ready; nothing runs before there is work.

        Args:
            runners: The runners.
            most_waiting: How many calls may have works that wait; further callers are held back.
        """
        self._lock = RLock()
        self._room = Condition(self._lock)
        self._requests: deque[_Request] = deque()
        self._most_waiting = most_waiting
        self._workers = [_Worker(runner) for runner in runners]
        self._closed = False
        self._process = os.getpid()

    def limit(self, rows: int) -> None:
        """Set the most rows in work at once on each runner.

        Raises:
            InputError: It is less than 1.
        """
        if rows < 1:
            raise InputError(f"batch_size must be at least 1, not {rows!r}")
        with self._lock:
            for worker in self._workers:
                worker.most = worker.fit = min(rows, worker.runner.places)

    def run(self, works: Sequence[Work]) -> None:
        """Do works; returns when all of them are done."""
        if not works:
            return
        request = _Request(works)
        self._submit(request)
        try:
            request.changed.wait()
        finally:
            self._abandon(request)
        if request.broken:
            raise request.broken

    def follow(self, row: Row) -> Iterator[int]:
        """Write a row; gives how many tokens it has, each time that there are more, or no more.

        The row goes on while it is read, and a little ahead. Closing the iterator ends it.
        """
        request = _Request([row])
        self._submit(request)
        try:
            done = False
            while not done:
                request.changed.wait(_LOOK)
                request.changed.clear()
                if request.broken:
                    raise request.broken
                if cancelled():
                    self._abandon(request)
                done, count = row.done, len(row.written)
                if count > row.read or done:
                    with self._lock:
                        row.read = count
                        self._wake()
                    yield count
        finally:
            self._abandon(request)

    def close(self) -> None:
        """End everything that is under way, with errors, and the threads. Waits for the latter."""
        with self._lock:
            self._closed = True
            for request in {
                *self._requests,
                *(r for w in self._workers for r in w.aboard.values()),
            }:
                request.dropped = True
            self._wake()
        for worker in self._workers:
            if worker.thread:
                worker.thread.shutdown()

    def _submit(self, request: _Request) -> None:
        with self._lock:
            while len(self._requests) >= self._most_waiting and request.wanted():
                self._room.wait(_LOOK)
            if self._closed:
                raise EngineError("the engine is closed: load the model again")
            self._requests.append(request)
            self._wake()

    def _abandon(self, request: _Request) -> None:
        with self._lock:
            request.dropped = True
            if request.open and not self._closed:
                with suppress(RuntimeError):  # the interpreter is at its end
                    self._wake()

    def _wake(self) -> None:
        if self._process != os.getpid():  # a fork has none of the threads
            self._process = os.getpid()
            for worker in self._workers:
                worker.running, worker.thread = False, None
        for worker in self._workers:
            if not worker.running:
                worker.thread = worker.thread or ThreadPoolExecutor(1, "biogpt-engine")
                worker.thread.submit(self._serve, worker)
                worker.running = True

    def _serve(self, worker: _Worker) -> None:
        """Work as long as there is anything to do."""
        while True:
            with self._lock:
                self._clear(worker)
                group = self._next(worker)
                if not group and not worker.has_rows:
                    worker.running = False
                    return
            try:
                if group:
                    self._try(worker, group, partial(worker.runner.start, group))
                if worker.has_rows:
                    self._try(worker, list(worker.runner.rows), worker.runner.step)
            except BaseException as error:
                self._break(worker, error)
            self._settle(worker)

    def _clear(self, worker: _Worker) -> None:
        """End what nobody waits for."""
        known = {*self._requests, *worker.aboard.values()}
        gone = {request for request in known if not request.wanted()}
        for request in gone.intersection(self._requests):
            self._requests.remove(request)
            for work in request.waiting:
                work.cancel()
            request.settle(len(request.waiting))
        works = [work for work, request in worker.aboard.items() if request in gone]
        if works:
            worker.runner.drop(works)
            again = [[w for w in group if w not in works] for group in worker.again]
            worker.again = [group for group in again if group]
            for work in works:
                work.cancel()
            self._settle(worker)
        self._room.notify_all()

    def _next(self, worker: _Worker) -> list[Work]:
        """What to start now; nothing where there is no place for it."""
        runner = worker.runner
        if worker.again:  # by themselves, so that it shows which of them fail
            return [] if worker.has_rows else worker.again.pop()
        stalled = [row for row in runner.rows if row.waits]
        full = len(runner.rows) >= runner.places
        if stalled and full and any(request.ready for request in self._requests):
            self._put_back(worker, stalled)
        going = sum(not row.waits for row in runner.rows)
        places = min(worker.fit - going, runner.places - len(runner.rows))
        batch = runner.batch()
        served: list[_Request] = []
        more = True
        while more and len(batch.works) < places:
            more = False
            for request in self._requests:
                if len(batch.works) == places:
                    break
                if request.ready and batch.add(request.waiting[0]):
                    worker.aboard[request.waiting.popleft()] = request
                    served.append(request)
                    more = True
        # Who was passed over is the first next time.
        turns = [r for r in self._requests if r not in served] + list(dict.fromkeys(served))
        self._requests = deque(request for request in turns if request.waiting)
        return batch.works

    def _put_back(self, worker: _Worker, works: Sequence[Work]) -> None:
        """Have works wait where they are in nobody's way: rows whose readers are slow."""
        worker.runner.drop(works)
        for work in works:
            request = worker.aboard.pop(work)
            request.waiting.appendleft(work)
            if request not in self._requests:
                self._requests.append(request)

    def _try(self, worker: _Worker, works: Sequence[Work], do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # whatever the runtime raises, the other works go on
            # Its frames hold the batch's tensors.
            traceback.clear_frames(error.__traceback__)
            if out_of_memory(error):
                aboard = {*works, *worker.runner.rows}
                worker.fit, worker.calm = max(1, len(aboard) // 2), 0
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
            worker.runner.drop(works)
            left = [work for work in works if not work.done]
            if len(left) == 1:
                left[0].fail(engine_error(error))
            elif left:
                half = len(left) // 2
                worker.again += [left[half:], left[:half]]
        else:
            aboard = {*worker.runner.rows}
            if left := [work for work in works if not (work.done or work in aboard)]:
                with self._lock:
                    self._put_back(worker, left)
            worker.calm += 1
            if worker.calm >= _PATIENCE and worker.fit < worker.most:
                worker.fit, worker.calm = min(worker.most, 2 * worker.fit), 0

    def _settle(self, worker: _Worker) -> None:
        """Tell callers what has become of their works."""
        with self._lock:
            for work in [work for work in worker.aboard if work.done]:
                worker.aboard.pop(work).settle()

    def _break(self, worker: _Worker, error: BaseException) -> None:
        """Hand an error that is nobody's fault to all whose works are aboard."""
        with self._lock:
            worker.runner.drop(list(worker.aboard))
            worker.again.clear()
            for request in set(worker.aboard.values()):
                request.broken, request.dropped = error, True
                request.changed.set()
            worker.aboard.clear()


def _stalls(work: Work) -> bool:
    return isinstance(work, Row) and work.waits


def out_of_memory(error: BaseException) -> bool:
    """Whether the error says that a device or the machine has no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _SHORT_OF_MEMORY)


def engine_error(error: Exception) -> EngineError:
    """Our error for a runtime's, with the remedy where there is one."""
    advice = (
        ": even one prompt does not fit; shorten it, lower max_new_tokens or use a smaller dtype"
        if out_of_memory(error)
        else ""
    )
    found = EngineError(f"the runtime failed with {type(error).__name__}: {error}{advice}")
    found.__cause__ = error
    return found
