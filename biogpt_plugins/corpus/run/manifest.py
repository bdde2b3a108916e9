"""A run's manifest: inputs, settings, weights and versions, and whether a run may continue."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import node, python_version
from typing import Any

from pydantic import ValidationError

from biogpt_plugins.corpus.run.marks import FileMark, Value, marks_of
from biogpt_plugins.corpus.run.shards import PART, sync
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.provenance import check_same, settings_of
from biogpt_plugins.remote.wire import Facts
from biogpt_plugins.values.errors import InputError

MANIFEST = "run.json"

_PACKAGES = ("biogpt-plugins", "torch", "transformers", "ctranslate2", "tokenizers", "rapidfuzz")
_MODEL_FILES = ("*.safetensors", "*.bin", "config.json", "vocab.json", "merges.txt")


class Start(Value):
    """One start of a run: when, where and with what."""

    at: str
    host: str
    device: str = ""
    versions: dict[str, str]


class Made(Value):
    """What produces the results of a run.

    Attributes:
        settings: All settings that affect predictions.
        weights: The model's files.
        device: The device of the model.
        entities: Whether predictions depend on the entities of inputs.
    """

    settings: dict[str, Any]
    weights: tuple[FileMark, ...] = ()
    device: str = ""
    entities: bool = False

    @classmethod
    def by(cls, pipeline: Pipeline, known: Sequence[FileMark] | None = ()) -> Made:
        """Describe a pipeline.

        Args:
            pipeline: The pipeline.
            known: The model's files at an earlier start; unchanged files are not read again. None
                reads no files.

        Raises:
            OSError: A file cannot be read.
        """
        folder: Path | None = getattr(pipeline.engine, "folder", None)
        parts = sorted(
            {path for form in _MODEL_FILES for path in folder.glob(form)}
            if folder and known is not None
            else ()
        )
        weights = marks_of(map(str, parts), known or ())
        settings = {**settings_of(pipeline), "prompts": pipeline.task.fingerprint}
        if folder and folder.parent.name == "snapshots":  # in the hub's cache
            settings["revision"] = folder.name
        if weights:
            digests = "".join(f"{os.path.basename(one.path)} {one.sha256}\n" for one in weights)
            settings["weights"] = sha256(digests.encode()).hexdigest()[:16]
        if isinstance(served := getattr(pipeline.engine, "facts", None), Facts):
            told = {"revision": served.revision, "weights": served.weights}
            settings |= {name: one for name, one in told.items() if one is not None}
        device = str(getattr(pipeline.engine, "device", ""))
        return cls(
            settings=settings, weights=weights, device=device, entities=pipeline.reads_entities
        )


class Manifest(Value):
    """Describes a run.

    Attributes:
        format: Version of the folder's layout.
        settings: All settings that affect predictions; they are the same at every start.
        inputs: The files, in reading order.
        weights: The model's files; the settings include their digests.
        starts: Each start of the run.
    """

    format: int = 1
    settings: dict[str, Any]
    inputs: tuple[FileMark, ...]
    weights: tuple[FileMark, ...] = ()
    starts: tuple[Start, ...] = ()

    @classmethod
    def of(
        cls,
        made: Made,
        inputs: Sequence[FileMark],
        *,
        known: Manifest | None = None,
        **more: object,
    ) -> Manifest:
        """The manifest of a run that starts now.

        Args:
            made: What produces the results.
            inputs: The inputs.
            known: The manifest of an earlier start.
            more: Other settings that affect the results.
        """
        start = Start(
            at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            host=node(),
            device=made.device,
            versions={"python": python_version(), **_versions()},
        )
        return cls(
            settings={**made.settings, **more},
            inputs=tuple(inputs),
            weights=made.weights,
            starts=(*(known.starts if known else ()), start),
        )

    def write(self, folder: Path) -> None:
        """Write it to the folder of the run, atomically."""
        path = folder / MANIFEST
        part = path.with_name(f"{MANIFEST}{PART}")
        with part.open("wb") as file:
            file.write(self.model_dump_json(indent=2).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(folder)

    def check_goes_on_from(self, earlier: Manifest, folder: Path) -> None:
        """Check that this start may continue an earlier one.

        New inputs may follow the earlier ones.

        Raises:
            InputError: A setting or an input differs; the message names it.
        """
        check_same(folder, earlier.settings, self.settings)
        for number, before in enumerate(earlier.inputs):
            if number >= len(self.inputs):
                raise InputError(
                    f"the run in {folder} also has the input {before.path}: name all of its inputs "
                    "in the same order, or another folder"
                )
            now = self.inputs[number]
            if not now.same_as(before):
                other = os.path.basename(now.path) != os.path.basename(before.path)
                fault = f"is now {now.path}" if other else "has changed since"
                raise InputError(
                    f"input {number + 1} of the run in {folder}, {before.path}, {fault}: name the "
                    "same inputs first and new ones after them, or name another folder"
                )


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a run, or None if the folder has none.

    Raises:
        InputError: It cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"this version cannot read the manifest {path}: name another folder, or remove this one"
        ) from error


def versions_changed(manifest: Manifest) -> str:
    """The packages whose version changed since the last start, as text; "" without changes."""
    *_, before, now = (None, None, *manifest.starts)
    if before is None or now is None:
        return ""
    return ", ".join(
        f"{name} {before.versions.get(name, 'none')}, now {now.versions.get(name, 'none')}"
        for name in {**before.versions, **now.versions}
        if before.versions.get(name) != now.versions.get(name)
    )


def _versions() -> dict[str, str]:
    installed = {}
    for package in _PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed
