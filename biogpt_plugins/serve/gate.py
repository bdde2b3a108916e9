"""Back-pressure: how much work a server takes at once."""

from __future__ import annotations

from math import ceil
from time import monotonic

from biogpt_plugins.serve.errors import Refused
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.values.counted import counted

_LEAST, _MOST = 1, 60  # seconds after which a client may try again


class Gate:
    """Admits requests while there is room; used in the event loop alone.

    Attributes:
        rows: Completions and texts of all requests that are being answered.
        threads: Their threads.
    """

    def __init__(self, limits: Limits) -> None:
        """Open the gate."""
        self.rows = self.threads = 0
        self._limits = limits
        self._usual = 1.0  # seconds of a request, a mean in which the latest count most

    def admit(self, rows: int, threads: int = 1) -> Place:
        """Take places.

        Raises:
            Refused: 400 if they are more than there ever are, or 429 if there is no room now.
        """
        most = self._limits
        if rows > most.queue or threads > most.requests:
            what = f"{rows:,} results" if rows > most.queue else f"{threads:,} streams"
            limit = most.queue if rows > most.queue else most.requests
            raise Refused(
                400, f"the request asks for {what}, and {limit:,} are the most: divide it"
            )
        if self.rows + rows > most.queue or self.threads + threads > most.requests:
            wait = min(max(_LEAST, ceil(self._usual)), _MOST)
            raise Refused(
                429,
                f"the server is busy with {counted(self.rows, 'result')}: try again in {wait} s",
                code="server_busy",
                headers={"Retry-After": str(wait)},
            )
        return Place(self, rows, threads)

    def note(self, seconds: float) -> None:
        """Remember how long a request took."""
        self._usual += (seconds - self._usual) / 8


class Place:
    """Places of a request, until it leaves."""

    def __init__(self, gate: Gate, rows: int, threads: int) -> None:
        """Take them."""
        self._gate, self._rows, self._threads = gate, rows, threads
        self._since = monotonic()
        gate.rows += rows
        gate.threads += threads

    def leave(self) -> None:
        """Give them back, once."""
        self._gate.rows -= self._rows
        self._gate.threads -= self._threads
        if self._threads:
            self._gate.note(monotonic() - self._since)
        self._rows = self._threads = 0

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
