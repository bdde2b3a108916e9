"""NCBI's E-utilities: requests at the rate that NCBI allows, repeated where that helps.

https://www.ncbi.nlm.nih.gov/books/NBK25497 has the rules: 3 requests a second, 10 with an API key,
and every request names the program and an e-mail address.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, NamedTuple, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from biogpt_plugins.values.errors import FetchError, InputError

URL = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
TOOL = "biogpt-plugins"

T = TypeVar("T")
_RATE, _RATE_WITH_KEY = 3, 10  # requests a second
_ATTEMPTS = 5
_LONGEST_WAIT = 60.0
_TIMEOUT = 60.0
_LARGEST = 1 << 29
_TOO_MANY, _BROKEN = 429, 500
_PASSING = re.compile(
    r"backend|temporar|try again|later|time.?out|unavailable|rate limit|unable to obtain|internal|"
    r"connection|server",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<[^>]*>")
_MOST_TOLD = 160


class Again(Exception):
    """Raised by what reads an answer, if the same request may have a better one.

    Attributes:
        wait: The seconds to wait that the server asks for.
    """

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class Found(NamedTuple):
    """What a search found.

    Attributes:
        matches: How many records match.
        ids: The ids of the first of them.
        read_as: The query as the database reads it.
        left_out: Words and fields of the query that the database does not know, and leaves out.
    """

    matches: int
    ids: tuple[str, ...]
    read_as: str
    left_out: tuple[str, ...]


class Eutils:
    """The E-utilities of NCBI, or of a server that answers as NCBI does."""

    def __init__(
        self,
        *,
        email: str | None = None,
        api_key: str | None = None,
        url: str = URL,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare requests; none is made.

        Args:
            email: The user's e-mail address, where NCBI writes before it blocks a program.
            api_key: The user's API key, with which NCBI allows more requests.
            url: The address of the utilities.
            clock: Tells the time in seconds.
            sleep: Waits for seconds.

        Raises:
            InputError: The address is none of http or https.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise InputError(
                f"the address of the E-utilities must begin with https://, not {url!r}"
            )
        self._url = url.rstrip("/")
        who = {"tool": TOOL, "email": email, "api_key": api_key}
        self._who = {name: value for name, value in who.items() if value}
        self._between = 1.05 / (_RATE_WITH_KEY if api_key else _RATE)
        self._clock, self._sleep = clock, sleep
        self._next = 0.0

    def search(self, database: str, query: str, *, most: int) -> Found:
        """Find records, the first `most` of them by name.

        Raises:
            FetchError: The server cannot be reached, or refuses.
        """
        fields = {"db": database, "term": query, "retmode": "json", "retmax": str(most)}
        return self.ask("esearch.fcgi", fields, _found)

    def ask(self, utility: str, fields: Mapping[str, str], read: Callable[[bytes], T]) -> T:
        """Ask a utility, up to five times, and read its answer.

        Args:
            utility: Its name, such as "efetch.fcgi".
            fields: The fields of the request.
            read: Reads the answer; it may raise `Again`.

        Raises:
            FetchError: The server cannot be reached, or refuses.
        """
        reason, wait = "", 0.0
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(min(max(wait, 2.0 ** (attempt - 1)), _LONGEST_WAIT))
            try:
                return read(self._answer(utility, fields))
            except Again as again:
                reason, wait = str(again), again.wait
        raise FetchError(
            f"{self._url} did not answer {_ATTEMPTS} requests ({reason}): try again later"
        )

    def _answer(self, utility: str, fields: Mapping[str, str]) -> bytes:
        self._keep_the_rate()
        try:
            with urlopen(self._request(utility, fields), timeout=_TIMEOUT) as response:
                body: bytes = response.read(_LARGEST + 1)
                if response.length and len(body) <= _LARGEST:
                    raise Again("the answer breaks off")
        except HTTPError as error:
            with error:
                reason = f"HTTP {error.code}: {told(_read(error))[0] or error.reason}"
            if error.code == _TOO_MANY or error.code >= _BROKEN:
                after = error.headers.get("Retry-After", "")
                raise Again(reason, float(after) if after.isdecimal() else 0) from error
            raise FetchError(f"{self._url} refused the request ({reason})") from error
        except (OSError, HTTPException) as error:
            cause = getattr(error, "reason", None) or error
            raise Again(f"{type(error).__name__}: {cause}") from error
        if len(body) > _LARGEST:
            raise FetchError(f"{self._url} sent more than {_LARGEST >> 20} MiB in one answer")
        return body

    def _request(self, utility: str, fields: Mapping[str, str]) -> Request:
        # As POST: lists of ids are long, and an API key belongs in no log of addresses.
        data = urlencode({**fields, **self._who}).encode()
        return Request(f"{self._url}/{utility}", data=data, headers={"User-Agent": TOOL})

    def _keep_the_rate(self) -> None:
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._between


def told(body: bytes) -> tuple[str, bool]:
    """What an answer says that is no result, and whether it says that it is an error."""
    text = body.decode(errors="replace")
    found = re.search(r"<ERROR>(.*?)</ERROR>", text, re.DOTALL | re.IGNORECASE)
    explicit = found is not None
    text = found[1] if found else re.sub(r"(?is)<(style|script).*?</\1>", " ", text)
    try:
        value = json.loads(text)
        text, explicit = value["error"], True
    except (ValueError, KeyError, TypeError):
        pass
    words = " ".join(_MARKUP.sub(" ", str(text)).split())
    return words if len(words) <= _MOST_TOLD else f"{words[:_MOST_TOLD]}...", explicit


def fault(body: bytes) -> Exception:
    """The error for an answer that is no result: some pass, and the request is repeated."""
    reason, explicit = told(body)
    if explicit and not _PASSING.search(reason):
        return FetchError(f"NCBI refused the request: {reason}")
    return Again(f"no result, but: {reason}" if reason else "an empty answer")


def _read(error: HTTPError) -> bytes:
    try:
        return error.read(1 << 16)
    except (OSError, HTTPException):
        return b""


def _found(body: bytes) -> Found:
    try:
        result: Any = json.loads(body)["esearchresult"]
        if "ERROR" in result:
            body = json.dumps({"error": result["ERROR"]}).encode()
            raise ValueError
        return Found(
            int(result["count"]),
            tuple(map(str, result["idlist"])),
            str(result.get("querytranslation", "")),
            tuple(_left_out(result)),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise fault(body) from error


def _left_out(result: Mapping[str, Any]) -> list[str]:
    """The words of a query that are not in the database, in the lists where NCBI names them."""
    faults = (result.get("errorlist") or {}, result.get("warninglist") or {})
    names = ("phrasesnotfound", "fieldsnotfound", "phrasesignored", "quotedphrasesnotfound")
    return [str(word) for lists in faults for name in names for word in lists.get(name) or ()]
