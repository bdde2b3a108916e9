"""Losses in place of logits: the vocabulary is wide, and most tokens bear no loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.utils.checkpoint import checkpoint

Project = Callable[[torch.Tensor], torch.Tensor]
"""From hidden states of shape (tokens, width) to logits."""

Loss = Callable[..., torch.Tensor]
"""From logits and a label or more for each token to a loss for each."""


@contextmanager
def losses_from(
    layer: torch.nn.Module,
    wanted: torch.Tensor,
    loss: Loss,
    *labels: torch.Tensor,
    chunk: int,
) -> Iterator[None]:
    """Let a model's output layer give losses, of shape (wanted tokens,), instead of logits.

    This happens within the model's own forward, where wrappers for several GPUs expect it.

    Args:
        layer: The output layer.
        wanted: Whether a position bears a loss. Shape (rows, tokens).
        loss: Computes the losses.
        *labels: What it needs for each position. Shape (rows, tokens).
        chunk: As in `token_losses`.
    """
    project = layer.forward
    chosen = [each[wanted] for each in labels]

    def forward(hidden: torch.Tensor) -> torch.Tensor:
        return token_losses(project, loss, hidden[wanted], *chosen, chunk=chunk)

    layer.forward = forward
    try:
        yield
    finally:
        del layer.forward


def token_losses(
    project: Project,
    loss: Loss,
    hidden: torch.Tensor,
    *labels: torch.Tensor,
    chunk: int,
) -> torch.Tensor:
    """The loss of each token; logits of more than a chunk never stand in memory together.

    `torch.nn.functional.linear_cross_entropy` is newer than the oldest torch that we support, and
    knows neither autocast nor the output layers of peft.

    Args:
        project: The output layer.
        loss: Computes the losses from logits in float32.
        hidden: Hidden states. Shape (tokens, width).
        *labels: What the loss needs for each token.
        chunk: Logits of more tokens are computed in chunks, and again for their gradient.
    """

    def losses(hidden: torch.Tensor, *labels: torch.Tensor) -> torch.Tensor:
        return loss(project(hidden).float(), *labels)

    if len(hidden) <= chunk:
        return losses(hidden, *labels)
    parts = zip(*(torch.split(each, chunk) for each in (hidden, *labels)), strict=True)
    return torch.cat(
        [checkpoint(losses, *part, use_reentrant=False, preserve_rng_state=False) for part in parts]
    )
