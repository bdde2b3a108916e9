"""Finds the folder of a model by its name."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from biogpt_plugins.checkpoints.network import read_network
from biogpt_plugins.checkpoints.registry import find_known
from biogpt_plugins.values.errors import ModelError, ModelNotFoundError, NotABioGPTError

BUNDLED = ("demo",)
"""Names of the models in this package."""

CONVERTED = "ctranslate2"
"""Key in config.json that marks a folder converted for CTranslate2."""

_HERE = Path(__file__).parent
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_TEXTS = ["*.json", "*.txt", "*.model"]
_SAFE = "*.safetensors"
_PICKLE = "*.bin"
_CTRANSLATE2 = "model.bin"
_HARMLESS = 100_000_000  # weights; loading tells of smaller networks what does not fit


def locate(
    model: str | Path,
    *,
    revision: str | None = None,
    local_files_only: bool | None = None,
    allow_pickle: bool = False,
    weights: bool = True,
) -> Path:
    """Find the folder of a BioGPT; download it if necessary.

    Args:
        model: A bundled name ("demo"), a folder, or an id on the Hugging Face hub. A bundled name
            takes precedence over a folder, a folder over a hub id.
        revision: Branch, tag or commit of a hub id.
        local_files_only: True never contacts the hub, False always does; None contacts it only for
            files that the local cache lacks.
        allow_pickle: Accept weights in PyTorch's pickle format if there are no safetensors.
        weights: False fetches only the small files from the hub: settings, vocabulary, card.

    Raises:
        ModelNotFoundError: The folder does not exist, or the hub does not provide the id.
        NotABioGPTError: The folder or repository is not a BioGPT.
        ModelError: Files are missing, or the weights are pickled and `allow_pickle` is False.
    """
    name = str(model)
    if name in BUNDLED and isinstance(model, str):
        folder = _HERE / name
        if not (folder / "config.json").is_file():
            raise ModelNotFoundError(
                f"the bundled model {name!r} is missing from this installation ({folder}): "
                "install biogpt-plugins again, or name another model"
            )
    elif name and (local := Path(name).expanduser()).is_dir():
        folder = local.resolve()
    elif name and Path(name).expanduser().is_file():
        raise NotABioGPTError(
            f"{name!r} is a file, but a model is a folder: if it is a fairseq checkpoint, "
            f"convert it with `biogpt convert {name} FOLDER`"
        )
    elif (known := find_known(name)) and known.home == "tarball":
        raise ModelNotFoundError(
            f"{name!r} is published as a fairseq tarball: run `{known.get}`, then name its folder"
        )
    elif isinstance(model, Path) or not _HUB_ID.fullmatch(name):
        raise ModelNotFoundError(
            f"model folder {name!r} does not exist: name a folder with a config.json, a hub "
            f"id such as 'microsoft/biogpt', or one of {', '.join(BUNDLED)}"
        )
    elif not weights:
        return _small_files(name, revision, local_files_only)
    else:
        return _from_hub(name, revision, local_files_only, allow_pickle)
    read_config(folder, name)
    _check_files(folder, name, allow_pickle)
    return folder


def find_here(model: str, revision: str | None = None) -> Path | None:
    """The folder of a model that is on this machine's disk, by a look; None for any other."""
    if model in BUNDLED:
        return _HERE / model
    local = Path(model).expanduser()
    if model and local.is_dir():
        return local.resolve()
    if not _HUB_ID.fullmatch(model):
        return None
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - slow, seldom needed

    config = try_to_load_from_cache(model, "config.json", revision=revision)
    return Path(config).parent if isinstance(config, str) else None


def contents(folder: Path) -> frozenset[tuple[str, int, int]]:
    """What tells a model's files from what they were: names, sizes and times of change."""
    with os.scandir(folder) as entries:
        facts = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
    return frozenset((name, one.st_size, one.st_mtime_ns) for name, one in facts)


def read_config(folder: Path, name: str) -> dict[str, object]:
    """Read the config.json of a folder; `name` is the model's name in errors.

    Raises:
        NotABioGPTError: The file is missing, unreadable, or of another architecture.
        ModelError: A setting of the network has no valid value.
    """
    path = folder / "config.json"
    if not path.is_file() and any(folder.glob("*.pt")):
        raise NotABioGPTError(
            f"{name!r} is a fairseq checkpoint: convert it with `biogpt convert {name} FOLDER`"
        )
    if not path.is_file():
        raise NotABioGPTError(
            f"{name!r} is not a BioGPT: {folder} has no config.json; name a folder that "
            "`save_pretrained` or `biogpt finetune` wrote"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind = config.get("model_type")
    except (ValueError, AttributeError, RecursionError) as error:
        raise NotABioGPTError(f"{name!r} is not a BioGPT: cannot read {path}: {error}") from error
    if kind != "biogpt":
        raise NotABioGPTError(
            f"{name!r} is not a BioGPT: model_type in {path} must be 'biogpt', not {kind!r}"
        )
    read_network(config, str(path))
    return dict(config)


def converted(folder: Path) -> str | None:
    """The dtype of the weights in a folder for CTranslate2; None for any other folder."""
    facts = read_config(folder, str(folder)).get(CONVERTED)
    return str(facts.get("weights")) if isinstance(facts, dict) else None


def _check_files(folder: Path, name: str, allow_pickle: bool) -> None:
    missing = [file for file in ("vocab.json", "merges.txt") if not (folder / file).is_file()]
    if missing:
        raise ModelError(f"{name!r} lacks {' and '.join(missing)}: looked in {folder}")
    if converted(folder):
        if not (folder / _CTRANSLATE2).is_file():
            raise ModelError(f"{name!r} has no weights ({_CTRANSLATE2}): looked in {folder}")
        _check_size(folder, name, _CTRANSLATE2)
        return
    for pattern in (_SAFE, _PICKLE) if allow_pickle else (_SAFE,):
        if any(folder.glob(pattern)):
            _check_size(folder, name, pattern)
            return
    if any(folder.glob(_PICKLE)):
        raise ModelError(
            f"{name!r} has its weights only in pickle files (*.bin), which can run code when "
            "loaded: pass allow_pickle=True (--allow-pickle) if you trust their source, or "
            f"convert them to safetensors; looked in {folder}"
        )
    raise ModelError(f"{name!r} has no weights (*.safetensors): looked in {folder}")


def _check_size(folder: Path, name: str, pattern: str) -> None:
    """Check that the files of the weights can hold the network, which memory is taken for."""
    weights = read_network(read_config(folder, name), str(folder / "config.json")).parameters
    size = sum(file.stat().st_size for file in folder.glob(pattern))
    if weights > max(size, _HARMLESS):  # a weight takes a byte at least
        raise ModelError(
            f"the weights of {name!r} do not match its config.json: it describes {weights:,} "
            f"weights, but {pattern} has {size:,} bytes; looked in {folder}"
        )


def _small_files(name: str, revision: str | None, local_files_only: bool | None) -> Path:
    if local_files_only is not False:
        try:
            folder = _download(name, revision, _TEXTS, offline=True)
            read_config(folder, name)
        except ModelError:
            if local_files_only:
                raise
        else:
            return folder
    folder = _download(name, revision, _TEXTS)
    read_config(folder, name)
    return folder


def _from_hub(
    name: str, revision: str | None, local_files_only: bool | None, allow_pickle: bool
) -> Path:
    if local_files_only is not False:
        try:
            folder = _download(name, revision, [*_TEXTS, _SAFE, _PICKLE], offline=True)
            read_config(folder, name)
            _check_files(folder, name, allow_pickle)
        except ModelError as error:
            # The cache may have only a part of a repository, for example a config.json that
            # another program fetched.
            if local_files_only:
                if isinstance(error, ModelNotFoundError):
                    raise
                raise type(error)(f"{error} (local cache only: local_files_only=True)") from error
        else:
            return folder
    # The small files first: a repository that is not a BioGPT may have hundreds of gigabytes.
    read_config(_download(name, revision, _TEXTS), name)
    folder = _download(name, revision, [*_TEXTS, _SAFE])
    if converted(folder):
        folder = _download(name, revision, [*_TEXTS, _CTRANSLATE2])
    elif allow_pickle and not any(folder.glob(_SAFE)):
        folder = _download(name, revision, [*_TEXTS, _PICKLE])
    elif not any(folder.glob(_SAFE)):
        raise ModelError(
            f"{name!r} has no safetensors on the hub, and pickle files can run code when "
            "loaded: pass allow_pickle=True (--allow-pickle) if you trust their source, or "
            "name a revision that has safetensors"
        )
    _check_files(folder, name, allow_pickle)
    return folder


def _download(
    name: str, revision: str | None, patterns: list[str], *, offline: bool = False
) -> Path:
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415 - slow, seldom needed

    wanted = f"{name!r} at revision {revision!r}" if revision else repr(name)
    try:
        folder = snapshot_download(
            name, revision=revision, allow_patterns=patterns, local_files_only=offline
        )
    except errors.GatedRepoError as error:
        raise ModelNotFoundError(
            f"the hub model {wanted} is gated: ask for access on its page, then run `hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelNotFoundError(
            f"the hub has no {wanted}: name an existing branch, tag or commit"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelNotFoundError(
            f"there is neither a folder nor a hub model called {wanted}: check the spelling; "
            "for a private model run `hf auth login` first"
        ) from error
    except Exception as error:  # the hub's client raises errors of three libraries
        raise ModelNotFoundError(
            f"there is no folder called {name!r}, the local cache does not have the hub "
            f"model {wanted}, and the hub was not reached ({type(error).__name__}: {error}): "
            f"download the model with `hf download {name}` on a machine with network access, "
            "or name a folder"
        ) from error
    return Path(folder)
