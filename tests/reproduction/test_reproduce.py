"""`biogpt reproduce`: from the official files to the table, and what a second start does."""

import json
import shutil
import signal
import subprocess
import sys
import time

import official_files
import pytest
from typer.testing import CliRunner

from biogpt_plugins.cli import app
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.evaluation.run import count_done
from biogpt_plugins.reproduction import CORPORA, Report, reproduce
from biogpt_plugins.reproduction.invented import invent

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FEW = ["-s", "max_source_tokens=30"]  # the tiny model has 96 positions


def run(*args):
    return CliRunner().invoke(app, ["reproduce", *map(str, args)])


def figures(out):
    return Report.model_validate_json((out / "figures.json").read_text())


@pytest.mark.parametrize("model", ["tiny", pytest.param("fresh", marks=pytest.mark.slow)])
def test_smoke_downloads_trains_and_evaluates(model, server, tiny_biogpt, tmp_path):
    server.files = official_files.files("bc5cdr")
    server.first.append(-1000)  # the connection is cut within the first file
    out = tmp_path / "out"
    call = ["bc5cdr", "--smoke", "--url", f"{server.url}/", "--out", out]
    if model == "tiny":
        call += ["--model", tiny_biogpt, *FEW]
    done = run(*call)
    assert done.exit_code == 0, done.stderr
    path = "/data/BC5CDR/raw"
    assert server.asked == [
        (f"{path}/train.json", None),
        (f"{path}/train.json", "bytes=1000-"),
        (f"{path}/test.json", None),
        (f"{path}/test.entities.json", None),
    ]
    for name, data in server.files.items():
        assert (out / "data" / name.rpartition("/")[2]).read_bytes() == data
    assert "recipe official: epochs 2.0," in done.stderr
    assert "note: 19 examples in" in done.stderr  # of 20 papers one has no relation
    shown = " ".join(done.stdout.split())
    assert "20 documents of the test set precision recall F1 95 % ± paper unread" in shown
    assert "the paper 49.44 41.28 44.98 free, official" in shown
    assert "A TRIAL RUN" in shown
    assert "say nothing about quality" in shown
    report = figures(out)
    lines = [line for each in report.measured for line in each.lines]
    assert [(line.decoding, line.reading) for line in lines] == [
        (decoding, reading) for decoding in ("free", "grounded") for reading in ("official", "own")
    ]
    assert report.paper.name == "RE-BC5CDR-BioGPT"
    assert report.training["updates"] == 2
    assert report.measured[0].machine["device"] == "cpu"
    assert report.versions.keys() >= {"biogpt-plugins", "python", "torch"}
    text = (out / "figures.md").read_text()
    assert "A TRIAL RUN" in text
    assert all(digest in text for digest in report.data.values())
    written = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    again = run(*call)
    assert again.exit_code == 0, again.stderr
    assert len(server.asked) == 4
    assert "the training is finished" in again.stderr
    assert again.stderr.count("the evaluation is finished") == 2
    assert again.stdout == done.stdout
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == written


@pytest.mark.parametrize("figure", list(CORPORA))
def test_smoke_on_files_of_each_form(figure, tiny_biogpt, tmp_path):
    data = official_files.write(figure, tmp_path / "repository")
    out = tmp_path / "out"
    call = [figure, "--smoke", "--data", data, "-m", tiny_biogpt, "-o", out, *FEW, "--json"]
    done = run(*call)
    assert done.exit_code == 0, done.stderr
    report = Report.model_validate_json(done.stdout)
    assert report == figures(out)
    ways = ["free", "grounded", *(["choose"] if figure == "pubmedqa" else [])]
    assert [each.lines[0].decoding for each in report.measured] == ways
    assert [each.documents for each in report.measured] == [20] * len(ways)
    assert report.options == {"epochs": "2", "max_source_tokens": "30"}
    assert report.source == f"the folder {data}"
    assert ("DrugBank ids" in done.stderr) is (figure == "kd_dti")
    grounded = report.measured[1].lines[-1]
    assert grounded.unreadable == 0
    assert 0 <= grounded.value <= 1 or figure == "bc5cdr"  # undefined without a true positive


def test_smoke_invents_its_papers(tiny_biogpt, tmp_path):
    for figure, published in CORPORA.items():
        folder = tmp_path / figure
        invent(published, folder)
        gold = read_gold(folder / published.test, published.task)
        assert len(gold.documents) == 20
        assert len({document.id for document in gold.documents}) == 20
    done = run("ddi", "--smoke", "-m", tiny_biogpt, "-o", tmp_path / "out", *FEW)
    assert done.exit_code == 0, done.stderr
    assert figures(tmp_path / "out").source == "invented papers"


@pytest.fixture
def trained(tiny_biogpt, tmp_path):
    """A model that knows hoc."""
    folder = shutil.copytree(tiny_biogpt, tmp_path / "trained")
    card = {"layout": "learned_prompt", "learned_tokens": ["learned1"], "max_source_tokens": 30}
    (folder / "biogpt_task.json").write_text(json.dumps({"tasks": {"hoc": card}}))
    return folder


def test_a_model_that_knows_the_task_is_not_trained(trained, tmp_path):
    data = official_files.write("hoc", tmp_path / "repository")
    (data / official_files.FOLDERS["hoc"] / "train.tsv").unlink()
    done = run("hoc", "--data", data, "-m", trained, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "knows hoc: it is not trained" in done.stderr
    report = figures(tmp_path / "out")
    assert list(report.data) == ["test.tsv"]
    assert report.training == {}
    useless = run("hoc", "--data", data, "-m", trained, "-o", tmp_path / "other", "-s", "epochs=3")
    assert useless.exit_code == 2
    assert "is not trained, so epochs would change nothing: leave it out" in useless.stderr
    assert report.measured[0].documents == 22
    assert "A TRIAL RUN" not in done.stdout


@pytest.mark.parametrize("depth", range(4))
def test_data_at_hand_may_lie_as_deep_as_the_repository(depth, tiny_biogpt, tmp_path):
    official_files.write("kd_dti", tmp_path)
    folder = tmp_path.joinpath(*official_files.FOLDERS["kd_dti"].split("/")[:depth])
    done = run("kd_dti", "--data", folder, "-m", tiny_biogpt, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "train.json has DrugBank ids in place of 22 names" in done.stderr
    assert "fill in the names" in done.stderr
    assert not (tmp_path / "out" / "reproduce.json").exists()


def test_what_is_refused(server, tiny_biogpt, tmp_path):
    server.files = official_files.files("bc5cdr")
    out = tmp_path / "out"

    def refused(*args):
        done = run(*args, "-m", tiny_biogpt, "-o", out)
        assert done.exit_code == 2, done.stderr
        return done.stderr.splitlines()[-1]

    wrong = refused("bc5cdr", "--url", server.url)
    assert "/data/BC5CDR/raw/train.json is another file: its SHA-256 is" in wrong
    assert "not f0bf995e" in wrong
    assert "--data FOLDER" in wrong
    assert not any((out / "data").iterdir())
    missing = refused("ddi", "--url", server.url)
    assert "/data/DDI/raw/train.json (HTTP 404 Not Found): there is no such file" in missing
    official_files.write("bc5cdr", tmp_path / "copy")
    other = refused("bc5cdr", "--data", tmp_path / "copy")
    assert "copy/data/BC5CDR/raw/train.json is another file: its SHA-256 is" in other
    assert "as published. Give the right one with --data" in other
    assert not any((out / "data").iterdir())
    assert "has no train.json and no test.json: name a folder with" in refused(
        "ddi", "--data", tmp_path / "copy"
    )
    (out / "mine.txt").touch()
    assert "holds files, but no reproduce.json" in refused("ddi", "--data", tmp_path / "copy")
    assert "--set must be NAME=VALUE" in refused("ddi", "-s", "epochs")


def test_a_second_start_is_compared_with_the_first(tiny_biogpt, tmp_path):
    data = official_files.write("ddi", tmp_path / "repository")
    out = tmp_path / "out"
    call = ["ddi", "--smoke", "-m", tiny_biogpt, "-o", out, *FEW]
    assert run(*call, "--data", data).exit_code == 0
    changed = run("hoc", *call[1:], "-s", "epochs=3")
    assert changed.exit_code == 2
    assert "figure was ddi and is hoc; options was {'epochs': '2', " in changed.stderr
    assert "Give the same options to continue it, or another --out" in changed.stderr
    assert run(*call).exit_code == 0  # the data are there
    (out / "test" / "free.json").unlink()  # a stage that is not done
    some = run(*call)
    assert some.exit_code == 0
    assert some.stderr.count("the evaluation is finished") == 1
    before = (out / "data" / "test.json").read_bytes()
    (data / official_files.FOLDERS["ddi"] / "test.json").write_text("{}")
    other = run(*call, "--data", data)
    assert other.exit_code == 2
    assert "test.json is another file: its SHA-256 is" in other.stderr
    assert "as when this run began" in other.stderr
    assert (out / "data" / "test.json").read_bytes() == before
    (out / "data" / "test.json").write_text("{}")
    assert "out/data/test.json is another file" in run(*call).stderr


def test_an_interrupted_evaluation_continues(trained, tmp_path):
    data = official_files.write("hoc", tmp_path / "repository")
    watched = []

    def watch(values, name, total):
        for number, value in enumerate(values):
            if number == total // 2 and not watched:
                watched.append(name)
                raise KeyboardInterrupt
            yield value

    def start():
        return reproduce("hoc", out=tmp_path / "out", model=str(trained), data=data, watch=watch)

    with pytest.raises(KeyboardInterrupt):
        start()
    assert 0 < count_done(tmp_path / "out" / "test" / "free") < 22
    assert [each.documents for each in start().measured] == [22, 22]


@pytest.mark.slow
def test_an_interrupted_training_continues(tiny_biogpt, tmp_path):
    data = official_files.write("ddi", tmp_path / "repository")
    out = tmp_path / "out"
    call = ["ddi", "--data", data, "-m", tiny_biogpt, "-o", out, *FEW, "-s", "epochs=60"]
    command = [sys.executable, "-m", "biogpt_plugins", "reproduce", *map(str, call)]
    updates = out / "model" / "training.jsonl"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as training:
        while not updates.exists() or not updates.read_text():
            assert training.poll() is None
            time.sleep(0.05)
        training.send_signal(signal.SIGTERM)
        stderr = training.stderr.read()
    assert training.returncode == 128 + signal.SIGTERM
    assert f"warning: interrupted; {out} keeps what is done: the same command continues it" in (
        " ".join(stderr.split())
    )
    assert "Traceback" not in stderr
    done = run(*call)
    assert done.exit_code == 0, done.stderr
    assert "the run continues from" in done.stderr
    assert figures(out).training["updates"] == 60
