"""Chains: texts in, typed and grounded results out."""

from __future__ import annotations

from typing import Any

from biogpt_plugins.binding import relation_task
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.runnables import BioGPTTask


def create_relation_chain(llm: BioGPTLLM | None = None, **options: Any) -> BioGPTTask:  # noqa: ANN401
    """Papers in, relations out, with offsets into the text that was given.

    A batch is one call of the engine. With `return_exceptions=True` a bad text or an unreadable
    completion costs the others nothing. A stream yields the relations so far, whenever another one
    is written.

    Args:
        llm: An LLM with a relation task; one without a task is given the first relation task that
            its model was taught. None for the bundled model.
        options: Decoding options besides the LLM's own: `logprobs=True` gives relations a score.

    Returns:
        A runnable from a text, a Document, or a mapping with `title` and `abstract`, to its
        relations. Offsets count in the text, in `page_content`, or in title + " " + abstract.

    Raises:
        InputError: Neither the LLM nor its model has a relation task.
        ModelError: The LLM has no task, and its model cannot be found.
    """
    llm = llm or BioGPTLLM()
    task = relation_task(llm.task) if llm.task else llm.own_relation_task()
    return BioGPTTask(llm=llm, task=task, options=options)
