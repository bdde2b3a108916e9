"""fairseq's decoder and the official greedy decoding, in plain torch.

Computed from the tensors of a fairseq checkpoint alone, to judge conversions by. fairseq 0.12.2
itself was seen to give the same: it loaded what `fairseq_format` builds, of every layout, and a
checkpoint that it had trained; logits within 5e-6, greedy ids equal on all of 13 prompts each.
"""

from collections.abc import Mapping
from typing import Any

import torch
from fairseq_format import EOS, PAD
from torch import Tensor

DECODING_LENGTH = 1024  # of microsoft/BioGPT, inference.py


class Reference:
    """A fairseq language model of a checkpoint's `model` and `cfg`, in float32."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._cfg = state["cfg"]["model"]
        self._tensors = {name: tensor.float() for name, tensor in state["model"].items()}

    @torch.no_grad()
    def logits(self, ids: list[int]) -> Tensor:
        """Logits at each position of a sequence: (len(ids), rows)."""
        cfg, table = self._cfg, self._tensors["decoder.embed_tokens.weight"]
        projection = self._tensors.get("decoder.output_projection.weight", table)
        # The first two rows of the position table belong to the padding.
        positions = self._tensors["decoder.embed_positions.weight"][2 : 2 + len(ids)]
        scale = 1 if cfg["no_scale_embedding"] else cfg["decoder_embed_dim"] ** 0.5
        x = table[ids] * scale + positions
        for n in range(cfg["decoder_layers"]):
            layer = f"decoder.layers.{n}"
            x = x + self._attention(self._norm(x, f"{layer}.self_attn_layer_norm"), layer)
            hidden = self._linear(self._norm(x, f"{layer}.final_layer_norm"), f"{layer}.fc1")
            gelu = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
            x = x + self._linear(gelu, f"{layer}.fc2")
        return self._norm(x, "decoder.layer_norm") @ projection.T

    def write(self, prompt: list[int]) -> list[int]:
        """What the official greedy decoding writes behind a prompt, the final `</s>` included."""
        positions = len(self._tensors["decoder.embed_positions.weight"]) - 2
        longest = min(DECODING_LENGTH, positions - 1)
        ids = list(prompt)
        while len(ids) == len(prompt) or ids[-1] != EOS:
            if len(ids) - 1 >= longest:
                ids.append(EOS)
                continue
            scores = self.logits(ids)[-1]
            scores[PAD] = -torch.inf
            ids.append(int(scores.argmax()))
        return ids[len(prompt) :]

    def _attention(self, x: Tensor, layer: str) -> Tensor:
        length, width = x.shape
        heads = self._cfg["decoder_attention_heads"]
        q, k, v = (
            self._linear(x, f"{layer}.self_attn.{name}").view(length, heads, -1).transpose(0, 1)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        scores = (q * (width // heads) ** -0.5) @ k.transpose(1, 2)
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        shares = scores.masked_fill(future, -torch.inf).softmax(-1)
        mixed = (shares @ v).transpose(0, 1).reshape(length, width)
        return self._linear(mixed, f"{layer}.self_attn.out_proj")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return x @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]

    def _norm(self, x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return centred / spread * self._tensors[f"{name}.weight"] + self._tensors[f"{name}.bias"]
