"""`biogpt` where standard streams are closed, and where Python leaves docstrings out."""

import json
import os
import subprocess
import sys

import pytest

from biogpt_plugins.cli import app

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)
CLOSING = """
import os, sys
for number in json.loads(sys.argv[1]):
    os.close(number)
os.execv(sys.executable, [sys.executable, "-m", "biogpt_plugins", *sys.argv[2:]])
"""


def biogpt(*args, closed=(), **environment):
    return subprocess.run(
        [sys.executable, "-c", f"import json{CLOSING}", json.dumps(closed), *map(str, args)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("args", [["tasks"], ["--help"], ["extract", "--help"], ["--version"]])
def test_a_closed_output_is_named(args):
    done = biogpt(*args, closed=[1])
    assert (done.returncode, done.stderr) == (2, "error: standard output: it is closed\n")


@pytest.fixture
def predictions(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text('{"id": "1", "task": "bc5cdr", "result": []}\n')
    return path


def test_a_file_is_written_whatever_is_closed(predictions, tmp_path):
    done = biogpt("report", predictions, "-o", tmp_path / "page.html", closed=[0, 1, 2])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "page.html").read_text().endswith("</html>\n")


def test_a_closed_input_is_named():
    done = biogpt("extract", "-", closed=[0])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the standard input is closed: name a file\n"


def test_an_error_without_a_place_to_tell_it_is_still_an_exit_code():
    assert biogpt("nonsense", closed=[0, 1, 2]).returncode == 2


# --- python -OO -----------------------------------------------------------------------------

# All in one process, as each takes seconds to start.
EVERY = """
import json, sys
from typer.testing import CliRunner
from biogpt_plugins.cli import app
from biogpt_plugins.values.errors import BioGPTError
assert app is None, "-O removes this"
def told(args):
    done = CliRunner().invoke(app, args)
    return [args, done.exit_code, done.stdout, done.stderr]
print(json.dumps([told(args) for args in json.loads(sys.argv[1])]))
"""


@pytest.mark.slow  # Python compiles all modules anew
def test_every_command_works_or_says_why_without_docstrings(predictions, tmp_path):
    helped = [["--help"], *([name, "--help"] for name in COMMANDS)]
    worked = [
        ["tasks"],
        ["models"],
        ["aggregate", predictions],
        ["report", predictions, "-o", tmp_path / "page.html"],
        ["export", predictions, "--to", "graphml", "-o", tmp_path / "graph"],
    ]
    refused = [
        ["extract", __file__],
        ["ask", "Is it bad?", "-c", "It is."],
        ["describe", "lithium", "-m", "demo"],
        ["generate", "lithium", "-m", "demo"],
        ["demo"],
        ["inspect", "demo"],
        ["convert", __file__, tmp_path / "model"],
        ["extract", __file__, "--run", tmp_path / "run", "--ray", "auto"],
    ]
    every = [[str(arg) for arg in args] for args in (*helped, *worked, *refused)]
    done = subprocess.run(
        [sys.executable, "-OO", "-c", EVERY, json.dumps(every)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    for args, code, _, stderr in told[: -len(refused)]:
        assert code == 0, (args, stderr)
    for args, code, _, stderr in told[-len(refused) :]:
        assert code == 2, (args, stderr)
        last = stderr.splitlines()[-1]
        assert "cannot be imported without docstrings" in last, (args, stderr)
        assert "without -OO, and set PYTHONOPTIMIZE to 0 or 1" in last
