"""A browser for the tests of the report's page."""

import pytest
from browsing import launched, looking

from biogpt_plugins.report import Content, render


@pytest.fixture(scope="module")
def browser():
    with launched() as started:
        yield started


@pytest.fixture
def show(browser, tmp_path):
    """Opens a page of predictions; in the end, nothing was complained of, and nothing fetched."""
    with looking(browser) as (context, said, asked):

        def opened(predictions, sources=None, *, label=None, min_score=None, **options):
            file = tmp_path / "report.html"
            content = Content.of(predictions, sources, min_score=min_score)
            file.write_text(render(content, label=label), encoding="utf-8")
            page = context.new_page()
            if options:
                page.emulate_media(**options)
            page.goto(file.as_uri())
            return page

        opened.said = said
        yield opened
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
