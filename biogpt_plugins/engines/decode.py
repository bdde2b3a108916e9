"""The arithmetic: tokens chosen step by step, and labels scored in one forward pass.

A loop of our own instead of `generate`: rows of one batch have different limits, finished rows
leave the batch, a step is the unit that threads and streams share the model by, and sampling
touches no global random state. Beams go to `generate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import torch
from transformers import BioGptForCausalLM, DynamicCache, StoppingCriteria

from biogpt_plugins.engine import Decoding, cancelled
from biogpt_plugins.engines.generation import official_generation
from biogpt_plugins.engines.stopping import Stops
from biogpt_plugins.results import FinishReason

Turn = Callable[[], AbstractContextManager[None]]
"""Enters when it is the caller's turn to use the model."""


@dataclass(eq=False)
class Row:
    """A prompt on its way to a completion.

    Attributes:
        prompt: Ids of the prompt, the leading `</s>` included.
        budget: Most tokens to write, `</s>` not counted.
        stops: The stop strings.
        random: Where sampling takes its draws from.
        written: Ids written so far, without the final `</s>`.
        logprobs: Their log-probabilities, if the decoding asks for them.
        finish: Why the row ended; None while it has not.
    """

    prompt: list[int]
    budget: int
    stops: Stops
    random: Random
    written: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: FinishReason | None = None

    def take(self, token: int, eos: int) -> None:
        """Add a token that the model chose."""
        if token == eos:
            self.finish = "stop"
            return
        self.written.append(token)
        if self.stops.reached(self.written):
            self.finish = "stop"
        elif len(self.written) >= self.budget:
            self.finish = "length"


def write(
    model: BioGptForCausalLM, rows: Sequence[Row], decoding: Decoding, turn: Turn
) -> Iterator[None]:
    """Write one token of every unfinished row at each step, until all are finished or cancelled."""
    config = model.config
    eos, pad = int(config.eos_token_id), int(config.pad_token_id)
    last_position = int(config.max_position_embeddings) - 1
    rows = list(rows)
    ids, mask = _pad([row.prompt for row in rows], pad, model.device)
    positions = _positions(mask)
    cache = DynamicCache(config=config)
    while not cancelled():
        with turn(), torch.inference_mode():
            logits = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]
            logits = logits.float().clone()
            logits[:, pad] = -torch.inf  # never written, as in fairseq
            tokens = _choose(logits, rows, decoding)
            logs = _logprobs(logits, tokens) if decoding.logprobs else None
        for index, (row, token) in enumerate(zip(rows, tokens, strict=True)):
            if row.finish is None:
                row.take(token, eos)
                if logs and token != eos:
                    row.logprobs.append(logs[index])
        yield
        going = [index for index, row in enumerate(rows) if row.finish is None]
        if not going:
            return
        with torch.inference_mode():
            if len(going) <= len(rows) // 2:
                # Not at every end: this copies the cache of the rows that stay.
                keep = torch.tensor(going, device=model.device)
                cache.batch_select_indices(keep)
                mask, positions = mask[keep], positions[keep]
                rows, tokens = [rows[i] for i in going], [tokens[i] for i in going]
            ids = torch.tensor(tokens, device=model.device)[:, None]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            # Finished rows that are still aboard must not run off the position table.
            positions = (positions[:, -1:] + 1).clamp(max=last_position)
    for row in rows:
        row.finish = row.finish or "cancelled"


class _Cancelled(StoppingCriteria):  # type: ignore[misc]
    def __call__(self, input_ids: torch.Tensor, scores: object, **_: Any) -> torch.Tensor:  # noqa: ANN401, ARG002
        return torch.full((len(input_ids),), cancelled(), device=input_ids.device)


def write_beams(
    model: BioGptForCausalLM, rows: Sequence[Row], decoding: Decoding, turn: Turn
) -> None:
    """Write rows of one budget by beam search, the end forced where the budget ends.

    Args:
        model: The model.
        rows: `decoding.n` of each prompt, side by side; they get its best beams.
        decoding: Number of beams, and whether log-probabilities are asked for.
        turn: Entered while the model is used.
    """
    config = model.config
    eos, pad = int(config.eos_token_id), int(config.pad_token_id)
    ids, mask = _pad([row.prompt for row in rows[:: decoding.n]], pad, model.device)
    # Not max_new_tokens: the model's own config has a max_length, and both are remarked upon.
    most = ids.shape[1] + rows[0].budget + 1
    options = official_generation(max_length=most, pad=pad, eos=eos, num_beams=decoding.num_beams)
    options.num_return_sequences = decoding.n
    with turn(), torch.inference_mode():
        found = model.generate(
            input_ids=ids,
            attention_mask=mask,
            generation_config=options,
            stopping_criteria=[_Cancelled()],
        )
    for row, tokens in zip(rows, found[:, ids.shape[1] :].tolist(), strict=True):
        end = tokens.index(eos) if eos in tokens else len(tokens)
        row.written = tokens[:end]
        row.finish = "length" if end >= row.budget else "stop"
        if cancelled():
            row.finish = "cancelled"
        elif decoding.logprobs and row.written:
            # One more forward pass: the search's own scores are of beams that were left since.
            _measure(model, row, pad, turn)


def _measure(model: BioGptForCausalLM, row: Row, pad: int, turn: Turn) -> None:
    ids = torch.tensor([row.prompt + row.written], device=model.device)
    with turn(), torch.inference_mode():
        kept = len(row.written) + 1
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=kept).logits[0, :-1].float()
        logits[:, pad] = -torch.inf
        row.logprobs = _logprobs(logits, row.written)


def _logprobs(logits: torch.Tensor, tokens: Sequence[int]) -> list[float]:
    chosen = torch.tensor(tokens, device=logits.device)[:, None]
    found: list[float] = logits.log_softmax(-1).gather(-1, chosen)[:, 0].tolist()
    return found


def score(
    model: BioGptForCausalLM,
    prompts: Sequence[list[int]],
    labels: Sequence[list[int]],
    turn: Turn,
) -> list[list[float]]:
    """Log-probability of each label, whole, as what follows each prompt: one forward pass.

    A row holds the prompt once and behind it all labels side by side, each without its last
    token; a label sees the prompt and itself, and has the positions it would have alone.
    """
    device = model.device
    ids, mask = _pad(prompts, int(model.config.pad_token_id), device)
    branches = [label[:-1] for label in labels]
    tail = torch.tensor([t for branch in branches for t in branch], dtype=torch.long, device=device)
    width, extra = ids.shape[1], len(tail)
    ids = torch.cat([ids, tail.expand(len(ids), -1)], dim=1)
    mask = torch.cat([mask, mask.new_ones(len(mask), extra)], dim=1).bool()
    steps = torch.tensor([i for branch in branches for i in range(len(branch))], device=device)
    lengths = mask[:, :width].sum(-1, keepdim=True)
    positions = torch.cat([_positions(mask[:, :width].long()), lengths + steps.long()], dim=1)
    sees = torch.ones(width + extra, width + extra, dtype=torch.bool, device=device).tril()
    starts = [0]
    for branch in branches:
        begin, end = width + starts[-1], width + starts[-1] + len(branch)
        sees[begin:end, width:begin] = False
        starts.append(starts[-1] + len(branch))
    # Padding sees itself: a row of attention that sees nothing is NaN.
    allowed = (sees & mask[:, None, :]) | torch.eye(width + extra, dtype=torch.bool, device=device)
    with turn(), torch.inference_mode():
        bias = torch.zeros(allowed.shape, dtype=model.dtype, device=device)
        bias = bias.masked_fill(~allowed, torch.finfo(model.dtype).min)
        logits = model(
            input_ids=ids,
            attention_mask=bias[:, None],
            position_ids=positions,
            use_cache=False,
            logits_to_keep=1 + extra,
        ).logits
        logs = logits.float().log_softmax(-1)
        scores = []
        for label, start in zip(labels, starts, strict=False):
            # Place 0 follows the prompt, place 1 + i follows the i-th token of the branches.
            places = [0, *range(1 + start, start + len(label))]
            scores.append(logs[:, places, label].sum(-1))
        return [[float(s) for s in row] for row in torch.stack(scores, dim=1).tolist()]


def _pad(
    prompts: Sequence[list[int]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, prompts))
    ids = [[pad] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _positions(mask: torch.Tensor) -> torch.Tensor:
    # The model's own default counts the padding too, and its logits are then off by up to 1.7.
    return (mask.cumsum(-1) - 1).clamp(min=0)


def _choose(logits: torch.Tensor, rows: Sequence[Row], decoding: Decoding) -> list[int]:
    if decoding.temperature == 0:
        return [int(token) for token in logits.argmax(-1).tolist()]
    shares, order = (logits / decoding.temperature).softmax(-1).sort(-1, descending=True)
    if decoding.top_k:
        shares[:, decoding.top_k :] = 0
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill(before >= decoding.top_p * shares.sum(-1, keepdim=True), 0)
    reach = shares.cumsum(-1)
    # One draw a row from the row's own source: the batch it is in changes nothing.
    draws = torch.tensor([row.random.random() for row in rows], device=logits.device)
    rank = (reach <= draws[:, None] * reach[:, -1:]).sum(-1, keepdim=True)
    rank = rank.minimum((shares > 0).sum(-1, keepdim=True) - 1)
    return [int(token) for token in order.gather(-1, rank)[:, 0].tolist()]
