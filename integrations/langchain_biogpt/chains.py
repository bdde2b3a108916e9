"""Chains from texts to typed, grounded results."""

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
    """Make a chain that finds the relations in papers, with offsets into the text.

    A batch is one engine call. With `return_exceptions=True`, an invalid text or an unreadable
    completion does not affect the other texts. A stream yields the relations so far after each new
    relation.

    Args:
        llm: The model and its decoding options; None uses the bundled model.
        task: A relation task; None uses the LLM's own, or else the first relation task that the
            model was trained for.
        predictions: Return Predictions, including failed ones, instead of relations.
        options: Settings of the LLM and decoding options, such as `min_score=0.5` or
            `dictionary="mesh.csv"`; with beams, `logprobs=True` adds scores to relations.

    Returns:
        A runnable from a text, messages, a Document, or a mapping with `title` and `abstract`, to
        its relations. Offsets refer to the text, to `page_content`, or to title + " " + abstract.
        The title in a Document's metadata is read before `page_content`, unless `page_content`
        begins with it. Offsets of entities and evidence with the part "title" refer to that title.
        Text with lines `title: ...` and `abstract: ...`, as CSVLoader writes it, is read as title
        and abstract.

    Raises:
        InputError: The task does not find relations, or the model was not trained for a relation
        task. ModelError: No task is given, and the model cannot be found.
    """
    llm, options = with_settings(llm, options)
    named = task or llm.task
    task = relation_task(named) if named else llm.own_relation_task()
    return BioGPTTask(llm=llm, task=task, options=options, predictions=predictions)
