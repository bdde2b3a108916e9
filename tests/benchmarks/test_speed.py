"""`benchmarks/speed.py`: files, figures, and that all sides write the same."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from beside.agreement import Reference, compare
from beside.command import main
from beside.comparison import Agreement, ComparedReport, ComparedSeries, ComparedTable
from beside.peers import open_peers
from beside.place import Place
from beside.report import markdown
from beside.run import Model
from beside.subjects import Subjects

import biogpt_plugins
from biogpt_plugins import Pipeline
from biogpt_plugins.bench.clock import present
from biogpt_plugins.engines.pretrained import quiet
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper

PAPERS = [Paper(title=f"Paper {i}.", text="Aspirin gave nausea. " * i) for i in range(1, 5)]
HOME = Path(__file__).parents[2] / "benchmarks" / "results"
RESULTS = [
    HOME / f"{m}-{c}.json" for m in ("base", "demo") for c in ("answers", "costs", "extract")
]
SMALL = ("--rounds", 1, "--sizes", "1,3", "--callers", 3, "--new-tokens", 6, "--checked", 2)
SMALL += ("--batch-sizes", "2", "--device", "cpu", "--shape", "tiny")


@pytest.fixture
def run(capsys):
    def do(*args, load=biogpt_plugins.load):
        try:
            code = main([str(arg) for arg in (*SMALL, *args)], load=load)
        except SystemExit as ended:  # argparse refuses an argument
            code = ended.code
        out, err = capsys.readouterr()
        return SimpleNamespace(exit_code=code, stdout=out, stderr=err, output=out + err)

    return do


def read(stem) -> ComparedReport:
    return ComparedReport.model_validate_json(Path(f"{stem}.json").read_text())


def table(*rows: ComparedSeries, less: bool = False) -> ComparedTable:
    return ComparedTable(case="x", title="X", unit="s", less_is_better=less, rows=rows)


def report(**fields) -> ComparedReport:
    facts = {"command": "speed.py", "date": "2026-01-01", "model": "demo"}
    return ComparedReport(**facts, machine={}, versions={}, settings={}, **fields)


@pytest.fixture(scope="module")
def place():
    with quiet(), Model(shape="tiny").folder() as folder:
        yield Place(folder, torch.device("cpu"))


@pytest.fixture
def pipeline(place):
    return biogpt_plugins.load(place.folder, "bc5cdr", device="cpu", dtype="float32")


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_leaves_json_markdown_and_a_picture(run, tmp_path):
    out = tmp_path / "new" / "here"
    cases = ("tokenizer", "extract", "questions", "several", "stream", "callers", "overhead")
    done = run(*(word for case in cases for word in ("--only", case)), "--out", out)
    assert done.exit_code == 0, done.output
    found = read(out)
    assert ComparedReport.model_validate_json(found.model_dump_json()) == found
    assert [t.case for t in found.tables] == [
        "tokenizer", "tokenizer", "extract", "extract", "questions", "several", "several",
        "stream", "stream", "callers", "overhead", "overhead",
    ]  # fmt: skip
    for one in found.tables:
        assert all(row.values or row.note for row in one.rows)
        assert all(value > 0 for row in one.rows for value in row.values)
    assert not found.faults
    assert any("texts" not in a.what and a.different > 1 for a in found.agreements)
    text = Path(f"{out}.md").read_text()
    assert text.count("\n## ") == len(found.tables)
    assert str(tmp_path) not in text
    assert Path(f"{out}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_decoding_is_shown_beside_what_memory_allows(run, tmp_path):
    done = run("--only", "decode", "--sizes", "1", "--new-tokens", 24, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    (found,) = read(tmp_path / "out").tables
    ours, *peers, floor = found.rows
    assert ours.ours
    generate, static, batched = (row.side.partition(" (")[0] for row in peers)
    assert generate == "transformers generate"
    assert static == "transformers generate, static cache"
    assert batched.partition(",")[0] == "transformers generate_batch"  # with what was mended
    assert all(row.values or "raise --new-tokens" in row.note for row in (ours, *peers))
    assert floor.side == "floor"
    assert floor.values[0] > 0


@pytest.mark.slow
def test_memory_and_loading_are_measured_in_a_new_process(run, tmp_path):
    done = run("--only", "load", "--peer", "langchain", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    ready, loaded, peak = read(tmp_path / "out").tables
    assert [row.ours for row in ready.rows] == [True, True, False]
    for row, after_loading, after_writing in zip(ready.rows, loaded.rows, peak.rows, strict=True):
        assert row.values[0] > 0
        assert 0 < after_loading.values[0] <= after_writing.values[0]


def test_another_text_is_an_error(run, tmp_path):
    def load(_, task, **__):
        return Pipeline(task, ScriptedEngine(["the relation between a and b exists."] * 99))

    done = run("--only", "extract", "--peer", "langchain", "-o", tmp_path / "out", load=load)
    assert done.exit_code == 1
    assert "greedy ids" in done.stderr
    assert "one call: 0 of 3 equal" in done.stderr
    found = read(tmp_path / "out")
    assert found.faults
    assert "**NOT EQUAL**" in Path(tmp_path / "out.md").read_text()


def test_what_is_not_installed_is_named_and_has_no_figure(run, tmp_path, monkeypatch):
    for module in ("langchain_huggingface", "llama_index.llms.huggingface", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    done = run("--only", "extract", "--sizes", "1", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    (found,) = read(tmp_path / "out").tables
    notes = {row.side: row.note for row in found.rows if row.note.startswith("not installed")}
    assert notes == {
        "langchain": "not installed: langchain-huggingface",
        "llama-index": "not installed: llama-index-llms-huggingface",
    }
    assert all(not row.values for row in found.rows if row.side in notes)
    assert "not installed: langchain-huggingface" in " ".join(done.stdout.split())
    assert "pip install" in done.stderr
    assert not Path(tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--sizes", "1,x"], "--sizes: 'x' must be a number above 0"),
        (["--batch-sizes", "0"], "--batch-sizes: '0' must be a number above 0"),
        (["--dict", "dict.txt"], "--dict and --bpecodes belong together"),
        (["--only", "speed"], "invalid choice: 'speed'"),
        (["--data", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_mistakes_are_told(run, args, said):
    done = run(*args)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_decoding_alone_needs_a_model_that_does_not_end(capsys):
    assert main(["--only", "decode", "--device", "cpu"]) == 2
    assert "give a --shape" in capsys.readouterr().err


def test_a_run_may_have_no_peer(run, tmp_path):
    done = run("--only", "extract", "--sizes", "1", "--alone", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    (found,) = read(tmp_path / "out").tables
    assert found.rows
    assert all(row.ours for row in found.rows)


# --- what is asked -------------------------------------------------------------------------------


def test_a_paper_is_never_asked_twice_alike(place, pipeline):
    subjects = Subjects(PAPERS, place.tokens, 1024)
    drawn = subjects.draw(6, pipeline, 8) + subjects.draw(2, pipeline, 8)
    assert [s.value.text for s in drawn[:4]] == [paper.text for paper in PAPERS]
    assert drawn[4].value.text == drawn[6].value.text == PAPERS[0].text
    assert len({tuple(s.ids[:3]) for s in drawn}) == len(drawn)


def test_peers_read_the_ids_that_ours_does(place, pipeline):
    for subject in Subjects(PAPERS, place.tokens, 1024).draw(4, pipeline, 8):
        assert place.tokenizer(subject.text)["input_ids"] == subject.ids
        assert subject.text.endswith("learned8learned9")


def test_what_does_not_fit_is_left_out(place, pipeline):
    papers = [Paper(text="aspirin " * 700), *PAPERS]
    drawn = Subjects(papers, place.tokens, 1024).draw(2, pipeline, 8)
    assert [s.value.text for s in drawn] == [paper.text for paper in PAPERS[:2]]
    with pytest.raises(InputError, match="none of 1 paper fits"):
        Subjects(papers[:1], place.tokens, 1024).draw(1, pipeline, 8)


# --- who writes the same -------------------------------------------------------------------------


def test_random_weights_write_as_many_tokens_as_they_are_asked_for(place, pipeline):
    subjects = Subjects(PAPERS, place.tokens, 1024).draw(4, pipeline, 8)
    (peer,) = present(list(open_peers(place, ["transformers"])))
    assert len(set(peer.write(subjects, 20))) == 4
    reference = Reference(place)
    assert [len(reference.write(subject, 20)[0]) for subject in subjects] == [20] * 4
    decoding = pipeline.decoding.but(max_new_tokens=20)
    completions = pipeline.engine.complete([s.prompt for s in subjects], decoding)
    assert [c.usage.completion_tokens for c in completions] == [20] * 4


def test_a_difference_behind_a_near_tie_is_told_apart():
    written = {"one": ["abc", "abc", "abc"], "two": ["abc", "abd", "abc"]}
    same = compare("texts", written, lambda _: 2)
    assert same.holds
    assert (same.equal, same.ties, same.different) == (2, 1, 1)
    assert "3 of 3 equal, 1 of them up to a near tie" in str(same)


@pytest.mark.parametrize("sure", [None, 3])
def test_any_other_difference_counts(sure):
    found = compare("texts", {"one": ["abc"], "two": ["abd"]}, lambda _: sure)
    assert not found.holds
    assert found.example == "prompt 1, from piece 3 on: two writes 'd', one 'c'"


def test_a_text_that_ends_early_differs():
    found = compare("texts", {"one": [["a", "b"]], "two": [["a"]]})
    assert found.example == "prompt 1, from piece 2 on: two writes '', one 'b'"


def test_ties_are_those_of_the_logits(place, pipeline):
    (subject,) = Subjects(PAPERS, place.tokens, 1024).draw(1, pipeline, 8)
    reference = Reference(place)
    assert reference.write(subject, 4)[1] is None
    assert reference.sure_letters(subject, 4) is None
    norm = place.network("float32").biogpt.layer_norm.weight
    kept = norm.detach().clone()
    with torch.no_grad():
        norm.zero_()  # all logits are alike now
    assert reference.write(subject, 4)[1] == 0
    assert reference.sure_letters(subject, 4) == 0
    with torch.no_grad():
        norm.copy_(kept)


# --- figures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("less", "median"), [(False, 3), (True, 1 / 3)])
def test_ratios_are_taken_round_by_round(less, median):
    ours = ComparedSeries(side="biogpt-plugins, a", values=(6, 3, 12))
    peer = ComparedSeries(side="b", values=(2, 3, 4))
    missing = ComparedSeries(side="c", note="not installed")
    times = table(ours, peer, missing, less=less).times[ours.side]
    assert set(times) == {ours.side, "b"}
    assert times["b"].median == pytest.approx(median)
    assert ours.spread.model_dump() == {"median": 6, "min": 3, "max": 12}


@pytest.mark.parametrize("path", RESULTS, ids=[path.stem for path in RESULTS])
def test_recorded_runs_are_read_and_shown_as_before(path):
    found = ComparedReport.model_validate_json(path.read_text(encoding="utf-8"))
    assert markdown(found) == path.with_suffix(".md").read_text(encoding="utf-8")


def test_markdown_names_what_is_missing_and_what_differs():
    rows = (
        ComparedSeries(side="biogpt-plugins", values=(1.0, 2.0)),
        ComparedSeries(side="peer", note="not installed: p"),
    )
    wrong = Agreement(what="texts", sides=("a", "b"), of=2, equal=1, different=2, example="here")
    text = markdown(report(tables=(table(*rows),), agreements=(wrong,)))
    assert "| **biogpt-plugins** | 1.5 (1 to 2) |  |" in text
    assert "| peer | not installed: p |  |" in text
    assert re.search(r"texts: 1 of 2 equal .*\*\*NOT EQUAL\*\*: here", text)
