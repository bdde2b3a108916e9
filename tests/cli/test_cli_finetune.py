"""`biogpt finetune`: what it says, and how it ends."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from biogpt_plugins.cli import app
from biogpt_plugins.training import allocation


def run(*args):
    return CliRunner().invoke(app, [*map(str, args)])


@pytest.fixture
def solved(tmp_path):
    rows = [
        {
            "abstract": f"{name} induced tremor",
            "gold": [{"head": name, "type": "CID", "tail": "tremor"}],
        }
        for name in ("aspirin", "lithium")
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    """How often the command asked to keep freed memory; this process does not."""
    asked = []
    monkeypatch.setattr(allocation, "keep_freed_memory", lambda: asked.append(1))
    return asked


def test_finetune_by_the_official_recipe(solved, tiny_biogpt, tmp_path, kept):
    call = ["finetune", "bc5cdr", "--train", solved, "-m", tiny_biogpt, "-o", tmp_path / "out"]
    call += ["--recipe", "official", "-s", "max_source_tokens=30", "--epochs", "2"]
    assert run(*call, "--dry-run").exit_code == 0
    assert not kept
    done = run(*call)
    assert done.exit_code == 0, done.stderr
    assert kept
    shown = " ".join(done.stderr.split())
    assert "note: recipe official: epochs 2.0, max_steps None, learning_rate 1e-05," in shown
    assert "note: 2 examples in 1 batch, 1 update an epoch" in shown
    assert "note: the saved weights are the mean of the last 2 epochs" in shown
    assert "2 examples, 2 updates, loss" in shown
    assert done.stdout.strip() == str(tmp_path / "out")
    again = run(*call)
    assert again.exit_code == 2
    assert "contains a finished model: start again" in again.stderr
    assert run(*call, "--overwrite").exit_code == 0
    official = run(*call[:1], "describe", *call[2:], "--overwrite")
    assert "there is no official recipe for describe" in official.stderr


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_finetune_says_how_to_go_on(solved, tiny_biogpt, tmp_path, number):
    out = tmp_path / "out"
    call = ["finetune", "bc5cdr", "--train", solved, "-m", tiny_biogpt, "-o", out]
    call += ["--epochs", 5000]
    command = [sys.executable, "-m", "biogpt_plugins", *map(str, call)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as training:
        while not (out / "training.jsonl").exists() or not (out / "training.jsonl").read_text():
            assert training.poll() is None
            time.sleep(0.05)
        training.send_signal(number)
        stderr = training.stderr.read()
    assert training.returncode == 128 + number
    assert "note: stopping after this update, with a checkpoint" in stderr
    assert re.search(r"warning: interrupted after update \d+ of 5000; .* and --resume", stderr)
    assert "Traceback" not in stderr
    assert len(list(out.glob("checkpoints/checkpoint-*/optimizer.pt"))) == 1
