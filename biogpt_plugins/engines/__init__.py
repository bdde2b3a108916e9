"""Runtimes that compute completions. torch is loaded on first use."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING

from biogpt_plugins.engine.docstrings import without_docstrings

if TYPE_CHECKING:
    from biogpt_plugins.engines.ctranslate2_engine import CTranslate2Engine
    from biogpt_plugins.engines.loading import load_engine
    from biogpt_plugins.engines.transformers_engine import TransformersEngine

__all__ = ["CTranslate2Engine", "TransformersEngine", "load_engine"]

_HOMES = {
    "CTranslate2Engine": "ctranslate2_engine",
    "TransformersEngine": "transformers_engine",
    "load_engine": "loading",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        if error := without_docstrings("transformers"):
            raise error
        return getattr(_imported(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _imported(module: str) -> object:
    """A module, imported without collecting garbage.

    torch makes a million objects that stay, and the collector takes a fifth of the time of its
    import to go through them again and again.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return import_module(module)
    finally:
        if collects:
            gc.enable()
