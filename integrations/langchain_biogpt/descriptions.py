"""What a term means, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from biogpt_plugins.tasks.describe import DESCRIBE
from langchain_biogpt.documents import as_input
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.runnables import BioGPTTask, outcome, raised, with_settings


def create_description_chain(llm: BioGPTLLM | None = None, **options: Any) -> BioGPTTask:  # noqa: ANN401
    """A gene, drug or disease in; out comes what it is, in whole sentences.

    The description is what the model writes behind "{term} is". A batch is one call of the engine,
    and with `return_exceptions=True` a term that fails costs the others nothing. A stream gives the
    first sentence piece by piece and every other one when it is whole, as an end that was cut off
    is no part of a description; it is written without the beams that a call has.

    Args:
        llm: The model, best a pretrained one such as "microsoft/biogpt"; its own task plays no
            part. None for the bundled model, which was not taught to describe.
        options: Settings of the LLM and decoding options besides its own, such as `max_tokens=60`.

    Returns:
        A runnable from a term, or a mapping with `term`, to its description.
    """
    llm, options = with_settings(llm, options)
    return BioGPTDescription(llm=llm, task=DESCRIBE.name, options=options)


class BioGPTDescription(BioGPTTask):
    """What `create_description_chain` makes."""

    def _pieces(self, inputs: Iterator[Any], **options: Any) -> Iterator[str]:  # noqa: ANN401
        pipeline = self.pipeline(**options)
        for term in inputs:
            written = shown = ""
            for chunk in pipeline.stream(as_input(term)):
                written += chunk.text
                prediction = chunk.prediction
                sure = raised(outcome(prediction)) if prediction else _settled(written)
                if len(sure) > len(shown):
                    yield sure[len(shown) :]
                    shown = sure


def _settled(written: str) -> str:
    """The part of an unfinished description that stays, whatever follows.

    The task's own reading of it, which leaves out an unfinished sentence but for the first; a
    full stop at its end may yet be that of "3.5".
    """
    begun = written.rstrip(". ")
    return DESCRIBE.parse(begun) if begun.strip() else ""
