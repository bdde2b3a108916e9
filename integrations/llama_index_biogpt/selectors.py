"""Select the tool, query engine or retriever for a question by label probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import QueryBundle
from llama_index.core.tools.types import ToolMetadata

from biogpt_plugins.engine import in_thread, warn_of_truncation
from biogpt_plugins.pipeline.deciding import decide, decision
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.judging import TASK, Judging
from llama_index_biogpt.llm import BioGPTLLM

QUESTION = "Which of the options is the text about?"


class BioGPTSelector(Judging, BaseSelector):
    """Selects one choice for a RouterQueryEngine, a RouterRetriever or another router.

        RouterQueryEngine(selector=BioGPTSelector(model="microsoft/biogpt"), query_engine_tools=...)

    The text is the query, and the labels are the names of the choices, or their descriptions where
    they have no names. The probability of each is the model's; the reason of the selection gives
    it. A model that was trained for no task selects among any choices, after solved examples. A
    model that was trained for tasks selects among their labels only, such as the hallmarks of
    cancer; other choices are refused.
    """

    def __init__(self, *, question: str = QUESTION, **model: Any) -> None:  # noqa: ANN401
        """Choose the model, which is loaded on first use.

        Args:
            question: What is asked about the query, for models that were trained for no task.
            model: The fields of `biogpt_plugins.hosts.fields.ModelFields`: `model`, `device`, ...
        """
        self._question = question
        self._model = BioGPTLLM(**model)

    def _select(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        labels = {one.name or one.description: one.name and one.description for one in choices}
        if len(labels) < len(choices):
            raise InputError(
                f"the choices have the names {[one.name or one.description for one in choices]}: "
                "give each a name of its own"
            )
        pipeline = self._model.bind_task(TASK)
        asked = decision(pipeline, query.query_str, self._question, labels)
        (found,) = decide(pipeline, [asked])
        selected = found.label
        warn_of_truncation([found.truncated_tokens])
        reason = f"{selected}: probability {found.probabilities[selected]:.3f}"
        index = list(labels).index(selected)
        return SelectorResult(selections=[SingleSelection(index=index, reason=reason)])

    async def _aselect(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        return await in_thread(self._select, choices, query)

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """There are no prompts to update."""
