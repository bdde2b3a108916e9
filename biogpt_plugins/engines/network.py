"""The network of BioGPT, for passes over rows in slots.

It computes what transformers' BioGptForCausalLM computes, from weights of the same names.
transformers' class takes seconds to import, and a small model spends more time in its Python than
in the computation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from biogpt_plugins.checkpoints.folders import read_config
from biogpt_plugins.checkpoints.network import Network
from biogpt_plugins.engines.prepacked import PrepackedLinear

if TYPE_CHECKING:
    from transformers import BioGptForCausalLM

    from biogpt_plugins.engines.packed import Rows
    from biogpt_plugins.engines.slots import View

_OFFSET = 2  # rows before the first position
_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": functional.gelu,
    "relu": functional.relu,
    "silu": functional.silu,
    "swish": functional.silu,
}
_HEAD = "output_projection.weight"
_ONE, _THREE = "qkv_proj", ("q_proj", "k_proj", "v_proj")


class _Linear(nn.Linear):
    def reset_parameters(self) -> None:
        """Draw nothing: weights come from a file, and drawing loads torch's compiler."""


class _Embedding(nn.Embedding):
    def reset_parameters(self) -> None:
        """Draw nothing, for the same reason."""


class BioGPT(nn.Module):
    """A BioGPT on a device.

    Attributes:
        config: Its settings.
        multiple: A long pass is computed sooner if its number of tokens is a multiple of this.
    """

    def __init__(self, config: Network, folder: Path, *, attention: str) -> None:
        """Build it without weights, on the meta device.

        Args:
            config: The settings; the activation must be one of those in `read_network`.
            folder: The folder of the model.
            attention: "sdpa" for torch's kernel, "eager" for two matrix products.
        """
        super().__init__()
        self.config, self._folder, self._attention = config, folder, attention
        self.multiple = 1
        self._scale = sqrt(config.hidden_size) if config.scale_embedding else 1.0
        self.output_projection: nn.Module | None = None
        with torch.device("meta"):
            self.biogpt = _Trunk(config, eager=attention == "eager")
            if not config.tie_word_embeddings:
                self.output_projection = _Linear(config.hidden_size, config.vocab_size, bias=False)

    @classmethod
    def of(cls, model: BioGptForCausalLM, folder: Path) -> BioGPT | None:
        """The network of a model of transformers, on the same weights but for attention's.

        Args:
            model: The model, in evaluation mode.
            folder: The folder of the model.

        Returns:
            None if only transformers can compute it.
        """
        given = model.config.to_dict()
        config = Network.model_validate(given)
        if config.hidden_act not in _ACTIVATIONS or _strange(given):
            return None
        network = cls(config, folder, attention=str(model.config._attn_implementation))
        return network if network._take(model.state_dict()) else None

    def _take(self, weights: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None) -> bool:
        """Take weights with transformers' names, or copies in a dtype, if the network fits them."""
        if not all(one.is_floating_point() for one in weights.values()):
            return False
        own = {name: one.to(dtype, copy=True) if dtype else one for name, one in weights.items()}
        if self.config.tie_word_embeddings:
            own.pop(_HEAD, None)
        for name in [name for name in own if f".{_THREE[0]}." in name]:
            three = [name.replace(_THREE[0], each) for each in _THREE]
            if all(each in own for each in three):
                own[name.replace(_THREE[0], _ONE)] = torch.cat([own.pop(each) for each in three])
        wanted = {name: one.shape for name, one in self.state_dict().items()}
        if wanted != {name: one.shape for name, one in own.items()}:
            return False
        self.load_state_dict(own, assign=True)
        self.requires_grad_(False).eval()
        return True

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.biogpt.embed_tokens.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights."""
        return self.biogpt.embed_tokens.weight.dtype

    def num_parameters(self) -> int:
        """The number of weights."""
        return sum(weight.numel() for weight in self.parameters())

    def forward(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        bias: torch.Tensor | None,
        view: View | Rows,
        keep: int | torch.Tensor,
    ) -> torch.Tensor:
        """Read tokens into slots.

        Args:
            ids: The tokens, [rows, tokens].
            positions: Their positions, [rows, tokens].
            bias: What is added to the scores of attention, [rows, 1, tokens, length]; None where
                the rows stand one behind the other, as one.
            view: The slots, or those rows.
            keep: The number of last tokens whose logits are wanted, or the indices of tokens.

        Returns:
            Logits, [rows, keep, vocabulary].
        """
        trunk, words = self.biogpt, self.biogpt.embed_tokens.weight
        states = functional.embedding(ids, words) * self._scale
        states = states + functional.embedding(positions + _OFFSET, trunk.embed_positions.weight)
        last = len(trunk.layers) - 1
        for index, layer in enumerate(trunk.layers):
            # Behind the last layer nobody looks at the other tokens.
            states = layer(states, bias, view, index, keep if index == last else None)
        states = trunk.layer_norm(states)
        head = self.output_projection
        return functional.linear(states, words) if head is None else head(states)

    def projection(self) -> nn.Linear:
        """The layer that gives tokens their logits; its weights may be those of the embeddings."""
        if isinstance(self.output_projection, nn.Linear):
            return self.output_projection
        head = _Linear(self.config.hidden_size, self.config.vocab_size, bias=False, device="meta")
        head.weight = self.biogpt.embed_tokens.weight
        return head

    @cached_property
    def whole(self) -> BioGptForCausalLM:
        """The model of transformers on the same weights, or on copies of those in another order."""
        from transformers import (  # noqa: PLC0415 - takes seconds
            BioGptConfig,
            BioGptForCausalLM,
            GenerationConfig,
        )

        config = BioGptConfig(**self.config.model_dump(), attn_implementation=self._attention)
        with torch.device("meta"):
            model = BioGptForCausalLM(config)
        weights = {n: w.to_dense() if w.is_mkldnn else w for n, w in self.state_dict().items()}
        for name in [name for name in weights if _ONE in name]:
            parts = weights.pop(name).chunk(len(_THREE))
            weights |= {name.replace(_ONE, n): w for n, w in zip(_THREE, parts, strict=True)}
        if self.config.tie_word_embeddings:
            weights.pop(_HEAD, None)
        model.load_state_dict(weights, assign=True, strict=False)
        model.tie_weights()
        if (self._folder / "generation_config.json").is_file():
            model.generation_config = GenerationConfig.from_pretrained(self._folder)
        return model.eval()


class _Trunk(nn.Module):
    def __init__(self, config: Network, *, eager: bool) -> None:
        super().__init__()
        width = config.hidden_size
        self.embed_tokens = _Embedding(config.vocab_size, width)
        self.embed_positions = _Embedding(config.max_position_embeddings + _OFFSET, width)
        self.layers = nn.ModuleList(
            _Layer(config, eager=eager) for _ in range(config.num_hidden_layers)
        )
        self.layer_norm = nn.LayerNorm(width)


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv_proj, self.out_proj = _Linear(width, 3 * width), _Linear(width, width)


class _Layer(nn.Module):
    def __init__(self, config: Network, *, eager: bool) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self._shape = (config.num_attention_heads, width // config.num_attention_heads)
        self._eager, self.act = eager, _ACTIVATIONS[config.hidden_act]
        self.self_attn = _Attention(width)
        # transformers ignores `layer_norm_eps`: it is torch's 1e-5, as in fairseq.
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = _Linear(width, inner), _Linear(inner, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(
        self,
        states: torch.Tensor,
        bias: torch.Tensor | None,
        view: View | Rows,
        index: int,
        keep: int | torch.Tensor | None,
    ) -> torch.Tensor:
        """The states behind this layer, of the tokens to `keep`; of all for None."""
        own, normed = self.self_attn, self.self_attn_layer_norm(states)
        made = own.qkv_proj(normed).view(*states.shape[:2], 3, *self._shape)
        queries, keys, values = made.permute(2, 0, 3, 1, 4)
        keys, values = view.update(keys, values, index)
        if bias is not None and isinstance(keep, int):
            states, queries, bias = states[:, -keep:], queries[:, :, -keep:], bias[:, :, -keep:]
        if bias is None:
            rows = cast("Rows", view)
            found = rows.attend(queries, keys, values, self._shape[1] ** -0.5).transpose(1, 2)
        elif self._eager:
            scores = queries @ keys.transpose(2, 3) * self._shape[1] ** -0.5 + bias
            found = scores.softmax(-1) @ values
        else:
            found = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        found = found.transpose(1, 2).reshape(states.shape)
        if isinstance(keep, torch.Tensor):
            states, found = states[:, keep], found[:, keep]
        states = _added(states, own.out_proj, found)
        return _added(states, self.fc2, self.act(self.fc1(self.final_layer_norm(states))))


def _added(states: torch.Tensor, layer: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """States, and what a linear layer gives for tokens."""
    found: torch.Tensor = (
        layer(tokens, states) if isinstance(layer, PrepackedLinear) else states + layer(tokens)
    )
    return found


def read_network(folder: Path, dtype: torch.dtype, attention: str) -> BioGPT | None:
    """Read the network of a folder with weights of the usual names in one file of safetensors.

    Args:
        folder: The folder, whose settings `locate` has checked.
        dtype: The dtype to compute in.
        attention: "sdpa" or "eager".

    Returns:
        The network on the CPU; None if transformers must read it, or say what is wrong.
    """
    config, files = read_config(folder, str(folder)), [*folder.glob("*.safetensors")]
    settings = Network.model_validate(config)
    if len(files) != 1 or settings.hidden_act not in _ACTIVATIONS or _strange(config):
        return None
    try:
        weights = load_file(files[0])
    except Exception:  # safetensors' own errors, which loading by transformers tells
        return None
    network = BioGPT(settings, folder, attention=attention)
    # Copies, because the file may change.
    return network if network._take(weights, dtype) else None


def _strange(config: dict[str, object]) -> bool:
    """Whether settings ask for what only transformers does."""
    return "quantization_config" in config or "auto_map" in config
