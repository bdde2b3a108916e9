"""A headless Chromium for the tests of pages."""

import os
import shutil
from contextlib import contextmanager

import pytest

NO_PLAYWRIGHT = "NO BROWSER TESTS of the pages: pip install playwright"
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _chromium():
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)


@contextmanager
def launched():
    """Run the browser; without one, skip the test."""
    sync_api = pytest.importorskip("playwright.sync_api", reason=NO_PLAYWRIGHT)
    with sync_api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=_chromium(), args=_QUIET)
        except sync_api.Error as error:
            pytest.skip(f"NO BROWSER TESTS of the pages, no Chromium: {str(error).splitlines()[0]}")
        yield started
        started.close()


@contextmanager
def looking(browser, **options):
    """Open a context of the browser; with it come what its pages complain of, and ask for."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
    context.set_default_timeout(30_000)
    said, asked = [], []

    def follow(page):
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))

    context.on("page", follow)
    yield context, said, asked
    context.close()
