"""Runs over a corpus: what is kept, gone on from, computed once, and refused."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import pytest
from doubles import Ruled

from biogpt_plugins import Decoding, EntityDictionary, Pipeline, load
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.corpus import JsonlWriter
from biogpt_plugins.corpus.run import (
    Lines,
    Watcher,
    is_run,
    outcomes,
    progress_bar,
    results,
    run,
)
from biogpt_plugins.corpus.run.outcome import Part, Place
from biogpt_plugins.corpus.run.reading import Reading
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, InputError

DRIVER = Path(__file__).parents[1] / "run_driver.py"


def write(path, numbers, *, text="drug{n} caused illness{n}."):
    lines = ({"id": n, "title": "A case.", "text": text.format(n=n)} for n in numbers)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def papers(tmp_path):
    return write(tmp_path / "papers.jsonl", range(10))


def pipeline(**options):
    return Pipeline("bc5cdr", options.pop("engine", None) or Ruled(), **options)


def asked(pipeline):
    return [prompt.text.removeprefix("A case. ") for prompt in pipeline.engine.history]


def ids(folder):
    return [prediction.id for prediction in results(folder)]


class Ending(Ruled):
    """Raises at its third call."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def complete(self, prompts, decoding):
        if len(self.calls) == 2:
            raise self.error
        return super().complete(prompts, decoding)


# --- what is there --------------------------------------------------------------------------


def test_a_run_is_a_folder_of_results_in_the_order_of_the_inputs(papers, tmp_path):
    more = write(tmp_path / "more.jsonl", range(10, 13))
    asking = pipeline()
    counts = run(asking, [papers, more], tmp_path / "run", chunk_size=4, shard_size=8)
    assert counts == (13, 0, 0)
    assert [len(call) for call in asking.engine.calls] == [4, 4, 4, 1]
    assert ids(tmp_path / "run") == [str(n) for n in range(13)]
    names = sorted(path.name for path in (tmp_path / "run/shards").iterdir())
    assert names == ["000000.jsonl", "000001.jsonl"]
    places = [(one.where, one.file, one.record) for one in outcomes(tmp_path / "run")]
    assert places[0] == (f"{papers}:1", 0, 0)
    assert places[-1] == (f"{more}:3", 1, 2)


@pytest.mark.parametrize(
    # The second is read while the model has the first, whose time is not known then.
    ("rate", "sizes"),
    [(1e6, [64, 64, 128, 256, 512, 488]), (6, [64, 64, 90, 26]), (1, [64, 64, 64])],
)
def test_the_model_is_handed_as_many_records_as_take_a_while(tmp_path, monkeypatch, rate, sizes):
    papers = write(tmp_path / "papers.jsonl", range(sum(sizes)))
    now = 0.0

    class Timed(Ruled):
        def complete(self, prompts, decoding):
            nonlocal now
            now += len(prompts) / rate
            return super().complete(prompts, decoding)

    asking = pipeline(engine=Timed())
    monkeypatch.setattr("time.monotonic", lambda: now)
    run(asking, [papers], tmp_path / "run")
    assert [len(call) for call in asking.engine.calls] == sizes


def test_the_manifest_says_what_the_results_are_of(papers, tmp_path):
    dictionary = EntityDictionary([("drug1", "D1")])
    run(pipeline(dictionary=dictionary, min_score=0), [papers], tmp_path / "run")
    told = json.loads((tmp_path / "run/run.json").read_text())
    wanted = {"task": "bc5cdr", "model": "scripted", "dictionary": dictionary.fingerprint}
    assert wanted.items() <= told["settings"].items()
    assert told["settings"]["min_score"] == 0
    (marked,) = told["inputs"]
    assert (marked["path"], marked["size"]) == (str(papers), papers.stat().st_size)
    assert len(marked["sha256"]) == 64
    (start,) = told["starts"]
    assert "torch" in start["versions"]


def test_a_models_weights_are_among_the_settings(papers, tmp_path, tiny_biogpt):
    ModelCard(tasks={"bc5cdr": TaskCard()}).save(shutil.copytree(tiny_biogpt, tmp_path / "model"))
    run(load(tmp_path / "model", "bc5cdr"), [papers], tmp_path / "run", limit=1)
    told = json.loads((tmp_path / "run/run.json").read_text())
    assert len(told["settings"]["weights"]) == 16
    assert "model.safetensors" in {Path(one["path"]).name for one in told["weights"]}


def test_a_record_that_cannot_be_read_is_a_failure_and_costs_nothing_else(tmp_path):
    path = tmp_path / "papers"
    path.write_text('{"id": 1, "text": "drug1 caused illness1."}\n{"id": 2,\n{"id": 3}\n')
    counts = run(pipeline(), [path], tmp_path / "run")
    assert counts == (3, 2, 0)
    first, second, third = outcomes(tmp_path / "run")
    assert first.prediction.ok
    assert second.prediction.error.message.startswith(f"{path}:2: not JSON")
    assert (third.prediction.id, third.text) == ("3", None)


# --- going on -------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
def test_what_was_done_before_an_interruption_is_kept_and_not_asked_again(papers, tmp_path, error):
    with pytest.raises(type(error)):
        run(pipeline(engine=Ending(error)), [papers], tmp_path / "run", chunk_size=2)
    assert ids(tmp_path / "run") == ["0", "1", "2", "3"]
    again = pipeline()
    seen = []
    watcher = Watcher(begun=lambda *counts: seen.append(counts))
    counts = run(again, [papers], tmp_path / "run", chunk_size=2, watcher=watcher)
    assert asked(again) == [f"drug{n} caused illness{n}." for n in range(4, 10)]
    assert seen == [((4, 0, 0), {0: 4})]
    assert counts == (10, 0, 0)
    assert ids(tmp_path / "run") == [str(n) for n in range(10)]
    third = pipeline()
    run(third, [papers], tmp_path / "run")
    assert third.engine.calls == []


def test_a_bar_goes_on_where_the_run_does(papers, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    run(pipeline(), [papers], tmp_path / "run", limit=4, watcher=progress_bar(10))
    assert "4/10" in capsys.readouterr().err
    run(pipeline(), [papers], tmp_path / "run", watcher=progress_bar(10))
    told = capsys.readouterr().err
    assert "4/10" in told
    assert "10/10" in told


def test_a_limit_counts_the_whole_run(papers, tmp_path):
    run(pipeline(), [papers], tmp_path / "run", limit=3)
    assert len(ids(tmp_path / "run")) == 3
    again = pipeline()
    run(again, [papers], tmp_path / "run", limit=5)
    assert len(again.engine.history) == 2


def test_files_may_be_added_and_inputs_may_have_moved(papers, tmp_path, monkeypatch):
    run(pipeline(), [papers], tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    papers = papers.rename(tmp_path / "elsewhere/papers.jsonl")
    write(tmp_path / "elsewhere/more.jsonl", range(10, 12))
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = pipeline()
    run(again, ["papers.jsonl", "more.jsonl"], tmp_path / "run")
    assert len(again.engine.history) == 2


def test_inputs_that_are_done_are_not_read_again(papers, tmp_path):
    more = write(tmp_path / "more.jsonl", range(10, 20))
    papers.write_bytes(b"?")
    reading = Reading(pipeline().task, [str(papers), str(more)], parts=[Part(Place(1, 2))])
    assert [item.record.where for item in reading.items()] == [f"{more}:{n}" for n in range(3, 11)]


def kept_times(path, change):
    """Change a file, and give it its old size and time of modification."""
    facts = path.stat()
    change(path)
    assert path.stat().st_size == facts.st_size
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def overwrite(path):
    path.write_bytes(path.read_bytes().replace(b"drug", b"DRUG"))


def replace(path):
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes().replace(b"drug", b"DRUG"))
    other.replace(path)


@pytest.mark.parametrize("change", [overwrite, replace])
def test_an_input_of_the_same_size_and_time_is_known_for_another(papers, tmp_path, change):
    more = write(tmp_path / "more.jsonl", range(10, 20))
    run(pipeline(), [papers, more], tmp_path / "run", limit=12)
    kept_times(papers, change)
    with pytest.raises(InputError, match=r"papers\.jsonl, has changed since"):
        run(pipeline(), [papers, more], tmp_path / "run")


def test_an_input_that_is_only_touched_is_the_same(papers, tmp_path):
    def touch(outcome):
        papers.write_bytes(papers.read_bytes())
        os.utime(papers, (outcome.record, outcome.record))

    run(pipeline(), [papers], tmp_path / "run", limit=4, watcher=Watcher(done=touch))
    assert run(pipeline(), [papers], tmp_path / "run", watcher=Watcher(done=touch)).records == 10


@pytest.mark.parametrize("change", [overwrite, replace])
@pytest.mark.parametrize("limit", [None, 6])
@pytest.mark.parametrize("watched", ["its own", "a later one's", "an earlier one's"])
def test_an_input_that_is_replaced_during_the_run_is_told(papers, tmp_path, change, limit, watched):
    more = write(tmp_path / "more.jsonl", range(10, 20))
    files = {
        "its own": [papers],
        "a later one's": [more, papers],
        "an earlier one's": [papers, more],
    }
    original = papers.read_bytes()
    changes = iter([lambda: kept_times(papers, change)])

    def done(outcome):
        if outcome.prediction.id == ("12" if "one's" in watched else "2"):
            next(changes)()

    given = (files[watched], tmp_path / "run")
    options = {"chunk_size": 2, "shard_size": 4, "limit": limit and limit + 10 * ("one" in watched)}
    told = r"papers\.jsonl has changed since the run began: put back the file"
    with pytest.raises(InputError, match=told):
        run(pipeline(), *given, watcher=Watcher(done=done), **options)
    with pytest.raises(InputError, match=r"papers\.jsonl, has changed since"):
        run(pipeline(), *given)
    papers.write_bytes(original)
    again = pipeline()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(again, *given)
    told = [str(one.message) for one in caught]
    if watched == "its own":  # whatever was read while it changed is done again
        assert len(told) == 1
        assert "made while an input changed" in told[0]
        assert len(again.engine.history) == 10
    else:
        assert told == []
    run(pipeline(), files[watched], tmp_path / "unbroken")
    assert list(outcomes(tmp_path / "run")) == list(outcomes(tmp_path / "unbroken"))


def test_a_file_that_changes_under_an_output_file_is_told(papers, tmp_path):
    def grow(outcome):
        with papers.open("a") as file:
            file.write("" if outcome.record else '{"id": 10, "text": "drug1 caused illness1."}\n')

    told = pytest.raises(InputError, match=r"papers\.jsonl changed while it was read, so")
    with JsonlWriter(str(tmp_path / "out")) as writer, told:
        run(pipeline(), [papers], Lines(writer), chunk_size=2, watcher=Watcher(done=grow))


def driver(*args, **environment):
    return subprocess.Popen(
        [sys.executable, str(DRIVER), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def ended(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_a_run_killed_at_any_moment_loses_nothing_and_repeats_nothing(tmp_path):
    texts = "drug{n} caused illness{n}. " * 3
    papers = write(tmp_path / "papers.jsonl", range(500), text=texts)
    log = tmp_path / "asked"
    moments = random.Random(11)
    for _ in range(3):
        process = driver("run", papers, tmp_path / "run", LOG=str(log), SECONDS="0.004")
        for _ in range(moments.randrange(20, 140)):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        assert ended(process)[0] == -signal.SIGKILL
    assert ended(driver("run", papers, tmp_path / "run", LOG=str(log)))[0] == 0
    run(pipeline(), [papers], tmp_path / "unbroken")
    assert ids(tmp_path / "run") == [str(n) for n in range(500)]
    assert list(outcomes(tmp_path / "run")) == list(outcomes(tmp_path / "unbroken"))
    assert 500 <= len(log.read_text().splitlines()) <= 500 + 3 * (16 + 4), "the shard in work only"


@pytest.mark.parametrize("lost", ["part", "all", "garbage"])
def test_an_index_that_lags_or_is_lost_is_made_again(papers, tmp_path, lost):
    run(pipeline(), [papers], tmp_path / "run", chunk_size=2, shard_size=2, limit=6)
    index = tmp_path / "run/index.sqlite"
    if lost == "part":
        (tmp_path / "run/shards/000002.jsonl").rename(tmp_path / "kept")
        with pytest.warns(UserWarning, match=r"shards/000002.jsonl of .* missing"):
            run(pipeline(), [papers], tmp_path / "run", limit=4)
        (tmp_path / "kept").rename(tmp_path / "run/shards/000002.jsonl")
    elif lost == "all":
        index.unlink()
    else:
        index.write_bytes(b"no database" * 1000)
    again = pipeline()
    repeated = write(tmp_path / "repeated.jsonl", range(10))
    assert run(again, [papers, repeated], tmp_path / "run") == (20, 0, 10)
    assert len(again.engine.history) == 4


# --- identical texts ------------------------------------------------------------------------


def test_identical_texts_are_asked_once_in_the_whole_run(tmp_path):
    papers = write(tmp_path / "papers.jsonl", [1, 1, 2, 1, 3])
    later = write(tmp_path / "later.jsonl", [3, 1, 4])
    asking = pipeline()
    assert run(asking, [papers], tmp_path / "run", chunk_size=3) == (5, 0, 2)
    assert len(asking.engine.history) == 3
    asking = pipeline()
    assert run(asking, [papers, later], tmp_path / "run") == (8, 0, 4)
    assert len(asking.engine.history) == 1
    found = list(outcomes(tmp_path / "run"))
    assert [one.same_as and one.same_as.split(":")[1] for one in found] == [
        None, "1", None, "1", None, "5", "1", None,
    ]  # fmt: skip
    assert found[6].prediction.result == found[0].prediction.result


def test_a_copy_keeps_its_own_id_and_a_failure_is_not_copied(tmp_path):
    path = tmp_path / "papers.jsonl"
    path.write_text("".join(f'{{"id": "{i}", "text": "Aspirin, then nausea."}}\n' for i in "abc"))
    found = "the relation between aspirin and nausea exists."
    engine = ScriptedEngine([EngineError("out of memory"), found])
    run(pipeline(engine=engine), [path], tmp_path / "run", chunk_size=1)
    assert [(p.id, p.ok) for p in results(tmp_path / "run")] == [
        ("a", False),
        ("b", True),
        ("c", True),
    ]
    assert len(engine.history) == 2


# --- refusing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"decoding": Decoding(max_new_tokens=9)}, "decoding max_new_tokens None, now 9"),
        ({"min_score": 0.5}, "min_score None, now 0.5"),
        ({"dictionary": EntityDictionary([("a", "b")])}, "dictionary None, now"),
    ],
)
def test_another_setting_is_refused_and_named(papers, tmp_path, change, named):
    decoding = {"decoding": Decoding()} if "decoding" in change else {}
    run(pipeline(**decoding), [papers], tmp_path / "run")
    before = (tmp_path / "run/run.json").read_bytes()
    with pytest.raises(InputError, match=named):
        run(pipeline(**change), [papers], tmp_path / "run")
    assert (tmp_path / "run/run.json").read_bytes() == before


def test_other_inputs_are_refused_and_named(papers, tmp_path):
    more = write(tmp_path / "more.jsonl", range(10, 12))
    run(pipeline(), [papers, more], tmp_path / "run")
    for files, why in (([papers], "also has the input .*more.jsonl"), ([more, papers], "is now")):
        with pytest.raises(InputError, match=why):
            run(pipeline(), files, tmp_path / "run")
    write(papers, range(9))
    with pytest.raises(InputError, match=r"papers\.jsonl, has changed since"):
        run(pipeline(), [papers, more], tmp_path / "run")


def test_a_folder_of_something_else_is_left_alone(papers, tmp_path):
    with pytest.raises(InputError, match="holds files that are not a run"):
        run(pipeline(), [papers], tmp_path)
    with pytest.raises(InputError, match="is a file"):
        run(pipeline(), [papers], papers)
    assert not is_run(tmp_path)
    with pytest.raises(InputError, match="is not the folder of a run"):
        list(results(tmp_path))


def test_shards_of_unknown_settings_are_refused(papers, tmp_path):
    run(pipeline(), [papers], tmp_path / "run", chunk_size=2, shard_size=2)
    (tmp_path / "run/run.json").unlink()
    with pytest.raises(InputError, match=r"no run.json"):
        run(pipeline(), [papers], tmp_path / "run")


def test_two_processes_do_not_write_one_run(papers, tmp_path):
    process = driver("run", papers, tmp_path / "run", SECONDS="0.2")
    process.stdout.readline()
    try:
        with pytest.raises(InputError, match="another process is writing"):
            run(pipeline(), [papers], tmp_path / "run")
    finally:
        process.kill()
        ended(process)
    assert run(pipeline(), [papers], tmp_path / "run").records == 10


def test_an_input_that_goes_while_it_runs_is_told_and_costs_nothing_before_it(papers, tmp_path):
    more = write(tmp_path / "more.jsonl", range(10, 12))

    def done(outcome):
        if outcome.record == 3:
            more.unlink()

    with pytest.raises(FileNotFoundError, match=r"more\.jsonl"):
        run(pipeline(), [papers, more], tmp_path / "run", chunk_size=4, watcher=Watcher(done=done))
    assert ids(tmp_path / "run") == [str(n) for n in range(10)]
    write(more, range(10, 12))
    run(pipeline(), [papers, more], tmp_path / "run")
    assert ids(tmp_path / "run") == [str(n) for n in range(12)]


def test_a_full_disk_is_told_and_keeps_what_is_done(tmp_path):
    texts = "drug{n} caused illness{n}. " * 20
    papers = write(tmp_path / "papers.jsonl", range(60), text=texts)
    folder = tmp_path / "run"
    given = ("cli", "extract", papers, "--run", folder, "--chunk", 8)
    code, out, err = ended(driver(*given, MOST_BYTES="120000"))
    assert (code, out) == (2, "")
    assert 8 <= len(ids(folder)) < 60
    *said, last = err.splitlines()
    assert last == f"error: {folder}/shards/000000.jsonl: File too large"
    assert "not finished: give the same command again to continue" in said
    code, _, err = ended(driver(*given))
    assert (code, ids(folder)) == (0, [str(n) for n in range(60)])
    assert f"{folder} holds 60 results" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_with_a_summary(papers, tmp_path, number, code):
    log = tmp_path / "asked"
    given = ("cli", "extract", papers, "--run", tmp_path / "run", "--chunk", 2)
    process = driver(*given, LOG=str(log), SECONDS="0.3")
    while not log.exists() or len(log.read_text().splitlines()) < 4:
        pass
    process.send_signal(number)
    ending, _, err = ended(process)
    assert ending == code
    assert "Traceback" not in err
    done = len(ids(tmp_path / "run"))
    assert 2 <= done < 10
    assert f"{tmp_path}/run holds {done} results" in err
    assert "give the same command again to continue" in err
    ending, _, err = ended(driver(*given))
    assert ending == 0
    assert err.startswith(f"note: continuing after {done} finished records")
    assert ids(tmp_path / "run") == [str(n) for n in range(10)]


# --- size -----------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    peaks = []
    for records in (100, 300, 900):  # the first fills the caches that all share
        papers = write(tmp_path / f"{records}.jsonl", range(records))
        engine = Ruled()
        engine.calls = Forgetful()
        tracemalloc.start()
        run(
            pipeline(engine=engine),
            [papers],
            tmp_path / f"run{records}",
            chunk_size=32,
            shard_size=128,
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.2 * peaks[1]


class Forgetful(list):
    def append(self, _):
        pass
