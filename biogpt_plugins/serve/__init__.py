"""One model for many programs, over HTTP: `biogpt serve`.

`create_app` makes the ASGI application, which `biogpt serve` runs. FastAPI and uvicorn are loaded
on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from biogpt_plugins.values.errors import MissingExtraError

if TYPE_CHECKING:
    from biogpt_plugins.serve.access import is_local, tokens_of
    from biogpt_plugins.serve.app import create_app
    from biogpt_plugins.serve.limits import Limits
    from biogpt_plugins.serve.running import Server, bind

__all__ = ["Limits", "Server", "bind", "create_app", "is_local", "tokens_of"]

_HOMES = {
    "Limits": "limits",
    "Server": "running",
    "bind": "running",
    "create_app": "app",
    "is_local": "access",
    "tokens_of": "access",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("biogpt_plugins"):
            raise
        raise MissingExtraError.of("a server needs FastAPI and uvicorn", "serve") from error
