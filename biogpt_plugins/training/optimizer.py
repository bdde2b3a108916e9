"""fairseq's Adam and its inverse square root schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch

_START = 1e-7


class FairseqAdam(torch.optim.AdamW):
    """fairseq's Adam: m / (sqrt(v) + eps) * lr * sqrt(1 - b2^t) / (1 - b1^t).

    PyTorch adds epsilon to the corrected root, sqrt(v / (1 - b2^t)). The two are equal if its
    epsilon changes with each update, which is all that happens here.

    Args:
        parameters: What to train.
        **options: As for AdamW, but for one group of parameters.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], **options: Any) -> None:  # noqa: ANN401
        super().__init__(parameters, **options)
        for group in self.param_groups:
            group["updates"] = 0

    def step(self, closure: Callable[[], float] | None = None) -> Any:  # noqa: ANN401
        """Make one update."""
        for group in self.param_groups:
            group["updates"] += 1
            group["eps"] = self.defaults["eps"] / (1 - group["betas"][1] ** group["updates"]) ** 0.5
        return super().step(closure)


def inverse_sqrt(updates: int, *, peak: float, warmup: int) -> float:
    """The learning rate after so many updates: up from 1e-7 to `peak`, then down by the root."""
    if updates < warmup:
        return _START + updates * (peak - _START) / warmup
    return peak * math.sqrt(max(warmup, 1) / max(updates, 1))
