"""What people and services read about the package beside its code: the files agree with it."""

import re
from pathlib import Path

import pytest
import yaml

from biogpt_plugins import __version__

ROOT = Path(__file__).parents[1]


def read(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version_and_names_the_paper():
    citation = read("CITATION.cff")
    assert citation["version"] == __version__
    assert f"https://doi.org/{citation['references'][0]['doi']}" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'license = "{citation["license"]}"' in project
    assert f'Homepage = "{citation["repository-code"]}"' in project


@pytest.mark.parametrize("form", ["bug", "idea"])
def test_forms_for_issues_have_what_github_asks_for(form):
    form = read(f".github/ISSUE_TEMPLATE/{form}.yml")
    assert all(form[key] for key in ("name", "description", "body"))
    ids = [part["id"] for part in form["body"]]
    assert len(set(ids)) == len(ids)
    assert all(part["attributes"]["label"] for part in form["body"])


def test_only_the_job_that_publishes_can_ask_for_a_token_of_pypi():
    jobs = read(".github/workflows/release.yml")["jobs"]
    granted = {name: job.get("permissions", {}).get("id-token") for name, job in jobs.items()}
    assert granted == {"build": None, "publish": "write"}
    assert jobs["publish"]["needs"] == "build"
    tried = "\n".join(step.get("run", "") for step in jobs["build"]["steps"])
    assert ".ci/run" in tried
    pattern = re.search(r"s/(.+?)/\\1/p", tried)[1].replace(r"\(", "(").replace(r"\)", ")")
    source = (ROOT / "biogpt_plugins" / "__init__.py").read_text(encoding="utf-8")
    assert re.search(pattern, source, re.MULTILINE)[1] == __version__


def test_the_changelog_begins_with_what_is_unreleased_and_this_version():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[?([\w.]+)", changes, re.MULTILINE)
    assert versions[:2] == ["Unreleased", __version__]
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert {*re.findall(r"^### (.+)$", changes, re.MULTILINE)} <= kinds
