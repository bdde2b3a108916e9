"""Engines by the name of their model, each loaded once in a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from threading import Lock

import torch
from transformers import BioGptForCausalLM, BioGptTokenizer
from transformers.utils import logging as hf_logging

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.registry import LEARNED
from biogpt_plugins.engines.devices import pick_attention, pick_devices, pick_dtype
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from biogpt_plugins.errors import ModelError

_ENGINES: dict[tuple[Path, tuple[torch.device, ...], torch.dtype], TransformersEngine] = {}
_LOADING = Lock()


def load_engine(  # noqa: PLR0913 - keyword-only options
    model: str | Path,
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    revision: str | None = None,
    allow_pickle: bool = False,
    local_files_only: bool | None = None,
    batch_size: int | None = None,
) -> TransformersEngine:
    """The engine of a model: one for each model, device and dtype in a process, loaded once.

    Args:
        model: A bundled name ("demo"), a folder, or an id on the Hugging Face hub.
        device: "cuda", "cuda:1", "mps" or "cpu"; None for the best there is. Of several, with
            commas between them, or "all" for every CUDA device, each has a copy of the model.
        dtype: "bfloat16", "float16" or "float32"; None for bfloat16 where the hardware has it
            and the model is large enough to gain by it.
        revision: Branch, tag or commit of a hub id.
        allow_pickle: Accept weights in PyTorch's pickle format where there are no safetensors.
        local_files_only: True never asks the hub, False always does; None asks it only for
            what the local cache does not hold.
        batch_size: Most prompts of a batch, for all who share the engine; None leaves it.

    Raises:
        DeviceError: This machine does not have the device or the dtype.
        ModelNotFoundError: There is no such folder, or the hub does not know or give the id.
        NotABioGPTError: The folder or repository holds something else.
        ModelError: Files are missing, damaged, or pickled and `allow_pickle` is False.
    """
    where = pick_devices(device)
    folder = locate(
        model, revision=revision, local_files_only=local_files_only, allow_pickle=allow_pickle
    )
    key = (folder, where, pick_dtype(dtype, where[0], folder, str(model)))
    with _LOADING:
        if key not in _ENGINES or _ENGINES[key].closed:
            _ENGINES[key] = _load(*key, str(model))
        engine = _ENGINES[key]
    if batch_size is not None:
        engine.limit_batches(batch_size)
    return engine


def _load(
    folder: Path, devices: tuple[torch.device, ...], dtype: torch.dtype, name: str
) -> TransformersEngine:
    with _silence():
        try:
            tokenizer = BioGptTokenizer.from_pretrained(folder, local_files_only=True)
            model, report = BioGptForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                attn_implementation=pick_attention(devices[0], dtype),
                # Pickled weights come this far only where they were allowed.
                use_safetensors=any(folder.glob("*.safetensors")),
                local_files_only=True,
                output_loading_info=True,
                # Reported below: the error that transformers raises does not name them.
                ignore_mismatched_sizes=True,
            )
        except Exception as error:  # damaged files raise errors of several libraries
            raise ModelError(
                f"cannot load {name!r} from {folder}: {type(error).__name__}: {error}"
            ) from error
    mismatched = {entry[0] for entry in report["mismatched_keys"]}
    if unfit := sorted({*report["missing_keys"], *mismatched}):
        raise ModelError(
            f"the weights of {name!r} do not fit its config.json: {len(unfit)} are missing or of "
            f"another shape, {unfit[0]} among them; looked in {folder}"
        )
    if model.config.vocab_size == len(tokenizer) + len(LEARNED):
        # A fairseq model saved with its dictionary alone has them as rows behind it.
        tokenizer.add_tokens(list(LEARNED), special_tokens=True)
    copies = [deepcopy(model).to(device) for device in devices[1:]]
    return TransformersEngine(
        model.to(devices[0]), tokenizer, model_name=name, folder=folder, copies=copies
    )


@contextmanager
def _silence() -> Iterator[None]:
    verbosity, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()
