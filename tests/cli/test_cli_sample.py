"""`biogpt sample`, and that other commands read what it writes."""

import json

import pytest
from typer.testing import CliRunner

from biogpt_plugins import Pipeline
from biogpt_plugins.cli import app
from biogpt_plugins.corpus import SampleFormat, sample_text
from biogpt_plugins.testing import ScriptedEngine

LITHIUM = "the relation between lithium and tremor exists."


def run(*args):
    def load(model, task, **_):
        del model
        return Pipeline(task or "bc5cdr", ScriptedEngine([LITHIUM] * 12))

    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load)


@pytest.mark.parametrize("form", SampleFormat)
def test_the_ending_of_the_file_says_the_format(tmp_path, form):
    path = tmp_path / f"papers.{form.value.upper()}"
    done = run("sample", "-o", path)
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    assert done.stderr == f"12 papers written to {path}\n"
    assert path.read_bytes().decode() == sample_text(form)
    assert run("sample", "--format", form.value).stdout == sample_text(form)


def test_standard_output_is_pubtator():
    done = run("sample")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == run("sample", "-o", "-").stdout == sample_text(SampleFormat.pubtator)


def test_a_file_is_replaced_only_by_force(tmp_path):
    path = tmp_path / "papers.csv"
    path.write_text("mine")
    done = run("sample", "-o", path)
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert path.read_text() == "mine"
    assert run("sample", "-o", path, "--format", "jsonl", "--force").exit_code == 0
    assert len(path.read_text(encoding="utf-8").splitlines()) == 12


def test_a_name_that_tells_no_format_is_refused(tmp_path):
    done = run("sample", "-o", tmp_path / "papers.txt")
    assert done.exit_code == 2
    assert ".pubtator, .csv, .nbib, .jsonl, or give --format" in done.stderr
    assert not (tmp_path / "papers.txt").exists()


@pytest.mark.parametrize("form", SampleFormat)
def test_extract_reads_it(tmp_path, form):
    path, out = tmp_path / f"papers.{form.value}", tmp_path / "out.jsonl"
    assert run("sample", "-o", path).exit_code == 0
    done = run("extract", path, "-o", out)
    assert done.exit_code == 0, done.stderr
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [one["id"] for one in found] == [f"sample-{n}" for n in range(1, 13)]
    assert found[0]["result"][0]["head"]["start"] == 58


def test_eval_scores_against_it(tmp_path):
    path = tmp_path / "papers.pubtator"
    assert run("sample", "-o", path).exit_code == 0
    figures = run("eval", "bc5cdr", "--data", path, "--out", tmp_path / "runs", "--json")
    assert figures.exit_code == 0, figures.stderr
    assert '"documents":12' in figures.stdout.replace(" ", "")
