"""What README and docs show runs on the bundled model, and their links lead somewhere."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest
import shown

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
WRITTEN = {
    "README.md": ["Lithium -[CID]-> tremor 0 7", "['lithium'] ['tremor']"],
    "docs/decisions.md": ["{'yes': "],
    "docs/integrations/langchain.md": [TITLE, "-[CID]->", "lithium"],
    "docs/integrations/llama_index.md": [TITLE, "-[CID]->", " CID disease:"],
    "docs/tutorials/corpus_overnight.md": ["continuing after 5 finished records"],
    "docs/tutorials/first_paper.md": [],
    "docs/tutorials/questions.md": ["the model gives no other answer"],
}
NEEDED = {"docs/decisions.md": ["langchain_core.decisions"]}


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
@pytest.mark.parametrize("page", WRITTEN)
def test_its_blocks_run_one_after_the_other(page, tmp_path, monkeypatch):
    for host in ("langchain_core", "llama_index.core", *NEEDED.get(page, ())):
        pytest.importorskip(host)
    monkeypatch.chdir(tmp_path)
    written = shown.run(ROOT / page)
    for words in WRITTEN[page]:
        assert words in written


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
