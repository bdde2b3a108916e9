"""Who may ask: bearer tokens, and names of this machine."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers

from biogpt_plugins.serve.errors import Refused
from biogpt_plugins.values.errors import InputError

PAGE = ("/", "/page.css", "/page.js")
"""The files of the page, which hold no data."""

OPEN = frozenset({"/healthz", "/readyz", *PAGE})
"""Paths that everybody may ask."""

_LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
_LEAST = 8
_BEARER = re.compile(r"\s*bearer\s+(\S+)\s*", re.IGNORECASE)


def is_local(host: str) -> bool:
    """Whether a host's name is this machine's own, which others cannot reach."""
    return host in _LOCAL or host.startswith("127.")


def read_tokens(text: str) -> tuple[str, ...]:
    """The tokens of a file or a variable, one a line; lines that begin with # are remarks.

    Raises:
        InputError: There is none, or one is short or has spaces in it.
    """
    lines = (line.strip() for line in text.splitlines())
    tokens = tuple(line for line in lines if line and not line.startswith("#"))
    if not tokens:
        raise InputError("there is no token: give one a line")
    for number, token in enumerate(tokens, 1):
        if len(token) < _LEAST or not token.isascii() or len(token.split()) > 1:
            raise InputError(
                f"token {number} must have {_LEAST} or more letters, digits and signs of ASCII, "
                "without spaces: make one with `openssl rand -hex 32`"
            )
    return tokens


def tokens_of(file: Path | None, variable: str | None) -> tuple[str, ...]:
    """The tokens of a file, or else of a variable of the environment; none without both.

    Raises:
        InputError: As `read_tokens`.
        OSError: The file cannot be read.
    """
    if file is not None:
        return read_tokens(file.read_text(encoding="utf-8"))
    return read_tokens(variable) if variable else ()


class Access:
    """Decides who may ask."""

    def __init__(self, tokens: Iterable[str] = (), *, local: bool = False) -> None:
        """Set up.

        Args:
            tokens: The bearer tokens of clients; none lets everybody ask.
            local: Whether only requests to a name of this machine are answered, if there are no
                tokens: a page of another site can send requests to this machine by a name of its
                own, which its browser resolves to 127.0.0.1.
        """
        self._digests = [sha256(token.encode()).digest() for token in tokens]
        self._local = local and not self._digests

    def check(self, path: str, headers: Headers) -> None:
        """Check a request.

        Raises:
            Refused: It may not ask.
        """
        if self._local and not is_local(_name(headers.get("host", ""))):
            raise Refused(
                421, "this server answers to localhost alone: start it with a token for others"
            )
        if not self._digests or path in OPEN:
            return
        found = _BEARER.fullmatch(headers.get("authorization", ""))
        given = sha256((found[1] if found else "").encode(errors="replace")).digest()
        # Each is compared, in constant time, so that time tells nothing of them.
        if not sum(hmac.compare_digest(given, digest) for digest in self._digests):
            raise Refused(
                401,
                "no valid token: send the header `Authorization: Bearer TOKEN`",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )


def _name(host: str) -> str:
    """A host without its port."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host
