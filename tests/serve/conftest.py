"""Fixtures of servers."""

from contextlib import ExitStack

import pytest
from browsing import launched, looking

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


@pytest.fixture(scope="module")
def browser():
    with launched() as started:
        yield started


@pytest.fixture
def visit(browser):
    """Opens the page of a server; in the end, nothing was complained of or asked elsewhere.

    A test that provokes refusals, of which a browser complains by itself, clears `visit.said`.
    """
    with ExitStack() as stack:
        origins = []

        def opened(client, **options):
            context, said, asked = stack.enter_context(looking(browser, **options))
            opened.said, opened.asked = said, asked
            origins.append(str(client.base_url))
            page = context.new_page()
            page.goto(origins[-1])
            return page

        opened.said = opened.asked = ()
        yield opened
        assert not opened.said
        allowed = (*origins, "blob:", "data:")
        assert [url for url in opened.asked if not url.startswith(allowed)] == []
