"""The benchmark of single papers, on few of them."""

import sys
from importlib.resources import files

import pytest
import single

PAPERS = files("biogpt_plugins.demo") / "papers.jsonl"


def test_all_sides_write_the_same_texts(tmp_path, monkeypatch, capsys):
    pytest.importorskip("langchain_huggingface")
    out = tmp_path / "single.md"
    given = [PAPERS, "--papers", 2, "--rounds", 2, "--new-tokens", 4, "--out", out]
    monkeypatch.setattr(sys, "argv", ["single.py", *map(str, given)])
    assert single.main() == 0
    told = out.read_text(encoding="utf-8")
    assert capsys.readouterr().out == told
    assert "- texts alike in float32: 4 of 4" in told
    rows = [line.split("|")[1].strip() for line in told.splitlines() if line.startswith("| ")]
    assert rows[2] == "biogpt-plugins"
    assert [row.startswith("HuggingFacePipeline") for row in rows[3:]] == [True, True]
