"""Addresses of servers, which stand where the name of a model stands."""

from __future__ import annotations

from urllib.parse import urlsplit

from biogpt_plugins.values.errors import InputError

_SCHEMES = ("http://", "https://")


def is_address(model: object) -> bool:
    """Whether a model is named by the address of its server."""
    return isinstance(model, str) and model.lower().startswith(_SCHEMES)


def check_address(url: str) -> str:
    """The address of a server in one spelling.

    Raises:
        InputError: It is none, or holds a password or a query.
    """
    try:
        parts = urlsplit(url)
        valid = is_address(url) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InputError(
            f"{url!r} is not the address of a server: give one such as http://127.0.0.1:8000"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError(
            "the address of a server must hold no name, password, query or fragment: a token is "
            "given as token=... or in the variable BIOGPT_SERVE_TOKEN"
        )
    path = parts.path.rstrip("/").removesuffix("/v1")
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{path}"
