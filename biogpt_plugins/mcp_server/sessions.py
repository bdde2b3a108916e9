"""The streamable HTTP transport, for an application to mount."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_IDLE = 1800.0  # seconds
_SESSIONS = 1000


class Sessions:
    """Clients over HTTP: an ASGI application, which lives in `running`."""

    def __init__(self, server: Server[Any], *, local: bool, replicated: bool = False) -> None:
        """Set up.

        Args:
            server: The server.
            local: Whether only pages and programs of this machine may ask.
            replicated: Whether other processes answer at the same address, too. Then nothing is
                kept between requests: clients of protocols before 2026-07-28 cannot cancel.
        """
        hosts = [name + port for name in _LOCAL for port in ("", ":*")]
        origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
        security = TransportSecuritySettings(
            enable_dns_rebinding_protection=local, allowed_hosts=hosts, allowed_origins=origins
        )
        self._manager = StreamableHTTPSessionManager(
            server,
            security_settings=security,
            stateless=replicated,
            session_idle_timeout=_IDLE,
            max_sessions=_SESSIONS,
        )

    def running(self) -> AbstractAsyncContextManager[None]:
        """The life of all sessions; it can begin once."""
        return self._manager.run()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        await self._manager.handle_request(scope, receive, send)
