"""Describe a term, as in the BioGPT paper's demonstration: `{term} is ...`, with 5 beams."""

from __future__ import annotations

from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.tasks import generate
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.inputs import Text


def source(text: Text) -> Prompt:
    """The term, followed by "is"."""
    return Prompt(text=f"{text.text.strip()} is")


def read(completion: str, source: str | None, cut: bool) -> Reading[str]:
    """The description up to its last complete sentence, or all of it if none is complete."""
    text = generate.read(completion, source, cut).result
    whole, stop, _ = text.rpartition(". ")
    return Reading(text if text.endswith(".") or not stop else f"{whole}.")


DESCRIBE = Task[str](
    name="describe",
    summary="say what a term means, with a pretrained model",
    kind="text",
    input=Text,
    source=source,
    target=str,
    read=read,
    decoding=Decoding(max_new_tokens=100, num_beams=5),
)
