"""The official metrics as a LlamaIndex evaluator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.response.schema import Response
from llama_index.core.evaluation import BaseEvaluator, EvaluationResult
from llama_index.core.prompts.mixin import PromptDictType

from biogpt_plugins.evaluation.single import score_one, scored_task
from biogpt_plugins.scoring.gold import Names
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer
from llama_index_biogpt.judging import ANSWER
from llama_index_biogpt.synthesizer import paper_answer_of


class BioGPTEvaluator(BaseEvaluator):
    """Scores a model's output for one document with the task's official metric; uses no model.

    The score is the document's score in the task's main metric; the feedback lists missing and
    wrong items. The mean over documents is the official figure for PubMedQA, DDI and KD-DTI. The
    figures for BC5CDR and HoC are computed over the whole corpus; use `biogpt score`.

    For a query engine with a BioGPTPaperSynthesizer, use the task "pubmedqa"; it scores the label
    of the answer.

    A completion that cannot be read is an invalid result with the score that the official scripts
    give it. The metric of BC5CDR ignores documents without gold relations, so these have no score.
    """

    def __init__(
        self,
        task: str,
        *,
        score_threshold: float = 0.5,
        strict: bool = False,
        names: Names | None = None,
    ) -> None:
        """Choose the metric.

        Args:
            task: A task with a metric: its name or its TOML file.
            score_threshold: The minimum score that passes.
            strict: Whether completions are parsed exactly as by the official scripts.
            names: BC5CDR only: "chemical2id" and "disease2id", as in {split}.entities.json.
                Without them, names are compared instead of ids.

        Raises:
            InputError: The task has no metric, or `names` has another format.
        """
        self._task, _ = scored_task(task, names)
        self._score_threshold = score_threshold
        self._strict = strict
        self._names = names

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """There are no prompts to update."""

    async def aevaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        reference: object = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> EvaluationResult:
        """Score one document.

        Args:
            query: Copied to the result.
            response: The model's output, or a result as JSON.
            contexts: The text that the model read; helps to divide names at the right " and ".
            reference: The right result: the task's official target text, a label, or a result,
                as an object or as JSON.
            kwargs: Ignored.

        Raises:
            InputError: The response or the reference is missing, or the reference cannot be read.
        """
        del kwargs
        if response is None or reference is None:
            missing = "response" if response is None else "reference"
            raise InputError(
                f"{missing} is missing: pass the model's output as response and the right result "
                "as reference"
            )
        verdict = score_one(
            self._task,
            reference,
            response,
            source=" ".join(contexts or ()),
            strict=self._strict,
            names=self._names,
        )
        counts = not math.isnan(verdict.score)
        readable = not verdict.failure
        return EvaluationResult(
            query=query,
            contexts=contexts,
            response=response,
            passing=readable and verdict.score >= self._score_threshold if counts else None,
            score=verdict.score if counts else None,
            feedback=verdict.feedback,
            invalid_result=not readable,
            invalid_reason=verdict.failure or None,
        )

    def evaluate_response(
        self,
        query: str | None = None,
        response: Response | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> EvaluationResult:
        """Score a response, as `aevaluate` does."""
        return super().evaluate_response(query, response and self._as_written(response), **kwargs)

    async def aevaluate_response(
        self,
        query: str | None = None,
        response: Response | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> EvaluationResult:
        """Score a response, as `aevaluate` does."""
        written = response and self._as_written(response)
        return await super().aevaluate_response(query, written, **kwargs)

    def _as_written(self, response: Response) -> Response:
        """The response; an answer from papers is converted to the model's format."""
        if ANSWER not in (response.metadata or {}) or not self._task.choices:
            return response
        label = paper_answer_of(response).label
        text = self._task.target(Answer(label=label)) if label else ""
        return Response(text, response.source_nodes, response.metadata)
