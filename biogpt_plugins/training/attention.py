"""Attention whose gradient is fast on a CPU, too.

There, torch 2.13's attention in bfloat16 takes three times as long for the gradient of 65 tokens a
row as in float32, twice as long for 127, and about as long for 300 or more.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "sdpa_short_in_float32"
_SHORT = 224  # tokens in a row


def attend_fast(model: PreTrainedModel) -> None:
    """Let a model on a CPU compute the attention of short rows in float32 while it trains."""
    AttentionInterface.register(_NAME, _attention)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    model.set_attn_implementation(_NAME)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,  # noqa: ANN401 - transformers'
) -> tuple[torch.Tensor, None]:
    """As transformers' for SDPA. Shapes (rows, heads, tokens, width)."""
    dtype = query.dtype
    if not query.requires_grad or dtype is not torch.bfloat16 or query.shape[2] > _SHORT:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
        return output, None
    with torch.autocast("cpu", enabled=False):  # it would cast them back
        query, key, value = query.float(), key.float(), value.float()
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    return output.to(dtype), None
