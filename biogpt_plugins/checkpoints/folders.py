"""What the folder of a model holds: its settings, its files, and whether it is a BioGPT."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from biogpt_plugins.checkpoints.adapter import ADAPTER_FILE, NETWORK, is_adapter, read_adapter
from biogpt_plugins.checkpoints.network import read_network
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import ModelError, NotABioGPTError

CONVERTED = "ctranslate2"
"""Key in config.json that marks a folder converted for CTranslate2."""
MODEL_FILES = ("config.json", ADAPTER_FILE)
SAFE, PICKLE = "*.safetensors", "*.bin"
WEIGHTS = "model.bin"
"""The weights in a folder for CTranslate2."""

_NETWORKS = (NETWORK, "BioGptModel")  # the latter lacks only the head, which has tied weights
_HARMLESS = 100_000_000  # weights; loading tells of smaller networks what does not fit
_STEPS = re.compile(r"\d+")


def contents(folder: Path) -> frozenset[tuple[str, int, int]]:
    """What tells a model's files from what they were: names, sizes and times of change."""
    with os.scandir(folder) as entries:
        facts = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
    return frozenset((name, one.st_size, one.st_mtime_ns) for name, one in facts)


def read_config(folder: Path, name: str) -> dict[str, object]:
    """Read the config.json of a folder; `name` is the model's name in errors.

    Raises:
        NotABioGPTError: The file is missing, unreadable, or of another architecture or head.
        ModelError: A setting of the network has no valid value.
    """
    path = folder / "config.json"
    if not path.is_file() and any(folder.glob("*.pt")):
        raise NotABioGPTError(
            f"{name!r} is a fairseq checkpoint: convert it with `biogpt convert {name} FOLDER`"
        )
    if not path.is_file():
        inside = [f"{name.rstrip('/')}/{child}" for child in _models_in(folder)]
        remedy = (
            f"it contains {counted(len(inside), 'model')}, name {inside[-1]!r}"
            if inside
            else "name a folder that `save_pretrained` or `biogpt finetune` wrote"
        )
        raise NotABioGPTError(f"{name!r} is not a BioGPT: {folder} has no config.json; {remedy}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind = config.get("model_type")
    except (ValueError, AttributeError, RecursionError) as error:
        raise NotABioGPTError(f"{name!r} is not a BioGPT: cannot read {path}: {error}") from error
    if kind != "biogpt":
        raise NotABioGPTError(
            f"{name!r} is not a BioGPT: model_type in {path} must be 'biogpt', not {kind!r}"
        )
    networks = config.get("architectures") or []
    if not isinstance(networks, list):
        raise NotABioGPTError(
            f"{name!r} is not a BioGPT: architectures in {path} must be a list, not {networks!r}"
        )
    if networks and not {*map(str, networks)} & {*_NETWORKS}:
        raise NotABioGPTError(
            f"{name!r} is a {', '.join(map(str, networks))}, which does not complete texts: name a "
            f"folder of a {NETWORK}, such as its base model"
        )
    read_network(config, str(path))
    return dict(config)


def converted(folder: Path) -> str | None:
    """The dtype of the weights in a folder for CTranslate2; None for any other folder."""
    if is_adapter(folder):
        return None
    facts = read_config(folder, str(folder)).get(CONVERTED)
    return str(facts.get("weights")) if isinstance(facts, dict) else None


def check_kind(folder: Path, name: str) -> None:
    """Check that a folder is one of a BioGPT, or of an adapter.

    Raises:
        ModelError: As `read_config` and `read_adapter` say.
    """
    if not is_adapter(folder):
        read_config(folder, name)


def holds_model(folder: Path) -> bool:
    """Whether a folder is one of a model or an adapter, by its files."""
    return any((folder / file).is_file() for file in MODEL_FILES)


def _models_in(folder: Path) -> list[str]:
    """The names of the folders of models in a folder, checkpoints in the order of their steps."""
    found = [path.name for path in folder.iterdir() if holds_model(path)]
    return sorted(found, key=lambda name: (int(_STEPS.findall(f"0{name}")[-1]), name))


def check_files(folder: Path, name: str, allow_pickle: bool) -> None:
    """Check that a folder of a model, or of an adapter, is complete; `name` is its name in errors.

    Raises:
        ModelError: Files are missing, or the weights are pickled and `allow_pickle` is False.
    """
    if is_adapter(folder):
        read_adapter(folder, name, allow_pickle=allow_pickle)
        return
    missing = [file for file in ("vocab.json", "merges.txt") if not (folder / file).is_file()]
    if missing:
        raise ModelError(f"{name!r} lacks {' and '.join(missing)}: looked in {folder}")
    if converted(folder):
        if not (folder / WEIGHTS).is_file():
            raise ModelError(f"{name!r} has no weights ({WEIGHTS}): looked in {folder}")
        _check_size(folder, name, WEIGHTS)
        return
    for pattern in (SAFE, PICKLE) if allow_pickle else (SAFE,):
        if any(folder.glob(pattern)):
            _check_size(folder, name, pattern)
            return
    if any(folder.glob(PICKLE)):
        raise ModelError(
            f"{name!r} has its weights only in pickle files (*.bin), which can run code when "
            "loaded: pass allow_pickle=True (--allow-pickle) if you trust their source, or "
            f"convert them to safetensors; looked in {folder}"
        )
    raise ModelError(f"{name!r} has no weights (*.safetensors): looked in {folder}")


def share_weights(folder: Path) -> None:
    """Let everybody read the weights of a folder who may read its config.json.

    safetensors makes files readable for their owner only, regardless of the umask.
    """
    for weights in folder.glob(SAFE):
        shutil.copymode(folder / "config.json", weights)


def _check_size(folder: Path, name: str, pattern: str) -> None:
    """Check that the files of the weights can hold the network, which memory is taken for."""
    weights = read_network(read_config(folder, name), str(folder / "config.json")).parameters
    size = sum(file.stat().st_size for file in folder.glob(pattern))
    if weights > max(size, _HARMLESS):  # a weight takes a byte at least
        raise ModelError(
            f"the weights of {name!r} do not match its config.json: it describes {weights:,} "
            f"weights, but {pattern} has {size:,} bytes; looked in {folder}"
        )
