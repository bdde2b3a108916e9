"""Adapters in PEFT's format: a folder of small weights that change those of a base model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from biogpt_plugins.values.errors import ModelError, NotABioGPTError

ADAPTER_FILE = "adapter_config.json"
NETWORK = "BioGptForCausalLM"
"""The network that completes texts; the other networks of BioGPT have heads for other uses."""

_SAFE, _PICKLE = "adapter_model.safetensors", "adapter_model.bin"
_USES = (None, "CAUSAL_LM")


class Adapter(NamedTuple):
    """An adapter.

    Attributes:
        folder: Its folder.
        base: The model that it changes: a folder, or an id on the hub.
        revision: Branch, tag or commit of the base on the hub.
    """

    folder: Path
    base: str
    revision: str | None


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and not a whole model."""
    return (folder / ADAPTER_FILE).is_file() and not (folder / "config.json").is_file()


def read_adapter(folder: Path, name: str, *, allow_pickle: bool = False) -> Adapter:
    """Read the adapter in a folder; `name` is its name in errors.

    Raises:
        NotABioGPTError: It is not an adapter of a BioGPT that completes texts.
        ModelError: It names no base, or its weights are missing or pickled.
    """
    path = folder / ADAPTER_FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        use, base, auto = (
            told.get(key) for key in ("task_type", "base_model_name_or_path", "auto_mapping")
        )
    except (ValueError, AttributeError) as error:
        raise NotABioGPTError(f"{name!r} is not an adapter: cannot read {path}: {error}") from error
    network = auto.get("base_model_class") if isinstance(auto, Mapping) else None
    if use not in _USES or network not in (None, NETWORK):
        raise NotABioGPTError(
            f"{name!r} is an adapter of {network or f'a model for {use}'}, which does not complete "
            f"texts: name an adapter of {NETWORK} (task_type CAUSAL_LM)"
        )
    if not isinstance(base, str) or not base.strip():
        raise ModelError(
            f"the adapter {name!r} names no base model: write its folder or hub id as "
            f"base_model_name_or_path in {path}"
        )
    if not (folder / _SAFE).is_file():
        _refuse_weights(folder, name, allow_pickle)
    revision = told.get("revision")
    return Adapter(folder, _path(base, folder), revision if isinstance(revision, str) else None)


def _path(base: str, folder: Path) -> str:
    """The base, which may be named from where the adapter is."""
    near = [folder / base, folder.parent / base]
    found = next((str(path) for path in near if (path / "config.json").is_file()), base)
    return base if Path(base).expanduser().is_dir() else found


def _refuse_weights(folder: Path, name: str, allow_pickle: bool) -> None:
    if not (folder / _PICKLE).is_file():
        raise ModelError(f"the adapter {name!r} has no weights ({_SAFE}): looked in {folder}")
    if not allow_pickle:
        raise ModelError(
            f"the adapter {name!r} has its weights only in a pickle file ({_PICKLE}), which can "
            "run code when loaded: pass allow_pickle=True (--allow-pickle) if you trust its source"
        )
