"""What README and docs show runs on the bundled model, and their links lead somewhere."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import bundled
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
ALONE = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/tutorials/",
    "docs/integrations/",
    "docs/your_own_relations.md",
)
RUN = [
    page
    for page in PAGES
    if page.startswith(("README", "CONTRIBUTING", "docs/")) and shown.runs(ROOT / page)
]
SLOW = {"docs/your_own_relations.md"}  # trains a model, as tests/test_examples.py does in small
WRITTEN = {
    "README.md": ["Lithium -[CID]-> tremor 0 7", "['lithium'] ['tremor']"],
    "CONTRIBUTING.md": ["type='CID'"],
    "docs/decisions.md": ["{'yes': "],
    "docs/integrations/langchain.md": [TITLE, "-[CID]->", "lithium"],
    "docs/integrations/llama_index.md": [TITLE, "-[CID]->", " CID disease:"],
    "docs/tutorials/corpus_overnight.md": ["continuing after 5 finished records"],
    "docs/tutorials/questions.md": ["the model gives no other answer"],
}
NEEDED = {"docs/decisions.md": ["langchain_core.decisions"]}
SHELF = """
biogpt sample -o papers.pubtator
biogpt extract papers.pubtator --decoding entities -o out.jsonl
biogpt extract papers.pubtator --run my-run
biogpt dictionary build --csv names.csv -o names.dict
biogpt export out.jsonl --to bioc --papers papers.pubtator -o pubtator3.biocxml
"""
NOT_RUN = 60
"""The most blocks of code that may be shown only, each with its reason: lower it if you can."""


def given(page):
    """What the comments of a page say that its reader has."""
    from langchain_core.documents import Document
    from langchain_core.runnables import RunnableLambda
    from llama_index.core import Document as LlamaDocument

    from biogpt_plugins import Paper, load

    text = bundled.case_text()
    return {
        "docs/evidence.md": lambda: {"papers": [bundled.case()]},
        "docs/langchain.md": lambda: {
            "document": Document(text),
            "retriever": RunnableLambda(lambda _: [Document(text)]),
        },
        "docs/llama_index.md": lambda: {"documents": [LlamaDocument(text=text)]},
        "docs/report.md": lambda: {
            "papers": [Paper(id="1", text=text)],
            "pipeline": load("demo", "bc5cdr"),
        },
    }.get(page, dict)()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """A folder with what pages name: papers, results, a dictionary, models."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "papers.jsonl").write_text(json.dumps(bundled.case()) + "\n", encoding="utf-8")
    (folder / "abstract.txt").write_text(bundled.case_text(), encoding="utf-8")
    (folder / "names.csv").write_text("name,id,type\nlithium,D008094,Chemical\n", encoding="utf-8")
    for model in ("bc5cdr", "my-model", "pubmedqa"):
        (folder / model).symlink_to(bundled.DEMO)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shown.shell(SHELF)
    return folder


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
@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.slow] * (page in SLOW)) for page in RUN]
)
def test_its_blocks_run_one_after_the_other(page, shelf, tmp_path, monkeypatch):
    for host in ("langchain_core", "llama_index.core", *NEEDED.get(page, ())):
        pytest.importorskip(host)
    if not page.startswith(ALONE):
        made = ("names.csv", "abstract.txt") if page == "docs/command_line.md" else None
        for thing in made or (one.name for one in shelf.iterdir()):
            copy = shutil.copytree if (shelf / thing).is_dir() else shutil.copy
            copy(shelf / thing, tmp_path / thing)
    monkeypatch.chdir(tmp_path)
    written = shown.run(ROOT / page, given(page))
    for words in WRITTEN.get(page, ()):
        assert words in written


def test_all_blocks_of_code_are_run_or_say_why_not(record_property):
    code, reasons = 0, Counter()
    for page in (README, *ROOT.glob("docs/**/*.md")):
        for block in shown.blocks(page):
            assert not (block.is_code and not block.runs and block.reason is None), (page, block)
            code += block.runs
            reasons[block.reason] += block.is_code and block.reason is not None
    record_property("blocks run", code)
    record_property("blocks not run", dict(reasons))
    assert sum(reasons.values()) <= NOT_RUN, reasons


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
