"""What a machine's limits leave of a model's time: the least that reading and writing can take."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from biogpt_plugins.bench.sides import Side, device_of, dtype_of
from biogpt_plugins.checkpoints.folders import read_config

if TYPE_CHECKING:
    from biogpt_plugins.engines.machine import Limits

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


class Weights(NamedTuple):
    """How many weights a model has.

    Attributes:
        layers: Those that each token is multiplied with.
        projection: Those that give a written token its logits.
    """

    layers: int
    projection: int


def weights_of(folder: Path, name: str) -> Weights:
    """The weights of the model in a folder, by its config.json; biases are left out.

    Raises:
        ModelError: The file is missing or damaged.
    """
    config = read_config(folder, name)
    sizes = ("hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size")
    width, inner, layers, rows = (int(str(config.get(size, 0))) for size in sizes)
    return Weights(layers * (4 * width * width + 2 * width * inner), width * rows)


def least_seconds(  # noqa: PLR0913 - keyword-only
    limits: Limits, weights: Weights, *, size: int, rows: int, read: int, passes: float
) -> float:
    """The least time that a machine needs for some rows that are read and written together.

    Products and memory count, each by itself. Attention is left out, and the keys and values that
    it reads.

    Args:
        limits: The machine's limits.
        weights: The model's weights.
        size: Bytes of a weight.
        rows: The number of rows.
        read: Tokens that are read, of all rows together.
        passes: Passes that write them, the pass that reads among them.
    """
    every = sum(weights)
    load = size * every / limits.memory
    reading = max(2 * read * weights.layers / limits.products, load)
    step = max(2 * rows * every / limits.products, load)
    return reading + max(0, passes - 1) * step


def limits_of(side: Side) -> Limits | None:
    """The limits of a side's machine in its dtype, measured once; None if they are not known."""
    folder: Path | None = getattr(side.pipeline.engine, "folder", None)
    if folder is None or not (folder / "config.json").is_file():  # an adapter has none
        return None
    dtype = dtype_of(side.pipeline)
    return _measured(device_of(side.pipeline), dtype) if dtype in _BYTES else None


def least_of(side: Side, *, rows: int, read: int, passes: float) -> float | None:
    """The least seconds of a side, by `least_seconds`; None if its limits are not known."""
    limits = limits_of(side)
    if limits is None:
        return None
    engine = side.pipeline.engine
    weights = weights_of(Path(getattr(engine, "folder", "")), side.name)
    size = _BYTES[dtype_of(side.pipeline)]
    return least_seconds(limits, weights, size=size, rows=rows, read=read, passes=passes)


@cache
def _measured(device: str, dtype: str) -> Limits | None:
    from biogpt_plugins.engines.machine import apart, measure_limits  # noqa: PLC0415 - loads torch

    return apart(partial(measure_limits, device, dtype))
