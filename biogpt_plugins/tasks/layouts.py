"""Prompt layouts: how a source text becomes the prompt that a checkpoint expects.

The official layouts are those of microsoft/BioGPT (`src/language_model_prompt_dataset.py`): the
source text, the checkpoint's prompt tokens, the target; or the prompt tokens, the source text, a
separator, the target. The few-shot layout is for pretrained models that were not fine-tuned for a
task: it shows them solved examples, which were written for this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biogpt_plugins.engine import Prompt, TaskCard

OFFICIAL_MAX_LENGTH = 1025
"""`</s>`, 1023 tokens of prompt and completion, and the final `</s>` that fairseq forces."""

CUE = "Abstract:"
"""The start of a text in the few-shot layout. A model that writes it has begun another text."""

CONCLUSION = "Conclusion:"


def framed(text: str) -> str:
    """Frame a text for the few-shot layout. Its conclusion, the target, follows."""
    return f"{CUE} {text.strip()} {CONCLUSION}"


def demonstrations(shots: Sequence[tuple[Prompt, str]]) -> str:
    """Write solved examples, (source, target) each, as they precede a framed text."""
    return "".join(f"{framed(source.source)} {target} " for source, target in shots)


def lay_out(
    source: Prompt,
    card: TaskCard,
    *,
    lowercase: bool = False,
    shots: Sequence[tuple[Prompt, str]] = (),
) -> Prompt:
    """Turn a task's source text into the prompt that a checkpoint expects.

    Args:
        source: The source text, with the parts that must not be cut in `head` and `tail`.
        card: How the checkpoint expects its prompts.
        lowercase: Whether to lower-case the source text if the card does not say.
        shots: Solved examples, (source, target) each, for the few-shot layout.
    """
    if card.layout == "few_shot" and shots:
        return replace(
            source,
            head=f"{demonstrations(shots)}{CUE} {source.head}",
            text=source.text if source.tail else source.text.rstrip(),
            tail=f"{source.tail.rstrip()} {CONCLUSION}",
        )
    if lowercase if card.lowercase is None else card.lowercase:
        source = replace(
            source,
            head=source.head.lower(),
            text=source.text.lower(),
            tail=source.tail.lower(),
        )
    tokens = card.learned_tokens or card.manual_prompt
    prefix, suffix = (tokens, (card.separator,)) if card.layout == "prefix" else ((), tokens)
    return replace(
        source,
        prefix_tokens=prefix,
        suffix_tokens=suffix,
        max_source_tokens=card.max_source_tokens,
    )
