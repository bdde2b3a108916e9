"""Download a file over HTTP: it can continue, and appears only when it is complete."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from biogpt_plugins.values.errors import FetchError, InputError

_ATTEMPTS = 5
_TIMEOUT = 60.0
_PIECE = 1 << 16
_PARTIAL, _NOT_FOUND, _NO_SUCH_RANGE, _TOO_MANY, _BROKEN = 206, 404, 416, 429, 500


def download(
    url: str,
    place: Path,
    *,
    digest: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Download a file, in up to five attempts of which each continues the one before.

    What has come is in a file beside it, with `.part` after its name, so that a later call
    continues too. Proxies are those of the environment (`https_proxy`).

    Args:
        url: The address, with http or https.
        place: The file to write.
        digest: The SHA-256 that it must have; None for any.
        tell: Gets messages about the progress.
        sleep: Waits for seconds.

    Raises:
        InputError: The address is not one of http or https.
        FetchError: The server cannot be reached, refuses, breaks off each time, or has another
            file. That one is not kept.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"the address must begin with https://, not {url!r}")
    part = place.with_name(f"{place.name}.part")
    reason = ""
    for attempt in range(1, _ATTEMPTS + 1):
        if attempt > 1:
            tell(f"{place.name}: {reason}; attempt {attempt} of {_ATTEMPTS}")
            sleep(2.0 ** (attempt - 2))
        try:
            _continue(url, part, tell)
        except HTTPError as error:
            with error:
                reason = f"HTTP {error.code} {error.reason}"
            if error.code == _NO_SUCH_RANGE:
                part.unlink(missing_ok=True)
            elif error.code != _TOO_MANY and error.code < _BROKEN:
                missing = ": there is no such file" if error.code == _NOT_FOUND else ""
                raise FetchError(f"cannot download {url} ({reason}){missing}") from error
        except (OSError, HTTPException) as error:
            cause = getattr(error, "reason", None) or error
            reason = f"{type(error).__name__}: {cause}"
        else:
            _publish(part, place, url, digest)
            return
    raise FetchError(
        f"cannot download {url} in {_ATTEMPTS} attempts ({reason}): start again later, what has "
        "come is kept"
    )


def _continue(url: str, part: Path, tell: Callable[[str], None]) -> None:
    """Append what is missing to the part.

    Raises:
        OSError: The connection fails, or ends before the file does.
    """
    size = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"User-Agent": "biogpt-plugins", "Accept-Encoding": "identity"})
    if size:
        request.add_header("Range", f"bytes={size}-")
    response: HTTPResponse
    with urlopen(request, timeout=_TIMEOUT) as response:
        continued = response.status == _PARTIAL
        rest = f", from byte {size:,}" if continued else ""
        tell(f"downloading {url}{rest}")
        with part.open("ab" if continued else "wb") as stream:
            while piece := response.read(_PIECE):
                stream.write(piece)
        if response.length:
            raise OSError("the connection broke off")


def _publish(part: Path, place: Path, url: str, digest: str | None) -> None:
    if digest and (found := digest_of(part)) != digest:
        part.unlink()
        raise FetchError(
            f"{url} is another file: its SHA-256 is {found}, not {digest}. It was changed on the "
            "way or at its source, and was not kept"
        )
    part.replace(place)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    return sha256(path.read_bytes()).hexdigest()
