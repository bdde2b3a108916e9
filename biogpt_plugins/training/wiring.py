"""Initial weights that help a fresh model copy: they look up what followed the same token before.

Names in a completion are copied from the text, and a small transformer takes long to learn this:
one head must pass each token to its right neighbour, another must attend to the token that followed
an earlier copy of the current one (an "induction head"), and neither is useful without the other. A
fresh model therefore starts with an approximation of both in two heads of its first two layers. All
other weights are random as usual, and training may change everything.
"""

from __future__ import annotations

import torch
from transformers import BioGptForCausalLM

_SHARPNESS = 2.0
_FASTEST, _SLOWEST = 3.0, 0.003


@torch.no_grad()
def wire_copying(model: BioGptForCausalLM) -> None:
    """Set positions, embeddings and two heads of the first two layers of an untrained model.

    Positions become sinusoids in their own dimensions, as many as a head has, which are zero in the
    token embeddings: a head can then find a neighbour by position alone.
    """
    config = model.config
    width, size = config.hidden_size, config.hidden_size // config.num_attention_heads
    if config.num_hidden_layers < 2 or config.num_attention_heads < 2:  # noqa: PLR2004
        return
    scale = config.initializer_range * (width**0.5 if config.scale_embedding else 1.0)
    rates = torch.linspace(0, 1, size // 2)
    rates = _FASTEST * (_SLOWEST / _FASTEST) ** rates
    places = model.biogpt.embed_positions.weight
    angles = torch.arange(len(places))[:, None] * rates
    places.zero_()
    places[:, : size // 2] = scale * 2**0.5 * angles.sin()
    places[:, size // 2 : 2 * (size // 2)] = scale * 2**0.5 * angles.cos()
    model.biogpt.embed_tokens.weight[:, :size] = 0

    content = torch.eye(width)[size:]
    written = torch.linalg.qr(torch.randn(width, width))[0]
    first, second = (layer.self_attn for layer in model.biogpt.layers[:2])
    for head in range(2):
        rows = slice(head * size, (head + 1) * size)
        block = content[head * size : (head + 1) * size]
        if len(block) < size:
            return
        first.q_proj.weight[rows] = _SHARPNESS * torch.eye(width)[:size]
        first.k_proj.weight[rows] = _SHARPNESS * _one_step(rates, width)
        first.v_proj.weight[rows] = block
        first.out_proj.weight[:, rows] = 0.5 * written[rows].T
        second.q_proj.weight[rows] = block
        second.k_proj.weight[rows] = written[rows]
        second.v_proj.weight[rows] = block
        second.out_proj.weight[:, rows] = 2 * block.T


def _one_step(rates: torch.Tensor, width: int) -> torch.Tensor:
    """The rotation from the sinusoids of a position to the sinusoids of the next."""
    half = len(rates)
    turn = torch.zeros(2 * half, width)
    index = torch.arange(half)
    turn[index, index] = turn[half + index, half + index] = rates.cos()
    turn[index, half + index] = rates.sin()
    turn[half + index, index] = -rates.sin()
    return turn
