"""The settings of a network, checked by bounds before any of it is built."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from biogpt_plugins.values.errors import ModelError

Activation = Literal[
    "gelu",
    "gelu_new",
    "gelu_fast",
    "gelu_python",
    "gelu_pytorch_tanh",
    "mish",
    "quick_gelu",
    "relu",
    "silu",
    "swish",
]
_PADDING = 2  # rows before the first position
_SIZE = 1 << 16  # BioGPT-Large has 1600, and 6400 within a layer


class Network(BaseModel):
    """The settings of a network, with transformers' names and defaults.

    The bounds are far above BioGPT-Large. What is beyond them is damage or malice, and would take
    all memory or all day.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)

    vocab_size: int = Field(42384, ge=4, le=10_000_000)
    hidden_size: int = Field(1024, ge=1, le=_SIZE)
    num_hidden_layers: int = Field(24, ge=1, le=1000)
    num_attention_heads: int = Field(16, ge=1, le=_SIZE)
    intermediate_size: int = Field(4096, ge=1, le=16 * _SIZE)
    max_position_embeddings: int = Field(1024, ge=2, le=1 << 20)
    hidden_act: Activation = "gelu"
    hidden_dropout_prob: float = Field(0.1, ge=0, le=1)
    attention_probs_dropout_prob: float = Field(0.1, ge=0, le=1)
    activation_dropout: float = Field(0.0, ge=0, le=1)
    layerdrop: float = Field(0.0, ge=0, le=1)
    layer_norm_eps: float = Field(1e-12, gt=0, lt=1)
    initializer_range: float = Field(0.02, ge=0)
    scale_embedding: bool = True
    use_cache: bool = True
    tie_word_embeddings: bool = True
    bos_token_id: int | None = Field(0, ge=0)
    pad_token_id: int = Field(1, ge=0)
    eos_token_id: int = Field(2, ge=0)
    num_labels: int = Field(2, ge=0, le=100_000)  # transformers makes a name for each

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"num_attention_heads is {self.num_attention_heads}, but it must divide "
                f"hidden_size, {self.hidden_size}"
            )
        for name in ("bos_token_id", "pad_token_id", "eos_token_id"):
            if (token := getattr(self, name)) is not None and token >= self.vocab_size:
                raise ValueError(f"{name} is {token}, but vocab_size is {self.vocab_size}")
        return self

    @property
    def parameters(self) -> int:
        """The number of weights; tied ones count once."""
        width, inner = self.hidden_size, self.intermediate_size
        layer = 4 * width * (width + 1) + 2 * width * inner + inner + 5 * width
        rows = self.vocab_size * (1 if self.tie_word_embeddings else 2)
        return (
            (rows + self.max_position_embeddings + _PADDING) * width
            + self.num_hidden_layers * layer
            + 2 * width
        )


def read_network(
    settings: Mapping[str, object],
    where: str,
    *,
    names: Mapping[str, str] = MappingProxyType({}),
) -> Network:
    """The settings of a network.

    Args:
        settings: Settings with transformers' names; further ones are ignored.
        where: What holds them, for errors.
        names: Names of settings there, if they are not transformers' own.

    Raises:
        ModelError: One has no valid value; the message names it.
    """
    try:
        return Network.model_validate(settings)
    except ValidationError as error:
        fault = error.errors()[0]
        said = str(fault["msg"]).removeprefix("Value error, ")
        if fault["loc"]:
            name = str(fault["loc"][0])
            said = f"{name} is {str(fault['input'])[:40]!r}: {said[0].lower()}{said[1:]}"
        for ours, theirs in names.items():
            said = said.replace(ours, theirs)
        raise ModelError(f"{where} does not describe a BioGPT: {said}") from error
