"""Prompt layouts: how a source text is put before the model, and what a checkpoint expects.

The official layouts are those of microsoft/BioGPT: the source text, then the checkpoint's learned
prompt tokens, then the target. The few-shot layout asks a pretrained model, which has learned no
task, by showing it solved examples of our own writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.engine import Prompt

OFFICIAL_MAX_LENGTH = 1025
"""`</s>`, 1023 tokens of prompt and completion, and the `</s>` that fairseq then forces."""

CUE = "Abstract:"
CONCLUSION = "Conclusion:"


class TaskCard(BaseModel):
    """What one checkpoint expects of one task's prompt; stored in its `biogpt_task.json`.

    Attributes:
        layout: "learned_prompt" puts learned tokens behind the source text; "none" nothing;
            "few_shot" puts solved examples before it.
        learned_tokens: Names of the learned tokens in the checkpoint's vocabulary, in order.
        max_source_tokens: The source limit it was trained with (fairseq's
            `max_source_positions`); None for what the positions leave.
        max_length: As in Decoding; None for the task's own.
        lowercase: Whether the source is lower-cased; None for the task's own rule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Literal["learned_prompt", "none", "few_shot"] = "none"
    learned_tokens: tuple[str, ...] = ()
    max_source_tokens: int | None = None
    max_length: int | None = None
    lowercase: bool | None = None


FEW_SHOT = TaskCard(layout="few_shot")


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
        head = "".join(f"{CUE} {s.source.strip()} {CONCLUSION} {target} " for s, target in shots)
        return replace(
            source,
            head=f"{head}{CUE} {source.head}",
            tail=f"{source.tail.rstrip()} {CONCLUSION}",
        )
    if lowercase if card.lowercase is None else card.lowercase:
        source = replace(
            source,
            head=source.head.lower(),
            text=source.text.lower(),
            tail=source.tail.lower(),
        )
    return replace(
        source, learned_tokens=card.learned_tokens, max_source_tokens=card.max_source_tokens
    )
