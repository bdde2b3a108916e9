"""BioGPT's tools for agents that speak the Model Context Protocol (MCP): `biogpt mcp`.

The tools and resources (`kit`, `reading`, `searching`, `resources`) know nothing of the protocol's
SDK. `sdk`, `stdio` and `sessions` use it; they are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from biogpt_plugins.mcp_server.reading import Admit
from biogpt_plugins.values.on_first_use import on_first_use

if TYPE_CHECKING:
    from biogpt_plugins.mcp_server.server import make_server
    from biogpt_plugins.mcp_server.sessions import Sessions
    from biogpt_plugins.mcp_server.stdio import claim_stdout, serve_stdio

__all__ = ["Admit", "Sessions", "claim_stdout", "make_server", "serve_stdio"]

_HOMES = {
    "Sessions": "sessions",
    "claim_stdout": "stdio",
    "make_server": "server",
    "serve_stdio": "stdio",
}

__getattr__ = on_first_use(__name__, _HOMES, "a server of tools needs the SDK of MCP", extra="mcp")
