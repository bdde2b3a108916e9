"""Chains: texts in, typed and grounded results out."""

from __future__ import annotations

from typing import Any

from biogpt_plugins.hosts.fields import relation_task
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.runnables import BioGPTTask, with_settings


def create_relation_chain(
    llm: BioGPTLLM | None = None,
    *,
    task: str | None = None,
    predictions: bool = False,
    **options: Any,  # noqa: ANN401
) -> BioGPTTask:
    """Papers in, relations out, with offsets into the text that was given.

    A batch is one call of the engine. With `return_exceptions=True` a bad text or an unreadable
    completion costs the others nothing. A stream yields the relations so far, whenever another one
    is written.

    Args:
        llm: The model, and how it writes; None for the bundled one.
        task: A relation task; None for the LLM's own, or else the first relation task that its
            model was taught.
        predictions: Give whole Predictions, failed ones among them, instead of relations.
        options: Settings of the LLM and decoding options besides its own: `min_score=0.5`,
            `dictionary="mesh.csv"`; `logprobs=True` gives relations a score.

    Returns:
        A runnable from a text, a Document, or a mapping with `title` and `abstract`, to its
        relations. Offsets count in the text, in `page_content`, or in title + " " + abstract.

    Raises:
        InputError: The task finds no relations, or the model was taught none that does.
        ModelError: No task is named, and the model cannot be found.
    """
    llm, options = with_settings(llm, options)
    named = task or llm.task
    task = relation_task(named) if named else llm.own_relation_task()
    return BioGPTTask(llm=llm, task=task, options=options, predictions=predictions)
