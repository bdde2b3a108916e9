"""Linear layers in bfloat16 on a CPU, with their weights in the order in which oneDNN reads them.

torch keeps weights row by row, and oneDNN brings them into its order in each call: for few tokens
this takes half as long as the product. `torch.compile` uses the same operators for frozen weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from biogpt_plugins.engines.network import BioGPT


MULTIPLE = 64
"""Long passes have a multiple of so many tokens: oneDNN plans each new number of tokens anew."""


class PrepackedLinear(nn.Module):
    """A linear layer, and the GELU behind it where there is one.

    Attributes:
        weight: The weights, in an order of oneDNN's own.
        bias: The bias; None for none.
    """

    def __init__(self, linear: nn.Linear, *, gelu: bool = False) -> None:
        """Reorder a layer's weights.

        Args:
            linear: The layer, in bfloat16.
            gelu: Whether GELU follows it.
        """
        super().__init__()
        weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = linear.bias
        self._behind = "gelu" if gelu else "none"

    def forward(self, tokens: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        """Apply the layer to [..., width], and add something to what it gives."""
        product = torch.ops.mkldnn._linear_pointwise
        found: torch.Tensor = (
            product(tokens, self.weight, self.bias, self._behind, [], "none")
            if added is None
            else product.binary(tokens, added, self.weight, self.bias, "add")
        )
        return found


def prepack(network: BioGPT) -> BioGPT:
    """Reorder the weights of a network in bfloat16 on a CPU, if this torch's oneDNN can do so.

    Any other network is left as it is.
    """
    if not supported(network.device, network.dtype):
        return network
    gelu = network.config.hidden_act == "gelu"
    layers: Any = network.biogpt.layers
    for layer in layers:
        own = layer.self_attn
        own.qkv_proj, own.out_proj = PrepackedLinear(own.qkv_proj), PrepackedLinear(own.out_proj)
        layer.fc1, layer.fc2 = PrepackedLinear(layer.fc1, gelu=gelu), PrepackedLinear(layer.fc2)
        if gelu:
            layer.act = nn.Identity()
    # The embeddings keep the weights that they share with the projection.
    network.output_projection = PrepackedLinear(network.projection())
    network.multiple = MULTIPLE
    return network


def supported(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether linear layers of a dtype on a device can be prepacked."""
    operators = torch.ops.mkldnn
    names = ("_is_mkldnn_bf16_supported", "_reorder_linear_weight", "_linear_pointwise")
    return (
        device.type == "cpu"
        and dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and all(hasattr(operators, name) for name in names)
        and hasattr(operators._linear_pointwise, "binary")
        and bool(operators._is_mkldnn_bf16_supported())
    )
