"""Writes the trained folder: weights, tokenizer, generation config and card."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from biogpt_plugins.checkpoints.folders import share_weights
from biogpt_plugins.engines.generation import official_generation
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.registry import fold
from biogpt_plugins.tasks.toml_task import FOLDER
from biogpt_plugins.training.adapters import plain
from biogpt_plugins.training.start import Start


def save(
    model: Any,  # noqa: ANN401 - a BioGptForCausalLM, or its peft wrapper
    start: Start,
    folder: Path,
    *,
    dtype: str,
) -> None:
    """Write a model for `load`; low-rank updates are merged into the weights."""
    whole = plain(model, start, getattr(torch, dtype))
    tokenizer = start.tokenizer
    whole.config.use_cache = True  # the Trainer switches it off
    whole.generation_config = official_generation(
        # max_length counts the final </s>, which needs no position.
        max_length=whole.config.max_position_embeddings + 1,
        bos=tokenizer.bos_token_id,
        pad=tokenizer.pad_token_id,
        eos=tokenizer.sep_token_id,
    )
    whole.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    start.card.save(folder)
    _declare(start.card.tasks, folder)
    share_weights(folder)


def _declare(names: Iterable[str], folder: Path) -> None:
    """Put the files of tasks beside the model, which then knows them by itself."""
    for name in names:
        declaration = TASKS[name].declaration if name in TASKS else ""
        if declaration:
            (folder / FOLDER).mkdir(exist_ok=True)
            (folder / FOLDER / f"{fold(name)}.toml").write_text(declaration, encoding="utf-8")
