"""The model card beside a checkpoint: which tasks it was taught, and in which layout."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from biogpt_plugins.errors import ModelError
from biogpt_plugins.prompts import TaskCard

CARD_FILE = "biogpt_task.json"


class ModelCard(BaseModel):
    """What a checkpoint was taught; an empty `tasks` is a pretrained model.

    Attributes:
        tasks: Task name to what its prompt must look like.
        description: One line on what the model is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: dict[str, TaskCard] = {}
    description: str = ""

    def save(self, folder: Path) -> None:
        """Write the card into a checkpoint's folder."""
        (folder / CARD_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


# Models of the hub that carry no card of ours. That BioGPT-Large-PubMedQA was trained with the
# long answer in its input is said by its authors; its learned tokens are unknown, and left out.
KNOWN: dict[str, ModelCard] = {
    "microsoft/biogpt": ModelCard(description="pretrained, 347 million parameters"),
    "microsoft/BioGPT-Large": ModelCard(description="pretrained, 1.6 billion parameters"),
    "microsoft/BioGPT-Large-PubMedQA": ModelCard(
        description="1.6 billion parameters; PubMedQA accuracy 81.0 in the paper",
        tasks={"pubmedqa_reasoning_free": TaskCard(max_source_tokens=1900, max_length=2048)},
    ),
}


def read_card(folder: Path | None, name: str = "") -> ModelCard:
    """The card of a checkpoint's folder, or of a known hub model, or an empty one.

    Raises:
        ModelError: The folder's card cannot be read.
    """
    path = folder / CARD_FILE if folder else None
    if path is None or not path.is_file():
        return KNOWN.get(name, ModelCard())
    try:
        return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is no model card this version can read: {error}. Convert or fine-tune the "
            "model again, or remove the file to use the model as a pretrained one."
        ) from error
