"""Adapters in PEFT's format, merged into the weights of their base."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import MissingExtraError, ModelError


def merged(
    network: BioGptForCausalLM, folder: Path, tokenizer: BioGptTokenizer, name: str
) -> BioGptForCausalLM:
    """The network with an adapter's weights merged into its own.

    Args:
        network: The base; it is changed.
        folder: The adapter.
        tokenizer: The adapter's tokenizer. The base gets rows for tokens that it lacks.
        name: The adapter's name in errors.

    Raises:
        MissingExtraError: peft is not installed.
        ModelError: The adapter does not fit the base.
    """
    try:
        from peft import PeftModel, get_peft_model_state_dict  # noqa: PLC0415 - an extra
        from peft.utils import load_peft_weights  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError.of(
            f"{name!r} is a PEFT adapter, which needs peft", "finetune"
        ) from error
    if network.config.vocab_size < len(tokenizer):
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with warnings.catch_warnings():
        # peft reads a property that transformers 5 renamed; what it warns of is an error below.
        warnings.simplefilter("ignore")
        try:
            model: Any = PeftModel.from_pretrained(network, str(folder))
            given = set(load_peft_weights(str(folder), device="cpu"))
            wanted = set(get_peft_model_state_dict(model))
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # damaged files raise errors of several libraries
            raise ModelError(
                f"cannot load the adapter {name!r} from {folder}: {type(error).__name__}: {error}"
            ) from error
        if strange := sorted(given ^ wanted):
            unfit = counted(len(strange), "tensor is missing or has", "tensors are missing or have")
            raise ModelError(
                f"the adapter {name!r} does not fit its base: {unfit} no place "
                f"there, for example {strange[0]}; looked in {folder}"
            )
        whole: BioGptForCausalLM = model.merge_and_unload()
    return whole
