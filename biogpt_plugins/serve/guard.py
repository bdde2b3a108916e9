"""What holds for every request: an id, who asks, how much and how slowly, and a line in the log."""

from __future__ import annotations

import asyncio
import logging
import re
from time import monotonic
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from biogpt_plugins.serve.access import Access
from biogpt_plugins.serve.errors import Refused
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.serve.metrics import Metrics

LOG = logging.getLogger("biogpt_plugins.serve")
"""The access log: one line for each request."""

_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_UNKNOWN = "other"
_BROKEN, _GONE = 500, 499


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, access: Access, limits: Limits, metrics: Metrics) -> None:
        """Wrap an application."""
        self._app = app
        self._access, self._limits, self._metrics = access, limits, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid4().hex
        begun, status, stuck = monotonic(), 0, False

        async def answer(message: Message) -> None:
            nonlocal status, stuck
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            try:
                await asyncio.wait_for(send(message), self._limits.send_seconds)
            except asyncio.TimeoutError:
                stuck = True
                raise

        body = _Body(receive, headers, self._limits)
        try:
            try:
                path = scope["path"].removeprefix(scope.get("root_path", ""))
                self._access.check(path, headers)
                body.check()
                await self._app(scope, body, answer)
            except Exception as error:
                if stuck:
                    LOG.warning("the client does not read its answer to request %s", request_id)
                    return
                if not isinstance(error, Refused):
                    LOG.exception("a fault of the server in request %s", request_id)
                if status:  # the answer has begun: the connection is closed
                    raise
                await Refused.of(error).answer()(scope, receive, answer)
            except asyncio.CancelledError:  # by a server in front, whose client has gone
                body.gone = True
                raise
        finally:
            seconds = monotonic() - begun
            status = status or (_GONE if body.gone else _BROKEN)
            self._metrics.answered(_path(scope), status, seconds)
            client = (scope.get("client") or ("-",))[0]
            LOG.info(
                "%s %s %s %d %.0f ms %s",
                client,
                scope["method"],
                scope["path"].encode("unicode_escape").decode(),
                status,
                1000 * seconds,
                request_id,
            )


class _Body:
    """The body of a request, which must not be too large or too slow."""

    def __init__(self, receive: Receive, headers: Headers, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self._length = headers.get("content-length", "")
        self._until = monotonic() + limits.body_seconds
        self._size = 0
        self._whole = False
        self.gone = False

    def check(self) -> None:
        if self._length.isdecimal() and int(self._length) > self._limits.body:
            raise self._too_large()

    async def __call__(self) -> Message:
        if self._whole:
            message = await self._receive()
        else:
            try:
                wait = max(0.0, self._until - monotonic())
                message = await asyncio.wait_for(self._receive(), wait)
            except asyncio.TimeoutError:
                raise Refused(
                    408, f"the request took more than {self._limits.body_seconds:g} s to arrive"
                ) from None
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._size > self._limits.body:
                raise self._too_large()
        self.gone = self.gone or message["type"] == "http.disconnect"
        return message

    def _too_large(self) -> Refused:
        return Refused(413, f"the request is larger than {self._limits.body:,} bytes: divide it")


def _path(scope: Scope) -> str:
    """The path of the route that answered, so that there are few; others are counted together."""
    route: BaseRoute | None = scope.get("route")
    return getattr(route, "path", None) or _UNKNOWN
