"""Estimates: the formulae of memory against what autograd really saves, and the dry run."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BioGptConfig, BioGptForCausalLM
from typer.testing import CliRunner

from biogpt_plugins.cli import app
from biogpt_plugins.training import Options, estimate, finetune, memory
from biogpt_plugins.training.adapters import prompt_rows, with_lora
from biogpt_plugins.training.start import PUBLISHED, start_from, start_without_weights
from biogpt_plugins.values.errors import BioGPTError

SIZES = [(64, 2, 256), (128, 3, 512), (256, 2, 1024), (128, 2, 256)]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "train.jsonl"
    rows = [
        {
            "abstract": f"{name} induced tremor" + " with risk" * n,
            "gold": [{"head": name, "type": "CID", "tail": "tremor"}],
        }
        for n, name in enumerate(("aspirin", "lithium", "warfarin", "aspirin", "lithium"))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def config(width: int, layers: int, inner: int) -> BioGptConfig:
    return BioGptConfig(
        vocab_size=300,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=inner,
        max_position_embeddings=512,
        # On a CPU it keeps attention maps, which a GPU does not.
        attention_probs_dropout_prob=0.0,
    )


def saved(model: torch.nn.Module, tokens: int, *, half: bool) -> int:
    """Bytes that the layers' forward pass saves, without weights."""
    weights = {each.untyped_storage().data_ptr() for each in model.parameters()}
    storages = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = (storage.nbytes(), tensor)  # alive: no address twice
        return tensor

    ids = torch.zeros(2, tokens // 2, dtype=torch.long) + 5
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=half),
    ):
        model(ids, use_cache=False)
    return sum(size for size, _ in storages.values())


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("half", [False, True])
def test_activations_are_those_that_autograd_saves(sizes, half):
    network = config(*sizes)
    model = BioGptForCausalLM(network).train().biogpt
    # Twice the tokens: what does not grow are weights in bfloat16.
    once, twice = (saved(model, tokens, half=half) for tokens in (256, 512))
    expected = memory.activations(network, 256, half=half, checkpointing=False)
    assert twice - once == pytest.approx(expected, rel=0.1)
    copies = 2 * once - twice
    assert copies == pytest.approx(2 * memory.matrices(network) if half else 0, rel=0.1, abs=5000)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("half", [False, True])
def test_checkpoints_are_those_that_autograd_saves(sizes, half):
    network = config(*sizes)
    model = BioGptForCausalLM(network).train()
    model.activation_checkpointing_enable()
    found = saved(model.biogpt, 256, half=half)
    one = replace_layers(network, 1)
    none = replace_layers(network, 0)
    layer = memory.activations(one, 256, half=half, checkpointing=False) - memory.activations(
        none, 256, half=half, checkpointing=False
    )
    expected = memory.activations(network, 256, half=half, checkpointing=True) - layer
    assert found == pytest.approx(expected, rel=0.1)


def replace_layers(network: BioGptConfig, count: int) -> BioGptConfig:
    return config(network.hidden_size, count, network.intermediate_size)


@pytest.mark.parametrize("half", [False, True])
def test_activations_of_lora(half, tiny_biogpt, tmp_path):
    options = Options(weights="lora", attention_dropout=0)
    start = start_from(tiny_biogpt, ["bc5cdr"], [], out=tmp_path, options=options)
    network = config(256, 2, 1024)
    network.vocab_size = len(start.tokenizer)
    model = with_lora(replace(start, model=BioGptForCausalLM(network)), 16).train()
    trunk = model.get_base_model().biogpt
    once, twice = (saved(trunk, tokens, half=half) for tokens in (256, 512))
    expected = memory.activations(network, 256, half=half, checkpointing=False)
    assert twice - once == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_of_the_published_models(name):
    """On the "meta" device: none is allocated."""
    options = Options(weights="lora")
    start = start_without_weights(BioGptConfig(**PUBLISHED[name]), ["bc5cdr"], options)
    network, rows = start.model.config, len(prompt_rows(start))
    assert rows == 9
    count = start.model.num_parameters()
    assert count == memory.parameters(network)
    if name == "microsoft/biogpt":
        assert count == 346_763_264 + 9 * 1024
        trained = with_lora(start, options.lora_rank).num_parameters(only_trainable=True)
        assert trained == memory.trained_parameters(network, options, rows=rows)


def needed(name: str, **options) -> memory.Memory:
    settings = Options(dtype="bfloat16", **options)
    return memory.memory(
        BioGptConfig(**PUBLISHED[name]), settings, tokens=2048, wanted=2048, rows=9
    )


def test_what_fits_on_which_card():
    large = {name: needed("microsoft/BioGPT-Large", **way) for name, way in memory.WAYS.items()}
    assert [way.cards[0] for way in large.values()] == [40, 24, 16, 16]
    small = needed("microsoft/BioGPT-Large", optimizer="adamw_8bit")
    assert small.optimizer < 0.3 * large["full"].optimizer
    assert large["qlora"].weights < large["lora"].weights < large["full"].weights
    assert needed("microsoft/biogpt").total < 16e9


def test_8_bit_moments_are_as_large_as_said():
    pytest.importorskip("bitsandbytes", reason="NO TEST of 8-bit Adam: pip install bitsandbytes")
    from bitsandbytes.optim import AdamW

    weight = torch.nn.Parameter(torch.zeros(512, 512))
    optimizer = AdamW([weight], optim_bits=8)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    tensors = [each for each in optimizer.state[weight].values() if torch.is_tensor(each)]
    tables = 2 * 256 * 4  # shared by all weights
    used = sum(each.nbytes for each in tensors) - tables
    assert used == pytest.approx(weight.numel() * 2 * (1 + 4 / 256), rel=0.01)


def test_a_dry_run_counts_and_writes_nothing(data, tiny_biogpt, tmp_path):
    out = tmp_path / "out"
    options = {"tokens_per_batch": 60, "accumulate": 2, "epochs": 3}
    told: list[str] = []
    found = estimate(
        "bc5cdr", train=data, valid=data, model=tiny_biogpt, tell=told.append, **options
    )
    assert found.seconds_an_epoch is not None
    assert found.seconds_an_epoch > 0
    assert found.exact
    assert not list(tmp_path.iterdir())
    assert any(line.startswith("recipe default: ") for line in told)
    made = finetune("bc5cdr", train=data, valid=data, model=tiny_biogpt, out=out, **options)
    rows = [json.loads(line) for line in (out / "training.jsonl").read_text().splitlines()]
    assert found.updates == made.steps == 3 * found.updates_an_epoch
    assert found.examples == made.examples == 5
    assert found.trained == found.parameters
    kept = BioGptForCausalLM.from_pretrained(out)
    assert found.parameters == kept.num_parameters()
    assert found.saved == 2 * 2 * found.parameters, "the best and the last, in bfloat16"
    assert found.largest_batch <= 60
    assert 0 <= found.padding < 1
    assert found.tokens > sum(row.get("tokens", 0) for row in rows) / 3


def test_a_dry_run_of_a_published_model_that_is_not_at_hand(data, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = estimate("bc5cdr", train=data, model="microsoft/BioGPT-Large", weights="lora")
    assert not found.exact
    assert found.seconds_an_epoch is None
    assert found.parameters == 1_571_188_800 + 9 * 1600
    assert found.dtype == "bfloat16", "what a GPU does by itself"
    text = str(found)
    assert "not measured: the model's weights are not at hand" in text
    assert "splits words into more tokens" in text
    with pytest.raises(BioGPTError, match="nobody/knows"):
        estimate("bc5cdr", train=data, model="nobody/knows")


def test_a_dry_run_of_a_config(data, tmp_path):
    file = tmp_path / "config.json"
    config(64, 2, 256).to_json_file(file)
    found = estimate("bc5cdr", train=data, model=file)
    assert found.parameters > 2 * 12 * 64**2


def test_a_dry_run_checks_all_data(data, tiny_biogpt, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text(data.read_text() + '{"abstract": "x"}\n')
    with pytest.raises(BioGPTError, match=r'bad.jsonl, line 6: it has no "gold"'):
        estimate("bc5cdr", train=data, valid=bad, model=tiny_biogpt)


def test_the_command_prints_the_estimate(data, tiny_biogpt, tmp_path):
    out = tmp_path / "out"
    call = ["finetune", "bc5cdr", "--train", data, "-m", tiny_biogpt, "-o", out, "--dry-run"]
    done = CliRunner().invoke(app, [*map(str, call)])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:6]] == [
        *("model", "data", "updates", "memory", "disk", "time")
    ]
    assert sum(line.startswith(tuple(memory.WAYS)) for line in lines) == 4
    assert "not measured on a GPU" in lines[-1]
    assert not out.exists()
