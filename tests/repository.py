"""A copy of microsoft/BioGPT on this machine, served over HTTP, with connections that break."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from served import Quiet, served


class Repository:
    """The server's files, what was asked, and what goes wrong.

    Attributes:
        files: The bytes of the files by their paths.
        asked: The path and the Range of each request.
        first: What to do first, for a request each: a status to refuse with, or, negative, the
            number of bytes after which the connection is cut.
        ranges: Whether it takes ranges.
        url: Its address.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.first: deque[int] = deque()
        self.ranges = True
        self.url = ""


@contextmanager
def serving() -> Iterator[Repository]:
    repository = Repository()

    class Handler(Quiet):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            repository.asked.append((self.path, wanted))
            fault = repository.first.popleft() if repository.first else None
            data = repository.files.get(self.path.lstrip("/"))
            start = int(wanted[len("bytes=") : -1]) if wanted and repository.ranges else 0
            if (fault or 0) > 0 or data is None or (start and start >= len(data)):
                self.send_error(fault or (404 if data is None else 416))
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start:] if fault is None else data[start : start - fault])
            self.close_connection = True

    with served(Handler) as repository.url:
        yield repository
