"""What makes training fit a small card changes what it computes by rounding alone."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.training import finetune
from biogpt_plugins.training import trainer as trainer_module
from biogpt_plugins.training.adapters import plain, with_lora
from biogpt_plugins.training.arguments import training_arguments
from biogpt_plugins.training.encoding import encode_all
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.training.head import token_losses
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.recipes import recipe_for
from biogpt_plugins.training.selection import examiner
from biogpt_plugins.training.start import start_from
from biogpt_plugins.training.trainer import make_trainer
from biogpt_plugins.values.errors import BioGPTError, EngineError, MissingExtraError

NO_DROPOUT = {"dropout": 0, "attention_dropout": 0}
bitsandbytes = pytest.mark.skipif(
    not find_spec("bitsandbytes"),
    reason="NO TEST of 8-bit Adam and QLoRA: pip install -c constraints.txt bitsandbytes",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "train.jsonl"
    rows = [
        {
            "abstract": f"{name} induced tremor" + " with risk" * n,
            "gold": [{"head": name, "type": "CID", "tail": "tremor"}],
        }
        for n, name in enumerate(("aspirin", "lithium", "warfarin", "aspirin"))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def gradients(data, model, folder, **options):
    """The loss of an update, and the gradient of each weight that trains."""
    settings = Options(**NO_DROPOUT, **options).resolved(examples=4, bfloat16=False)
    examples = read_examples(data, ["bc5cdr"])
    torch.manual_seed(0)
    start = start_from(model, ["bc5cdr"], examples, out=folder, options=settings)
    encoded = encode_all(
        examples, Tokens(start.tokenizer), start.card.tasks, positions=96, options=settings
    )
    trainer = make_trainer(start, encoded, [], folder=folder / "x", options=settings)
    batches = iter(trainer.get_train_dataloader())
    samples, _ = trainer.get_batch_samples(batches, 1, torch.device("cpu"))
    trainer.model.train()
    with trainer.accelerator.autocast():
        loss = trainer.compute_loss(trainer.model, samples[0])
    loss.backward()
    trained = trainer.model.named_parameters()
    return loss.item(), {name: p.grad for name, p in trained if p.requires_grad}


@pytest.mark.parametrize("chunk", [1, 4, 11])
def test_chunks_give_the_same_losses_and_gradients(chunk):
    torch.manual_seed(1)
    layer = torch.nn.Linear(8, 50, bias=False)
    targets, weights = torch.randint(50, (11,)), torch.rand(11)
    found = []
    for size in (11, chunk):
        hidden = torch.randn(11, 8, generator=torch.Generator().manual_seed(2)).requires_grad_()
        layer.zero_grad()
        losses = token_losses(
            layer, lambda x, y: torch.nn.functional.cross_entropy(x, y, reduction="none"),
            hidden, targets, chunk=size,
        )  # fmt: skip
        (losses * weights).sum().backward()
        found.append((losses.detach(), hidden.grad, layer.weight.grad.clone()))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_logits_of_all_tokens_never_stand_in_memory_together():
    layer = torch.nn.Linear(8, 1000, bias=False)
    widest = 0

    def project(hidden):
        nonlocal widest
        widest = max(widest, len(hidden))
        return layer(hidden)

    saved = []
    hidden = torch.randn(64, 8).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        losses = token_losses(
            project,
            lambda x, y: torch.nn.functional.cross_entropy(x, y, reduction="none"),
            hidden,
            torch.randint(1000, (64,)),
            chunk=16,
        )
    losses.sum().backward()
    assert widest == 16
    assert max(each.numel() for each in saved) < 1000


def test_how_many_tokens_are_projected_together_follows_from_the_vocabulary(
    data, tiny_biogpt, tmp_path, monkeypatch
):
    whole, _ = gradients(data, tiny_biogpt, tmp_path / "whole", loss="all")
    vocabulary = json.loads((tiny_biogpt / "config.json").read_text())["vocab_size"]
    rows = []
    cross_entropy = torch.nn.functional.cross_entropy

    def counted(logits, *args, **kwargs):
        rows.append(len(logits))
        return cross_entropy(logits, *args, **kwargs)

    monkeypatch.setattr(trainer_module, "LOGITS", 3 * vocabulary)
    monkeypatch.setattr(trainer_module, "cross_entropy", counted)
    parts, _ = gradients(data, tiny_biogpt, tmp_path / "parts", loss="all")
    assert max(rows) == 3
    assert parts == pytest.approx(whole)


@pytest.mark.parametrize("options", [{"loss": "all"}, {}, {"weights": "lora"}])
def test_checkpointing_gives_the_same_gradients(data, tiny_biogpt, tmp_path, options):
    loss, expected = gradients(data, tiny_biogpt, tmp_path, **options)
    same, found = gradients(data, tiny_biogpt, tmp_path, gradient_checkpointing=True, **options)
    assert same == pytest.approx(loss, abs=1e-6)
    assert found.keys() == expected.keys()
    assert all((found[name] - each).abs().max() < 1e-6 for name, each in expected.items())


def test_lora_rounds_nothing_that_a_product_in_bfloat16_does_not_round(data, tiny_biogpt, tmp_path):
    options = Options(weights="lora", dtype="bfloat16")
    start = start_from(tiny_biogpt, ["bc5cdr"], [], out=tmp_path, options=options)
    layers = {name for name, p in start.model.named_parameters() if p.dtype == torch.bfloat16}
    assert layers
    assert all(".layers." in name and "norm" not in name for name in layers)
    full, _ = gradients(data, tiny_biogpt, tmp_path, dtype="bfloat16")
    lora, found = gradients(data, tiny_biogpt, tmp_path, dtype="bfloat16", weights="lora")
    assert lora == pytest.approx(full, abs=1e-6)
    assert {each.dtype for each in found.values()} == {torch.float32}


@pytest.mark.parametrize("weights", ["full", "lora", pytest.param("qlora", marks=bitsandbytes)])
def test_the_plain_model_computes_what_was_trained(tiny_biogpt, tmp_path, weights):
    options = Options(weights=weights, dtype="float32")
    start = start_from(tiny_biogpt, ["bc5cdr"], [], out=tmp_path, options=options)
    model = start.model if weights == "full" else with_lora(start, 4)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    whole = plain(model.eval(), start, torch.float32).eval()
    ids = torch.tensor([[2, *range(len(start.tokenizer) - 30, len(start.tokenizer))]])
    with torch.no_grad():
        expected, found = model(input_ids=ids).logits, whole(input_ids=ids).logits
    assert torch.allclose(found, expected, atol=1e-4)
    assert {each.dtype for each in whole.parameters()} == {torch.float32}
    assert whole.get_output_embeddings().weight is whole.get_input_embeddings().weight
    assert whole.config.tie_word_embeddings


def test_the_metric_is_measured_in_bfloat16_too(data, tiny_biogpt, tmp_path):
    for weights in ("full", "lora"):
        made = finetune(
            "bc5cdr",
            train=data,
            valid=data,
            model=tiny_biogpt,
            out=tmp_path / weights,
            weights=weights,
            dtype="bfloat16",
            max_steps=2,
            eval_steps=1,
        )
        assert [name for name, _ in made.figures] == ["bc5cdr f1"]


def test_a_model_that_cannot_run_is_not_measured_as_zero(data, tiny_biogpt, tmp_path):
    start = start_from(tiny_biogpt, ["bc5cdr"], [], out=tmp_path, options=Options())
    with torch.no_grad():
        start.model.get_input_embeddings().weight.fill_(torch.nan)
    measure = examiner(start, data, ["bc5cdr"], options=Options(), tell=print)
    with pytest.raises(EngineError, match="the model in training cannot be measured"):
        measure(start.model)


@bitsandbytes
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "options", [{"weights": "qlora"}, {"optimizer": "adamw_8bit"}], ids=["qlora", "8bit"]
)
def test_8_and_4_bits_train(data, tiny_biogpt, tmp_path, options):
    out = tmp_path / "out"
    call = {"train": data, "valid": data, "model": tiny_biogpt, "max_steps": 20}
    made = finetune("bc5cdr", out=out, learning_rate=0.01, **call, **options)
    rows = [json.loads(line) for line in (out / "training.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < losses[0] - 2
    assert made.valid_loss is not None
    kept = load_file(out / "model.safetensors")
    assert kept.keys() == load_file(tiny_biogpt / "model.safetensors").keys()
    assert "quantization_config" not in json.loads((out / "config.json").read_text())


@pytest.mark.skipif(bool(find_spec("bitsandbytes")), reason="bitsandbytes is installed")
@pytest.mark.parametrize("options", [{"weights": "qlora"}, {"optimizer": "adamw_8bit"}])
def test_what_is_not_installed_is_named(data, tiny_biogpt, tmp_path, options):
    [(name, value)] = options.items()
    with pytest.raises(MissingExtraError, match=rf"{name} '{value}' needs bitsandbytes: pip inst"):
        finetune("bc5cdr", train=data, model=tiny_biogpt, out=tmp_path / "out", **options)


def test_a_new_model_does_not_train_in_4_bits(tmp_path):
    with pytest.raises(BioGPTError, match="weights 'qlora' need a pretrained model"):
        start_from("fresh", ["bc5cdr"], [], out=tmp_path, options=Options(weights="qlora"))


def test_tf32_is_refused_where_there_is_none(tmp_path):
    with pytest.raises(BioGPTError, match="dtype 'tf32' needs an NVIDIA GPU"):
        training_arguments(tmp_path, Options(dtype="tf32", learning_rate=1), evaluate=False)


@pytest.mark.parametrize("weights", ["lora", "qlora"])
def test_low_rank_updates_have_a_learning_rate_of_their_own(weights):
    recipe = recipe_for("official", ["ddi"])
    options = Options.read({"weights": weights}, recipe).resolved(examples=9, bfloat16=False)
    assert options.learning_rate == 3e-4
    given = Options.read({"weights": weights, "learning_rate": 1e-3}, recipe)
    assert given.learning_rate == 1e-3
