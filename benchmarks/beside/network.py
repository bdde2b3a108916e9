"""How long a network computes, and how fast the device's memory is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from transformers import BioGptForCausalLM

from beside.place import Place
from biogpt_plugins.bench.clock import timed

_GIB = 1 << 30


@contextmanager
def forwards(model: torch.nn.Module) -> Iterator[list[float]]:
    """The seconds of each forward pass of a model meanwhile, in any thread."""
    starts: list[float] = []
    seconds: list[float] = []
    hooks = (
        model.register_forward_pre_hook(lambda *_: starts.append(time.perf_counter())),
        model.register_forward_hook(lambda *_: seconds.append(time.perf_counter() - starts.pop())),
    )
    try:
        yield seconds
    finally:
        for hook in hooks:
            hook.remove()


def bytes_of_step(network: BioGptForCausalLM, lengths: Sequence[float]) -> float:
    """What the memory has to give, at least, for one token of each of some texts.

    Args:
        network: The model: each pass reads its weights.
        lengths: How many tokens each text has so far; their keys and values are read.
    """
    config = network.config
    # Of the positions only one row is read; the embeddings are read as they are the projection.
    unread = network.biogpt.embed_positions.weight.numel()
    weights = sum(weight.numel() for weight in network.parameters()) - unread
    held = 2 * config.num_hidden_layers * config.hidden_size * sum(lengths)
    return float((weights + held) * network.dtype.itemsize)


def operations_of_reading(network: BioGptForCausalLM, lengths: Sequence[int]) -> float:
    """How many additions and multiplications it takes, at least, to read some texts.

    Each weight of a layer is used once for each token, each pair of a token and one before it
    (or itself) twice the width in each layer, and the projection once for each text.
    """
    config = network.config
    width, layers = config.hidden_size, config.num_hidden_layers
    dense = layers * (4 * width * width + 2 * width * config.intermediate_size) * sum(lengths)
    pairs = layers * 2 * width * sum(length * (length + 1) // 2 for length in lengths)
    return float(2 * (dense + pairs + len(lengths) * width * config.vocab_size))


def bandwidth(place: Place, size: int | None = None) -> float:
    """How many bytes a second the device's memory reads or writes: the best of six copies.

    Args:
        place: The device.
        size: The number of bytes to copy; None for many more than caches hold.
    """
    size = size or (_GIB if place.device.type == "cuda" else _GIB // 4)
    source = torch.zeros(size, dtype=torch.uint8, device=place.device)
    target = torch.empty_like(source)
    best = min(timed(lambda: target.copy_(source), place.wait).seconds for _ in range(6))
    return 2 * size / best
