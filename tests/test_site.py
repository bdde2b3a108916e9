"""The site of the docs has every page, keeps its links, and loads nothing from elsewhere.

`make docs` builds it; here is what needs no builder.
"""

import json
import re

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

NOTEBOOKS = sorted(file.relative_to(ROOT).as_posix() for file in ROOT.glob("docs/**/*.ipynb"))
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
        ("notebooks/langchain.ipynb", "notebooks/langchain.md"),
        ("../Makefile", f"{SOURCE}/Makefile"),
        ("../recipes/demo", f"{SOURCE}/recipes/demo"),
        ("nothing.md", "nothing.md"),
        ("#here", "#here"),
        ("https://example.org/a.md", "https://example.org/a.md"),
    ],
)
def test_links_lead_to_pages_or_to_the_repository(tmp_path, link, leads_to):
    assert Site(tmp_path).target(link, "docs/tasks.md") == leads_to


def read(page):
    return page, (ROOT / page).read_text("utf-8")


def test_a_page_has_what_is_made_for_it_and_code_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setitem(docs_site.MAKERS, "commands", lambda: "[code](../../Makefile)")
    site = Site(tmp_path)
    assert "[code](../../Makefile)" in site.page(*read("docs/reference/commands.md"))
    page = site.page(*read("docs/integrations/langchain.md"))
    assert "](../../README.md#which-model-do-i-use)" in page


def test_the_reference_of_the_command_line_has_every_command():
    made = docs_site.commands()
    for command in ("extract", "dictionary build", "eval"):
        assert f"## `biogpt {command}`" in made
    assert "--method" in made


def test_what_a_page_loads_from_elsewhere_is_a_fault(tmp_path):
    (tmp_path / "here.js").touch()
    (tmp_path / "page.html").write_text(
        '<script src="here.js"></script><link rel=x href="//fonts.example/a.css">'
        '<img alt="" src="gone.png"><img src="data:image/png;base64,'
        + "A" * 5000
        + '"><a href="https://example.org">free</a>'
    )
    assert loaded_from_elsewhere(tmp_path) == [
        "page.html loads //fonts.example/a.css",
        "page.html loads gone.png, which is not there",
    ]


def test_the_navigation_names_files_of_the_repository_alone():
    assert all((ROOT / page).suffix == ".md" for page in pages(settings()["nav"]))


def test_a_notebook_leads_to_its_own_file_in_the_repository(tmp_path):
    found = Site(tmp_path).target("langchain.ipynb", "docs/notebooks/langchain.md")
    assert found == f"{SOURCE}/docs/notebooks/langchain.ipynb"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_holds_no_outputs_and_names_pages_of_the_docs(notebook):
    cells = json.loads((ROOT / notebook).read_text("utf-8"))["cells"]
    assert cells[0]["source"][0].startswith("# ")
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    links = re.findall(
        r"\]\(([^()\s]+)\)", "".join(line for cell in cells for line in cell["source"])
    )
    assert links
    for link in links:
        assert ((ROOT / notebook).parent / link).is_file(), link


def test_a_notebook_as_a_page_has_what_its_cells_show(tmp_path):
    pytest.importorskip("nbconvert")
    outputs = [
        {"output_type": "stream", "name": "stderr", "text": "10%"},
        {"output_type": "stream", "name": "stdout", "text": "written"},
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>shown</b>"}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "aGk="}},
    ]
    code = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": "1 + 1"}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title\n\nText"},
        {**code, "outputs": outputs},
    ]
    file = tmp_path / "one.ipynb"
    language = {"language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 4}
    file.write_text(json.dumps(whole), encoding="utf-8")
    page = docs_site.rendered(file, run=False)
    assert page.startswith("# Title\n\nThis page is [a notebook](one.ipynb)")
    for shown in ("Text", "```python\n1 + 1\n```", "    written", "\n<b>shown</b>", "base64,aGk="):
        assert shown in page
    assert "10%" not in page
