"""Shards of a run that are damaged or missing: found, told, refused by readers, and done again."""

import io
import json
import sys

import pytest
from doubles import Ruled
from typer.testing import CliRunner

from biogpt_plugins import Pipeline
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.run import Watcher, outcomes, results, run
from biogpt_plugins.evaluation.run import count_done, predict
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.values.errors import InputError

MANY = 10


def write(path, numbers):
    lines = ({"id": n, "title": "Case.", "text": f"drug{n} caused illness{n}."} for n in numbers)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def papers(tmp_path):
    """Two inputs, so that a shard of 2 records ends one and begins the other."""
    return [write(tmp_path / "a.jsonl", range(5)), write(tmp_path / "b.jsonl", range(5, MANY))]


def begin(papers, folder, **options):
    asking = Pipeline("bc5cdr", Ruled())
    counts = run(asking, papers, folder, **{"chunk_size": 2, "shard_size": 2, **options})
    return counts, [prompt.text.split("drug")[1][0] for prompt in asking.engine.history]


@pytest.fixture
def whole(papers, tmp_path):
    """A run of five shards, and its outcomes."""
    begin(papers, tmp_path / "run")
    return list(outcomes(tmp_path / "run"))


def shard(tmp_path, number):
    return tmp_path / f"run/shards/{number:06}.jsonl"


def flipped(data):
    at = data.index(b"illness")
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


DAMAGE = {
    "emptied": lambda _: b"",
    "a last line that was cut": lambda data: data[:-20],
    "a last line that is gone": lambda data: data.splitlines(keepends=True)[0],
    "reversed lines": lambda data: b"".join(data.splitlines(keepends=True)[::-1]),
    "a flipped bit": flipped,
    "a line of another shard": lambda data: data + data,
    "garbage": lambda _: b"\0\xff" * 100,
    "missing": lambda _: None,
}


def damage(tmp_path, number, how):
    path = shard(tmp_path, number)
    changed = DAMAGE[how](path.read_bytes())
    path.write_bytes(changed) if changed is not None else path.unlink()


@pytest.mark.parametrize("number", [0, 2, 4])
@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_shard_is_done_again_and_told(papers, whole, tmp_path, how, number):
    damage(tmp_path, number, how)
    told = rf"shards/00000{number}.jsonl of .*/run: damaged, missing, .*; 2 records are done again"
    with pytest.warns(UserWarning, match=told):
        counts, asked = begin(papers, tmp_path / "run")
    assert counts == (MANY, 0, 0)
    assert asked == [str(2 * number), str(2 * number + 1)]
    assert list(outcomes(tmp_path / "run")) == whole
    assert begin(papers, tmp_path / "run") == (counts, [])


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("how", DAMAGE)
def test_results_are_not_read_from_a_damaged_shard(tmp_path, how):
    damage(tmp_path, 2, how)
    found = results(tmp_path / "run")
    assert [next(found).id for _ in range(4)] == list("0123")
    wanted = "is missing" if how == "missing" else "is not as the run wrote it"
    with pytest.raises(InputError, match=f"000002.jsonl {wanted}: give the command of the run"):
        next(found)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    "args",
    [
        ["report", "{run}", "-o", "{out}"],
        ["aggregate", "{run}"],
        ["export", "{run}", "--to", "graphml", "-o", "{out}"],
        ["export", "{run}", "--to", "parquet", "-o", "{out}"],
    ],
)
def test_commands_that_read_a_run_refuse_a_damaged_shard(tmp_path, args):
    damage(tmp_path, 4, "a flipped bit")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, [arg.format(run=tmp_path / "run", out=out) for arg in args])
    assert done.exit_code == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "000004.jsonl is not as the run wrote it" in line
    assert not out.exists()


def test_several_damaged_shards_and_records_that_are_not_done_yet(papers, tmp_path):
    begin(papers, tmp_path / "unbroken")
    begin(papers, tmp_path / "run", limit=8)
    for number, how in [(0, "emptied"), (1, "missing"), (3, "garbage")]:
        damage(tmp_path, number, how)
    with pytest.warns(UserWarning, match="damaged, missing, .*; 6 records are done again"):
        counts, asked = begin(papers, tmp_path / "run", chunk_size=5)
    assert counts == (MANY, 0, 0)
    assert asked == list("0123") + list("6789")
    assert list(outcomes(tmp_path / "run")) == list(outcomes(tmp_path / "unbroken"))


def test_redoing_is_interrupted_and_goes_on(papers, whole, tmp_path):
    for number in (1, 2, 3):
        damage(tmp_path, number, "emptied")

    def stop(outcome):
        if outcome.prediction.id == "4":
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="6 records"), pytest.raises(KeyboardInterrupt):
        begin(papers, tmp_path / "run", chunk_size=1, watcher=Watcher(done=stop))
    with pytest.warns(UserWarning, match="shards/000002.jsonl, shards/000003.jsonl .* 4 records"):
        assert begin(papers, tmp_path / "run") == ((MANY, 0, 0), list("4567"))
    assert list(outcomes(tmp_path / "run")) == whole


def test_a_pipe_gives_the_records_of_a_damaged_shard_again(papers, tmp_path, monkeypatch):
    text = papers[0].read_bytes() + papers[1].read_bytes()

    def piped(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    piped(text)
    begin(["-"], tmp_path / "run", limit=8)
    damage(tmp_path, 1, "a flipped bit")
    piped(text.replace(b"drug1", b"drug0"))  # the record before the damaged shard
    told = pytest.warns(UserWarning, match="2 records are done again")
    with told, pytest.raises(InputError, match="standard input:2 has a different text"):
        begin(["-"], tmp_path / "run")
    piped(text)
    with pytest.warns(UserWarning, match="2 records are done again"):
        assert begin(["-"], tmp_path / "run") == ((MANY, 0, 0), list("2389"))
    assert [one.id for one in results(tmp_path / "run")] == [str(n) for n in range(MANY)]


def test_a_text_whose_first_result_was_lost_is_asked_again(tmp_path):
    papers = [write(tmp_path / "a.jsonl", [1, 2, 3, 4]), write(tmp_path / "b.jsonl", [1, 2])]
    begin(papers, tmp_path / "run")
    damage(tmp_path, 0, "emptied")
    with pytest.warns(UserWarning, match="2 records"):
        counts, asked = begin([*papers, write(tmp_path / "c.jsonl", [1])], tmp_path / "run")
    assert (counts, asked) == ((7, 0, 3), ["1", "2"])
    found = list(outcomes(tmp_path / "run"))
    assert [one.prediction.result[0].head.text for one in found] == [
        *("drug1", "drug2", "drug3", "drug4", "drug1", "drug2", "drug1")
    ]


# --- the list of checksums ------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["all", "a line", "the end of the last line"])
def test_shards_without_a_checksum_are_taken_as_they_are_and_told(papers, whole, tmp_path, lost):
    path = tmp_path / "run/checksums.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    changed = {"all": [], "a line": [*lines[:2], *lines[3:]], "the end of the last line": lines}
    data = b"".join(changed[lost])
    path.write_bytes(data[:-9] if lost.startswith("the end") else data)
    with pytest.raises(InputError, match=r"has no line in checksums.jsonl"):
        list(results(tmp_path / "run"))
    with pytest.warns(UserWarning, match="not in checksums.jsonl"):
        assert begin(papers, tmp_path / "run") == ((MANY, 0, 0), [])
    assert begin(papers, tmp_path / "run") == ((MANY, 0, 0), [])
    assert list(outcomes(tmp_path / "run")) == whole


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("how", ["emptied", "a last line that was cut", "reversed lines"])
def test_a_damaged_shard_without_a_checksum_is_refused(papers, tmp_path, how):
    damage(tmp_path, 2, how)
    (tmp_path / "run/checksums.jsonl").unlink()
    with pytest.raises(InputError, match=r"000002.jsonl.* broken, and checksums.jsonl does not"):
        begin(papers, tmp_path / "run")


def test_a_shard_whose_process_died_before_it_was_renamed_is_kept(papers, whole, tmp_path):
    for number in (1, 4):
        path = shard(tmp_path, number)
        path.rename(path.with_suffix(".part"))
    assert begin(papers, tmp_path / "run") == ((MANY, 0, 0), [])
    assert list(outcomes(tmp_path / "run")) == whole


def test_a_run_is_read_while_its_last_shard_is_being_renamed(whole, tmp_path):
    path = shard(tmp_path, 4)
    path.rename(path.with_suffix(".part"))
    assert list(outcomes(tmp_path / "run")) == whole[:8]


# --- evaluation -----------------------------------------------------------------------------


def test_an_evaluation_does_damaged_shards_again(tmp_path):
    given = [{"id": str(n), "text": f"drug{n} caused illness{n}."} for n in range(6)]
    gold = GoldSet("bc5cdr", tuple(Document(one["id"], (), one) for one in given))
    asking = Pipeline("bc5cdr", Ruled())
    found = list(predict(asking, gold, folder=tmp_path / "run"))
    damage(tmp_path, 0, "a flipped bit")
    assert count_done(tmp_path / "run") == 0
    with pytest.warns(UserWarning, match="6 records are done again"):
        assert list(predict(asking, gold, folder=tmp_path / "run")) == found
    assert count_done(tmp_path / "run") == 6


# --- folders where files are wanted ---------------------------------------------------------


@pytest.mark.parametrize("name", ["index.sqlite", "checksums.jsonl", "lock"])
def test_a_folder_in_the_place_of_a_file_is_named(papers, tmp_path, name):
    place = tmp_path / "run" / name
    (place / "something").mkdir(parents=True)
    done = CliRunner().invoke(
        app,
        ["extract", *map(str, papers), "--run", str(tmp_path / "run")],
        obj=lambda *_, **__: Pipeline("bc5cdr", Ruled()),
    )
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {place}")
    assert "folder" in line or "directory" in line
