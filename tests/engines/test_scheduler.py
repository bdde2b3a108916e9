"""One queue for all who use an engine: turns, batches, places, failures, and the end of it."""

import asyncio
import gc
import os
import signal
import threading
import time
from random import Random

import pytest
import torch

from biogpt_plugins.engine import Decoding, in_thread
from biogpt_plugins.engines.jobs import Generation, JobBatch, Scoring, divided, fit
from biogpt_plugins.engines.scheduler import Scheduler
from biogpt_plugins.values.errors import EngineError, InputError


class NoStops:
    def reached(self, _):
        return False


class FakeRunner:
    """Writes a row's tokens 10, 11, 12 ..., and notes what was started together."""

    def __init__(self, places=100, room=1000):
        self.places, self.room = places, room
        self.rows = []
        self.started, self.stepped, self.ended = [], [], []
        self.gate = threading.Event()
        self.gate.set()
        self.fails = lambda _: None

    def start(self, jobs):
        assert self.gate.wait(30)
        self.started.append([job.size for job in jobs])
        self._look(jobs)
        for job in jobs:
            if isinstance(job, Generation):
                self._write(job)
            else:
                job.logs, job.done = [float(job.size)], True
        self.rows = [*self.rows, *(w for w in jobs if isinstance(w, Generation) and not w.done)]

    def step(self):
        assert self.gate.wait(30)
        self.stepped.append(len(self.rows))
        self._look(self.rows)
        for row in self.rows:
            if not row.waits:
                self._write(row)
        self.rows = [row for row in self.rows if not row.done]

    def batch(self):
        return JobBatch(self._fits)

    def _fits(self, job, group):
        sizes = [other.size for other in [*group, job]]
        return job.kind == group[0].kind and fit(sizes, self.room)

    def drop(self, jobs):
        self.rows = [row for row in self.rows if row not in jobs]

    def _look(self, jobs):
        if error := self.fails(jobs):
            raise error

    def _write(self, row):
        row.take(10 + len(row.written), None, eos=-1)
        if row.done:
            self.ended.append(row)


class WholeRunner(FakeRunner):
    """Writes rows to their ends at once; those that wait for a reader break off."""

    def start(self, jobs):
        assert self.gate.wait(30)
        self.started.append([job.size for job in jobs])
        for job in jobs:
            while not (job.done or job.waits or not job.wanted()):
                self._write(job)
                time.sleep(0.0001)  # as a runtime would let others run

    def step(self):
        raise AssertionError("it has no rows in work")


def row(size=5, budget=3, **fields):
    return Generation(
        prompt=[0] * size,
        decoding=Decoding(),
        budget=budget,
        stops=NoStops(),
        random=Random(0),
        **fields,
    )


def scoring(size=5, labels=((1,),)):
    return Scoring(prompt=[0] * size, labels=labels)


def until(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about in 30 s")


class Calls:
    """Calls of a scheduler in threads; each waits until it is in the queue."""

    def __init__(self, scheduler):
        self.scheduler = scheduler
        self.threads, self.errors = [], []

    def add(self, jobs):
        before = len(self.scheduler._requests)
        thread = threading.Thread(target=self._run, args=(jobs,))
        thread.start()
        self.threads.append(thread)
        until(lambda: len(self.scheduler._requests) > before or all(w.done for w in jobs))

    def _run(self, jobs):
        try:
            self.scheduler.run(jobs)
        except BaseException as error:
            self.errors.append(error)

    def join(self):
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def busy(runner):
    """A scheduler whose runner stands before its gate with one active job, and its calls."""
    runner.gate.clear()
    scheduler = Scheduler([runner])
    calls = Calls(scheduler)
    first = row(budget=1)
    thread = threading.Thread(target=scheduler.run, args=([first],))
    thread.start()
    calls.threads.append(thread)
    until(lambda: first in scheduler._workers[0].active)
    return scheduler, calls


class TestBatches:
    def test_what_arrives_together_is_read_together(self, runner, busy):
        _, calls = busy
        jobs = [row() for _ in range(31)]
        for job in jobs:
            calls.add([job])
        runner.gate.set()
        calls.join()
        assert runner.started == [[5], [5] * 31]
        assert all(job.written == [10, 11, 12] for job in jobs)

    def test_works_of_like_length_go_together(self, runner):
        Scheduler([runner]).run([row(size) for size in (200, 20, 199, 21, 198, 22)])
        assert runner.started == [[200, 199, 198], [22, 21, 20]]

    def test_a_pass_has_room_for_so_many_tokens(self, runner):
        Scheduler([runner]).run([row(300) for _ in range(7)])
        assert runner.started == [[300] * 3, [300] * 3, [300]]

    def test_a_work_that_is_longer_than_the_room_goes_alone(self, runner):
        Scheduler([runner]).run([row(3000), row(3000)])
        assert runner.started == [[3000], [3000]]

    def test_works_of_different_kinds_do_not_mix(self, runner, busy):
        _, calls = busy
        for job in (row(), scoring(), row(), scoring(), scoring(labels=((2,),))):
            calls.add([job])
        runner.gate.set()
        calls.join()
        assert sorted(map(len, runner.started)) == [1, 1, 2, 2]

    def test_there_are_only_so_many_places(self, runner):
        scheduler = Scheduler([runner])
        scheduler.limit(4)
        scheduler.run([row(budget=1 + i) for i in range(10)])
        assert max(runner.stepped) == 4
        with pytest.raises(InputError, match="at least 1"):
            scheduler.limit(0)

    def test_who_comes_late_takes_the_place_of_who_has_ended(self, runner):
        scheduler = Scheduler([runner])
        scheduler.limit(2)
        jobs = [row(9, budget=50), row(8, budget=2), row(7, budget=2), row(6, budget=2)]
        scheduler.run(jobs)
        assert runner.started == [[9, 8], [7], [6]]
        assert len(runner.stepped) == 49, "the long one was held up"

    def test_reading_does_not_stop_what_is_being_written(self, runner):
        scheduler = Scheduler([runner])
        scheduler.run([row(900, budget=5) for _ in range(10)])
        assert len(runner.started) == 10
        assert runner.stepped[:3] == [1, 2, 3]


class TestTurns:
    def test_a_large_call_holds_no_small_one_up(self, runner, busy):
        scheduler, calls = busy
        scheduler.limit(4)
        many = [row() for _ in range(1000)]
        calls.add(many)
        one = row()
        calls.add([one])
        runner.gate.set()
        calls.join()
        assert runner.ended.index(one) < 20

    def test_nobody_starves_for_its_length(self, runner, busy):
        scheduler, calls = busy
        scheduler.limit(4)
        short = [[row(10) for _ in range(100)] for _ in range(3)]
        long = row(500)
        for jobs in (*short[:2], [long], short[2]):
            calls.add(jobs)
        runner.gate.set()
        calls.join()
        assert runner.ended.index(long) < 20

    def test_callers_are_held_back_where_too_many_wait(self, runner):
        runner.gate.clear()
        scheduler = Scheduler([runner], most_waiting=2)
        calls = Calls(scheduler)
        threads = [threading.Thread(target=scheduler.run, args=([row()],)) for _ in range(9)]
        for thread in threads:
            thread.start()
        until(lambda: len(scheduler._requests) == 2)
        time.sleep(0.1)
        assert len(scheduler._requests) == 2
        runner.gate.set()
        calls.threads = threads
        calls.join()
        assert sum(map(len, runner.started)) == 9

    def test_several_runners_share_the_work(self):
        runners = [FakeRunner(places=4), FakeRunner(places=4)]
        for one in runners:
            one.gate.clear()
        scheduler = Scheduler(runners)
        jobs = [row(budget=20) for _ in range(40)]
        thread = threading.Thread(target=scheduler.run, args=(jobs,))
        thread.start()
        until(lambda: all(worker.active for worker in scheduler._workers))
        for one in runners:
            one.gate.set()
        thread.join(30)
        assert all(job.finish == "length" for job in jobs)
        assert all(sum(map(len, one.started)) >= 4 for one in runners)
        assert sum(len(group) for one in runners for group in one.started) == 40


class TestFailures:
    @pytest.mark.parametrize("at", ["start", "step"])
    def test_one_that_fails_fails_alone(self, runner, at):
        jobs = [row(budget=6) for _ in range(13)]
        bad = jobs[4]
        runner.fails = lambda active: (
            ValueError("no") if bad in active and (at == "start" or bad.written) else None
        )
        Scheduler([runner]).run(jobs)
        assert isinstance(bad.error, EngineError)
        assert "ValueError: no" in str(bad.error)
        assert isinstance(bad.error.__cause__, ValueError)
        assert all(job.written == [10, 11, 12, 13, 14, 15] for job in jobs if job is not bad)

    def test_what_was_written_before_a_failure_is_kept(self, runner):
        jobs = [row(budget=9) for _ in range(4)]
        left = [1]

        def fails(active):
            if len(active[0].written) == 5 and left and left.pop():
                return RuntimeError("once")
            return None

        runner.fails = fails
        Scheduler([runner]).run(jobs)
        assert all(job.written == list(range(10, 19)) for job in jobs)
        assert sorted(runner.started[1:]) == [[10, 10], [10, 10]], "they began anew"

    def test_others_go_on_after_a_failure(self, runner):
        scheduler = Scheduler([runner])
        runner.fails = lambda _: RuntimeError("lost")
        failed = [row(), row()]
        scheduler.run(failed)
        assert all(job.error for job in failed)
        runner.fails = lambda _: None
        after = row()
        scheduler.run([after])
        assert after.finish == "length"

    def test_rows_are_fewer_where_memory_ran_out_and_more_again(self, runner):
        scheduler = Scheduler([runner])
        scheduler.limit(16)
        runner.fails = lambda active: (
            torch.OutOfMemoryError("out of memory") if len(active) > 5 else None
        )
        jobs = [row() for _ in range(40)]
        scheduler.run(jobs)
        assert all(job.finish == "length" for job in jobs)
        runner.started.clear()
        scheduler.run([row() for _ in range(40)])
        assert max(map(len, runner.started)) <= 5
        runner.fails = lambda _: None
        for _ in range(40):
            scheduler.run([row() for _ in range(16)])
        runner.started.clear()
        scheduler.run([row() for _ in range(16)])
        assert runner.started == [[5] * 16]

    def test_an_error_that_is_no_works_fault_reaches_its_callers(self, runner):
        scheduler = Scheduler([runner])
        runner.fails = lambda _: KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            scheduler.run([row(), row(500)])
        runner.fails = lambda _: None
        after = row()
        scheduler.run([after])
        assert after.finish == "length"


class TestStreams:
    def test_each_token_is_told(self, runner):
        one = row(budget=20, ahead=4)
        counts = list(Scheduler([runner]).follow(one))
        assert counts == sorted(counts)
        assert counts[-1] == 20
        assert one.done

    def test_it_is_a_little_ahead_of_its_reader(self, runner):
        one = row(budget=200, ahead=4)
        stream = Scheduler([runner]).follow(one)
        assert 1 <= next(stream) <= 4
        time.sleep(0.1)
        assert len(one.written) <= 8
        stream.close()

    @pytest.mark.parametrize("places", [1, 2, 100])
    @pytest.mark.parametrize("most", [1, 2, 100])
    def test_one_that_nobody_reads_holds_nobody_up(self, places, most):
        scheduler = Scheduler([FakeRunner(places=places)])
        scheduler.limit(most)
        one = row(budget=200, ahead=4)
        stream = scheduler.follow(one)
        next(stream)
        other = row(budget=100)
        scheduler.run([other])
        assert other.finish == "length"
        assert len(one.written) <= 8
        *_, last = stream
        assert (last, one.finish) == (200, "length")

    @pytest.mark.parametrize("places", [1, 2, 100])
    def test_a_row_that_breaks_off_goes_on_when_it_is_read(self, places):
        runner = WholeRunner(places=places)
        scheduler = Scheduler([runner])
        one = row(budget=200, ahead=4)
        stream = scheduler.follow(one)
        next(stream)
        other = row(budget=100)
        scheduler.run([other])
        assert other.finish == "length"
        until(lambda: not scheduler._workers[0].running)
        assert len(one.written) <= 8
        assert not scheduler._workers[0].active
        *_, last = stream
        assert (last, one.finish) == (200, "length")

    def test_a_reader_is_told_of_tokens_while_they_are_written(self):
        scheduler = Scheduler([WholeRunner()])
        one = row(budget=10**9, ahead=10**9)
        stream = scheduler.follow(one)
        first, second = next(stream), next(stream)
        assert 0 < first < second
        stream.close()
        until(lambda: one.done)
        assert one.finish == "cancelled"

    def test_closing_gives_its_place_back(self, runner):
        scheduler = Scheduler([runner])
        scheduler.limit(1)
        stream = scheduler.follow(row(budget=200, ahead=4))
        next(stream)
        stream.close()
        other = row()
        scheduler.run([other])
        assert other.finish == "length"


@pytest.fixture
def interrupts():
    """Interrupts are heeded, as they are not in what a shell runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class TestTheEnd:
    async def test_cancelling_ends_what_waits_and_what_is_aboard(self, runner):
        scheduler = Scheduler([runner])
        scheduler.limit(1)
        jobs = [row(budget=10**6), row()]
        task = asyncio.create_task(in_thread(scheduler.run, jobs))
        while not runner.stepped:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(1000):
            if all(job.done for job in jobs):
                break
            await asyncio.sleep(0.01)
        assert [job.finish for job in jobs] == ["cancelled", "cancelled"]
        assert jobs[0].written
        assert not jobs[1].written
        assert not runner.rows

    @pytest.mark.usefixtures("interrupts")
    def test_an_interrupted_caller_leaves_nothing_behind(self, runner):
        scheduler = Scheduler([runner])
        job = row(budget=10**9)

        def interrupt():
            until(lambda: job.written)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            scheduler.run([job])
        until(lambda: job.done)
        assert job.finish == "cancelled"

    def test_the_thread_goes_with_the_scheduler(self, runner):
        before = set(threading.enumerate())
        scheduler = Scheduler([runner])
        scheduler.run([row()])
        (thread,) = (t for t in threading.enumerate() if t not in before)
        del scheduler
        gc.collect()
        until(lambda: not thread.is_alive())

    def test_closing_ends_everything(self, runner, busy):
        scheduler, calls = busy
        jobs = [row(budget=10**6), row()]
        calls.add(jobs)
        threading.Timer(0.05, runner.gate.set).start()
        scheduler.close()
        calls.join()
        assert [job.finish for job in jobs] == ["cancelled", "cancelled"]
        with pytest.raises(EngineError, match="is closed"):
            scheduler.run([row()])

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_a_forked_process_has_a_thread_of_its_own(self, runner):
        scheduler = Scheduler([runner])
        scheduler.run([row()])
        child = os.fork()
        if not child:
            job = row()
            scheduler.run([job])
            os._exit(0 if job.finish == "length" else 1)
        assert os.waitpid(child, 0)[1] == 0

    def test_nothing_is_done_for_nothing(self, runner):
        before = set(threading.enumerate())
        Scheduler([runner]).run([])
        assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    ("sizes", "spare", "passes"),
    [
        ([7], 0, [[0]]),
        ([200, 200, 200], 16, [[0, 1, 2]]),
        ([100, 250, 100], 16, [[1], [0, 2]]),
        ([100, 250, 100], 301, [[1, 0, 2]]),
        ([250, 120, 230, 100, 110], 32, [[0, 2], [1, 4, 3]]),
        ([3, 2, 1], 0, [[0], [1], [2]]),
    ],
)
def test_jobs_are_read_in_the_passes_that_take_the_least_time(sizes, spare, passes):
    assert divided(sizes, spare) == passes
