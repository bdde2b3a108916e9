"""On a CPU, short rows attend in float32: the same attention, whose gradient is faster."""

import json

import pytest
import torch
from torch.nn import functional
from transformers import BioGptConfig, BioGptForCausalLM

from biogpt_plugins.training import attention, finetune
from biogpt_plugins.training.attention import attend_fast


@pytest.fixture
def attended(monkeypatch):
    """The dtypes and numbers of tokens of calls of torch's attention."""
    calls = []
    torchs = functional.scaled_dot_product_attention

    def recorded(query, *args, **kwargs):
        calls.append((query.dtype, query.shape[2]))
        return torchs(query, *args, **kwargs)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", recorded)
    return calls


def losses(model, ids):
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    return loss.item(), [each.grad.clone() for each in model.parameters() if each.grad is not None]


def test_short_rows_attend_in_float32_and_long_ones_as_before(attended, monkeypatch):
    monkeypatch.setattr(attention, "_SHORT", 8)
    torch.manual_seed(0)
    model = BioGptForCausalLM(
        BioGptConfig(
            vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=32,
            hidden_dropout_prob=0, attention_probs_dropout_prob=0,
        )
    )  # fmt: skip
    short, long = torch.randint(60, (3, 8)), torch.randint(60, (3, 9))
    before = [losses(model, ids) for ids in (short, long)]
    attend_fast(model)
    after = [losses(model, ids) for ids in (short, long)]
    assert attended == [(torch.bfloat16, 8), (torch.bfloat16, 9), (torch.float32, 8),
                        (torch.bfloat16, 9)]  # fmt: skip
    assert after[1][0] == before[1][0]
    assert after[0][0] == pytest.approx(before[0][0], rel=0.01)
    for one, other in zip(before[0][1], after[0][1], strict=True):
        assert torch.allclose(one, other, atol=0.02)


def test_training_on_a_cpu_attends_so_and_the_saved_model_does_not_name_it(
    attended, tiny_biogpt, tmp_path
):
    row = {"abstract": "a b", "gold": [{"head": "a", "type": "CID", "tail": "b"}]}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n")
    finetune(
        "bc5cdr", train=tmp_path / "train.jsonl", out=tmp_path / "out", model=tiny_biogpt,
        max_steps=1, dtype="bfloat16",
    )  # fmt: skip
    if not torch.accelerator.is_available():
        assert {dtype for dtype, _ in attended} == {torch.float32}
    assert "float32" not in (tmp_path / "out" / "config.json").read_text().replace(
        '"dtype": "float32"', ""
    )
