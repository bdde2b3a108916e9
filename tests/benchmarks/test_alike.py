"""The comparison of completions, on two papers."""

import sys

import alike
import pytest

PAPER = """{0}|t|Lithium caused tremor in {1} patients.
{0}|a|Tremor ended when lithium was withdrawn.
{0}\t0\t7\tLithium\tChemical\tD008094
{0}\t15\t21\ttremor\tDisease\tD014202
{0}\tCID\tD008094\tD014202

"""


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    data, out = tmp_path / "papers.pubtator", tmp_path / "alike.md"
    data.write_text(PAPER.format(1, "two") + PAPER.format(2, "seven"), encoding="utf-8")

    def run():
        monkeypatch.setattr(sys, "argv", ["alike.py", str(data), "--size", "2", "--out", str(out)])
        code, told = alike.main(), out.read_text(encoding="utf-8")
        assert capsys.readouterr().out == told
        return code, [line.split(" | ")[2] for line in told.splitlines() if "| " in line][2:]

    return run


def test_all_ways_write_the_same(compare):
    code, counts = compare()
    assert (code, counts) == (0, ["2 of 2"] * 9)


def test_another_text_is_counted_and_told_by_the_exit_code(compare, monkeypatch):
    def read(pipeline, papers, size, threads=1):
        found = true(pipeline, papers, size, threads)
        return [*found[:-1], ("another text", *found[-1][1:])] if threads > 1 else found

    true = alike.read
    monkeypatch.setattr(alike, "read", read)
    code, counts = compare()
    assert (code, counts) == (1, ["2 of 2", "2 of 2", "1 of 2"] * 3)
