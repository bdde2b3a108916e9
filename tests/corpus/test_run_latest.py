"""Runs over PubMed's XML that take each citation in its last version."""

import gzip
import io
import json
import os
import random
import sys
from threading import Event, Thread

import pytest
from doubles import Ruled
from filed import citation, deleted, pubmed

from biogpt_plugins import Paper, Pipeline
from biogpt_plugins.corpus import Withdrawn, read_records
from biogpt_plugins.corpus.run import outcomes, run
from biogpt_plugins.corpus.run.outcome import Part, Place
from biogpt_plugins.corpus.run.reading import Reading
from biogpt_plugins.values.errors import InputError


def latest(files, folder, *, pipeline=None, **options):
    asking = pipeline or Pipeline("bc5cdr", Ruled())
    return run(asking, files, folder, latest=True, **options)


def told(folder):
    """The PMID of each outcome, with a minus if it was withdrawn, and None if it failed."""
    return [
        None if one.failed else int(one.prediction.id) * (1 if one.prediction.ok else -1)
        for one in outcomes(folder)
    ]


@pytest.fixture
def files(tmp_path):
    """A baseline and two files of updates."""
    base = pubmed(tmp_path / "base.xml.gz", *(citation(n) for n in (1, 2, 3, 4, 5)))
    more = pubmed(tmp_path / "more.xml", citation(1, "Anew: drug1 caused illness11."), citation(6))
    last = pubmed(tmp_path / "last.xml.gz", deleted(2, 6), citation(4), citation(7), deleted(7))
    return [base, more, last]


OF_ALL = [*(-1, -2, 3, -4, 5), *(1, -6), *(-2, -6, 4, -7, -7)]


# --- what comes out -------------------------------------------------------------------------


def test_what_is_revised_or_deleted_later_is_withdrawn_and_no_failure(files, tmp_path):
    asking = Pipeline("bc5cdr", Ruled())
    assert latest(files, tmp_path / "run", pipeline=asking) == (12, 0, 0)
    assert told(tmp_path / "run") == OF_ALL
    assert len(asking.engine.history) == 4
    found = list(outcomes(tmp_path / "run"))
    assert [one.prediction.result[0].tail.text for one in found if one.prediction.ok] == [
        *("illness3", "illness5", "illness11", "illness4")
    ]
    error = found[0].prediction.error
    assert error.type == "Withdrawn"
    assert error.message == f"{files[0]}:2: PMID 1 is revised or deleted later in the files"
    assert run(Pipeline("bc5cdr", Ruled()), files, tmp_path / "all") == (12, 0, 1)
    assert told(tmp_path / "all") == [1, 2, 3, 4, 5, 1, 6, -2, -6, 4, 7, -7]


def test_strict_takes_no_withdrawn_citation_for_a_broken_one(files, tmp_path):
    assert latest(files, tmp_path / "run", strict=True).records == len(OF_ALL)
    broken = pubmed(tmp_path / "broken.xml", citation(8), "<PubmedArticle>\n", citation(9))
    with pytest.raises(InputError, match=r"broken\.xml:3: not XML: <PubmedArticle> is not closed"):
        latest([*files, broken], tmp_path / "run", strict=True)
    assert told(tmp_path / "run") == [*OF_ALL, 8]
    assert latest([*files, broken], tmp_path / "run") == (len(OF_ALL) + 3, 1, 0)
    assert told(tmp_path / "run") == [*OF_ALL, 8, None, 9]


def test_files_without_citations_are_as_ever(files, tmp_path):
    other = tmp_path / "papers.jsonl"
    lines = [{"id": n, "text": f"drug{n} caused illness{n}."} for n in (1, 1, 2)]
    other.write_text("".join(json.dumps(line) + "\n" for line in lines))
    latest([files[0], other, *files[1:]], tmp_path / "run")
    assert told(tmp_path / "run") == [*OF_ALL[:5], 1, 1, 2, *OF_ALL[5:]]


@pytest.mark.parametrize("questions", [["Is it bad?"], ["Is it bad?", "Is it new?"]])
def test_questions_are_not_put_to_what_is_withdrawn(files, tmp_path, questions):
    asking = Pipeline("pubmedqa", Ruled())
    counts = latest(files, tmp_path / "run", pipeline=asking, questions=questions)
    each = len(questions)
    assert counts == (12 * each, 0, 0)
    assert told(tmp_path / "run") == [pmid for pmid in OF_ALL for _ in questions]
    assert len(asking.engine.history) == 4 * each


# --- going on -------------------------------------------------------------------------------


def test_a_run_that_ends_behind_any_citation_goes_on_there(files, tmp_path):
    latest(files, tmp_path / "unbroken")
    for limit in range(1, len(OF_ALL) + 1):
        assert latest(files, tmp_path / "run", limit=limit).records == limit
    assert list(outcomes(tmp_path / "run")) == list(outcomes(tmp_path / "unbroken"))


def test_records_of_a_file_that_is_done_are_not_read_again(files):
    files[0].write_bytes(b"?")
    task, paths = Pipeline("bc5cdr", Ruled()).task, list(map(str, files))
    reading = Reading(task, paths, latest=True, parts=[Part(Place(1, 1))])
    assert [item.place for item in reading.items()] == [(1, 1), *((2, n) for n in range(5))]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_what_is_done_stays_where_files_are_added_later(files, tmp_path, limit):
    latest(files[:1], tmp_path / "run", limit=limit)
    assert told(tmp_path / "run") == [1, 2, 3, 4, 5][:limit]
    latest(files[:2], tmp_path / "run")
    assert latest(files, tmp_path / "run").records == len(OF_ALL)
    assert (
        told(tmp_path / "run")
        == [
            *(1, 2, 3, 4, 5)[:limit],
            *(-1, 2, 3, 4, 5)[limit:],  # the last file was not there yet
            *(1, 6),
            *OF_ALL[7:],
        ]
    )
    assert latest(files, tmp_path / "run").records == len(OF_ALL)


# --- pipes ----------------------------------------------------------------------------------


@pytest.fixture
def given(monkeypatch):
    def give(*parts):
        text = f"<PubmedArticleSet>\n{''.join(parts)}</PubmedArticleSet>\n"
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return give


def test_the_standard_input_is_not_looked_through(files, tmp_path, given):
    piped = [citation(1), citation(3), citation(1, "Anew."), citation(8), deleted(8)]
    paths = [files[0], "-", files[1]]
    for limit in (3, 7, 8, None):
        given(*piped)
        latest(paths, tmp_path / "run", limit=limit)
    assert told(tmp_path / "run") == [*(-1, 2, 3, 4, 5), *(1, 3, 1, 8, -8), *(1, 6)]


@pytest.mark.parametrize("other", [citation(9), deleted(3)], ids=["a citation", "a deletion"])
def test_a_standard_input_of_another_text_is_refused(files, tmp_path, given, other):
    given(citation(1), citation(3), citation(4))
    latest(["-", *files], tmp_path / "run", limit=2)
    given(citation(1), other, citation(4))
    with pytest.raises(InputError, match="standard input:3 has a different text"):
        latest(["-", *files], tmp_path / "run")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_read_once(files, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = files[1].read_bytes()

    done = Event()

    def write():
        pipe.write_bytes(data)
        while not done.wait(0.05):  # whoever reads it again finds nothing
            pipe.write_bytes(b"")

    writing = Thread(target=write, daemon=True)
    writing.start()
    latest([files[0], pipe, files[2]], tmp_path / "run")
    done.set()
    os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
    writing.join(timeout=10)
    assert told(tmp_path / "run") == [*(1, -2, 3, -4, 5), *(1, 6), *OF_ALL[7:]]


# --- broken files ---------------------------------------------------------------------------


def wanted(files):
    """By another way: of all that is read, which citation is followed by none of its PMID."""
    values = [record.value for record in read_records(map(str, files))]
    found = []
    for at, value in enumerate(values):
        later = {one.id for one in values[at + 1 :] if isinstance(one, Paper | Withdrawn)}
        if not isinstance(value, Paper | Withdrawn):
            found.append(None)
        else:
            gone = isinstance(value, Withdrawn) or value.id in later
            found.append(-int(value.id) if gone else int(value.id))
    return found


def harmed(path, how, chance):
    data = path.read_bytes()
    match how:
        case "cut":
            path.write_bytes(data[: chance.randrange(20, len(data))])
        case "cut at its head":
            path.write_bytes(data[: chance.randrange(3, 20)])
        case "no gzip":
            path.write_bytes(data[:2] + b"\xff" * len(data))
        case "zeros":
            at = chance.randrange(20, len(data) - 10)
            path.write_bytes(data[:at] + bytes(8) + data[at + 8 :])


@pytest.mark.parametrize("seed", range(12))
def test_a_broken_file_shifts_nothing(tmp_path, seed):
    chance = random.Random(seed)
    broken = [
        "<PubmedArticle>",
        "<!-- x -->",
        "<DeleteCitation>",
        citation("").replace("PMID", "X"),
    ]
    files = []
    for number in range(5):
        parts = [
            chance.choice([citation, citation, citation, deleted])(chance.randrange(1, 40))
            if chance.random() < 0.9
            else chance.choice(broken)
            for _ in range(chance.randrange(1, 60))
        ]
        files.append(pubmed(tmp_path / f"{number}.xml{chance.choice(['', '.gz'])}", *parts))
    gzipped = [path for path in files if path.suffix == ".gz"]
    for path, how in zip(gzipped, ["cut", "zeros", "cut at its head", "no gzip"], strict=False):
        harmed(path, how, chance)
    expected = wanted(files)
    assert None in expected
    limit = chance.randrange(1, len(expected))
    latest(files, tmp_path / "run", limit=limit, chunk_size=7)
    latest(files, tmp_path / "run", chunk_size=7)
    assert told(tmp_path / "run") == expected


def test_a_file_cut_off_in_the_middle_counts_as_far_as_it_can_be_read(files, tmp_path):
    noise = [f"<!-- {random.Random(n).random()} -->" for n in range(400)]
    middle = pubmed(tmp_path / "middle.xml.gz", citation(3), *noise, citation(5))
    data = middle.read_bytes()
    middle.write_bytes(data[:-1000])
    with pytest.raises(EOFError):
        gzip.decompress(middle.read_bytes())
    latest([files[0], middle, *files[1:]], tmp_path / "run")
    assert told(tmp_path / "run") == [*(-1, -2, -3, -4, 5), *(3, None), *OF_ALL[5:]]
