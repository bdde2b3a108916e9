"""The model card of a checkpoint: the tasks it was trained for, and their layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from biogpt_plugins.checkpoints.adapter import is_adapter, read_adapter
from biogpt_plugins.checkpoints.locate import base_of
from biogpt_plugins.checkpoints.registry import LEARNED, KnownModel, find_known
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.values.errors import ModelError

CARD_FILE = "biogpt_task.json"


class ModelCard(BaseModel):
    """The tasks of a checkpoint; a pretrained model has none.

    Attributes:
        tasks: Task name -> its prompt layout; the first is the model's main task.
        description: One line about the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: dict[str, TaskCard] = {}
    description: str = ""

    def save(self, folder: Path) -> None:
        """Write the card into the folder of a checkpoint."""
        (folder / CARD_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_card(folder: Path | None, name: str = "") -> ModelCard:
    """Read the card of a folder; a known hub model has one built in, others get an empty one.

    An adapter without a card has the card of its base.

    Args:
        folder: The model's folder; None for the tasks of a hub model that is not on disk.
        name: The model's name as the user gave it.

    Raises:
        ModelError: The card, or a file that a built-in card depends on, cannot be read.
    """
    path = folder / CARD_FILE if folder else None
    if path and folder and not path.is_file() and is_adapter(folder):
        base = read_adapter(folder, name, allow_pickle=True).base
        return read_card(base_of(folder, name, weights=False, allow_pickle=True), base)
    if path is None or not path.is_file():
        known = find_known(name, folder)
        return _card_of(known, folder) if known and known.home == "hub" else ModelCard()
    try:
        return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(
            f"this version cannot read the model card {path}: {_fault(error)}. Convert or "
            "fine-tune the model again, or remove the file to use the model as a pretrained one."
        ) from error


def _fault(error: ValidationError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return str(error)
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place} is {str(first['input'])[:40]!r}: {first['msg']}" if place else first["msg"]


def _card_of(known: KnownModel, folder: Path | None) -> ModelCard:
    if not known.prompt_tokens:
        return ModelCard(description=known.description)
    learned = _learned_tokens(folder) if folder else ()
    card = TaskCard(
        layout="learned_prompt" if learned else "none",
        learned_tokens=learned,
        max_source_tokens=known.max_source_tokens,
        max_length=2049,  # all of Large's positions, and the final </s>
        lowercase=False,
    )
    return ModelCard(description=known.description, tasks=dict.fromkeys(known.tasks, card))


def _learned_tokens(folder: Path) -> tuple[str, ...]:
    """Names of the official learned tokens, if a model without a card has them.

    The vocabulary may list them as tokens or as words. Otherwise the model may have as many extra
    rows after the vocabulary: the engine then adds the names.
    """
    vocabulary = _read_json(folder / "vocab.json")
    for names in (LEARNED, tuple(f"{name}</w>" for name in LEARNED)):
        if all(name in vocabulary for name in names):
            return names
    rows = _read_json(folder / "config.json").get("vocab_size")
    return LEARNED if rows == len(vocabulary) + len(LEARNED) else ()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise ModelError(
            f"cannot read {path}: {error}; download or write the model again"
        ) from error
