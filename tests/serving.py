"""Servers of tests: the real uvicorn on a free port, in a thread of this process."""

import json
import socket
import threading
from contextlib import contextmanager

import httpx
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from biogpt_plugins.remote.connection import Patience

SOON = Patience(attempts=3, first=0.001, busy=1.0)
"""Of clients, for servers that do not come back."""

PATIENCE = 600  # seconds until a test fails; on the busiest machine it takes none of them


@contextmanager
def running(pipeline, tasks=None, **options):
    """Serve a pipeline, and give a client of httpx whose base is the server."""
    from biogpt_plugins.serve import create_app
    from biogpt_plugins.serve.running import Server, address, bind

    with bind("127.0.0.1", 0) as place:
        listening = threading.Event()
        app = create_app(pipeline, tasks, **options)
        server = Server(app, place, drain=PATIENCE, started=lambda _: listening.set())
        server.capture_signals = _no_signals  # they belong to the main thread
        thread = threading.Thread(target=server.serve_place)
        thread.start()
        try:
            assert listening.wait(PATIENCE)
            with httpx.Client(base_url=address(place), timeout=PATIENCE) as client:
                client.app, client.stop = app, lambda: setattr(server, "should_exit", True)
                yield client
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _no_signals():
    yield


@contextmanager
def left(client, path, /, **asked):
    """Ask, and go away without the answer; gives the socket."""
    body, where = json.dumps(asked).encode(), (client.base_url.host, client.base_url.port)
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    with socket.create_connection(where) as wire:
        wire.sendall("\r\n".join((*lines, "", "")).encode() + body)
        yield wire


def told(response, status):
    """The error of a response, which has this status."""
    assert response.status_code == status, response.text
    (name,) = response.json()
    assert name == "error"
    return response.json()["error"]
