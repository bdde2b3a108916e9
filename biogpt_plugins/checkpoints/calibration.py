"""Calibrations, which correct probabilities to match how often they are right, and their file.

They have few parameters: one temperature for answers (Guo et al., 2017), two numbers for the scores
of relations (Platt, 1999). `biogpt calibrate` fits them on labelled data.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from biogpt_plugins.values.errors import ModelError

CALIBRATION_FILE = "biogpt_calibration.json"
_LEAST = 1e-12  # an engine may round a probability to 0


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AnswerCalibration(_Value):
    """A correction of label probabilities.

    Attributes:
        temperature: Divides their logarithms; above 1 makes a model less certain.
        contextual: Whether to divide first by the probabilities that the model gives without a
            text (Zhao et al., 2021), so that a label it always prefers counts for less.
        examples: Number of answers it was fitted on.
    """

    temperature: float = Field(default=1.0, gt=0)
    contextual: bool = False
    examples: int = 0

    def correct(
        self, probabilities: Mapping[str, float], prior: Mapping[str, float] | None = None
    ) -> dict[str, float]:
        """The corrected probabilities, which sum to 1; `prior` is used if `contextual` is set."""
        logs = {label: log(max(share, _LEAST)) for label, share in probabilities.items()}
        if self.contextual and prior:
            logs = {label: value - log(max(prior[label], _LEAST)) for label, value in logs.items()}
        most = max(logs.values())
        shares = {label: exp((value - most) / self.temperature) for label, value in logs.items()}
        whole = sum(shares.values())
        return {label: share / whole for label, share in shares.items()}


class RelationCalibration(_Value):
    """Turns the probability of a clause into the probability that its relation is right.

    The log-odds of the latter are `slope` * log(probability of the clause) + `intercept`.

    Attributes:
        slope: The factor.
        intercept: The constant.
        examples: Number of relations it was fitted on.
    """

    slope: float = Field(default=1.0, ge=0)
    intercept: float = 0.0
    examples: int = 0

    def correct(self, probability: float) -> float:
        """The probability that a relation is right, given the probability of its clause."""
        odds = self.slope * log(max(probability, _LEAST)) + self.intercept
        return 1 / (1 + exp(-odds)) if odds > 0 else exp(odds) / (1 + exp(odds))


class Calibration(_Value):
    """The calibrations of a model, by the name of the task.

    Attributes:
        answers: For tasks that answer with labels.
        relations: For tasks that find relations.
        ranked: For the same tasks, where all pairs of entities are ranked.
    """

    answers: dict[str, AnswerCalibration] = {}
    relations: dict[str, RelationCalibration] = {}
    ranked: dict[str, RelationCalibration] = Field(default={}, exclude_if=lambda them: not them)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def of(
        self, task: str, *, ranked: bool = False
    ) -> AnswerCalibration | RelationCalibration | None:
        """The calibration of a task, if there is one."""
        return self.answers.get(task) or (self.ranked if ranked else self.relations).get(task)

    def with_task(
        self,
        task: str,
        fitted: AnswerCalibration | RelationCalibration,
        *,
        ranked: bool = False,
    ) -> Calibration:
        """A copy with this calibration for the task."""
        scores = "ranked" if ranked else "relations"
        field = "answers" if isinstance(fitted, AnswerCalibration) else scores
        return self.model_copy(update={field: {**getattr(self, field), task: fitted}})

    def save(self, path: Path) -> None:
        """Write it to a file, or into a model's folder under the standard name."""
        path = path / CALIBRATION_FILE if path.is_dir() else path
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """Read the calibration in a file, or in a model's folder; a folder may have none.

    Raises:
        ModelError: The file cannot be read.
    """
    file = path / CALIBRATION_FILE if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        return Calibration()
    try:
        return Calibration.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise ModelError(
            f"this version cannot read the calibration {file}: {error}. Fit it again with "
            "`biogpt calibrate`, or remove the file."
        ) from error
