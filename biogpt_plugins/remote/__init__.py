"""An engine on a server of this package, which needs neither torch nor a model here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from biogpt_plugins.values.errors import MissingExtraError

if TYPE_CHECKING:
    from biogpt_plugins.remote.engine import RemoteEngine, connect

__all__ = ["RemoteEngine", "connect"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.engine"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("biogpt_plugins"):
            raise
        raise MissingExtraError.of("the model of a server needs httpx", "remote") from error
