"""How a checkpoint expects the prompts of a task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Layout = Literal["learned_prompt", "manual_prompt", "prefix", "none", "few_shot"]


class TaskCard(BaseModel):
    """How a checkpoint expects the prompts of a task; stored in its `biogpt_task.json`.

    Attributes:
        layout: What is added to the source text. "learned_prompt": learned tokens after it;
            "manual_prompt": the tokens of ordinary words after it; "prefix": either of them before
            it, and the separator after it; "few_shot": solved examples before it; "none": nothing.
        learned_tokens: Names of the learned tokens in the checkpoint's vocabulary, in order.
        manual_prompt: Names of the words' tokens in the vocabulary ("that</w>"), in order.
        separator: Name of the separator's token.
        max_source_tokens: The source limit that it was trained with (fairseq's
            `max_source_positions`); None for as many as the model's positions allow.
        max_length: As in Decoding; None for the task's default.
        lowercase: Whether the source is lower-cased; None for the task's rule.
        text_first: Whether the text precedes the question. The official layouts put the question
            first. With the text first, the model reads it once for several questions.
        nothing: The target, without its full stop, of a text without relations, if this checkpoint
            was trained to write one; None for the task's own, which official layouts lack.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Layout = "none"
    learned_tokens: tuple[str, ...] = ()
    manual_prompt: tuple[str, ...] = ()
    separator: str = "<seqsep>"
    max_source_tokens: int | None = Field(default=None, ge=1)
    max_length: int | None = Field(default=None, ge=1)
    lowercase: bool | None = None
    text_first: bool = False
    # Left out of files and cache keys if there is none: older ones do not have it.
    nothing: str | None = Field(default=None, exclude_if=lambda words: words is None)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        args = super().__repr_args__()
        return ((name, value) for name, value in args if (name, value) != ("nothing", None))


FEW_SHOT = TaskCard(layout="few_shot")
"""Solved examples, then a source text in the official layout."""

PRETRAINED = TaskCard(layout="few_shot", text_first=True)
"""For models that were not fine-tuned for a task: solved examples, and the text first."""
