"""Run the application with uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.values.errors import InputError

_LARGEST_HEAD = 64 << 10  # bytes of a request's headers


class _Connection(H11Protocol):
    """A connection that is closed if the head of its next request does not arrive in time.

    It runs on h11, which bounds the size of heads.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's own signature
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop()
        limits: Limits = self.app_state["limits"]
        self._timer = self.loop.call_later(limits.head_seconds, self._late, self.cycle)

    def _late(self, last: object) -> None:
        if self.cycle is last:  # no request has begun since
            self.timeout_keep_alive_handler()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()


class Server(uvicorn.Server):
    """A uvicorn that says when it listens, and whose application knows when it stops."""

    def __init__(
        self, app: FastAPI, place: socket.socket, *, drain: int, started: Callable[[str], None]
    ) -> None:
        """Set up.

        Args:
            app: The application.
            place: Where to listen.
            drain: Seconds that requests in progress have when the server is stopped.
            started: Is told the address when the server listens.
        """
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            h11_max_incomplete_event_size=_LARGEST_HEAD,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=drain,
        )
        super().__init__(config)
        self._app, self._place, self._told = app, place, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told(address(self._place))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.service.draining = True
        await super().shutdown(sockets)

    def serve_place(self) -> None:
        """Serve until a signal stops it."""
        self.run(sockets=[self._place])


def bind(host: str, port: int) -> socket.socket:
    """Take a port, before anything is loaded.

    Raises:
        InputError: The host is unknown, or the port is taken or not allowed.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        place = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(f"cannot serve at host {host!r}: {error.strerror}") from error
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(where)
    except OSError as error:
        place.close()
        raise InputError(
            f"cannot serve at {host}, port {port}: {error.strerror}; choose another with --port"
        ) from error
    return place


def address(place: socket.socket) -> str:
    """The address of a server."""
    host, port = place.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
