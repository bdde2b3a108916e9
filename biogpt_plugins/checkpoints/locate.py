"""Finds the folder of a model by its name."""

from __future__ import annotations

import re
from pathlib import Path

from biogpt_plugins.checkpoints.adapter import ADAPTER_FILE, is_adapter, read_adapter
from biogpt_plugins.checkpoints.address import is_address
from biogpt_plugins.checkpoints.folders import (
    MODEL_FILES,
    PICKLE,
    SAFE,
    WEIGHTS,
    check_files,
    check_kind,
    converted,
    holds_model,
)
from biogpt_plugins.checkpoints.registry import KNOWN, find_known
from biogpt_plugins.values.errors import (
    ModelError,
    ModelNotFoundError,
    NotABioGPTError,
    did_you_mean,
)

BUNDLED = ("demo",)
"""Names of the models in this package."""

_HERE = Path(__file__).parent
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_TEXTS = ["*.json", "*.txt", "*.model"]


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
        ModelNotFoundError: The folder does not exist, or the hub does not provide the id; or so for
            the base of an adapter.
        NotABioGPTError: The folder or repository is not a BioGPT.
        ModelError: Files are missing, or the weights are pickled and `allow_pickle` is False.
    """
    folder = _locate(model, revision, local_files_only, allow_pickle, weights)
    if is_adapter(folder):
        base_of(
            folder,
            str(model),
            local_files_only=local_files_only,
            allow_pickle=allow_pickle,
            weights=weights,
        )
    return folder


def base_of(
    folder: Path,
    name: str,
    *,
    local_files_only: bool | None = None,
    allow_pickle: bool = False,
    weights: bool = True,
) -> Path:
    """The folder with the whole model: of an adapter its base's, otherwise the folder itself.

    Args:
        folder: What `locate` found.
        name: The model's name in errors.
        local_files_only: As in `locate`.
        allow_pickle: As in `locate`.
        weights: As in `locate`.

    Raises:
        ModelError: As `locate` does, for the base.
    """
    if not is_adapter(folder):
        return folder
    adapter = read_adapter(folder, name, allow_pickle=allow_pickle)
    try:
        base = _locate(adapter.base, adapter.revision, local_files_only, allow_pickle, weights)
    except ModelError as error:
        raise type(error)(
            f"the base of the adapter {name!r} cannot be used: {error}; {ADAPTER_FILE} names it "
            "(base_model_name_or_path)"
        ) from error
    if is_adapter(base):
        raise ModelError(
            f"the base of the adapter {name!r} is an adapter too: merge {adapter.base!r} first, "
            f"with `biogpt convert {adapter.base} FOLDER`"
        )
    if converted(base):
        raise ModelError(
            f"the base of the adapter {name!r} was converted for CTranslate2: write the model that "
            f"it was converted from as base_model_name_or_path in {folder / ADAPTER_FILE}"
        )
    return base


def _locate(
    model: str | Path,
    revision: str | None,
    local_files_only: bool | None,
    allow_pickle: bool,
    weights: bool,
) -> Path:
    """`locate`, without a look at the base of an adapter."""
    name = str(model)
    if name in BUNDLED and isinstance(model, str):
        folder = _HERE / name
        if not (folder / "config.json").is_file():
            raise ModelNotFoundError(
                f"the bundled model {name!r} is missing from this installation ({folder}): "
                "install biogpt-plugins again, or name another model"
            )
    elif is_address(name):
        raise ModelNotFoundError(
            f"{name} is the address of a server, and this needs the files of a model: name a "
            "folder, or an id on the Hugging Face hub"
        )
    elif name and (local := Path(name).expanduser()).is_dir():
        folder = local.resolve()
    elif name and (local := Path(name).expanduser()).is_file():
        beside = [local.with_name(file).is_file() for file in MODEL_FILES]
        raise NotABioGPTError(
            f"{name!r} is a file of a model: name its folder, {str(local.parent)!r}"
            if any(beside) and local.suffix != ".pt"
            else f"{name!r} is a file, but a model is a folder: if it is a fairseq checkpoint, "
            f"convert it with `biogpt convert {name} FOLDER`"
        )
    elif (known := find_known(name)) and known.home == "tarball":
        raise ModelNotFoundError(
            f"{name!r} was published as a fairseq tarball, which can no longer be downloaded: if "
            f"you have it, run `{known.convert}` and name that folder; if not, `biogpt "
            "models` lists the models to use or train instead"
        )
    elif isinstance(model, Path) or not _HUB_ID.fullmatch(name):
        raise ModelNotFoundError(
            f"model folder {name!r} does not exist: name a folder with a config.json, a hub "
            f"id such as 'microsoft/biogpt', or one of {', '.join(BUNDLED)}.{_guess(name)}"
        )
    elif not weights:
        return _small_files(name, revision, local_files_only)
    else:
        return _from_hub(name, revision, local_files_only, allow_pickle)
    check_kind(folder, name)
    check_files(folder, name, allow_pickle)
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


def _guess(name: str) -> str:
    """A question with the model of nearly this name: one that is known, or a folder beside it."""
    place = Path(name).expanduser()
    beside = place.parent.iterdir() if place.parent.is_dir() else ()
    told = name.removesuffix(place.name)
    return did_you_mean(
        name, [*BUNDLED, *KNOWN, *(told + one.name for one in beside if holds_model(one))]
    )


def _small_files(name: str, revision: str | None, local_files_only: bool | None) -> Path:
    if local_files_only is not False:
        try:
            folder = _download(name, revision, _TEXTS, offline=True)
            check_kind(folder, name)
        except ModelError:
            if local_files_only:
                raise
        else:
            return folder
    folder = _download(name, revision, _TEXTS)
    check_kind(folder, name)
    return folder


def _from_hub(
    name: str, revision: str | None, local_files_only: bool | None, allow_pickle: bool
) -> Path:
    if local_files_only is not False:
        try:
            folder = _download(name, revision, [*_TEXTS, SAFE, PICKLE], offline=True)
            check_kind(folder, name)
            check_files(folder, name, allow_pickle)
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
    check_kind(_download(name, revision, _TEXTS), name)
    folder = _download(name, revision, [*_TEXTS, SAFE])
    if converted(folder):
        folder = _download(name, revision, [*_TEXTS, WEIGHTS])
    elif allow_pickle and not any(folder.glob(SAFE)):
        folder = _download(name, revision, [*_TEXTS, PICKLE])
    elif not any(folder.glob(SAFE)):
        raise ModelError(
            f"{name!r} has no safetensors on the hub, and pickle files can run code when "
            "loaded: pass allow_pickle=True (--allow-pickle) if you trust their source, or "
            "name a revision that has safetensors"
        )
    check_files(folder, name, allow_pickle)
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
            f"there is neither a folder nor a hub model called {wanted}: check the "
            f"spelling.{_guess(name)} For a private model run `hf auth login` first"
        ) from error
    except Exception as error:  # the hub's client raises errors of three libraries
        raise ModelNotFoundError(
            f"there is no folder called {name!r}.{_guess(name)} The local cache does not have the "
            f"hub model {wanted}, and the hub was not reached ({type(error).__name__}: {error}): "
            f"download the model with `hf download {name}` on a machine with network access, "
            "or name a folder"
        ) from error
    return Path(folder)
