"""Every block of Python in docs/integrations runs as it stands, on the bundled model."""

import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[1] / "docs" / "integrations"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = {
    "langchain": ["Tremor and hypothyroidism during long-term", "-[CID]->", "lithium"],
    "llama_index": ["Tremor and hypothyroidism during long-term", "-[CID]->", " CID disease:"],
}


@pytest.mark.usefixtures("host_loop")
@pytest.mark.filterwarnings("ignore:.*langchain-community.*:DeprecationWarning")
@pytest.mark.parametrize("name", SHOWN)
def test_its_blocks_run_one_after_the_other(name, capsys):
    pytest.importorskip({"langchain": "langchain_core", "llama_index": "llama_index.core"}[name])
    page = PAGES / f"{name}.md"
    names = {}
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        lines_before = "\n" * block.string.count("\n", 0, block.start(1))
        exec(compile(lines_before + block[1], str(page), "exec"), names)
    shown = capsys.readouterr().out
    for words in SHOWN[name]:
        assert words in shown


def test_every_page_is_run():
    assert {page.stem for page in PAGES.glob("*.md")} == {*SHOWN}
