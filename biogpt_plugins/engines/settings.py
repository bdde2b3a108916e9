"""The settings of a model's folder, as transformers reads them."""

from __future__ import annotations

from pathlib import Path

from transformers import BioGptConfig

from biogpt_plugins.values.errors import ModelError


def read_settings(folder: Path) -> BioGptConfig:
    """Read the settings of a folder, whose network `locate` has checked.

    Raises:
        ModelError: Another setting has no valid value.
    """
    try:
        return BioGptConfig.from_pretrained(folder)
    except Exception as error:  # transformers has no error of its own for this
        reason = " ".join(str(error).split())
        raise ModelError(
            f"cannot read {folder}/config.json: {type(error).__name__}: {reason}"
        ) from error
