"""Describe terms in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from biogpt_plugins import Pipeline
from biogpt_plugins.tasks.describe import DESCRIBE
from langchain_biogpt.documents import Asked
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.runnables import BioGPTTask, Step, outcome, raised, with_settings


def create_description_chain(llm: BioGPTLLM | None = None, **options: Any) -> BioGPTTask:  # noqa: ANN401
    """Make a chain that describes a gene, drug or disease in complete sentences.

    The description is the model's continuation of "{term} is". A batch is one engine call. With
    `return_exceptions=True`, a failed term does not affect the others. A stream yields the first
    sentence in pieces and each further sentence when it is complete, because descriptions do not
    include an unfinished last sentence. Streams do not use beams.

    Args:
        llm: The model, preferably a pretrained one such as "microsoft/biogpt"; its own task is
            ignored. None uses the bundled model, which was not trained to describe terms.
        options: Settings of the LLM and decoding options, such as `max_tokens=60`.

    Returns:
        A runnable from a term, or a mapping with `term`, to its description.
    """
    llm, options = with_settings(llm, options)
    return BioGPTDescription(llm=llm, task=DESCRIBE.name, options=options)


class BioGPTDescription(BioGPTTask):
    """The chain that `create_description_chain` returns."""

    _text_field: ClassVar[str] = "term"

    def _grows(self, pipeline: Pipeline) -> bool:
        return not self.predictions and pipeline.task.name == DESCRIBE.name

    def _steps(self, pipeline: Pipeline, asked: Asked) -> Iterator[Step]:
        written = shown = ""
        for chunk in pipeline.stream(asked.input):
            yield Step(chunk.text, (), chunk.prediction)
            written += chunk.text
            prediction = chunk.prediction
            sure = raised(outcome(prediction)) if prediction else _settled(written)
            if len(sure) > len(shown):
                yield Step("", [sure[len(shown) :]])
                shown = sure


def _settled(written: str) -> str:
    """The part of an unfinished description that later text cannot change.

    The task leaves out an unfinished sentence unless it is the first. A full stop at the end is
    ignored, because it may belong to a number such as "3.5".
    """
    begun = written.rstrip(". ")
    return DESCRIBE.parse(begun) if begun.strip() else ""
