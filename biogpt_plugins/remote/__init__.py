"""An engine on a server of this package, which needs neither torch nor a model here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biogpt_plugins.values.on_first_use import on_first_use

if TYPE_CHECKING:
    from biogpt_plugins.remote.engine import RemoteEngine, connect

__all__ = ["RemoteEngine", "connect"]

__getattr__ = on_first_use(
    __name__, dict.fromkeys(__all__, "engine"), "the model of a server needs httpx", extra="remote"
)
