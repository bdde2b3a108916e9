"""The model card beside a checkpoint: which tasks it was taught, and in which layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from biogpt_plugins.checkpoints.registry import LEARNED, KnownModel, find_known
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.values.errors import ModelError

CARD_FILE = "biogpt_task.json"


class ModelCard(BaseModel):
    """What a checkpoint was taught; an empty `tasks` is a pretrained model.

    Attributes:
        tasks: Task name to what its prompt must look like; the first is the model's own task.
        description: One line on what the model is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: dict[str, TaskCard] = {}
    description: str = ""

    def save(self, folder: Path) -> None:
        """Write the card into a checkpoint's folder."""
        (folder / CARD_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_card(folder: Path | None, name: str = "") -> ModelCard:
    """The card of a checkpoint's folder, or of a known hub model, or an empty one.

    Args:
        folder: Where the model is; None to know a hub model's tasks without having it.
        name: What the user called the model.

    Raises:
        ModelError: The folder's card, or what a known model's card depends on, cannot be read.
    """
    path = folder / CARD_FILE if folder else None
    if path is None or not path.is_file():
        known = find_known(name, folder)
        return _card_of(known, folder) if known and known.home == "hub" else ModelCard()
    try:
        return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is no model card this version can read: {error}. Convert or fine-tune the "
            "model again, or remove the file to use the model as a pretrained one."
        ) from error


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

    They may stand in the vocabulary, spelt as tokens or as words, or be as many rows of the model
    behind it: then the engine gives them their names.
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
        raise ModelError(f"cannot read {path}: {error}; get the model again") from error
