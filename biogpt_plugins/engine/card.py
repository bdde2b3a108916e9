"""What one checkpoint expects of one task's prompt."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Layout = Literal["learned_prompt", "manual_prompt", "prefix", "none", "few_shot"]


class TaskCard(BaseModel):
    """What one checkpoint expects of one task's prompt; stored in its `biogpt_task.json`.

    Attributes:
        layout: "learned_prompt" puts learned tokens behind the source text, "manual_prompt" the
            tokens of ordinary words; "prefix" puts either before it and the separator behind it;
            "none" puts nothing; "few_shot" solved examples before it.
        learned_tokens: Names of the learned tokens in the checkpoint's vocabulary, in order.
        manual_prompt: Names of the words' tokens in the vocabulary ("that</w>"), in order.
        separator: Name of the separator's token.
        max_source_tokens: The source limit it was trained with (fairseq's
            `max_source_positions`); None for what the positions leave.
        max_length: As in Decoding; None for the task's own.
        lowercase: Whether the source is lower-cased; None for the task's own rule.
        text_first: Whether the text stands before what is asked about it. The official layouts
            put a question first; behind the text, several questions about it share the work of
            reading it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Layout = "none"
    learned_tokens: tuple[str, ...] = ()
    manual_prompt: tuple[str, ...] = ()
    separator: str = "<seqsep>"
    max_source_tokens: int | None = None
    max_length: int | None = None
    lowercase: bool | None = None
    text_first: bool = False


FEW_SHOT = TaskCard(layout="few_shot")
"""Solved examples before a text in the official layout, however it came about."""

PRETRAINED = TaskCard(layout="few_shot", text_first=True)
"""How a model that was not taught a task is asked: with solved examples, and the text first."""
