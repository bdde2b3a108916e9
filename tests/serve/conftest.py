"""Fixtures of servers."""

from contextlib import ExitStack

import pytest

from biogpt_plugins import Pipeline, load


@pytest.fixture(scope="module")
def served():
    """A client of the bundled model, which is served for the tests of a module."""
    from serving import running

    with running(load("demo", "bc5cdr")) as client:
        yield client


@pytest.fixture
def serve():
    """Serves an engine for a test: `serve(engine, task, tasks, **options)` gives a client."""
    from serving import running

    with ExitStack() as stack:

        def start(engine, task="bc5cdr", tasks=None, **options):
            return stack.enter_context(running(Pipeline(task, engine), tasks, **options))

        yield start
