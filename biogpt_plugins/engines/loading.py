"""Loads engines by the name of their model, each once per process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, get_args

import torch

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.adapter import is_adapter
from biogpt_plugins.checkpoints.calibration import CALIBRATION_FILE
from biogpt_plugins.checkpoints.card import CARD_FILE
from biogpt_plugins.checkpoints.folders import contents, converted
from biogpt_plugins.checkpoints.locate import base_of
from biogpt_plugins.engine import Runtime
from biogpt_plugins.engines.ctranslate2_engine import CTranslate2Engine
from biogpt_plugins.engines.devices import pick_attention, pick_devices, pick_dtype
from biogpt_plugins.engines.local import LocalEngine
from biogpt_plugins.engines.machine import apart
from biogpt_plugins.engines.network import BioGPT, read_network
from biogpt_plugins.engines.prepacked import prepack
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from biogpt_plugins.engines.vocabulary import Vocabulary, read_vocabulary
from biogpt_plugins.values.errors import InputError, ModelError, did_you_mean

if TYPE_CHECKING:
    from transformers import BioGptForCausalLM, BioGptTokenizer

_Key = tuple[Runtime, Path, tuple[torch.device, ...], str | torch.dtype]
_ENGINES: dict[_Key, tuple[LocalEngine, frozenset[tuple[str, int, int]]]] = {}
_LOADING = Lock()


def load_engine(  # noqa: PLR0913 - keyword-only options
    model: str | Path,
    *,
    engine: Runtime | None = None,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    revision: str | None = None,
    allow_pickle: bool = False,
    local_files_only: bool | None = None,
    batch_size: int | None = None,
    drafts: bool | None = None,
) -> LocalEngine:
    """Load the engine of a model: one for each runtime, model, device and dtype, loaded once.

    It is loaded again if the files of the model have changed.

    Args:
        model: A bundled name ("demo"), a folder, or an id on the Hugging Face hub.
        engine: "transformers" or "ctranslate2"; None for the engine the folder was made for. A
            transformers folder is converted for CTranslate2 on first use, and the conversion is
            kept in the Hugging Face cache (`HF_ASSETS_CACHE`), if that can be written.
        device: "cuda", "cuda:1", "mps" or "cpu"; None for the best device. Several, separated by
            commas, or "all" for every CUDA device, each get a copy of the model.
        dtype: "bfloat16", "float16" or "float32"; None for bfloat16 if the hardware supports it and
            the model is large enough to benefit. For CTranslate2 "int8" (its default), "float32"
            and the other types that the device supports.
        revision: Branch, tag or commit of a hub id.
        allow_pickle: Accept weights in PyTorch's pickle format if there are no safetensors; not for
            CTranslate2.
        local_files_only: True never contacts the hub, False always does; None contacts it only for
            files that the local cache lacks.
        batch_size: Most prompts of a batch, for all callers of the engine; None keeps the current
            value.
        drafts: Whether a pass of the model may write several tokens, which are guessed before; for
            all callers of the engine. None keeps the current value, which is True at first. It does
            not change completions. CTranslate2 makes no drafts.

    Raises:
        InputError: The engine is unknown.
        DeviceError: This machine does not support the device or the dtype.
        ModelNotFoundError: The folder does not exist, or the hub does not provide the id.
        NotABioGPTError: The folder or repository is not a BioGPT.
        ModelError: Files are missing, damaged, made for the other engine, or pickled and
            `allow_pickle` is False.
        MissingExtraError: CTranslate2 is not installed, or peft for an adapter.
    """
    if engine not in (None, *get_args(Runtime)):
        raise InputError(
            f"engine must be {' or '.join(map(repr, get_args(Runtime)))}, not {engine!r}."
            f"{did_you_mean(str(engine), get_args(Runtime))}"
        )
    name = str(model)
    folder = locate(
        model, revision=revision, local_files_only=local_files_only, allow_pickle=allow_pickle
    )
    base = base_of(folder, name, local_files_only=local_files_only, allow_pickle=allow_pickle)
    key, load = _way(_runtime(engine, folder, name), folder, base, device, dtype, name)
    with _LOADING:
        loaded, before = _ENGINES.get(key, (None, None))
        now = _files(folder) | _files(base)
        if loaded is None or loaded.closed or before != now:
            loaded = apart(load)
            asked = {"engine": engine, "device": device, "dtype": dtype, "revision": revision}
            loaded.loaded_as = {
                "model": name,
                "folder": folder,
                **{option: str(value) for option, value in asked.items() if value is not None},
            }
            _ENGINES[key] = loaded, now
    if batch_size is not None:
        loaded.limit_batches(batch_size)
    if drafts is not None:
        loaded.drafts = drafts
    return loaded


def _files(folder: Path) -> frozenset[tuple[str, int, int]]:
    """The state of the files that an engine depends on."""
    others = (CARD_FILE, CALIBRATION_FILE)
    return frozenset(file for file in contents(folder) if file[0] not in others)


def _runtime(engine: Runtime | None, folder: Path, name: str) -> Runtime:
    if engine == "ctranslate2" and is_adapter(folder):
        raise ModelError(
            f"{name!r} is an adapter, which CTranslate2 cannot load: merge it with `biogpt convert "
            f"{name} FOLDER --to ctranslate2`, then name that folder"
        )
    if not converted(folder):
        return engine or "transformers"
    if engine == "transformers":
        raise ModelError(
            f"{name!r} was converted for CTranslate2, so transformers cannot load it: leave "
            "the engine out, or name the model that it was converted from"
        )
    return "ctranslate2"


def _way(  # noqa: PLR0913, PLR0917 - what tells engines apart
    runtime: Runtime,
    folder: Path,
    base: Path,
    device: str | torch.device | None,
    dtype: str | torch.dtype | None,
    name: str,
) -> tuple[_Key, Callable[[], LocalEngine]]:
    """The cache key of an engine, and the function that loads it."""
    if runtime == "transformers":
        devices = pick_devices(device)
        kind = pick_dtype(dtype, devices[0], base, name)
        return (runtime, folder, devices, kind), partial(_load, folder, base, devices, kind, name)

    from biogpt_plugins.engines import ctranslate2_folder as ours  # noqa: PLC0415 - an extra

    devices = pick_devices(device, ours.available())
    compute_type = ours.pick_compute_type(dtype, devices[0])
    return (
        (runtime, folder, devices, compute_type),
        partial(_load_for_ctranslate2, folder, devices, compute_type, name),
    )


def _load(
    folder: Path, base: Path, devices: tuple[torch.device, ...], dtype: torch.dtype, name: str
) -> TransformersEngine:
    attention = pick_attention(devices[0], dtype)
    model, tokenizer = _network(folder, base, dtype, attention, name)
    copies = [deepcopy(model).to(device) for device in devices[1:]]
    model = model.to(devices[0])
    return TransformersEngine(
        prepack(model) if isinstance(model, BioGPT) else model,
        tokenizer,
        model_name=name,
        folder=folder,
        copies=copies,
    )


def _network(
    folder: Path, base: Path, dtype: torch.dtype, attention: str, name: str
) -> tuple[BioGPT | BioGptForCausalLM, Vocabulary | BioGptTokenizer]:
    """The network and the tokenizer, by transformers where that is needed."""
    if folder == base and (network := read_network(folder, dtype, attention)):  # noqa: SIM102
        if words := read_vocabulary(folder, network.config.vocab_size):
            return network, words
    from biogpt_plugins.engines.pretrained import load_network  # noqa: PLC0415 - takes seconds

    model, tokenizer = load_network(folder, base, dtype=dtype, attention=attention, name=name)
    return BioGPT.of(model.eval(), base) or model, tokenizer


def _load_for_ctranslate2(
    folder: Path, devices: tuple[torch.device, ...], compute_type: str, name: str
) -> CTranslate2Engine:
    from biogpt_plugins.engines import ctranslate2_folder as ours  # noqa: PLC0415 - an extra
    from biogpt_plugins.engines.conversions import conversion  # noqa: PLC0415
    from biogpt_plugins.engines.pretrained import load_tokenizer, quiet  # noqa: PLC0415
    from biogpt_plugins.engines.settings import read_settings  # noqa: PLC0415

    ours.check_stored(folder, compute_type, name)
    write = partial(ours.write_folder, folder, name=name, int8=compute_type.startswith(ours.INT8))
    facts = (ours.VERSION, compute_type.partition("_")[0])
    ready_made = nullcontext(folder) if converted(folder) else conversion(folder, write, facts)
    with quiet(), ready_made as ready:
        names, config = ours.vocabulary(ready), read_settings(folder)
        return CTranslate2Engine(
            ours.open_folder(ready, devices, compute_type, name),
            load_tokenizer(folder, len(names)),
            names=names,
            context_size=config.max_position_embeddings,
            hidden_size=config.hidden_size,
            device=devices[0],
            dtype=compute_type,
            model_name=name,
            folder=folder,
        )
