"""The commands on files as people have them: exit codes, columns, folders, names, faults."""

import json
import os
import subprocess
import sys
import tarfile

import pytest
from filed import article
from typer.testing import CliRunner

from biogpt_plugins import Pipeline, Prediction
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.run import results
from biogpt_plugins.testing import ScriptedEngine

ASPIRIN = "the relation between aspirin and nausea exists."


def run(*args, **options):
    def load(model, task, **_):
        del model
        return Pipeline(task or "bc5cdr", ScriptedEngine([ASPIRIN] * 600))

    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load, **options)


def predictions(text):
    return [Prediction.model_validate_json(line) for line in text.splitlines()]


def said(done):
    return " ".join(done.stderr.split())


QUESTIONS = [{"id": n, "title": f"T{n}", "abstract": f"Text {n}."} for n in range(500)]
DAMAGED = {
    "quote.json": json.dumps(QUESTIONS).replace("Text 4.", 'Text "4.'),
    "quote.csv": "id,title,abstract\n"
    + "".join(f'{n},"T{n}","Text {n}.{"" if n == 2 else chr(34)}\n' for n in range(499)),
    "line.jsonl": '{"text": "A"}\n{"text"\n{"text": "B"}\n',
    "cut.json": json.dumps(QUESTIONS[:90])[:2000],
    "picture.txt": "\x00\x01\x02" * 50,
    "page.html": "<html><body>Aspirin</body></html>",
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("in_run", [False, True])
def test_what_cannot_be_read_is_counted_and_is_exit_code_1(tmp_path, name, in_run):
    path = tmp_path / name
    path.write_text(DAMAGED[name])
    sound = tmp_path / "sound.jsonl"
    sound.write_text('{"text": "Aspirin."}\n')
    options = ["--run", tmp_path / "run"] if in_run else ["-o", tmp_path / "out"]
    done = run("extract", path, sound, *options)
    assert done.exit_code == 1
    assert f"warning: {path}:" in done.stderr
    assert "1 failed" in done.stderr
    assert ("the rest of 1 file is lost" in done.stderr) == (name == "cut.json")


def test_columns_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("nr,kop,tekst\n7,Aspirin.,and nausea.\n")
    done = run("extract", path)
    assert done.exit_code == 1
    assert "the columns are 'nr', 'kop', 'tekst'" in said(done)
    named = ["--columns", "id=nr", "--columns", "title=kop", "--columns", "abstract=tekst"]
    done = run("extract", path, *named)
    assert done.exit_code == 0
    (found,) = predictions(done.stdout)
    assert (found.id, found.result[0].tail.start) == ("7", 13)
    assert run("extract", path, *named, "--run", tmp_path / "run").exit_code == 0
    assert [one.id for one in results(tmp_path / "run")] == ["7"]
    assert "columns" in said(run("extract", path, "--run", tmp_path / "run"))
    for given, what in (("titel=kop", "'titel' is not one of"), ("kop", "give FIELD=NAME")):
        done = run("extract", path, "--columns", given)
        assert (done.exit_code, what in said(done)) == (2, True)


def test_folders_patterns_and_packages(tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    for name in ("a.txt", "b.txt", ".hidden"):
        (folder / name).write_text("Aspirin and nausea.")
    with tarfile.open(folder / "c.tar.gz", "w:gz") as package:
        (tmp_path / "d.nxml").write_text(article("9", "Aspirin", "and nausea."))
        package.add(tmp_path / "d.nxml", "oa/d.nxml")
    for given in (folder, f"{folder}/*"):
        done = run("extract", given)
        assert done.exit_code == 0
        assert [one.id for one in predictions(done.stdout)] == ["a", "b", "PMC9"]
    out = tmp_path / "out.jsonl"
    assert run("extract", folder, "-o", out).exit_code == 0
    done = run("report", out, "--papers", folder, "-o", tmp_path / "a.html")
    assert "3 papers, 3 with their texts" in said(done)
    (folder / "b.txt").rename(folder / "z.txt")
    done = run("report", out, "--papers", folder / "z.txt", "-o", tmp_path / "b.html")
    assert done.exit_code == 2
    assert "one of the papers is 'z', one of the predictions" in said(done)


@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are UTF-8 there")
def test_names_of_files_that_are_no_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(path, "w") as file:
        file.write("Aspirin and nausea.")
    named = os.fsdecode(path)
    for _ in range(2):
        assert run("extract", named, "--run", tmp_path / "run").exit_code == 0
    (found,) = results(tmp_path / "run")
    assert found.id == "caf\\xe9"
    assert [one.id for one in predictions(run("extract", named).stdout)] == ["caf\\xe9"]


FAULTY = """
import sys
from biogpt_plugins import cli
def fail(*_, **__):
    raise {error}
sys.argv = ["biogpt", "extract", sys.argv[1]]
app = cli.app
cli.app = lambda **options: app(obj=fail, **options)
cli.main()
"""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("MemoryError", "error: there is not enough memory; BIOGPT_TRACEBACK=1 shows where\n"),
        (
            "KeyError('x\\ny')",
            "error: a fault in biogpt, please report it: KeyError: 'x\\ny'; BIOG",
        ),
    ],
)
def test_whatever_is_left_is_one_line(tmp_path, error, told):
    path = tmp_path / "a.txt"
    path.write_text("Aspirin.")
    code = FAULTY.format(error=error)
    command = [sys.executable, "-c", code, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(told)
    assert len(done.stderr.splitlines()) == 1
    env = {**os.environ, "BIOGPT_TRACEBACK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert "Traceback" in done.stderr
