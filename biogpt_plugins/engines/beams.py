"""Beam search, by transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import BioGptForCausalLM, LogitsProcessorList, StoppingCriteria

from biogpt_plugins.engines.generation import official_generation
from biogpt_plugins.engines.jobs import BeamSearch, Generation, Measured, not_finite
from biogpt_plugins.engines.sampling import measure


def search(model: BioGptForCausalLM, jobs: Sequence[BeamSearch]) -> None:
    """Write the best beams of prompts of one kind; `</s>` is forced at the end of the budget."""
    config, decoding = model.config, jobs[0].decoding
    eos, pad = int(config.eos_token_id), int(config.pad_token_id)
    width = max(job.size for job in jobs)
    shorts = [width - job.size for job in jobs]
    ids = [[pad] * short + job.prompt for short, job in zip(shorts, jobs, strict=True)]
    mask = [[0] * short + [1] * (width - short) for short in shorts]
    # Not max_new_tokens: the model config has a max_length, and transformers warns about both.
    most = width + jobs[0].rows[0].budget + 1
    options = official_generation(max_length=most, pad=pad, eos=eos, num_beams=decoding.num_beams)
    options.num_return_sequences = decoding.n

    def unwanted() -> bool:
        return not any(job.wanted() for job in jobs)

    def allowed(index: int, ids: torch.Tensor) -> list[int]:
        derivation = jobs[index].rows[0].derivation
        assert derivation is not None
        ahead = derivation.copy()
        for token in ids[width:].tolist():
            ahead.take(token)
        return ahead.tokens() or [eos]

    grounded = jobs[0].rows[0].derivation is not None
    sequences = model.generate(
        input_ids=torch.tensor(ids, device=model.device),
        attention_mask=torch.tensor(mask, device=model.device),
        generation_config=options,
        logits_processor=LogitsProcessorList([_checked]),
        stopping_criteria=[_Stop(unwanted)],
        prefix_allowed_tokens_fn=allowed if grounded else None,
    )
    rows = [row for job in jobs for row in job.rows]
    for row, tokens in zip(rows, sequences[:, width:].tolist(), strict=True):
        end = tokens.index(eos) if eos in tokens else len(tokens)
        row.written = tokens[:end]
        row.end("length" if end >= row.budget else "stop")
        if decoding.logprobs and row.written and not unwanted():
            # One more forward pass: the scores of the search include beams that were abandoned.
            row.measured = _measured(model, row, pad)
    for job in jobs:
        if job.wanted():
            job.done = True
        else:
            job.cancel()


def _checked(input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    """The scores of all beams; infinite logits have become NaN here, too.

    The scheduler repeats the search for each prompt to find those that fail.
    """
    if scores.isnan().any():
        raise not_finite()
    return scores


class _Stop(StoppingCriteria):  # type: ignore[misc]
    def __init__(self, reached: Callable[[], bool]) -> None:
        self._reached = reached

    def __call__(self, input_ids: torch.Tensor, scores: object, **_: Any) -> torch.Tensor:  # noqa: ANN401, ARG002
        return torch.full((len(input_ids),), self._reached(), device=input_ids.device)


def _measured(model: BioGptForCausalLM, row: Generation, pad: int) -> list[Measured]:
    ids = torch.tensor([row.ids], device=model.device)
    kept = len(row.written) + 1
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=kept).logits[0, :-1].float()
    logits[:, pad] = -torch.inf
    return measure(logits, row.written, row.decoding.top_logprobs)
