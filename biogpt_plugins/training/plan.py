"""The plan of a training run, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biogpt_plugins.tasks.task import Task
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.record import Files

CHECKPOINTS = "checkpoints"
LAST = "last"
"""The folder of the last weights, in the folder of the best ones."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run that is asked for, its data read and its folder free.

    Attributes:
        tasks: The tasks to train by name, as the model is taught them.
        model: The model to start from.
        recipe: The recipe's name.
        given: The options that replace those of the recipe.
        examples: What to learn.
        held_out: What to measure on.
        held_out_file: The file of it.
        train: The files of `examples`.
        valid: The files of `held_out`.
        out: The folder for the result.
        resume: Whether to go on from the last checkpoint.
    """

    tasks: Mapping[str, Task[Any]]
    model: str | Path
    recipe: str
    given: Mapping[str, Any]
    examples: Sequence[Example]
    held_out: Sequence[Example]
    held_out_file: Path | None
    train: Files
    valid: Files
    out: Path
    resume: bool


@dataclass(frozen=True)
class FinetuneResult:
    """The result of a training run.

    Attributes:
        folder: The checkpoint; `biogpt_plugins.load(str(folder), task=...)` loads it.
        tasks: The tasks it knows.
        examples: Number of training examples.
        steps: Updates of the whole run, including those before a resume.
        train_loss: Mean loss over all updates, including those before a resume and the weighted
            loss on the source.
        valid_loss: Mean loss per target token of the saved weights on the validation data; None
            without data.
        figures: Each task's main figure on the validation data, from 0 to 1, of the saved
            weights, such as ("bc5cdr f1", 0.42); empty if none was measured.
    """

    folder: Path
    tasks: tuple[str, ...]
    examples: int
    steps: int
    train_loss: float
    valid_loss: float | None = None
    figures: tuple[tuple[str, float], ...] = ()
