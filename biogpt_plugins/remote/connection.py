"""Requests to a server, which are repeated where that helps and changes nothing."""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections.abc import Generator
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx

from biogpt_plugins.engine import cancelled
from biogpt_plugins.remote.loop import LOOK, Gone, Loop
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import (
    BioGPTError,
    ContextOverflowError,
    EngineChangedError,
    EngineError,
    InputError,
    ServerError,
)

VARIABLE = "BIOGPT_SERVE_TOKEN"
"""The variable of the environment that holds a client's token."""

_OK, _REFUSED, _UNKNOWN, _LACKING, _CHANGED, _TOO_LARGE, _BROKEN = 200, 400, 401, 404, 409, 413, 500
_BUSY = (429, 503)
_PASSING = (408, 502, 504)
_REDIRECTS = range(300, 400)
_MOST_TOLD = 300
_POOL = httpx.Limits(max_connections=None, keepalive_expiry=4.0)  # uvicorn closes idle ones after 5
_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
]
"""A machine that is gone is noticed after a minute."""


class Patience(NamedTuple):
    """How long a server is waited for.

    Attributes:
        attempts: How often a request is sent to a server that cannot be reached.
        first: Seconds before the second attempt; each later wait is twice as long.
        busy: Seconds in all that a server may ask to wait because it is busy.
    """

    attempts: int = 5
    first: float = 0.25
    busy: float = 600.0


class _AgainError(Exception):
    """A request that may be sent again.

    Attributes:
        begun: Whether a part of the answer has come.
        wait: The seconds to wait that the server asks for, if it is busy; None if it is not.
    """

    def __init__(self, reason: str, *, begun: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.begun, self.wait = begun, wait


class Connection:
    """The requests of this process, and of its forks, to one server."""

    def __init__(self, url: str, token: str | None, patience: Patience) -> None:
        """Connect to nothing yet.

        Args:
            url: The address of the server.
            token: The bearer token.
            patience: How long it is waited for.
        """
        self._url, self._token, self._patience = url, token, patience
        self._loops: dict[int, Loop] = {}

    def ask(self, path: str, body: bytes | None = None, *, repeatable: bool = True) -> bytes:
        """The answer to a request.

        Args:
            path: What to ask.
            body: JSON to post; None gets the path.
            repeatable: Whether the answer would be the same again; otherwise the request is not
                repeated once its answer has begun.

        Raises:
            Gone: The caller was cancelled; the server has stopped its work.
            InputError: The server refuses the request.
            EngineError: Its engine failed.
            ServerError: It cannot be reached, or is not as it was.
        """

        async def exchange() -> bytes:
            response = await self._send(path, body)
            try:
                return await response.aread()
            except httpx.TransportError as error:
                raise _AgainError(_said(error), begun=True) from error
            finally:
                await response.aclose()

        trying = _Trying(self._url, self._patience)
        while True:
            try:
                return self._loop.run(exchange())
            except _AgainError as error:
                if error.begun and not repeatable:
                    raise self._lost(error) from error
                trying.wait(error)

    def lines(self, path: str, body: bytes) -> Generator[bytes, None, None]:
        """The lines of an answer as they come. Closing the iterator ends the server's work.

        Raises:
            BioGPTError: As `ask`; a ServerError if the answer breaks off.
        """
        response = self._opened(path, body)
        loop, lines = self._loop, response.aiter_lines()

        async def following() -> str | None:
            return await anext(lines, None)

        try:
            while (line := loop.run(following())) is not None:
                yield line.encode()
        except httpx.TransportError as error:
            raise self._lost(error) from error
        finally:
            with suppress(EngineError):  # it is closed
                loop.start(response.aclose())

    def close(self) -> None:
        """Close the connections of this process; requests in progress fail."""
        if loop := self._loops.pop(os.getpid(), None):
            loop.close()

    @property
    def _loop(self) -> Loop:
        # A fork has the objects of its parent, but neither its threads nor its share of the pool.
        pid = os.getpid()
        return self._loops.get(pid) or self._loops.setdefault(pid, Loop(self._client))

    def _client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return httpx.AsyncClient(
            base_url=self._url,
            headers={"User-Agent": "biogpt-plugins", **headers},
            # Computing takes its time: that the server's machine is alive, TCP finds out.
            timeout=httpx.Timeout(None, connect=10.0),
            transport=httpx.AsyncHTTPTransport(limits=_POOL, socket_options=_ALIVE),
        )

    def _opened(self, path: str, body: bytes) -> httpx.Response:
        trying = _Trying(self._url, self._patience)
        while True:
            try:
                return self._loop.run(self._send(path, body))
            except _AgainError as error:
                trying.wait(error)

    async def _send(self, path: str, body: bytes | None) -> httpx.Response:
        """The answer, whose body is still to be read.

        Raises:
            _AgainError: The request may be sent again.
            BioGPTError: The server refuses it.
        """
        client = self._loop.client
        if body is None:
            request = client.build_request("GET", path)
        else:
            kind = {"Content-Type": "application/json"}
            request = client.build_request("POST", path, content=body, headers=kind)
        try:
            response = await client.send(request, stream=True)
            if response.status_code == _OK:
                return response
            try:
                await response.aread()
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            if "CERTIFICATE" in str(error):
                raise ServerError(f"{self._url} cannot be trusted: {_said(error)}") from error
            raise _AgainError(_said(error)) from error
        raise self._fault(response)

    def _fault(self, response: httpx.Response) -> Exception:
        """What an answer says that is none."""
        status = response.status_code
        message, code = _told(response)
        if status in _BUSY:
            return _AgainError(message, wait=_after(response.headers.get("Retry-After", "")))
        # Ray Serve answers a bare 500 for a request that was lost with its replica.
        if status in _PASSING or (status == _BROKEN and not code):
            return _AgainError(message)
        if status in (_REFUSED, _TOO_LARGE, _BROKEN):
            return own_error(message, code, refused=status != _BROKEN)
        what = f"refused the request (HTTP {status}): {message}"
        if status == _UNKNOWN:
            what = f"wants a valid token: set {VARIABLE}, or give token=..."
        elif status == _CHANGED:
            return EngineChangedError(f"{self._url} is not as it was: {message}")
        elif status == _LACKING:
            what = (
                "has no engine for this package: start `biogpt serve` of this version there, or "
                "check the address"
            )
        elif status in _REDIRECTS:
            what = f"redirects to {response.headers.get('Location')}: give that address"
        return ServerError(f"{self._url} {what}")

    def _lost(self, error: Exception) -> ServerError:
        return ServerError(
            f"{self._url} went away in the middle of its answer ({_said(error)}): ask again"
        )


class _Trying:
    """The attempts of one request."""

    def __init__(self, url: str, patience: Patience) -> None:
        self._url, self._patience = url, patience
        self._attempts, self._waited = 1, 0.0

    def wait(self, error: _AgainError) -> None:
        """Wait until the next attempt.

        Raises:
            Gone: The caller was cancelled.
            ServerError: There are no more attempts.
        """
        if error.wait is None:
            if self._attempts >= self._patience.attempts:
                attempts = counted(self._attempts, "attempt")
                raise ServerError(
                    f"{self._url} cannot be reached ({error}; {attempts}): start "
                    "the server, or check the address"
                ) from error
            seconds = self._patience.first * 2 ** (self._attempts - 1)
            self._attempts += 1
        else:
            seconds = max(error.wait, self._patience.first) * random.uniform(1, 1.25)
            self._waited += seconds
            if self._waited > self._patience.busy:
                raise ServerError(f"{self._url} is busy ({error}): try again later") from error
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if cancelled():
                raise Gone
            time.sleep(min(left, LOOK))


def own_error(message: str, code: str, *, refused: bool) -> BioGPTError:
    """The error that an engine would have raised here.

    Args:
        message: What is wrong.
        code: A word for it.
        refused: Whether the request is at fault.
    """
    if code == "context_length_exceeded":
        return ContextOverflowError(message)
    return InputError(message) if refused else EngineError(message)


def _told(response: httpx.Response) -> tuple[str, str]:
    """The message and the code of an error; another program's words for one that is not ours."""
    try:
        error = json.loads(response.content)["error"]
        return str(error["message"]), str(error["code"])
    except (ValueError, KeyError, TypeError):
        words = " ".join(response.text.split())[:_MOST_TOLD]
        return words or f"HTTP {response.status_code}", ""


def _after(told: str) -> float:
    """Seconds that a server asks to wait, which it gives as a number or a date."""
    with suppress(ValueError):
        return max(0.0, float(told))
    with suppress(ValueError, TypeError):
        left = parsedate_to_datetime(told) - datetime.now(timezone.utc)
        return max(0.0, left.total_seconds())
    return 0.0


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
