"""An engine is kept at work: what is around it happens while it computes, in order."""

import asyncio
import json
import threading
from contextlib import closing

import pytest

from biogpt_plugins import Paper, Pipeline
from biogpt_plugins.corpus.run import outcomes, run
from biogpt_plugins.engine import Decoding, cancelled, in_thread
from biogpt_plugins.pipeline.ahead import at_once, in_order
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, ServerError

ONE = "the relation between aspirin and nausea exists."
LONG = 30  # seconds, after which a test has failed


class Stepwise(ScriptedEngine):
    """Computes a call when it is let, and says when it begins one."""

    def __init__(self, completions):
        super().__init__(completions)
        self.begun, self.let = threading.Semaphore(0), threading.Semaphore(0)
        self.at_the_same_time = self.most = 0

    def complete(self, prompts, decoding=Decoding()):
        self.at_the_same_time += 1
        self.most = max(self.most, self.at_the_same_time)
        self.begun.release()
        assert self.let.acquire(timeout=LONG)
        self.at_the_same_time -= 1
        return super().complete(prompts, decoding)


class Papers(list):
    """Papers, of which it is known which were looked at."""

    def __init__(self, count):
        super().__init__(Paper(id=str(number), text=f"{number} aspirin") for number in range(count))
        self.seen, self.looked_at = 0, threading.Semaphore(0)

    def __iter__(self):
        for paper in super().__iter__():
            self.seen += 1
            self.looked_at.release()
            yield paper


def in_a_thread(work, *args):
    thread = threading.Thread(target=work, args=args)
    thread.start()
    return thread


def test_what_has_a_length_is_read_while_the_engine_computes():
    engine, papers, got = Stepwise([ONE] * 6), Papers(6), []
    reader = in_a_thread(got.extend, Pipeline("bc5cdr", engine).imap(papers, chunk_size=2))
    assert engine.begun.acquire(timeout=LONG)
    for _ in range(4):  # while it computes for the first two
        assert papers.looked_at.acquire(timeout=LONG)
    for _ in range(3):
        engine.let.release()
    reader.join(LONG)
    assert [one.id for one in got] == list("012345")
    assert all(one.ok for one in got)
    assert [len(call) for call in engine.calls] == [2, 2, 2]
    assert engine.most == 1  # it has not said that it merges calls


def test_an_engine_that_merges_calls_gets_the_next_before_the_last_ends():
    engine, got = Stepwise([ONE] * 6), []
    engine.merges_calls = True
    reader = in_a_thread(got.extend, Pipeline("bc5cdr", engine).imap(Papers(6), chunk_size=2))
    for _ in range(2):
        assert engine.begun.acquire(timeout=LONG)
    for _ in range(3):
        engine.let.release()
    reader.join(LONG)
    assert [one.id for one in got] == list("012345")
    assert engine.most == 2


def test_one_chunk_is_read_ahead_and_no_more():
    engine, papers = ScriptedEngine([ONE] * 10), Papers(10)
    found = Pipeline("bc5cdr", engine).imap(papers, chunk_size=2)
    next(found)
    assert papers.seen == 4


def test_an_iterator_may_wait_for_an_earlier_prediction():
    pipeline, given = Pipeline("bc5cdr", ScriptedEngine([ONE] * 3)), []

    def papers():
        for number in range(3):
            assert len(given) == number
            yield Paper(id=str(number), text="aspirin")

    for one in pipeline.imap(papers(), chunk_size=1):
        given.append(one)
    assert len(given) == 3


def test_an_iterator_is_read_ahead_on_request():
    papers = Papers(6)
    pipeline = Pipeline("bc5cdr", ScriptedEngine([ONE] * 6))
    next(pipeline.imap(iter(papers), chunk_size=2, ahead=True))
    assert papers.seen == 4
    papers.seen = 0
    next(pipeline.imap(papers, chunk_size=2, ahead=False))
    assert papers.seen == 2


@pytest.mark.parametrize("ahead", [True, False])
def test_predictions_are_the_same(ahead):
    texts = ["aspirin", "", "nausea", 3, "lithium"]
    script = [ONE, EngineError("broken"), "what?"]
    whole = Pipeline("bc5cdr", ScriptedEngine(script)).run(texts)
    found = list(Pipeline("bc5cdr", ScriptedEngine(script)).imap(texts, chunk_size=2, ahead=ahead))
    assert [one.result for one in found] == [one.result for one in whole]
    kinds = [one.error and one.error.type for one in found]
    assert kinds == [None, "InputError", "EngineError", "InputError", "ParseError"]


def test_an_engine_that_raises_costs_its_own_chunk_only():
    class Raising(ScriptedEngine):
        def complete(self, prompts, decoding=Decoding()):
            if len(self.calls) == 1:
                self.calls.append(prompts)
                raise RuntimeError("no power")
            return super().complete(prompts, decoding)

    found = list(Pipeline("bc5cdr", Raising([ONE] * 4)).imap(Papers(6), chunk_size=2))
    assert [one.ok for one in found] == [True, True, False, False, True, True]
    assert "no power" in found[2].error.message


def test_an_error_of_the_inputs_comes_after_the_results_before_it():
    class Torn(Papers):
        def __iter__(self):
            yield from list(super().__iter__())[:2]
            raise OSError("torn")

    found = Pipeline("bc5cdr", ScriptedEngine([ONE] * 2)).imap(Torn(9), chunk_size=2)
    assert [next(found).id, next(found).id] == ["0", "1"]
    with pytest.raises(OSError, match="torn"):
        next(found)


class Patient(ScriptedEngine):
    """Computes until it is cancelled."""

    def __init__(self, completions=()):
        super().__init__(completions)
        self.begun, self.stopped = threading.Event(), threading.Event()

    def complete(self, prompts, decoding=Decoding()):
        del decoding
        self.begun.set()
        pause = threading.Event()
        while not cancelled():
            pause.wait(0.001)
        self.stopped.set()
        raise EngineError(f"cancelled {len(prompts)}")


def test_closing_cancels_what_the_engine_computes():
    engine = Patient()
    pipeline = Pipeline("bc5cdr", engine)

    def works():
        yield pipeline.predicting([Paper(text="a")])
        assert engine.begun.wait(LONG)
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        closing(in_order(works(), engine, ahead=True)) as done,
    ):
        next(done)
    assert engine.stopped.wait(LONG)


async def test_who_waits_for_a_thread_can_cancel_what_it_reads_ahead():
    engine = Patient()
    found = Pipeline("bc5cdr", engine).imap(Papers(4), chunk_size=2)
    task = asyncio.create_task(in_thread(list, found))
    assert await asyncio.to_thread(engine.begun.wait, LONG)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.stopped.wait(LONG)


async def test_who_waits_later_can_cancel_it_too():
    class Second(Patient):
        def complete(self, prompts, decoding=Decoding()):
            if not self.calls:
                return ScriptedEngine.complete(self, prompts, decoding)
            return super().complete(prompts, decoding)

    engine = Second([ONE] * 2)
    papers = Papers(6)
    found = Pipeline("bc5cdr", engine).imap(papers, chunk_size=2)
    for _ in range(2):  # each in its own thread, as a server follows an iterator
        assert (await in_thread(next, found)).ok
    task = asyncio.create_task(in_thread(next, found))
    for _ in range(6):  # so the thread is at work
        assert await asyncio.to_thread(papers.looked_at.acquire, timeout=LONG)
    assert await asyncio.to_thread(engine.begun.wait, LONG)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(engine.stopped.wait, LONG)


def test_a_work_with_several_calls():
    def work():
        first = yield lambda: 1
        try:
            yield lambda: 1 / 0
        except ZeroDivisionError:
            return first + (yield lambda: 2)

    assert at_once(work()) == 3
    ((found, seconds),) = in_order([work()], ScriptedEngine([]), ahead=True)
    assert found == 3
    assert seconds >= 0


# --- runs ---------------------------------------------------------------------------------------


def written(folder, texts):
    path = folder / "papers.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def test_a_run_reads_the_next_papers_while_the_engine_computes(tmp_path):
    engine = Stepwise([ONE] * 4)
    engine.merges_calls = True
    path = written(tmp_path, [f"{number} aspirin" for number in range(4)])
    pipeline = Pipeline("bc5cdr", engine)
    work = in_a_thread(lambda: run(pipeline, [path], tmp_path / "run", chunk_size=2))
    for _ in range(2):
        assert engine.begun.acquire(timeout=LONG)
    for _ in range(2):
        engine.let.release()
    work.join(LONG)
    assert [one.record for one in outcomes(tmp_path / "run")] == [0, 1, 2, 3]


def test_equal_texts_of_neighbouring_chunks_are_computed_once(tmp_path):
    engine = ScriptedEngine([ONE] * 3)
    path = written(tmp_path, ["aspirin", "nausea", "aspirin", "lithium"])
    counts = run(Pipeline("bc5cdr", engine), [path], tmp_path / "run", chunk_size=2)
    assert (counts.records, counts.copied) == (4, 1)
    assert [len(call) for call in engine.calls] == [2, 1]
    assert [bool(one.same_as) for one in outcomes(tmp_path / "run")] == [False, False, True, False]


def test_a_lost_server_keeps_the_chunks_before(tmp_path):
    class Lost(ScriptedEngine):
        def complete(self, prompts, decoding=Decoding()):
            if self.calls:
                raise ServerError("gone")
            return super().complete(prompts, decoding)

    path = written(tmp_path, [f"{number} aspirin" for number in range(6)])
    with pytest.raises(ServerError, match="gone"):
        run(Pipeline("bc5cdr", Lost([ONE] * 6)), [path], tmp_path / "run", chunk_size=2)
    assert len(list(outcomes(tmp_path / "run"))) == 2
    run(Pipeline("bc5cdr", ScriptedEngine([ONE] * 4)), [path], tmp_path / "run", chunk_size=2)
    assert [one.record for one in outcomes(tmp_path / "run")] == [*range(6)]
