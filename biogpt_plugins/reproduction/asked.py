"""What a reproduction was asked for: the record in its folder, and what must not change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from biogpt_plugins.corpus import write_text
from biogpt_plugins.values.errors import InputError

ASKED = "reproduce.json"


class Asked(BaseModel):
    """What was asked for.

    Attributes:
        figure: What to reproduce.
        model: The model to begin with.
        smoke: Whether it is a trial run.
        options: Settings that replace those of the official recipe.
        source: Where the files come from.
        data: SHA-256 of the files.
    """

    model_config = ConfigDict(frozen=True)

    figure: str
    model: str
    smoke: bool
    options: Mapping[str, str]
    source: str
    data: Mapping[str, str] = {}

    @classmethod
    def read(cls, folder: Path, *, known: str) -> Asked | None:
        """The record in a folder; None if nothing has begun there.

        Args:
            folder: The folder.
            known: What may be in it without a record.

        Raises:
            InputError: The record cannot be read, or the folder holds something else.
        """
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file: name a folder (--out)")
        path = folder / ASKED
        if path.exists():
            try:
                return cls.model_validate_json(path.read_text(encoding="utf-8"))
            except ValidationError as error:
                raise InputError(f"cannot read {path}: {error}; name another --out") from error
        if folder.is_dir() and any(entry.name != known for entry in folder.iterdir()):
            raise InputError(
                f"{folder} holds files, but no {ASKED} of a reproduction: name another --out"
            )
        return None

    def save(self, folder: Path) -> None:
        """Write the record into a folder."""
        write_text(str(folder / ASKED), [self.model_dump_json(indent=2), "\n"])

    def check(self, now: Asked, folder: Path) -> None:
        """Compare with what is asked for now.

        Raises:
            InputError: Something else is asked for.
        """
        names = ("figure", "model", "smoke", "options")
        pairs = [(name, getattr(self, name), getattr(now, name)) for name in names]
        if changes := [f"{name} was {was} and is {new}" for name, was, new in pairs if was != new]:
            raise InputError(
                f"{folder} has a run with other options: {'; '.join(changes)}. Give the same "
                "options to continue it, or another --out"
            )
