"""One queue for all callers of an engine, which batches simultaneous calls."""

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

from biogpt_plugins.engine import Load, cancelled, watch
from biogpt_plugins.engines.jobs import Generation, Job
from biogpt_plugins.engines.machine import release_helpers
from biogpt_plugins.values.errors import EngineError, InputError

_MOST_WAITING = 1024
_PATIENCE = 64
_LOOK = 0.1  # seconds between checks whether a waiting caller was cancelled
_SHORT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


class Batch(Protocol):
    """Jobs that are started together."""

    @property
    def jobs(self) -> list[Job]:
        """The jobs."""
        ...

    def add(self, job: Job) -> bool:
        """Add a job if it can be started with the others; return whether it was added."""
        ...


class Runner(Protocol):
    """Runs jobs on one copy of a model; a Scheduler uses it in one thread at a time."""

    @property
    def places(self) -> int:
        """Most unfinished rows at once."""
        ...

    @property
    def rows(self) -> Sequence[Generation]:
        """The unfinished rows."""
        ...

    def batch(self) -> Batch:
        """An empty batch, which accepts jobs that can be started together."""
        ...

    def start(self, jobs: Sequence[Job]) -> bool:
        """Finish jobs that fit together, or start them as rows. May raise anything.

        A job that is neither finished nor started waits for another turn.

        Returns:
            Whether unfinished rows that do not wait for a reader, if there were any, wrote in the
            same pass.
        """
        ...

    def step(self) -> None:
        """Write one or more tokens of every unfinished row. May raise anything."""
        ...

    def drop(self, jobs: Sequence[Job]) -> None:
        """Remove these jobs, if they are unfinished rows."""
        ...


class _Request:
    """The jobs of one call, longest first."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.waiting = deque(sorted(jobs, key=lambda job: -job.size))
        self.open = len(jobs)
        self.changed = Event()
        self.dropped = False
        self.broken: BaseException | None = None
        self._cancelled = watch()
        for job in jobs:
            job.wanted, job.tell = self.wanted, self.changed.set

    def wanted(self) -> bool:
        return not (self.dropped or self._cancelled())

    @property
    def ready(self) -> bool:
        """Whether the next job only waits for its turn."""
        return bool(self.waiting) and not _stalls(self.waiting[0])

    def settle(self, count: int = 1) -> None:
        self.open -= count
        if not self.open:
            self.changed.set()


class _Worker:
    """A runner, its thread, and its current jobs."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.most = self.fit = runner.places
        self.calm = 0
        self.running = False
        self.active: dict[Job, _Request] = {}
        self.again: list[list[Job]] = []
        self.thread: ThreadPoolExecutor | None = None

    @property
    def going(self) -> int:
        """How many rows can be advanced."""
        return sum(not row.waits for row in self.runner.rows)


class Scheduler:
    """Runs the jobs of all callers on one or several runners.

    Callers take turns, one job each, and jobs of similar length are batched: a call with thousands
    of prompts does not block others, and many calls with one prompt make full batches. Rows end one
    by one, and others take their places at once; between two tokens at most one pass is spent on
    reading new prompts, and none where a runner writes in the same pass.

    A failed pass is repeated in halves, so that a job fails only if it fails alone. After running
    out of memory there are fewer rows at once for a while.

    Each runner has a thread, which ends with the scheduler or with the interpreter. Threads that
    wait, those of callers and of runners without jobs, have no helpers meanwhile.
    """

    def __init__(self, runners: Sequence[Runner], *, most_waiting: int = _MOST_WAITING) -> None:
        """Set up the queue; threads start with the first job.

        Args:
            runners: The runners.
            most_waiting: Most calls with waiting jobs; further callers are blocked.
        """
        self._lock = RLock()
        self._room = Condition(self._lock)
        self._requests: deque[_Request] = deque()
        self._most_waiting = most_waiting
        self._workers = [_Worker(runner) for runner in runners]
        self._closed = False
        self._process = os.getpid()
        self._passes = self._rows = 0
        self._tokens = self._token_passes = self._drafted = self._read = 0

    @property
    def load(self) -> Load:
        """How busy it is."""
        with self._lock:
            return Load(
                waiting=sum(len(request.waiting) for request in self._requests),
                running=sum(len(worker.active) for worker in self._workers),
                passes=self._passes,
                rows=self._rows,
                tokens=self._tokens,
                token_passes=self._token_passes,
                drafted=self._drafted,
                read=self._read,
            )

    def limit(self, rows: int) -> None:
        """Set the maximum number of unfinished rows on each runner.

        Raises:
            InputError: The number is less than 1.
        """
        if rows < 1:
            raise InputError(f"batch_size must be at least 1, not {rows!r}")
        with self._lock:
            for worker in self._workers:
                worker.most = worker.fit = min(rows, worker.runner.places)

    def run(self, jobs: Sequence[Job]) -> None:
        """Run jobs, and return when all are done."""
        if not jobs:
            return
        request = _Request(jobs)
        self._submit(request)
        try:
            request.changed.wait()
        finally:
            self._abandon(request)
        if request.broken:
            raise request.broken

    def follow(self, row: Generation) -> Iterator[int]:
        """Write a row; yield its number of tokens whenever there are more, and at the end.

        The row runs a little ahead of its reader. Closing the iterator ends it.
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
        """Cancel all jobs, and wait for the threads to end."""
        with self._lock:
            self._closed = True
            for request in {
                *self._requests,
                *(r for w in self._workers for r in w.active.values()),
            }:
                request.dropped = True
            self._wake()
        for worker in self._workers:
            if worker.thread:
                worker.thread.shutdown()

    def _submit(self, request: _Request) -> None:
        release_helpers()
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
                with suppress(RuntimeError):  # the interpreter is shutting down
                    self._wake()

    def _wake(self) -> None:
        if self._process != os.getpid():  # a forked process has no threads
            self._process = os.getpid()
            for worker in self._workers:
                worker.running, worker.thread = False, None
        for worker in self._workers:
            if not worker.running:
                worker.thread = worker.thread or ThreadPoolExecutor(1, "biogpt-engine")
                worker.thread.submit(self._serve, worker)
                worker.running = True

    def _serve(self, worker: _Worker) -> None:
        """Run jobs until there are none left."""
        while True:
            with self._lock:
                self._clear(worker)
                group = self._next(worker)
                going = worker.going
                if not (group or going):
                    worker.running = False
                    break
            try:
                wrote = False
                if group:
                    wrote = self._try(worker, group, partial(worker.runner.start, group))
                    self._count(len(group) + going * wrote)
                if not wrote and (going := worker.going):
                    self._try(worker, list(worker.runner.rows), worker.runner.step)
                    self._count(going)
            except BaseException as error:
                self._break(worker, error)
            self._settle(worker)
        release_helpers()

    def _count(self, rows: int) -> None:
        with self._lock:
            self._passes += 1
            self._rows += rows

    def _clear(self, worker: _Worker) -> None:
        """Cancel the jobs of callers that have gone."""
        known = {*self._requests, *worker.active.values()}
        gone = {request for request in known if not request.wanted()}
        for request in gone.intersection(self._requests):
            self._requests.remove(request)
            for job in request.waiting:
                job.cancel()
            request.settle(len(request.waiting))
        jobs = [job for job, request in worker.active.items() if request in gone]
        if jobs:
            worker.runner.drop(jobs)
            again = [[w for w in group if w not in jobs] for group in worker.again]
            worker.again = [group for group in again if group]
            for job in jobs:
                job.cancel()
            self._settle(worker)
        self._room.notify_all()

    def _next(self, worker: _Worker) -> list[Job]:
        """The jobs to start now; none if all places are taken."""
        runner = worker.runner
        if worker.again:  # alone, to find out which job fails
            return [] if worker.going else worker.again.pop()
        stalled = [row for row in runner.rows if row.waits]
        full = len(runner.rows) >= runner.places
        if stalled and full and any(request.ready for request in self._requests):
            self._put_back(worker, stalled)
        places = min(worker.fit - worker.going, runner.places - len(runner.rows))
        batch = runner.batch()
        served: list[_Request] = []
        more = True
        while more and len(batch.jobs) < places:
            more = False
            for request in self._requests:
                if len(batch.jobs) == places:
                    break
                if request.ready and batch.add(request.waiting[0]):
                    worker.active[request.waiting.popleft()] = request
                    served.append(request)
                    more = True
        # Callers that were passed over come first next time.
        turns = [r for r in self._requests if r not in served] + list(dict.fromkeys(served))
        self._requests = deque(request for request in turns if request.waiting)
        return batch.jobs

    def _put_back(self, worker: _Worker, jobs: Sequence[Job]) -> None:
        """Return jobs to the queue: rows with slow readers, which occupy places."""
        worker.runner.drop(jobs)
        for job in jobs:
            request = worker.active.pop(job)
            request.waiting.appendleft(job)
            if request not in self._requests:
                self._requests.append(request)

    def _try(self, worker: _Worker, jobs: Sequence[Job], do: Callable[[], bool | None]) -> bool:
        """Do something with jobs; return what it says, and False if it failed."""
        try:
            done = bool(do())
        except Exception as error:  # the other jobs continue, whatever the runtime raises
            # The frames of the error keep the tensors of the batch alive.
            traceback.clear_frames(error.__traceback__)
            if out_of_memory(error):
                active = {*jobs, *worker.runner.rows}
                worker.fit, worker.calm = max(1, len(active) // 2), 0
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
            worker.runner.drop(jobs)
            left = [job for job in jobs if not job.done]
            if len(left) == 1:
                left[0].fail(engine_error(error))
            elif left:
                half = len(left) // 2
                worker.again += [left[half:], left[:half]]
            return False
        else:
            active = {*worker.runner.rows}
            if left := [job for job in jobs if not (job.done or job in active)]:
                with self._lock:
                    self._put_back(worker, left)
            worker.calm += 1
            if worker.calm >= _PATIENCE and worker.fit < worker.most:
                worker.fit, worker.calm = min(worker.most, 2 * worker.fit), 0
            return done

    def _settle(self, worker: _Worker) -> None:
        """Notify callers of finished jobs."""
        with self._lock:
            for job in [job for job in worker.active if job.done]:
                self._read += job.computed
                if isinstance(job, Generation):
                    self._tokens += len(job.written)
                    self._token_passes += job.passes
                    self._drafted += job.drafted
                worker.active.pop(job).settle()

    def _break(self, worker: _Worker, error: BaseException) -> None:
        """Raise an error that no job caused in all callers with current jobs."""
        with self._lock:
            worker.runner.drop(list(worker.active))
            worker.again.clear()
            for request in set(worker.active.values()):
                request.broken, request.dropped = error, True
                request.changed.set()
            worker.active.clear()


def _stalls(job: Job) -> bool:
    return isinstance(job, Generation) and job.waits


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that a device or the machine ran out of memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _SHORT_OF_MEMORY)


def engine_error(error: Exception) -> EngineError:
    """Convert an error of a runtime, and add a remedy if there is one."""
    if isinstance(error, EngineError):
        return error
    advice = (
        ": even one prompt does not fit; shorten it, lower max_new_tokens or use a smaller dtype"
        if out_of_memory(error)
        else ""
    )
    converted = EngineError(f"the runtime failed with {type(error).__name__}: {error}{advice}")
    converted.__cause__ = error
    return converted
