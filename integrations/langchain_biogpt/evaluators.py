"""The official metrics as an evaluator for LangSmith, and wherever an evaluator is a callable."""

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
    """Scores what a model wrote for one document by a task's official metric; asks no model.

    `langsmith.evaluate(..., evaluators=[BioGPTEvaluator("ddi")])` gives each run the
    document's own score in the task's main figure, and a comment on what was missed and what is
    wrong. The mean over documents is the official figure for PubMedQA, DDI and KD-DTI; those of
    BC5CDR and HoC are counted over the corpus, by `biogpt score`.

    A completion that cannot be read has the score that the official scripts give it. Documents of
    BC5CDR without right relations, which its metric leaves out, have none.

    Attributes:
        task: A task that has a metric, by its name or its TOML file.
        strict: Whether completions are read as the official scripts do.
        names: BC5CDR: "chemical2id" and "disease2id", as in {split}.entities.json. Without them
            names are compared instead of ids.
        key: What the feedback is called; "ddi_tp_micro_f1", say, by default.
        output_key: The field of the outputs to score; None for the only one.
        reference_key: The field of the reference outputs that says what is right; likewise.
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
        """What LangSmith calls the evaluator's own trace."""
        return self.key

    def __call__(
        self,
        inputs: Any,  # noqa: ANN401 - what there is to score is up to the user's chain
        outputs: Any,  # noqa: ANN401 - the same
        reference_outputs: Any,  # noqa: ANN401 - the same
    ) -> dict[str, Any]:
        """Score one document.

        Args:
            inputs: The text that was read, or the input that holds it; helps to divide names at
                the right " and ".
            outputs: A completion or a result, or a mapping that has it as a field.
            reference_outputs: The task's official target text, a label or a result; likewise.

        Returns:
            "key", "score" from 0 to 1 or None, and "comment".

        Raises:
            InputError: The reference cannot be read, or which field is meant cannot be told.
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
        raise InputError(f"the {what} have no field {key!r}: they are {values!r:.80}")
    return values[key]
