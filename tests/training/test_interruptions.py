"""Ctrl-C, SIGTERM, resuming, and folders that hold a run already."""

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from safetensors.torch import load_file

from biogpt_plugins.training import TrainingInterrupted, finetune, fresh
from biogpt_plugins.values.errors import BioGPTError

UPDATES = 24
OPTIONS = {
    "max_steps": UPDATES,
    "tokens_per_batch": 128,
    "accumulate": 2,
    "learning_rate": 1e-3,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "average_epochs": 2,
    "source_loss": 0.1,
    "save_dtype": "float32",
    "metric_documents": 2,
    "swaps": 1,
    "end_smoothing": 0.1,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "train.jsonl"
    names = ("aspirin", "lithium", "warfarin")
    rows = [
        {
            "abstract": f"{name} induced {disease}" + " with risk" * (n % 4),
            "gold": [{"head": name, "type": "CID", "tail": disease}],
        }
        for n, (name, disease) in enumerate(
            (name, disease)
            for name in names
            for disease in ("tremor", "gastric ulcer", "renal failure", "effect", "dose")
        )
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def whole(data, tiny_biogpt, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    return finetune("bc5cdr", train=data, valid=data, model=tiny_biogpt, out=out, **OPTIONS)


def updates(folder: Path) -> list[dict]:
    path = folder / "training.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


@contextmanager
def signalled(folder: Path, update: int, number: int) -> Iterator[None]:
    """Send ourselves a signal once an update stands in the records."""

    def send() -> None:
        path = folder / "training.jsonl"
        while not done.is_set():
            if path.exists() and f'"step": {update},' in path.read_text():
                os.kill(os.getpid(), number)
                return
            time.sleep(0.001)

    done = threading.Event()
    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        done.set()
        sender.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint_and_resuming_gives_the_same_bytes(
    data, tiny_biogpt, whole, tmp_path, number
):
    out = tmp_path / "out"
    call = dict(train=data, valid=data, model=tiny_biogpt, out=out, **OPTIONS)
    update = random.randint(1, UPDATES - 4)
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with signalled(out, update, number), pytest.raises(TrainingInterrupted) as caught:
        finetune("bc5cdr", **call)
    assert handlers == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    assert caught.value.number == number
    assert "continue with the same command and --resume" in str(caught.value)
    with pytest.raises(BioGPTError, match="contains an interrupted run: resume it"):
        finetune("bc5cdr", **call)
    told: list[str] = []
    resumed = finetune("bc5cdr", **call, resume=True, tell=told.append)
    assert any(line.startswith("the run continues from") for line in told)
    for name in ("model.safetensors", "config.json", "vocab.json", "biogpt_task.json"):
        assert (out / name).read_bytes() == (whole.folder / name).read_bytes(), (name, update)
    assert updates(out) == updates(whole.folder)
    assert resumed.steps == whole.steps == UPDATES
    assert resumed.train_loss == whole.train_loss > 0
    assert resumed.valid_loss == whole.valid_loss


def test_a_new_model_that_goes_on_keeps_its_vocabulary(data, tmp_path, monkeypatch):
    out = tmp_path / "out"
    sizes = {"layers": 1, "width": 32, "heads": 2, "positions": 96, "merges": 50}
    more = {"max_steps": UPDATES, "tokens_per_batch": 128}
    call = dict(train=data, model="fresh", out=out, **sizes, **more)
    with signalled(out, 2, signal.SIGTERM), pytest.raises(TrainingInterrupted):
        finetune("bc5cdr", **call)
    learned = json.loads((out / "vocab.json").read_text())
    monkeypatch.setattr(fresh, "train_vocabulary", None)
    assert finetune("bc5cdr", **call, resume=True).steps == UPDATES
    assert json.loads((out / "vocab.json").read_text()) == learned


def test_a_run_without_a_checkpoint_begins(data, tiny_biogpt, whole, tmp_path):
    told: list[str] = []
    options = {**OPTIONS, "resume": True, "tell": told.append}
    made = finetune(
        "bc5cdr", train=data, valid=data, model=tiny_biogpt, out=tmp_path / "out", **options
    )
    assert any(line.endswith("has no checkpoint: the run starts") for line in told)
    assert made.train_loss == whole.train_loss


@pytest.fixture(scope="module")
def interrupted(data, tiny_biogpt, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("interrupted") / "out"
    with signalled(out, 2, signal.SIGINT), pytest.raises(TrainingInterrupted):
        finetune("bc5cdr", train=data, valid=data, model=tiny_biogpt, out=out, **OPTIONS)
    return out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 1e-4}, r"learning_rate was 0.001 and is 0.0001"),
        ({"accumulate": 1, "seed": 3}, r"accumulate was 2 and is 1; seed was 0 and is 3"),
        ({"train": "other"}, r"train was train.jsonl \(\w{8}\) and is other.jsonl \(\w{8}\)"),
        ({"valid": None}, r"valid was train.jsonl \(\w{8}\) and is nothing"),
        ({"model": "demo"}, r"the task bc5cdr has changed; model was .* and is demo"),
        ({"tasks": "bc5cdr,ddi"}, "tasks was bc5cdr and is bc5cdr,ddi"),
    ],
)
def test_resuming_with_other_settings_is_refused(  # noqa: PLR0917
    data, tiny_biogpt, interrupted, tmp_path, changes, message
):
    call = dict(tasks="bc5cdr", train=data, valid=data, model=tiny_biogpt, **OPTIONS)
    call |= changes
    if call["train"] == "other":
        call["train"] = tmp_path / "other.jsonl"
        call["train"].write_text(data.read_text() + data.read_text())
    before = updates(interrupted)
    with pytest.raises(BioGPTError, match=f"cannot resume with other settings: {message}"):
        finetune(call.pop("tasks"), out=interrupted, resume=True, **call)
    assert updates(interrupted) == before


def test_a_finished_folder_is_left_alone_unless_told(data, tiny_biogpt, tmp_path):
    out = tmp_path / "out"
    call = {"train": data, "model": tiny_biogpt, "out": out, "save_dtype": "float32"}
    first = finetune("bc5cdr", **call, max_steps=2).folder / "model.safetensors"
    kept = first.read_bytes()
    for resume in (False, True):
        with pytest.raises(BioGPTError, match="contains a finished model: start again"):
            finetune("bc5cdr", **call, max_steps=3, resume=resume)
    assert first.read_bytes() == kept
    with pytest.raises(BioGPTError, match="choose one"):
        finetune("bc5cdr", **call, resume=True, overwrite=True)
    assert finetune("bc5cdr", **call, max_steps=3, overwrite=True).steps == 3
    assert first.read_bytes() != kept
    assert len(updates(out)) == 3
    assert load_file(first)
