"""Bytes of GPU memory and disk that training needs, by part, from the sizes of the network.

The numbers of bytes are those of the tensors that autograd saves for transformers' BioGPT, counted
with `torch.autograd.graph.saved_tensors_hooks`; tests count them again. A layer of width d and
feed-forward width f saves 40 d + 8 f bytes a token in float32 (72 d for BioGPT's f = 4 d) and
28 d + 4 f (44 d) with products in bfloat16; with checkpointing its input, 4 d, and one layer at a
time the rest. They hold for attention without maps, as SDPA computes it on a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from biogpt_plugins.training.options import Options

if TYPE_CHECKING:
    from transformers import BioGptConfig

LOGITS = 1024 * 42_384
"""So many logits are in memory at a time: with BioGPT's vocabulary those of 1,024 tokens."""

RESERVE = 1_000_000_000
"""Bytes that CUDA and its allocator take on top, roughly; not measured."""

CARDS = (8, 16, 24, 40, 80)
"""Memory of common GPUs, in units of 10^9 bytes."""

WAYS = {
    "full": {"weights": "full", "optimizer": "adamw", "gradient_checkpointing": False},
    "full, 8-bit Adam, checkpointing": {
        "weights": "full",
        "optimizer": "adamw_8bit",
        "gradient_checkpointing": True,
    },
    "lora": {"weights": "lora", "optimizer": "adamw", "gradient_checkpointing": False},
    "qlora": {"weights": "qlora", "optimizer": "adamw", "gradient_checkpointing": False},
}
"""Ways to train that differ in memory."""

# A state of 8 bits has a scale of 4 bytes for each 256 values.
_BYTE_STATE = 1 + 4 / 256
# NF4: 4 bits, scales of 8 bits for each 64, and scales of those, of 32 bits, for each 256.
_NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)


@dataclass(frozen=True)
class Memory:
    """Bytes, by part.

    Attributes:
        weights: The weights, with the copies in bfloat16 that products use.
        gradients: The gradients of those that train.
        optimizer: The two moments of Adam.
        activations: What the layers save for the gradient.
        logits: Logits, their softmax and gradient, and the gradient of the output layer.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All parts; they are at their largest at about the same time."""
        return sum(getattr(self, each.name) for each in fields(self))

    @property
    def cards(self) -> tuple[int, ...]:
        """The CARDS that have room for it, and for CUDA itself."""
        return tuple(size for size in CARDS if self.total + RESERVE <= size * 10**9)


def memory(
    config: BioGptConfig, options: Options, *, tokens: int, wanted: int, rows: int
) -> Memory:
    """The memory of training.

    Args:
        config: The network.
        options: Their `weights`, `optimizer`, `dtype`, `gradient_checkpointing` and `lora_rank`.
        tokens: Padded tokens of the largest batch.
        wanted: Tokens that bear a loss in a batch, at most.
        rows: Embedding rows that LoRA trains.
    """
    half = options.dtype == "bfloat16"
    trained = trained_parameters(config, options, rows=rows)
    return Memory(
        weights=_weights(config, options, rows=rows)
        + (0 if options.weights == "full" else 4 * trained),
        gradients=4 * trained,
        optimizer=_optimizer(config, options, trained),
        activations=activations(
            config, tokens, half=half, checkpointing=options.gradient_checkpointing
        ),
        logits=_logits(config, wanted, half=half),
    )


def matrices(config: BioGptConfig) -> int:
    """Weights and biases of the linear layers within all layers."""
    d, f = config.hidden_size, config.intermediate_size
    return int(config.num_hidden_layers * (4 * d * d + 2 * d * f + 5 * d + f))


def embeddings(config: BioGptConfig) -> int:
    """Weights of the tables of tokens, which is the output layer too, and of positions."""
    offset = 2  # rows before the first position
    rows = config.vocab_size + config.max_position_embeddings + offset
    return int(rows * config.hidden_size)


def parameters(config: BioGptConfig) -> int:
    """All weights."""
    norms = (2 * config.num_hidden_layers + 1) * 2 * config.hidden_size
    return matrices(config) + embeddings(config) + int(norms)


def trained_parameters(config: BioGptConfig, options: Options, *, rows: int) -> int:
    """Weights that change; with LoRA, `rows` embeddings among them."""
    if options.weights == "full":
        return parameters(config)
    d, f = config.hidden_size, config.intermediate_size
    pairs = config.num_hidden_layers * (4 * 2 * d + 2 * (d + f))
    return int(options.lora_rank * pairs + rows * d)


def activations(config: BioGptConfig, tokens: int, *, half: bool, checkpointing: bool) -> int:
    """Bytes that a forward pass saves; with checkpointing, and one layer's on the way back.

    Args:
        config: The network.
        tokens: Padded tokens of a batch.
        half: Whether products are in bfloat16.
        checkpointing: Whether layers save their input alone.
    """
    d, f, count = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    layer = 28 * d + 4 * f if half else 40 * d + 8 * f
    layers = 4 * d * count + layer if checkpointing else layer * count
    around = 8 * d  # embeddings' dropout, the last norm and what it makes
    return int(tokens * (layers + around))


def _weights(config: BioGptConfig, options: Options, *, rows: int) -> int:
    inner, table = matrices(config), config.vocab_size * config.hidden_size
    half = options.dtype == "bfloat16"
    stored = {"full": 4.0, "lora": 2.0 if half else 4.0, "qlora": _NF4}[options.weights]
    copies = 2 * table if half else 0
    if options.weights == "full":
        copies += 2 * inner if half else 0
    elif rows:
        copies += 4 * table  # with the rows that train put in
    return int(stored * inner) + 4 * (parameters(config) - inner) + copies


def _optimizer(config: BioGptConfig, options: Options, trained: int) -> int:
    if options.optimizer != "adamw_8bit":
        return 8 * trained
    # Moments of embeddings stay in 32 bits, as bitsandbytes advises and the Trainer does.
    whole = embeddings(config) if options.weights == "full" else 0
    return 8 * whole + int(2 * _BYTE_STATE * (trained - whole))


def _logits(config: BioGptConfig, wanted: int, *, half: bool) -> int:
    # Logits, as float32 once more if they are in bfloat16, their softmax, and its gradient.
    a_logit = 14 if half else 12
    table = config.vocab_size * config.hidden_size
    return int(min(wanted * config.vocab_size, LOGITS) * a_logit + 4 * table)


def kept_bytes(
    config: BioGptConfig, options: Options, *, updates: int, rows: int, best: bool
) -> int:
    """Bytes on the disk while training, at most: checkpoints, and weights set aside.

    Args:
        config: The network.
        options: Their `save_steps` and `average_epochs`, beside what decides the trained weights.
        updates: Updates of the run.
        rows: Embedding rows that LoRA trains.
        best: Whether the best weights are set aside.
    """
    trained = trained_parameters(config, options, rows=rows)
    # Two are kept; a third is there while it is written.
    checkpoints = min(3, -(-updates // options.save_steps))
    copies = options.average_epochs or int(best)
    aside = copies + 1 if copies else 0
    checkpoint = 4 * trained + _optimizer(config, options, trained)
    return checkpoints * checkpoint + aside * 4 * trained


def model_bytes(config: BioGptConfig, options: Options) -> int:
    """Bytes of the saved model's weights."""
    return parameters(config) * (4 if options.save_dtype == "float32" else 2)
