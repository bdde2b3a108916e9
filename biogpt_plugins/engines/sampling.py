"""Chooses tokens from logits; each row has its own decoding and its own random source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress

import torch

from biogpt_plugins.engines.jobs import Generation, Measured, not_finite

COLDEST = 1e-6  # the least temperature that single precision divides by; it is as good as 0


def only_finite(
    logits: torch.Tensor, rows: Sequence[Generation]
) -> tuple[torch.Tensor, list[Generation]]:
    """Let rows fail whose logits, of [rows, vocabulary], are not finite; return the others."""
    sound: list[bool] = logits.sum(-1).isfinite().tolist()  # a sum keeps NaN and infinity
    for row, is_sound in zip(rows, sound, strict=True):
        if not is_sound:
            row.fail(not_finite())
    return (logits, list(rows)) if all(sound) else (logits[sound], list(compress(rows, sound)))


def choose(logits: torch.Tensor, rows: Sequence[Generation]) -> list[int]:
    """A token for each row of [rows, vocabulary]."""
    allowed = {i: row.derivation.tokens() for i, row in enumerate(rows) if row.derivation}
    if allowed:
        logits = _narrow(logits, allowed)
    tokens: list[int] = logits.argmax(-1).tolist()
    sampled = [i for i, row in enumerate(rows) if row.decoding.temperature]
    if sampled:
        drawn = _draw(logits[sampled], [rows[i] for i in sampled])
        for i, token in zip(sampled, drawn, strict=True):
            tokens[i] = token
    return tokens


def measure(
    logits: torch.Tensor, tokens: Sequence[int], top: int = 0, *, rows: Sequence[int] | None = None
) -> list[Measured]:
    """Measure tokens, without grammar.

    Args:
        logits: The logits, [rows, vocabulary].
        tokens: The tokens.
        top: How many of the most probable tokens to list for each token.
        rows: The row of each token; None if each has its own, in order.
    """
    rows = range(len(tokens)) if rows is None else rows
    logs = logits.log_softmax(-1)
    logprobs: list[float] = logs[list(rows), list(tokens)].tolist()
    if not top:
        return [Measured(log) for log in logprobs]
    best = [found.tolist() for found in logs.topk(min(top, logs.shape[-1]))]
    listed = [tuple(zip(ids, shares, strict=True)) for shares, ids in zip(*best, strict=True)]
    return [Measured(log, listed[row]) for log, row in zip(logprobs, rows, strict=True)]


def _narrow(logits: torch.Tensor, allowed: Mapping[int, Sequence[int]]) -> torch.Tensor:
    """The logits, with only the allowed tokens in the given rows."""
    width = max(map(len, allowed.values()))
    padded = [[*tokens, *[tokens[0]] * (width - len(tokens))] for tokens in allowed.values()]
    rows, columns = (torch.tensor(v, device=logits.device) for v in (list(allowed), padded))
    kept = torch.full((len(rows), logits.shape[-1]), -torch.inf, device=logits.device)
    kept.scatter_(1, columns, logits[rows[:, None], columns])
    return logits.index_copy(0, rows, kept)


def _draw(logits: torch.Tensor, rows: Sequence[Generation]) -> list[int]:
    def column(values: Sequence[float]) -> torch.Tensor:
        return torch.tensor(values, device=logits.device)[:, None]

    decodings = [row.decoding for row in rows]
    warmth = column([max(d.temperature, COLDEST) for d in decodings])
    shares, order = (logits / warmth).softmax(-1).sort(-1, descending=True)
    width = shares.shape[-1]
    most = column([min(d.top_k or width, width) for d in decodings])
    shares = shares.masked_fill(torch.arange(width, device=logits.device) >= most, 0)
    before = shares.cumsum(-1) - shares
    top = column([d.top_p for d in decodings]) * shares.sum(-1, keepdim=True)
    shares = shares.masked_fill((before >= top) & (before > 0), 0)  # the first token stays
    reach = shares.cumsum(-1)
    # One draw per row from the row's own source, so that the batch does not matter.
    draws = column([row.random.random() for row in rows])
    rank = (reach <= draws * reach[:, -1:]).sum(-1, keepdim=True)
    rank = rank.minimum((shares > 0).sum(-1, keepdim=True) - 1)
    drawn: list[int] = order.gather(-1, rank)[:, 0].tolist()
    return drawn
