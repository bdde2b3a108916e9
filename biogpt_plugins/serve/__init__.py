"""One model for many programs, over HTTP: `biogpt serve`.

`create_app` makes the ASGI application, which `biogpt serve` runs. FastAPI and uvicorn are loaded
on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from biogpt_plugins.values.on_first_use import on_first_use

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

__getattr__ = on_first_use(__name__, _HOMES, "a server needs FastAPI and uvicorn", extra="serve")
