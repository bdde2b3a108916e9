"""Fixtures of servers whose engines are asked from afar."""

from contextlib import ExitStack

import bundled
import pytest
from serving import SOON, running

from biogpt_plugins import Pipeline, load
from biogpt_plugins.remote import RemoteEngine


@pytest.fixture(autouse=True)
def none_is_left():
    """What a test has connected is closed after it."""
    from biogpt_plugins.remote import engine

    yield
    while engine._ENGINES:
        engine._ENGINES.popitem()[1].close()


@pytest.fixture(scope="module")
def address():
    """The address of a server of the bundled model."""
    with running(load("demo", "bc5cdr")) as client:
        yield str(client.base_url)


@pytest.fixture
def serve():
    """Serves an engine for a test: `serve(engine)` gives its engine from afar, and its client."""
    with ExitStack() as stack:

        def start(engine, task="bc5cdr", *, token=None, patience=SOON, **options):
            client = stack.enter_context(running(Pipeline(task, engine), **options))
            remote = RemoteEngine(str(client.base_url), token=token, patience=patience)
            stack.callback(remote.close)
            return remote, client

        yield start


@pytest.fixture(scope="module", params=["tiny", "bundled"])
def both(request, tiny_biogpt):
    """An engine here, and the same from afar."""
    from biogpt_plugins.engines import load_engine

    near = bundled.engine()
    if request.param == "tiny":
        near = load_engine(tiny_biogpt, dtype="float32", device="cpu")
    with running(Pipeline("bc5cdr", near)) as client:
        far = RemoteEngine(str(client.base_url))
        yield near, far
        far.close()
