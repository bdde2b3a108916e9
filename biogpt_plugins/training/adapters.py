"""Low-rank updates of a model, and the plain model that any kind of training makes."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from transformers import BioGptForCausalLM
from transformers.initialization import no_init_weights

from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.training.start import Start, prompt_tokens

TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def with_lora(start: Start, rank: int) -> Any:  # noqa: ANN401 - peft is optional
    """The model with low-rank updates of its layers; prompt tokens train in full."""
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - optional

    rows = prompt_rows(start)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=2 * rank,
        target_modules=list(TARGETS),
        trainable_token_indices={"embed_tokens": rows} if rows else None,
    )
    with warnings.catch_warnings():
        # peft reads a property that transformers 5 renamed.
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(start.model, config)


def prompt_rows(start: Start) -> list[int]:
    """Embedding rows of the prompt tokens, except ordinary words, which also occur in texts."""
    tokens = Tokens(start.tokenizer)
    names = prompt_tokens(start.card)
    ids = start.tokenizer.convert_tokens_to_ids(names)
    texts = (name.removesuffix("</w>") for name in names)
    return [row for row, text in zip(ids, texts, strict=True) if tokens.ids(text) != [row]]


def plain(model: Any, start: Start, dtype: torch.dtype) -> BioGptForCausalLM:  # noqa: ANN401
    """The model alone: low-rank updates merged in float32, 4-bit weights as what they stand for.

    Args:
        model: The model in training: a BioGptForCausalLM, or its peft wrapper.
        start: What it started from.
        dtype: Dtype of the weights. Those that have it already are shared, not copied.
    """
    config = deepcopy(start.model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    weights = {name: _dense(each) for name, each in model.named_parameters()}
    if hasattr(model, "peft_config"):
        with no_init_weights():
            whole = BioGptForCausalLM(config)
        whole.tie_weights()
        whole = with_lora(replace(start, model=whole), model.peft_config["default"].r)
        whole.load_state_dict(weights, strict=False)
        whole = whole.merge_and_unload().to(model.device, dtype)
    else:
        with torch.device("meta"):
            whole = BioGptForCausalLM(config)
        shared = {name: each.to(dtype) for name, each in weights.items()}
        whole.load_state_dict(shared, strict=False, assign=True)
        whole.tie_weights()
    whole.generation_config = start.model.generation_config
    plain: BioGptForCausalLM = whole.requires_grad_(requires_grad=False)
    return plain


def _dense(weight: torch.Tensor) -> torch.Tensor:
    """A weight as numbers, if it is stored in 4 bits."""
    if not hasattr(weight, "quant_state"):
        return weight.detach()

    from bitsandbytes.functional import dequantize_4bit  # noqa: PLC0415 - optional

    dense: torch.Tensor = dequantize_4bit(weight.data, weight.quant_state)
    return dense
