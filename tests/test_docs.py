"""What README and docs show runs on the bundled model, and their links lead somewhere."""

import re
import shlex
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from biogpt_plugins.cli import app

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FOLDERS = ("docs", "examples", "recipes", "benchmarks", "biogpt_plugins")
TEXTS = [
    *ROOT.glob("*.md"),
    *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md")),
]
PAGES = sorted(page.relative_to(ROOT).as_posix() for page in TEXTS)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"""\]\(([^()\s]+)\)|(?:src|srcset|href)="([^"]+)\"""")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TITLE = "Tremor and hypothyroidism during long-term"
SHOWN = {
    "README.md": ["Lithium -[CID]-> tremor 0 7", "['lithium'] ['tremor']"],
    "docs/decisions.md": ["{'yes': "],
    "docs/integrations/langchain.md": [TITLE, "-[CID]->", "lithium"],
    "docs/integrations/llama_index.md": [TITLE, "-[CID]->", " CID disease:"],
}
NEEDED = {"docs/decisions.md": ["langchain_core.decisions"]}


def blocks(page, language):
    return [found for found in BLOCK.finditer(page.read_text("utf-8")) if found[1] == language]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    seen = Counter()
    for heading in HEADING.findall(BLOCK.sub("", page.read_text("utf-8"))):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        yield f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor
        seen[anchor] += 1


@pytest.mark.usefixtures("host_loop")
@pytest.mark.filterwarnings("ignore:.*langchain-community.*:DeprecationWarning")
@pytest.mark.parametrize("page", SHOWN)
def test_its_blocks_of_python_run_one_after_the_other(page, capsys):
    for host in ("langchain_core", "llama_index.core", *NEEDED.get(page, ())):
        pytest.importorskip(host)
    names = {}
    for block in blocks(ROOT / page, "python"):
        lines_before = "\n" * block.string.count("\n", 0, block.start(2))
        exec(compile(lines_before + block[2], page, "exec"), names)
    shown = capsys.readouterr().out
    for words in SHOWN[page]:
        assert words in shown


def test_every_integration_page_is_run():
    pages = {page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/integrations/*.md")}
    assert pages <= SHOWN.keys()


def test_the_commands_of_the_readme_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(README, "sh")
    for line in block[2].splitlines():
        program, *arguments = shlex.split(line)
        assert program == "biogpt"
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, f"{line}: {done.output}"
    assert {path.suffix for path in tmp_path.iterdir()} == {
        ".pubtator",
        ".jsonl",
        ".html",
        ".graphml",
    }


def test_the_readme_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= 220


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    file = ROOT / page
    dead = []
    for target in map("".join, LINK.findall(BLOCK.sub("", file.read_text("utf-8")))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = file.parent / unquote(path) if path else file
        if not found.exists() or (anchor and anchor not in anchors(found)):
            dead.append(target)
    assert not dead
