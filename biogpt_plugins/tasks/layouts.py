"""Prompt layouts: how a source text is put before the model, and what a checkpoint expects.

The official layouts are those of microsoft/BioGPT (`src/language_model_prompt_dataset.py`): the
source text, then the checkpoint's prompt tokens, then the target; or the prompt tokens, the source
text, a separator. The few-shot layout asks a pretrained model, which has learned no task, by
showing it solved examples of our own writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biogpt_plugins.engine import Prompt, TaskCard

OFFICIAL_MAX_LENGTH = 1025
"""`</s>`, 1023 tokens of prompt and completion, and the `</s>` that fairseq then forces."""

CUE = "Abstract:"
"""What a text begins with in the few-shot layout; a model that writes it has begun another text."""

CONCLUSION = "Conclusion:"


def framed(text: str) -> str:
    """A text as the few-shot layout puts it; what is concluded from it follows."""
    return f"{CUE} {text.strip()} {CONCLUSION}"


def demonstrations(shots: Sequence[tuple[Prompt, str]]) -> str:
    """Solved examples, (source, target) each, as they stand before a framed text."""
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
        source: The source text, its parts that must not be cut in `head` and `tail`.
        card: What the checkpoint expects.
        lowercase: Whether the task's source text is lower-cased, if the card does not say.
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
