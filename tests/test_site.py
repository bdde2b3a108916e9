"""The site of the docs has every page, keeps its links, and loads nothing from elsewhere.

`make docs` builds it; here is what needs no builder.
"""

import docs_site
import pytest
from docs_site import (
    ROOT,
    Site,
    SiteError,
    check_navigation,
    loaded_from_elsewhere,
    pages,
    settings,
)

SOURCE = "https://github.com/biogpt-plugins/biogpt-plugins/blob/main"


def test_every_page_of_the_docs_has_a_place_in_the_navigation():
    check_navigation(list(pages(settings()["nav"])))


@pytest.mark.parametrize(
    ("named", "fault"),
    [
        ([], "add docs/tasks.md to the nav"),
        (["docs/task.md"], "the nav names docs/task.md, which is not there"),
        (["docs/tasks.md", "docs/tasks.md"], "the nav names docs/tasks.md twice"),
    ],
)
def test_a_navigation_that_does_not_fit_is_refused(named, fault):
    with pytest.raises(SiteError, match=fault):
        check_navigation(named)


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("grounding.md#x", "grounding.md#x"),
        ("../README.md", "../README.md"),
        ("../benchmarks", "../benchmarks/README.md"),
        ("images/report-dark.png", "images/report-dark.png"),
        ("../Makefile", f"{SOURCE}/Makefile"),
        ("../recipes/demo", f"{SOURCE}/recipes/demo"),
        ("nothing.md", "nothing.md"),
        ("#here", "#here"),
        ("https://example.org/a.md", "https://example.org/a.md"),
    ],
)
def test_links_lead_to_pages_or_to_the_repository(tmp_path, link, leads_to):
    assert Site(tmp_path).target(link, "docs/tasks.md") == leads_to


def test_a_page_has_what_is_made_for_it_and_code_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setitem(docs_site.MAKERS, "commands", lambda: "[code](../../Makefile)")
    site = Site(tmp_path)
    assert "[code](../../Makefile)" in site.page("docs/reference/commands.md")
    assert "](../../README.md#which-model-do-i-use)" in site.page("docs/integrations/langchain.md")


def test_the_reference_of_the_command_line_has_every_command():
    made = docs_site.commands()
    for command in ("extract", "dictionary build", "eval"):
        assert f"## `biogpt {command}`" in made
    assert "--method" in made


def test_what_a_page_loads_from_elsewhere_is_a_fault(tmp_path):
    (tmp_path / "here.js").touch()
    (tmp_path / "page.html").write_text(
        '<script src="here.js"></script><link rel=x href="//fonts.example/a.css">'
        '<img alt="" src="gone.png"><a href="https://example.org">free</a>'
    )
    assert loaded_from_elsewhere(tmp_path) == [
        "page.html loads //fonts.example/a.css",
        "page.html loads gone.png, which is not there",
    ]


def test_the_navigation_names_files_of_the_repository_alone():
    assert all((ROOT / page).suffix == ".md" for page in pages(settings()["nav"]))
