"""`merge`: from an adapter in PEFT's format to a whole model."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from transformers import GenerationConfig

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.folders import share_weights
from biogpt_plugins.checkpoints.locate import base_of
from biogpt_plugins.engines.pretrained import load_network, quiet
from biogpt_plugins.tasks.toml_task import FOLDER


def merge(src: str | Path, folder: Path, *, dtype: str, allow_pickle: bool) -> ModelCard:
    """Write the model that an adapter and its base make together.

    Args:
        src: The adapter: a folder, or an id on the hub.
        folder: The folder to write, which exists and is empty.
        dtype: The dtype to store the weights in.
        allow_pickle: As in `biogpt_plugins.load`.

    Returns:
        The card: the adapter's own, or its base's.

    Raises:
        ModelError: The adapter or its base cannot be found or read, or do not fit.
        MissingExtraError: peft is not installed.
    """
    name = str(src)
    adapter = locate(src, allow_pickle=allow_pickle)
    base = base_of(adapter, name, allow_pickle=allow_pickle)
    model, tokenizer = load_network(adapter, base, dtype=getattr(torch, dtype), name=name)
    if (base / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(base)
    with quiet():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    card = read_card(adapter, name)
    card.save(folder)
    for place in (base, adapter):
        if (place / FOLDER).is_dir():
            shutil.copytree(place / FOLDER, folder / FOLDER, dirs_exist_ok=True)
    share_weights(folder)
    return card
