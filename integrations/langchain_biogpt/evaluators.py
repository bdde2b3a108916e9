"""The official metrics as an evaluator for LangSmith and other tools that take callables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from biogpt_plugins.evaluation.single import score_one, scored_task
from biogpt_plugins.scoring.gold import Names
from biogpt_plugins.values.errors import InputError


@dataclass(frozen=True)
class BioGPTEvaluator:
    """Scores a model's output for one document with the task's official metric; uses no model.

    `langsmith.evaluate(..., evaluators=[BioGPTEvaluator("ddi")])` gives each run the document's
    score in the task's main metric, and a comment that lists missing and wrong items. The mean over
    documents is the official figure for PubMedQA, DDI and KD-DTI. The figures for BC5CDR and HoC
    are computed over the whole corpus; use `biogpt score`.

    A completion that cannot be read gets the score that the official scripts give it. The metric of
    BC5CDR ignores documents without gold relations, so these have no score.

    Attributes:
        task: A task with a metric: its name or its TOML file.
        strict: Whether completions are parsed exactly as by the official scripts.
        names: BC5CDR only: "chemical2id" and "disease2id", as in {split}.entities.json. Without
            them, names are compared instead of ids.
        key: Name of the feedback; by default the task and its metric, such as "ddi_tp_micro_f1".
        output_key: The field of the outputs to score; None uses the only field.
        reference_key: The field of the reference outputs with the right result; None uses the only
            field.
    """

    task: str
    _: KW_ONLY
    strict: bool = False
    names: Names | None = field(default=None, repr=False, hash=False)
    key: str = ""
    output_key: str | None = None
    reference_key: str | None = None

    def __post_init__(self) -> None:
        task, metric = scored_task(self.task, self.names)
        object.__setattr__(self, "key", self.key or f"{task.name}_{metric.figure}")

    @property
    def __name__(self) -> str:
        """The name of the evaluator's trace in LangSmith."""
        return self.key

    def __call__(
        self,
        inputs: Any,  # noqa: ANN401 - the user's chain determines the types
        outputs: Any,  # noqa: ANN401 - the same
        reference_outputs: Any,  # noqa: ANN401 - the same
    ) -> dict[str, Any]:
        """Score one document.

        Args:
            inputs: The text that the model read, or the input that contains it; helps to divide
                names at the right " and ".
            outputs: A completion or a result, or a mapping with a field that contains it.
            reference_outputs: The task's official target text, a label or a result, or a mapping
                with a field that contains it.

        Returns:
            "key", "score" (from 0 to 1, or None) and "comment".

        Raises:
            InputError: The reference cannot be read, or the field is missing or ambiguous.
        """
        verdict = score_one(
            self.task,
            _field(reference_outputs, self.reference_key, "reference outputs"),
            _field(outputs, self.output_key, "outputs"),
            source=inputs,
            strict=self.strict,
            names=self.names,
        )
        return {
            "key": self.key,
            "score": None if math.isnan(verdict.score) else verdict.score,
            "comment": verdict.feedback,
        }


def _field(values: object, key: str | None, what: str) -> object:
    if key is None or not values:
        return values
    if not isinstance(values, Mapping) or key not in values:
        raise InputError(f"the {what} have no field {key!r}: {values!r:.80}")
    return values[key]
