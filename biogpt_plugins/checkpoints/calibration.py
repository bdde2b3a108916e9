"""Probabilities brought in line with how often they are right, and the file that says how.

What is fitted is as little as there is: one temperature for answers (Guo et al., 2017), two numbers
for the scores of relations (Platt, 1999). `biogpt calibrate` fits them on labelled data.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from biogpt_plugins.values.errors import ModelError

CALIBRATION_FILE = "biogpt_calibration.json"
_LEAST = 1e-12  # an engine may round a probability to nothing


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnswerCalibration(_Value):
    """How the probabilities of labels are corrected.

    Attributes:
        temperature: Their logarithms are divided by it: above 1 makes a model less sure.
        contextual: Whether they are divided first by those that the model gives without a text
            (Zhao et al., 2021), so that a label that it prefers anyway counts for less.
        examples: On how many answers it was fitted.
    """

    temperature: float = Field(default=1.0, gt=0)
    contextual: bool = False
    examples: int = 0

    def correct(
        self, probabilities: Mapping[str, float], prior: Mapping[str, float] | None = None
    ) -> dict[str, float]:
        """The probabilities corrected, summing to 1; by their prior if it is contextual."""
        logs = {label: log(max(share, _LEAST)) for label, share in probabilities.items()}
        if self.contextual and prior:
            logs = {label: value - log(max(prior[label], _LEAST)) for label, value in logs.items()}
        most = max(logs.values())
        shares = {label: exp((value - most) / self.temperature) for label, value in logs.items()}
        whole = sum(shares.values())
        return {label: share / whole for label, share in shares.items()}


class RelationCalibration(_Value):
    """How the probability of a clause becomes that of its being right.

    Attributes:
        slope: By it the logarithm of the one is multiplied, and
        intercept: this is added, to give the log-odds of the other.
        examples: On how many relations it was fitted.
    """

    slope: float = Field(default=1.0, ge=0)
    intercept: float = 0.0
    examples: int = 0

    def correct(self, probability: float) -> float:
        """The probability that a relation with this probability of its clause is right."""
        odds = self.slope * log(max(probability, _LEAST)) + self.intercept
        return 1 / (1 + exp(-odds)) if odds > 0 else exp(odds) / (1 + exp(odds))


class Calibration(_Value):
    """What was fitted for a model, by the name of the task.

    Attributes:
        answers: For tasks that answer with labels.
        relations: For tasks that find relations.
    """

    answers: dict[str, AnswerCalibration] = {}
    relations: dict[str, RelationCalibration] = {}

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def of(self, task: str) -> AnswerCalibration | RelationCalibration | None:
        """That of a task, if it has one."""
        return self.answers.get(task) or self.relations.get(task)

    def with_task(self, task: str, found: AnswerCalibration | RelationCalibration) -> Calibration:
        """This one, with another task's calibration, or another one of a task's."""
        field = "answers" if isinstance(found, AnswerCalibration) else "relations"
        return self.model_copy(update={field: {**getattr(self, field), task: found}})

    def save(self, path: Path) -> None:
        """Write it to a file, or to the file for it in a model's folder."""
        path = path / CALIBRATION_FILE if path.is_dir() else path
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file, or in a model's folder, where it may be missing.

    Raises:
        ModelError: It cannot be read.
    """
    found = path / CALIBRATION_FILE if path.is_dir() else path
    if path.is_dir() and not found.is_file():
        return Calibration()
    try:
        return Calibration.model_validate_json(found.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{found} is no calibration this version can read: {error}. Fit it again with "
            "`biogpt calibrate`, or remove the file."
        ) from error
