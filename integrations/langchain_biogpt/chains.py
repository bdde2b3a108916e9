"""Chains: texts in, typed and grounded results out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)

from biogpt_plugins import Relation
from biogpt_plugins.binding import relation_task
from biogpt_plugins.tasks import get_task
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.parsers import RelationOutputParser
from langchain_biogpt.prompts import task_prompt


def create_relation_chain(
    llm: BioGPTLLM,
) -> Runnable[str | Mapping[str, str], list[Relation]]:
    """`prompt | llm | parser` of a relation task, with offsets into the text that was given.

    A batch is one call of the engine. With `return_exceptions=True` a bad text or an unreadable
    completion costs the others nothing.

    Args:
        llm: An LLM with a relation task; one without a task is given the first relation task that
            its model was taught.

    Returns:
        A runnable from a text, or a mapping with `title` and `abstract`, to its relations. Offsets
        count in the text, or in title + " " + abstract.

    Raises:
        InputError: Neither the LLM nor its model has a relation task.
        ModelError: The LLM has no task, and its model cannot be found.
    """
    task = get_task(relation_task(llm.task) if llm.task else llm.own_relation_task())
    llm = llm.model_copy(update={"task": task.name})
    parser = RelationOutputParser(task=task.name)

    def read(asked: dict[str, Any]) -> list[Relation]:
        source = task.read_input(asked["input"]).source
        return parser.parse_with_source(asked["completion"], source)

    steps = {"completion": task_prompt(task.name) | llm, "input": RunnablePassthrough[Any]()}
    return _Together(steps__=steps) | RunnableLambda(read, name="RelationOutputParser")


class _Together(RunnableParallel[Any]):
    """A RunnableParallel that hands a batch to its steps as a batch, not input by input."""

    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[dict[str, Any]]:
        steps = self.steps__.values()
        options = {"return_exceptions": return_exceptions, **kwargs}
        return self._rows([step.batch(inputs, config, **options) for step in steps])

    async def abatch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[dict[str, Any]]:
        steps = self.steps__.values()
        options = {"return_exceptions": return_exceptions, **kwargs}
        batches = (step.abatch(inputs, config, **options) for step in steps)
        return self._rows(await asyncio.gather(*batches))

    def _rows(self, columns: Iterable[list[Any]]) -> list[Any]:
        rows = [dict(zip(self.steps__, cells, strict=True)) for cells in zip(*columns, strict=True)]
        return [next(filter(_failed, row.values()), row) for row in rows]


def _failed(cell: object) -> bool:
    return isinstance(cell, Exception)
