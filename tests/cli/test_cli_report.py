"""`biogpt report`."""

import json

import reported
from doubles import Ruled
from filed import jats
from typer.testing import CliRunner

from biogpt_plugins import Pipeline
from biogpt_plugins.cli import app
from biogpt_plugins.corpus import Sections
from biogpt_plugins.corpus.run import run as run_corpus


def run(*args, **options):
    return CliRunner().invoke(app, [str(arg) for arg in args], **options)


def written(tmp_path, name, values):
    path = tmp_path / name
    path.write_text("".join(f"{value}\n" for value in values), encoding="utf-8")
    return path


def files(tmp_path):
    found = written(tmp_path, "a.jsonl", [one.model_dump_json() for one in reported.predictions()])
    papers = [*reported.PAPERS, reported.QUESTION, {"id": "99", "text": "Another."}]
    return found, written(tmp_path, "papers.jsonl", map(json.dumps, papers))


def test_a_page_with_texts(tmp_path):
    found, papers = files(tmp_path)
    out = tmp_path / "report.html"
    done = run("report", found, "--papers", papers, "-o", out, "--title", "A & B")
    assert done.exit_code == 0, done.stderr
    page = out.read_text("utf-8")
    assert "<h1>A &amp; B</h1>" in page
    assert "Nothing was found at all." in page
    assert "Another." not in page
    assert "7 papers, 7 with their texts, 0.1 MB" in done.stderr
    assert f"written to {out}" in done.stderr
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_page_without_texts_on_the_standard_output(tmp_path):
    found, _ = files(tmp_path)
    done = run("report", found, "-o", "-")
    assert done.stdout.startswith("<!doctype html>")
    assert "Nothing was found at all." not in done.stdout
    assert "written to" not in done.stderr


def test_a_text_that_is_another_is_told(tmp_path):
    found, _ = files(tmp_path)
    papers = written(tmp_path, "other.jsonl", ['{"id": "1", "text": "Something else."}'])
    done = run("report", found, "-p", papers, "-o", tmp_path / "report.html")
    assert "warning: 1 predictions were made from a different text" in done.stderr


def test_what_cannot_be_used_costs_itself_only(tmp_path):
    found, papers = files(tmp_path)
    for file, line in ((found, '{"id": "1"}'), (papers, '{"id": "1", "text": " "}')):
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")
    done = run("report", found, "-p", papers, "-o", tmp_path / "report.html")
    assert done.exit_code == 0
    assert f"{found}:8: not a Prediction: task: field required" in done.stderr
    assert f"{papers}:9: the text of" in done.stderr
    assert "2 lines could not be used" in done.stderr


def test_what_pubmed_deleted_is_no_fault(tmp_path):
    found, _ = files(tmp_path)
    papers = written(tmp_path, "pubmed.xml", [reported.PUBMED])
    done = run("report", found, "--papers", papers, "-o", tmp_path / "report.html")
    assert done.exit_code == 0, done.stderr
    assert "7 papers, 1 with their texts" in done.stderr
    assert "deleted from PubMed" not in done.stderr
    assert f"warning: {papers}:6: <PubmedArticle> has no PMID" in done.stderr
    assert "1 lines could not be used" in done.stderr


def test_full_texts_that_were_read_by_section(tmp_path):
    said = "We saw that drug{n} caused illness{n}."
    full = [
        (str(n), f"A trial {n}.", said.format(n=n), ("Results", said.format(n=7)), ("End", "None."))
        for n in range(3)
    ]
    papers = tmp_path / "papers.nxml"
    papers.write_text(jats(*full), encoding="utf-8")
    run_corpus(Pipeline("bc5cdr", Ruled()), [papers], tmp_path / "run", sections=Sections.all)
    done = run("report", tmp_path / "run", "-p", papers, "-o", tmp_path / "report.html")
    assert done.exit_code == 0, done.stderr
    assert "3 papers, 3 with their texts, 0.1 MB" in done.stderr
    assert "warning" not in done.stderr
    assert '"headings":["","","Results","End"]' in (tmp_path / "report.html").read_text("utf-8")
    done = run("report", tmp_path / "run", "-o", tmp_path / "without.html")
    assert "3 papers, 0.1 MB" in done.stderr


def test_what_is_there_is_not_replaced(tmp_path):
    found, papers = files(tmp_path)
    out = written(tmp_path, "report.html", ["mine"])
    assert "is not empty: choose" in run("report", found, "-o", out).stderr
    assert out.read_text("utf-8") == "mine\n"
    assert "is one of the inputs" in run("report", found, "-p", papers, "-o", papers).stderr
    assert run("report", found, "-o", out, "--force").exit_code == 0


def test_no_predictions(tmp_path):
    empty = written(tmp_path, "a.jsonl", [])
    done = run("report", empty, "-o", tmp_path / "report.html")
    assert done.exit_code == 2
    assert f"error: no predictions in {empty}" in done.stderr
