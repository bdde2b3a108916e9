"""Loads networks and tokenizers by transformers, whatever form their folders have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import BioGptForCausalLM, BioGptTokenizer
from transformers.utils import logging as hf_logging

from biogpt_plugins.checkpoints.adapter import NETWORK
from biogpt_plugins.checkpoints.registry import LEARNED
from biogpt_plugins.engines.adapters import merged
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import ModelError, NotABioGPTError

_HEADS = ("classifier.", "score.", "qa_outputs.")


def load_network(
    folder: Path, base: Path, *, dtype: torch.dtype, attention: str | None = None, name: str
) -> tuple[BioGptForCausalLM, BioGptTokenizer]:
    """Load the network and the tokenizer of a model, or of an adapter merged into its base.

    Args:
        folder: The model's folder, or the adapter's.
        base: The folder of the whole model, as `base_of` finds it.
        dtype: The dtype of the weights. An adapter is merged in float32.
        attention: The implementation of attention; None for the default of transformers.
        name: The model's name in errors.

    Raises:
        ModelError: Files are damaged, or the weights do not fit the settings.
        MissingExtraError: It is an adapter, and peft is not installed.
    """
    with quiet():
        try:
            model, report = BioGptForCausalLM.from_pretrained(
                base,
                dtype=dtype if folder == base else torch.float32,
                attn_implementation=attention,
                # Pickled weights come this far only where they were allowed.
                use_safetensors=any(base.glob("*.safetensors")),
                local_files_only=True,
                output_loading_info=True,
                # Reported below: the error that transformers raises does not name them.
                ignore_mismatched_sizes=True,
            )
            words = folder if (folder / "vocab.json").is_file() else base
            tokenizer = load_tokenizer(words, model.config.vocab_size)
        except Exception as error:  # damaged files raise errors of several libraries
            raise ModelError(
                f"cannot load {name!r} from {base}: {type(error).__name__}: {error}"
            ) from error
        mismatched = {entry[0] for entry in report["mismatched_keys"]}
        layers = {key for key in report["unexpected_keys"] if ".layers." in key}
        if unfit := sorted({*report["missing_keys"], *mismatched, *layers}):
            raise ModelError(
                f"the weights of {name!r} do not match its config.json: "
                f"{counted(len(unfit), 'tensor is', 'tensors are')} missing, too many or of "
                f"another shape, for example {unfit[0]}; looked in {base}"
            )
        if heads := sorted(key for key in report["unexpected_keys"] if key.startswith(_HEADS)):
            raise NotABioGPTError(
                f"the weights of {name!r} have a head that does not complete texts ({heads[0]}): "
                f"name a folder of a {NETWORK}, such as its base model; looked in {base}"
            )
        if folder != base:
            model = merged(model, folder, tokenizer, name).to(dtype)
    return model, tokenizer


def load_tokenizer(folder: Path, rows: int) -> BioGptTokenizer:
    """Load the tokenizer of a folder; `rows` is the number of the model's embeddings."""
    tokenizer = BioGptTokenizer.from_pretrained(folder, local_files_only=True)
    if rows == len(tokenizer) + len(LEARNED):
        # A fairseq model saved with only its dictionary has them as rows after the vocabulary.
        tokenizer.add_tokens(list(LEARNED), special_tokens=True)
    return tokenizer


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars and advice while loading."""
    verbosity, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()
