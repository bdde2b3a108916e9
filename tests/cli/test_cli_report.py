"""`biogpt report`."""

import json
import re

import pytest
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


def test_pairs_below_the_least_probability_are_candidates(tmp_path):
    bare = reported.predictions()[0].model_copy(update={"id": "2"})
    found = written(tmp_path, "a.jsonl", [p.model_dump_json() for p in [*reported.ranked(), bare]])
    done = run("report", found, "--min-probability", 0.5, "-o", tmp_path / "report.html")
    assert done.exit_code == 0, done.stderr
    assert "3 candidates with a score below 0.5" in done.stderr
    assert "warning: 1 relation has no score, and is shown despite 0.5" in done.stderr


def test_a_text_that_is_another_is_told(tmp_path):
    found, _ = files(tmp_path)
    papers = written(tmp_path, "other.jsonl", ['{"id": "1", "text": "Something else."}'])
    done = run("report", found, "-p", papers, "-o", tmp_path / "report.html")
    assert "warning: 1 prediction was made from a different text" in done.stderr


def test_what_cannot_be_used_costs_itself_only(tmp_path):
    found, papers = files(tmp_path)
    for file, line in ((found, '{"id": "1"}'), (papers, '{"id": "1", "text": " "}')):
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")
    done = run("report", found, "-p", papers, "-o", tmp_path / "report.html")
    assert done.exit_code == 1
    assert f"{found}:8: not a Prediction: task: field required" in done.stderr
    assert f"{papers}:9: the text of" in done.stderr
    assert "2 lines could not be used" in done.stderr


def test_what_pubmed_deleted_is_no_fault(tmp_path):
    found, _ = files(tmp_path)
    papers = written(tmp_path, "pubmed.xml", [reported.PUBMED])
    done = run("report", found, "--papers", papers, "-o", tmp_path / "report.html")
    assert done.exit_code == 1, done.stderr
    assert "7 papers, 1 with its text" in done.stderr
    assert "deleted from PubMed" not in done.stderr
    assert f"warning: {papers}:6: <PubmedArticle> has no PMID" in done.stderr
    assert "1 line could not be used" in done.stderr


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


def texts_of(tmp_path, folder="papers"):
    """Each paper as a file of its own, named by its id."""
    (tmp_path / folder).mkdir()
    return [
        written(tmp_path / folder, f"{one['id']}.txt", [f"{one.get('title', '')} {words}".strip()])
        for one in PAPERS
        for words in [one.get("abstract") or one["text"]]
    ]


PAPERS = reported.PAPERS[:3]


@pytest.mark.parametrize("order", ["papers last", "papers first", "papers around"])
@pytest.mark.parametrize("command", ["report", "export"])
def test_papers_that_the_shell_expanded(tmp_path, command, order):
    found, _ = files(tmp_path)
    texts = texts_of(tmp_path)
    options = ["-o", tmp_path / "out", *(["--to", "bioc"] if command == "export" else [])]
    given = {
        "papers last": [found, *options, "--papers", *texts],
        "papers first": ["--papers", *texts, found, *options],
        "papers around": [texts[2], "--papers", texts[0], found, *options, "-p", texts[1]],
    }
    done = run(command, *given[order])
    assert done.exit_code == 0, done.stderr
    said = "3 with their texts" if command == "report" else "in 3 papers"
    assert said in done.stderr
    named = texts[2:] if order == "papers around" else texts[1:]
    listed = ", ".join(map(str, named))
    assert f"note: without predictions, so read as papers: {listed}\n" in done.stderr
    pattern = run(command, found, *options, "--force", "--papers", tmp_path / "papers/*.txt")
    assert said in pattern.stderr
    assert "note" not in pattern.stderr


def test_predictions_of_several_files_are_no_papers(tmp_path):
    found, papers = files(tmp_path)
    lines = found.read_text(encoding="utf-8").splitlines()
    one, other = written(tmp_path, "1", lines[:3]), written(tmp_path, "2", ["broken", *lines[3:]])
    done = run("report", one, "-p", papers, other, "-o", tmp_path / "report.html")
    assert done.exit_code == 1, done.stderr
    assert "1 line could not be used" in done.stderr
    assert "7 papers, 7 with their texts" in done.stderr
    assert "note" not in done.stderr


@pytest.mark.parametrize("command", ["report", "export"])
def test_columns_of_the_papers_are_named_as_for_extract(tmp_path, command):
    found, _ = files(tmp_path)
    rows = [
        "Nr;Heading;Words",
        *(f"{p['id']};{p['title']};{p['abstract']}" for p in PAPERS[:2]),
    ]
    table = written(tmp_path, "papers.csv", rows)
    options = ["-o", tmp_path / "out", *(["--to", "bioc"] if command == "export" else [])]
    refused = run(command, found, "--papers", table, *options)
    assert "--columns" in refused.stderr
    named = [f"{ours}={theirs}" for ours, theirs in COLUMNS.items()]
    columns = [arg for one in named for arg in ("--columns", one)]
    done = run(command, found, "--papers", table, *columns, *options, "--force")
    assert "--columns" not in done.stderr
    assert done.exit_code == 0, done.stderr
    wrong = run(command, found, "--papers", table, *options, "--force", "--columns", "heading=Nr")
    assert wrong.exit_code == 2


COLUMNS = {"id": "Nr", "title": "Heading", "abstract": "Words"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_score_that_is_no_number_costs_its_line_and_never_the_page(tmp_path, number):
    relation = reported.predictions()[0].model_copy(update={"id": "7"}).model_dump_json()
    assert '"score":null' in relation
    broken = relation.replace('"score":null', f'"score":{number}')
    answer = (
        '{"id": "8", "task": "pubmedqa", "result": {"label": "yes", "probabilities": {"yes": N}}}'
    )
    found, _ = files(tmp_path)
    lines = [found.read_text("utf-8").rstrip(), broken, answer.replace("N}", f"{number}}}")]
    many = written(tmp_path, "many.jsonl", lines)
    done = run("report", many, "-o", tmp_path / "page.html")
    assert done.exit_code == 1
    assert f"{many}:8: not a Prediction: result: " in done.stderr
    assert "2 lines could not be used" in done.stderr
    page = (tmp_path / "page.html").read_text("utf-8")
    (data,) = re.findall(
        r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL
    )

    def refuse(name):
        raise AssertionError(name)

    assert json.loads(data, parse_constant=refuse)


def test_a_page_to_label(tmp_path):
    found, papers = files(tmp_path)
    out = tmp_path / "report.html"
    done = run("report", found, "--papers", papers, "--label", "bc5cdr", "-o", out)
    assert done.exit_code == 0, done.stderr
    assert "note: 1 of 7 papers cannot be labelled: it was not read for bc5cdr" in done.stderr
    assert "label-bar" in out.read_text("utf-8")


def test_papers_without_their_texts_are_not_labelled(tmp_path):
    found, _ = files(tmp_path)
    other = written(tmp_path, "other.jsonl", ['{"id": "7", "text": "Another."}'])
    out = tmp_path / "report.html"
    done = run("report", found, "--papers", other, "--label", "bc5cdr", "-o", out)
    assert done.exit_code == 2
    assert "no paper can be labelled for bc5cdr: --papers lacks their texts" in done.stderr


@pytest.mark.parametrize(
    ("task", "with_papers", "told"),
    [
        ("bc5cdr", False, "labels need the texts of the papers: add --papers FILE"),
        ("kd_dti", True, "the predictions are of bc5cdr, pubmedqa, not of kd_dti: name"),
        ("pubmedqa", True, "pubmedqa has no relations to label"),
        ("bc5cd", True, "no task is called 'bc5cd'"),
    ],
)
def test_what_cannot_be_labelled_is_refused(tmp_path, task, with_papers, told):
    found, papers = files(tmp_path)
    texts = ["--papers", papers] if with_papers else []
    done = run("report", found, *texts, "--label", task, "-o", tmp_path / "report.html")
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "report.html").exists()
