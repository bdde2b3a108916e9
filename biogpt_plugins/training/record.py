"""What is kept of a run: its settings and data, and a line for each update and measurement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from biogpt_plugins.training.options import Options
from biogpt_plugins.training.processes import is_first
from biogpt_plugins.values.errors import InputError

SETTINGS_FILE = "training.json"
UPDATES_FILE = "training.jsonl"
Files = tuple[tuple[str, str], ...]
"""Names of files, with the SHA-256 of their bytes."""

# They change no weight.
_FREE = {"save_steps", "description"}
_FRESH = {"layers", "width", "heads", "positions", "merges"}


class Settings(BaseModel):
    """What a run trains, on what, and how.

    Attributes:
        tasks: The tasks, with the fingerprint of each.
        model: The model it starts from, as it was named.
        recipe: The recipe.
        options: Every setting, after the recipe and the user's own.
        train: The training files.
        valid: The file to measure on.
        versions: Of the libraries.
    """

    model_config = ConfigDict(frozen=True)

    tasks: Mapping[str, str]
    model: str
    recipe: str
    options: Options
    train: Files
    valid: Files
    versions: Mapping[str, str]

    @property
    def shown(self) -> str:
        """The options in one line; those of fresh models only where one is made."""
        hidden = set() if self.model == "fresh" else _FRESH
        options = self.options.model_dump(exclude=hidden | {"description"})
        return ", ".join(f"{name} {value}" for name, value in options.items() if value != "")

    def save(self, folder: Path) -> None:
        """Write the settings into a run's folder."""
        text = self.model_dump_json(indent=2) + "\n"
        (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")

    def check(self, folder: Path) -> None:
        """Compare with the settings of the interrupted run in a folder.

        Raises:
            InputError: They differ; the message names what differs.
        """
        path = folder / SETTINGS_FILE
        try:
            before = Settings.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError) as error:
            raise InputError(
                f"cannot resume: {path} has no settings of a run ({error}); start again with "
                "--overwrite"
            ) from error
        if changes := list(_changes(before, self)):
            raise InputError(
                f"cannot resume with other settings: {'; '.join(changes)}. Give the settings of "
                "the interrupted run, or start again with --overwrite"
            )


def _changes(before: Settings, now: Settings) -> Iterator[str]:
    if list(before.tasks) != list(now.tasks):
        yield f"tasks was {','.join(before.tasks)} and is {','.join(now.tasks)}"
    elif changed := [name for name, mark in now.tasks.items() if before.tasks[name] != mark]:
        yield f"the task {', '.join(changed)} has changed"
    for name in ("model", "recipe"):
        if (was := getattr(before, name)) != (new := getattr(now, name)):
            yield f"{name} was {was} and is {new}"
    for name in (name for name in Options.model_fields if name not in _FREE):
        if (was := getattr(before.options, name)) != (new := getattr(now.options, name)):
            yield f"{name} was {was} and is {new}"
    for name in ("train", "valid"):
        was, new = getattr(before, name), getattr(now, name)
        if [digest for _, digest in was] != [digest for _, digest in new]:
            yield f"{name} was {_files(was)} and is {_files(new)}"


def _files(files: Sequence[tuple[str, str]]) -> str:
    return " and ".join(f"{name} ({digest[:8]})" for name, digest in files) or "nothing"


def digests(files: Sequence[str | Path]) -> Files:
    """Names of files with the SHA-256 of their bytes."""
    return tuple((Path(f).name, sha256(Path(f).read_bytes()).hexdigest()) for f in files)


def versions() -> dict[str, str]:
    """The versions of what computes the weights."""
    return {name: version(name) for name in ("accelerate", "numpy", "torch", "transformers")}


class Updates:
    """The lines of `training.jsonl`: updates with a "loss", measurements with a "valid_loss".

    Args:
        folder: The run's folder.
        upto: Forget the lines after this step: the run goes on from there.
    """

    def __init__(self, folder: Path, *, upto: int = 0) -> None:
        self._path = folder / UPDATES_FILE
        text = self._path.read_text(encoding="utf-8") if upto else ""
        # A run that was killed may have left half a line.
        lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        rows = [json.loads(line) for line in lines]
        self.rows = [row for row in rows if row["step"] <= upto]
        if is_first():
            self._path.write_text("".join(map(_line, self.rows)), encoding="utf-8")

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a line; of several processes the first writes it."""
        self.rows.append(dict(row))
        if is_first():
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(row))

    def mean_loss(self) -> float:
        """The mean loss of all updates, each as often as it has tokens."""
        rows = [row for row in self.rows if "loss" in row]
        tokens = sum(row["tokens"] for row in rows)
        return sum(row["loss"] * row["tokens"] for row in rows) / tokens if tokens else 0.0

    def measurements(self) -> list[dict[str, Any]]:
        """The rows of measurements on the validation data, in order."""
        return [row for row in self.rows if "valid_loss" in row]


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"
