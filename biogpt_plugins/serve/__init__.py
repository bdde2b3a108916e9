"""One model for many programs, over HTTP: `biogpt serve`.

`create_app` makes the ASGI application, which `biogpt serve` runs; FastAPI is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from biogpt_plugins.values.errors import MissingExtraError

if TYPE_CHECKING:
    from biogpt_plugins.serve.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> object:
    if name == "create_app":
        try:
            from biogpt_plugins.serve.app import create_app  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("biogpt_plugins"):
                raise
            raise MissingExtraError.of("a server needs FastAPI and uvicorn", "serve") from error
        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
