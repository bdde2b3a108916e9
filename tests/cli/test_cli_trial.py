"""The bundled model says that it is for trying out: in commands, reports, Predictions and logs."""

import json
import logging

import pytest
from typer.testing import CliRunner

import biogpt_plugins
from biogpt_plugins import Pipeline, Prediction, Spec
from biogpt_plugins.cli import app
from biogpt_plugins.pipeline import loading
from biogpt_plugins.testing import ScriptedEngine

NOTE = "note: model 'demo' is small and for trying out the software: do not rely on its results."
TEXT = "Lithium caused tremor in two."
QUESTION = "Does lithium cause tremor?"


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args], obj=biogpt_plugins.load)


@pytest.mark.parametrize(
    "command",
    [
        ["extract", "PAPERS", "-o", "OUT"],
        ["ask", QUESTION, "-c", TEXT],
        ["ask", QUESTION, "-c", TEXT, "--json"],
        ["demo"],
    ],
    ids=lambda command: " ".join(command[:1]),
)
def test_a_command_says_it_in_one_line(command, tmp_path):
    papers = tmp_path / "papers.jsonl"
    papers.write_text(json.dumps({"id": "1", "text": TEXT}))
    places = {"PAPERS": papers, "OUT": tmp_path / "out.jsonl"}
    done = run(*(places.get(each, each) for each in command))
    assert done.exit_code == 0
    assert sum(line.startswith(NOTE) for line in done.stderr.splitlines()) == 1
    assert "for trying out" not in done.stdout


def test_each_prediction_tells_it():
    pipeline = biogpt_plugins.load("demo", "bc5cdr", min_score=0.1)
    found = [
        *pipeline.run([TEXT, ""]),
        *pipeline.for_task("pubmedqa").run([{"question": QUESTION, "context": TEXT}]),
        *pipeline.with_decoding(pipeline.decoding.but(logprobs=True)).run([TEXT]),
    ]
    assert [one.trial for one in found] == [True] * 4
    assert Prediction.model_validate_json(found[0].model_dump_json()).trial


def test_other_models_do_not():
    (found,) = Pipeline("bc5cdr", ScriptedEngine(["no relation exists."])).run([TEXT])
    assert not found.trial


def test_a_report_has_a_banner(tmp_path):
    file, out = tmp_path / "found.jsonl", tmp_path / "page.html"
    one = Prediction(id="1", task="bc5cdr", model="demo", result=[])
    file.write_text(f"{one.model_dump_json()}\n")
    assert run("report", file, "-o", out).exit_code == 0
    page = out.read_text()
    assert page.index('<p class="banner" role="note">Made with a small model') < page.index("<h1>")
    assert "(demo): do not rely on these results.</p>" in page
    file.write_text(f"{one.model_copy(update={'model': 'large'}).model_dump_json()}\n")
    assert run("report", file, "-o", out, "--force").exit_code == 0
    assert 'class="banner"' not in out.read_text()


def test_a_program_logs_it_once(caplog):
    loading._tell_of_trial.cache_clear()
    with caplog.at_level(logging.WARNING, loading.TRIALS.name):
        for task in ("bc5cdr", "pubmedqa"):
            loading._loaded(Spec(model="demo", task=task), None)
    assert [one.name for one in caplog.records].count(loading.TRIALS.name) == 1
