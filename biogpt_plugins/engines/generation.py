"""The official generation settings as a transformers GenerationConfig."""

from __future__ import annotations

from transformers import GenerationConfig


def official_generation(
    *, max_length: int, pad: int, eos: int, bos: int | None = None, num_beams: int = 1
) -> GenerationConfig:
    """Greedy search, or beam search; `</s>` is forced at the limit, and padding is never written.

    Args:
        max_length: Most tokens of prompt and completion, including the first and the last `</s>`.
        pad: Id of the padding token.
        eos: Id of `</s>`.
        bos: Id of `<s>`, which no prompt begins with.
        num_beams: Number of beams; 1 for greedy search.
    """
    return GenerationConfig(
        do_sample=False,
        num_beams=num_beams,
        max_length=max_length,
        bos_token_id=bos,
        pad_token_id=pad,
        eos_token_id=eos,
        forced_eos_token_id=eos,
        suppress_tokens=[pad],
    )
