"""Several processes: each has its share of the batches, and they train as one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import BioGptForCausalLM

from biogpt_plugins.training import finetune
from biogpt_plugins.training.batches import Batches, EpochOrder, collate
from biogpt_plugins.training.encoding import Encoded
from biogpt_plugins.training.options import Options

OPTIONS = {
    "tokens_per_batch": 64,
    "epochs": 2,
    "dropout": 0,
    "attention_dropout": 0,
    "learning_rate": 1e-3,
    "save_dtype": "float32",
}


@pytest.fixture
def data(tmp_path) -> Path:
    path = tmp_path / "train.jsonl"
    rows = [
        {
            "abstract": f"{name} induced tremor" + " with risk" * n,
            "gold": [{"head": name, "type": "CID", "tail": "tremor"}],
        }
        for n, name in enumerate(("aspirin", "lithium", "warfarin", "aspirin", "lithium") * 2)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("count", "processes", "length"), [(5, 1, 5), (5, 2, 6), (8, 4, 8)])
def test_all_processes_have_as_many_batches(count, processes, length):
    order = EpochOrder(count, Options(seed=1), processes=processes)
    every = list(order)
    assert len(every) == len(order) == length
    assert sorted(every) == list(range(length))
    assert every[:count] == list(EpochOrder(count, Options(seed=1)))


@pytest.mark.parametrize("options", [Options(), Options(loss="all"), Options(end_smoothing=0.1)])
def test_an_empty_batch_bears_no_loss(tiny_biogpt, options):
    batches = Batches([Encoded([2, 5], [6, 2], 0)], options)
    assert len(batches) == 1
    batch = collate([batches[1]], pad=1, options=options)
    assert not batch["target"].any()
    assert not batch["source"].any()
    model = BioGptForCausalLM.from_pretrained(tiny_biogpt)
    scores = model(batch["input_ids"][:, :-1], use_cache=False).logits
    assert scores.isfinite().all()


@pytest.fixture
def one_thread():
    """Sums in one order: the keys' biases have no gradient but what rounding leaves."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow  # two processes load torch; the parts have quick tests
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("loss", ["target", "all"])
def test_two_processes_train_as_one_that_accumulates_two_batches(data, tiny_biogpt, tmp_path, loss):
    one = finetune(
        "bc5cdr",
        train=data,
        valid=data,
        model=tiny_biogpt,
        out=tmp_path / "one",
        accumulate=2,
        loss=loss,
        **OPTIONS,
    )
    settings = [f"--set={name}={value}" for name, value in {**OPTIONS, "loss": loss}.items()]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node=2", "-m", "biogpt_plugins", "finetune", "bc5cdr", "--train"]
    command += [data, "--valid", data, "-m", tiny_biogpt, "-o", tmp_path / "two", *settings]
    done = subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "two")], "one of them tells"
    assert done.stderr.count("note: recipe default") == 1
    found, expected = (load_file(tmp_path / name / "model.safetensors") for name in ("two", "one"))
    for name, weights in expected.items():
        assert (found[name] - weights).abs().max() < 1e-6, name
    for name in ("one", "two"):
        assert (tmp_path / name / "README.md").exists()
        assert not (tmp_path / name / "checkpoints").exists()
    rows = [
        [json.loads(line) for line in (tmp_path / name / "training.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    ]
    assert len(rows[0]) == len(rows[1])
    for ours, theirs in zip(*rows, strict=True):
        assert ours.keys() == theirs.keys()
        for key in ("step", "loss", "tokens", "valid_loss", "valid_metric", "grad_norm"):
            assert ours.get(key) == pytest.approx(theirs.get(key), abs=1e-5), key
    assert one.steps == max(row["step"] for row in rows[0])
