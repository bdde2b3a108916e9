"""A browser for the tests of the report's page."""

import os
import shutil

import pytest

from biogpt_plugins.report import Content, render

NO_PLAYWRIGHT = "NO BROWSER TESTS of the report: pip install playwright"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium():
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason=NO_PLAYWRIGHT)
    with sync_api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        except sync_api.Error as error:
            pytest.skip(
                f"NO BROWSER TESTS of the report, no Chromium: {str(error).splitlines()[0]}"
            )
        yield started
        started.close()


@pytest.fixture
def show(browser, tmp_path):
    """Opens a page of predictions; in the end, nothing was complained of, and nothing fetched."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    context.set_default_timeout(30_000)
    said, asked = [], []

    def opened(predictions, sources=None, *, label=None, min_score=None, **options):
        file = tmp_path / "report.html"
        content = Content.of(predictions, sources, min_score=min_score)
        file.write_text(render(content, label=label), encoding="utf-8")
        page = context.new_page()
        if options:
            page.emulate_media(**options)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        return page

    opened.said = said
    yield opened
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
