"""`biogpt extract --run`, `ask --corpus`, and `aggregate` of a run: what is said, and where."""

import json
import re

import pytest
from doubles import Ruled
from filed import bioc_json, bioc_xml, citation, deleted, jats, pubmed
from typer.testing import CliRunner

from biogpt_plugins import Pipeline, Prediction
from biogpt_plugins.cli import app, running
from biogpt_plugins.corpus.run import outcomes, results


def run(*args, **options):
    def load(_, task, *, decoding=None, min_score=None, **__):
        return Pipeline(task or "bc5cdr", Ruled(), decoding=decoding, min_score=min_score)

    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load, **options)


@pytest.fixture
def papers(tmp_path):
    path = tmp_path / "papers.jsonl"
    lines = [{"id": n, "title": "Case.", "text": f"drug{n % 3} caused illness1."} for n in range(5)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_extract_into_a_run_and_go_on(papers, tmp_path):
    folder = tmp_path / "run"
    first = run("extract", papers, "--run", folder, "--limit", 2)
    assert (first.exit_code, first.stdout) == (0, "")
    again = run("extract", papers, "--run", folder)
    assert again.exit_code == 0
    said = again.stderr.splitlines()
    assert said[0] == "note: continuing after 2 finished records"
    assert said[1].startswith("3 records in ")
    assert said[-1] == f"{folder} holds 5 results, 2 of them copied from identical texts"
    assert [prediction.id for prediction in results(folder)] == list("01234")
    assert all(one.score is None for p in results(folder) for one in p.result), "Ruled tells none"
    third = run("extract", papers, "--run", folder)
    assert third.exit_code == 0
    assert "continuing after 5 finished records" in third.stderr


def test_a_pipe_must_give_the_same_again(papers, tmp_path):
    text, given = papers.read_text(), ("extract", "-", "--run", tmp_path / "run")
    assert run(*given, "--limit", 2, input=text).exit_code == 0
    other = run(*given, input=text.replace("drug1", "drug9"))
    assert other.exit_code == 2
    assert "standard input:2 has a different text than when the run began" in other.stderr
    short = run(*given, input=text.splitlines()[0])
    assert "standard input has only 1 record, but the run has finished 2 of it" in short.stderr
    assert run(*given, input=text).exit_code == 0
    assert [prediction.id for prediction in results(tmp_path / "run")] == list("01234")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--min-score", "0.5"], "holds another run (min_score None, now 0.5)"),
        (["--task", "kd_dti"], "holds another run (task 'bc5cdr', now 'kd_dti')"),
        (["-o", "out"], "leave out --out and --force"),
        (["--format", "jsonl"], "(format 'auto', now 'jsonl')"),
    ],
)
def test_extract_refuses_to_mix(papers, tmp_path, options, why):
    assert run("extract", papers, "--run", tmp_path / "run").exit_code == 0
    done = run("extract", papers, "--run", tmp_path / "run", *options)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert why in done.stderr


def test_a_run_without_records_and_one_of_failures_end_as_extract_does(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    done = run("extract", empty, "--run", tmp_path / "a", "--format", "jsonl")
    assert done.exit_code == 2
    assert f"error: no records in {empty}" in done.stderr
    empty.write_text("{\n")
    done = run("extract", empty, "--run", tmp_path / "b")
    assert done.exit_code == 1
    assert f"{tmp_path}/b holds 1 result; 1 failed" in done.stderr


def test_ask_each_paper_of_a_corpus(papers, tmp_path):
    folder = tmp_path / "run"
    given = ("--corpus", f"{papers.parent}/*.jsonl", "--run", folder)
    done = run("ask", "Is it bad?", "Is it new?", *given)
    assert done.exit_code == 0
    assert done.stdout == "Is it bad?\n  yes 5\nIs it new?\n  yes 5\n"
    assert "yes" not in done.stderr
    found = list(outcomes(folder))
    assert [one.prediction.id for one in found] == [
        "0",
        "0",
        "1",
        "1",
        "2",
        "2",
        "3",
        "3",
        "4",
        "4",
    ]
    assert [one.question for one in found[:2]] == ["Is it bad?", "Is it new?"]
    again = run("ask", "Is it bad?", *given)
    assert (
        "another run (questions ['Is it bad?', 'Is it new?'], now ['Is it bad?'])" in again.stderr
    )


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["q?", "--corpus", "{papers}"], "name it with --run"),
        (
            ["q?", "--corpus", "{papers}", "--run", "{run}", "-c", "x"],
            "cannot be used with --context",
        ),
        (["q?", "{papers}", "--corpus", "{papers}", "--run", "{run}"], "is a file, not a question"),
        (["q?", "r?", "-c", "x"], "several questions or --run need a corpus"),
        (["q?", "--corpus", "nowhere", "--run", "{run}"], "nowhere: No such file"),
    ],
)
def test_ask_refuses(papers, tmp_path, args, why):
    done = run("ask", *[arg.format(papers=papers, run=tmp_path / "run") for arg in args])
    assert done.exit_code == 2
    assert why in done.stderr
    assert not (tmp_path / "run").exists()


def test_aggregate_a_run(papers, tmp_path):
    run("extract", papers, "--run", tmp_path / "run")
    done = run("aggregate", tmp_path / "run", "--format", "csv")
    assert done.exit_code == 0
    rows = [line.split(",")[:4] for line in done.stdout.splitlines()[1:]]
    assert rows == [
        ["drug0", "CID", "illness1", "2"],
        ["drug1", "CID", "illness1", "2"],
        ["drug2", "CID", "illness1", "1"],
    ]


FULL_TEXTS = [
    (
        *("1", "A case – one.", "We saw that drug1 caused illness1."),
        ("Results", "There was no evidence that drug2 caused illness2."),
        ("Discussion", "In all, drug1 caused illness1."),
    ),
    (
        "2",
        "",
        "",
        ("Results", "In all, drug1 caused illness1."),
        ("End", "Last, drug3 caused illness3."),
    ),
]


@pytest.fixture
def full_texts(tmp_path):
    """Two full texts as JATS, the second of which is broken; and the second by itself, as BioC."""
    broken = jats(*FULL_TEXTS).replace("illness3.</p>", "illness3.")
    (tmp_path / "pmc.nxml").write_text(broken, encoding="utf-8")
    (tmp_path / "bioc.json").write_text(bioc_json(FULL_TEXTS[1]), encoding="utf-8")
    (tmp_path / "bioc.xml").write_text(bioc_xml(*FULL_TEXTS), encoding="utf-8")
    return [tmp_path / name for name in ("pmc.nxml", "bioc.json", "bioc.xml")]


@pytest.fixture
def citations(tmp_path):
    """Citations of which later files revise and delete some."""
    first = pubmed(tmp_path / "1.xml.gz", *map(citation, (1, 2, 3)))
    return [first, pubmed(tmp_path / "2.xml", citation(1, "Anew."), "<PubmedArticle>", deleted(2))]


@pytest.mark.parametrize(
    ("corpus", "options"),
    [("full_texts", ["--sections", "all"]), ("citations", ["--latest"]), ("citations", [])],
)
def test_a_run_has_what_extract_writes_with_the_same_options(request, tmp_path, corpus, options):
    given = ("extract", *request.getfixturevalue(corpus), *options)
    written = run(*given, "-o", tmp_path / "out.jsonl")
    kept = run(*given, "--run", tmp_path / "run")
    assert (written.exit_code, kept.exit_code) == (1, 1), "a record is broken"
    predictions = [
        Prediction.model_validate_json(line)
        for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert list(results(tmp_path / "run")) == predictions
    said = [
        [line for line in one.stderr.splitlines()[:-1] if not line.endswith("a second")]
        for one in (written, kept)
    ]
    assert said[0] == said[1]


def test_a_run_by_section_goes_on_and_is_aggregated_by_paper(full_texts, tmp_path):
    given = ("extract", *full_texts, "--sections", "all", "--run", tmp_path / "run")
    assert run(*given, "--limit", 2).exit_code == 0
    again = run(*given)
    assert again.exit_code == 1, "a record is broken"
    assert again.stderr.startswith("note: continuing after 2 finished records\n")
    assert again.stderr.endswith(
        f"{tmp_path}/run holds 11 results, 6 of them copied from identical texts; 1 failed\n"
    )
    done = run("aggregate", tmp_path / "run", "--format", "csv")
    assert [line.split(",")[:6] for line in done.stdout.splitlines()[1:]] == [
        ["drug1", "CID", "illness1", "2", "0", "0"],
        ["drug3", "CID", "illness3", "1", "0", "0"],
        ["drug2", "CID", "illness2", "0", "0", "1"],
    ]


@pytest.mark.parametrize(
    ("begun", "now", "why"),
    [
        ([], ["--sections", "all"], "holds another run (sections None, now 'all')"),
        (["--latest"], [], "holds another run (latest True, now None)"),
    ],
)
def test_a_run_is_read_in_one_way(full_texts, tmp_path, begun, now, why):
    given = ("extract", *full_texts, "--run", tmp_path / "run")
    assert run(*given, *begun).exit_code == 1, "a record is broken"
    done = run(*given, *now)
    assert done.exit_code == 2
    assert why in done.stderr


def test_what_is_withdrawn_is_told_and_is_no_failure(citations, tmp_path):
    done = run("extract", *citations, "--latest", "--run", tmp_path / "run")
    assert done.exit_code == 1, "a record is broken"
    said = done.stderr.splitlines()
    assert said[-3:] == [
        "3 deleted from PubMed or revised in a later record",
        "1 failed; its line says why",
        f"{tmp_path}/run holds 6 results; 1 failed",
    ]
    gone = pubmed(tmp_path / "gone.xml", deleted(5))
    for where in (["--run", tmp_path / "gone"], ["-o", tmp_path / "out"]):
        assert run("extract", gone, *where).exit_code == 0
    asked = run("ask", "Is it bad?", "--corpus", citations[1], "--run", tmp_path / "answers")
    assert asked.stdout == "Is it bad?\n  yes 1, failed 1, withdrawn 1\n"


@pytest.mark.parametrize("options", [["--sections", "all"], [], ["--latest"]])
def test_progress_counts_what_is_read(full_texts, citations, tmp_path, monkeypatch, options):
    monkeypatch.setattr(running, "_SECONDS", 0)  # between two lines
    total = (11 if "all" in options else 5) + 6
    given = ("extract", *full_texts, *citations, *options, "--run", tmp_path / "run")
    first = run(*given, "--limit", 2)
    assert counted(first) == ["1 of 2", "2 of 2"]
    assert counted(run(*given)) == [f"{n} of {total}" for n in range(3, total + 1)]


def counted(done):
    return re.findall(r"^(\d+ of \d+) records, ", done.stderr, re.MULTILINE)


def test_a_strict_run_stops_at_a_broken_record(papers, tmp_path):
    papers.write_text(papers.read_text() + "{broken\n")
    done = run("extract", papers, "--run", tmp_path / "run", "--strict")
    assert done.exit_code == 2
    assert f"{papers}:6" in done.stderr
    assert len(list(results(tmp_path / "run"))) == 5


@pytest.mark.parametrize(
    "damaged",
    ['{"id": 9, "text": "A.', '{"id": 9, "text": "drug1 caused illness1."}\n{"id": "x"'],
    ids=["a record", "the rest of a file"],
)
def test_what_could_not_be_read_earlier_ends_a_finished_run_as_it_did_at_first(
    papers, tmp_path, damaged
):
    papers.write_text(papers.read_text() + damaged)
    given = ("extract", papers, "--run", tmp_path / "run")
    assert run(*given).exit_code == 1
    again = run(*given)
    assert again.exit_code == 1
    told = "1 could not be read at an earlier start; its line says why"
    assert told in again.stderr.splitlines()
    (tmp_path / "run/index.sqlite").unlink()
    assert run(*given).exit_code == 1
    more = tmp_path / "more.jsonl"
    more.write_text('{"id": 10, "text": "drug1 caused illness1."}\n')
    assert run("extract", papers, more, "--run", tmp_path / "run").exit_code == 1
