"""`make bench-gpu`: its plan, its processes, and one measurement after another on a CPU."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from beside.network import bytes_of_step, operations_of_reading
from card.bench import Bench
from card.command import RESULTS, main
from card.measures import MEASURES
from card.place import RandomPlace
from card.plan import CARD, REHEARSAL, Item, Stage, plan
from card.rows import NAME, CardReport, Figure, Row
from card.run import Run, told_by_pytest
from card.vllm_peer import distance
from card.worker import make
from card_doubles import works
from pydantic import ValidationError
from torch.utils.flop_counter import FlopCounterMode

from biogpt_plugins.engines.pretrained import quiet
from biogpt_plugins.values.errors import EngineError


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    with quiet():
        place = RandomPlace.of("tiny", folder / "tiny", torch.device("cpu"))
        made = Bench(REHEARSAL, place, folder / "rehearsal")
        yield made
        made.close()


@pytest.fixture
def run(tmp_path):
    report = CardReport(
        command="gpu.py",
        date="2026-01-01",
        rehearsal=True,
        device="cpu",
        machine={},
        versions={},
        settings={},
    )

    def do(*names, shape="tiny", seconds=300.0, budget=60.0):
        items = [Item(name, 0.3 if name.endswith("hangs") else budget) for name in names]
        scale = type(CARD)(seconds=seconds)
        return Run(report, scale, tmp_path / "gpu", work=works).all(
            [Stage("ours", shape, tuple(items))]
        )

    return do


def statuses(report):
    return {row.name: row.status for row in report.rows}


# --- the plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [CARD, REHEARSAL], ids=["card", "rehearsal"])
def test_rows_have_proper_names_each_once(scale):
    stages = plan(scale)
    names = [stage.name for stage in stages] + [i.name for s in stages for i in s.items]
    assert len(names) == len(set(names))
    assert all(map(NAME.fullmatch, names))
    measured = {name.split("/")[1] for name in names} - {"start", "gpu"}
    assert measured == set(MEASURES)


def test_a_card_is_asked_for_all_that_the_issue_names():
    names = {item.name for stage in plan(CARD) for item in stage.items}
    assert "tests/gpu" in names
    assert all(
        f"{shape}/decode/{side}/{size}" in names
        for shape in ("base", "large")
        for side in (
            "ours-graphs", "ours-no-graphs", "generate-dynamic", "generate-static", "batching",
            "batching-graphs", "vllm",
        )
        for size in (1, 8, 64, 256)
    )  # fmt: skip
    assert CARD.seconds < 540


def test_rows_are_chosen_by_name():
    (stage,) = plan(CARD, "base/decode/vllm/*")
    assert next(item.name for item in stage.items) == "base/decode/vllm/1"
    assert len(stage.items) == len(CARD.sizes)


@pytest.mark.parametrize("name", ["large", "Large/x/y", "large//x", "large/a b/c", "a/b/c/d/e"])
def test_other_names_are_refused(name):
    with pytest.raises(ValidationError, match="is not the name of a row"):
        Row(name=name, status="measured", budget=1)


# --- processes -----------------------------------------------------------------------------------


def test_each_row_is_saved_before_the_next_begins(run, tmp_path):
    found = run("tiny/decode/a", "tiny/decode/b", "tiny/decode/c")
    assert [row.note for row in found.rows] == ["", "1", "2", "3"]
    assert found.complete
    assert CardReport.model_validate_json((tmp_path / "gpu.json").read_text()) == found


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("tiny/decode/hangs", "stopped: its time is over"),
        ("tiny/decode/dies", "its process ended with exit code 7"),
    ],
)
def test_what_hangs_or_dies_is_named_and_the_others_go_on(run, name, note):
    found = run("tiny/decode/a", name, "tiny/decode/b")
    assert statuses(found) == {
        "tiny/start/ours": "measured",
        "tiny/decode/a": "measured",
        name: "failed",
        "tiny/decode/b": "measured",
    }
    assert found.faults == [f"{name}: failed: {note}"]


def test_a_model_that_cannot_be_made_fails_its_rows(run):
    found = run("broken/decode/a", "broken/decode/b", shape="broken")
    assert set(statuses(found).values()) == {"failed"}
    assert found.rows[0].note == "its process ended with exit code 3"
    assert found.rows[2].note == "broken/start/ours failed"


def test_rows_without_time_are_named(run):
    found = run("tiny/decode/a", seconds=0.0)
    assert statuses(found) == {"tiny/decode/a": "no time"}
    assert found.faults


# --- the tests that it runs ----------------------------------------------------------------------

XML = """<testsuites><testsuite><testcase name="a"/><testcase name="b"><{}/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("what", "code", "status", "note", "passed"),
    [
        ("failure", 1, "failed", "failed b", 1),
        ("error", 1, "failed", "failed b", 1),
        ("skipped", 0, "measured", "skipped b", 1),
        ("properties", 0, "measured", "", 2),
        ("properties", 3, "failed", "", 2),
    ],
)
def test_tests_must_pass(what, code, status, note, passed):
    told = ElementTree.fromstring(XML.format(what))
    row = told_by_pytest(Item("tests/gpu", 1), told, code, 0.5)
    assert (row.status, row.note) == (status, note)
    assert {figure.what: figure.values for figure in row.figures}["passed"] == (passed,)


# --- measurements --------------------------------------------------------------------------------


def test_the_least_work_is_what_torch_counts(bench):
    network = bench.place.load("float32", "eager")  # of fused attention it counts nothing
    config, (subject,) = network.config, bench.draw(1)
    count = len(subject.ids)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.tensor([subject.ids]), logits_to_keep=1)
    # It counts the pairs of a token and a later one, too, which nothing needs.
    later = count * count - count * (count + 1) // 2
    unneeded = 4 * config.num_hidden_layers * config.hidden_size * later
    assert operations_of_reading(network, [count]) == counter.get_total_flops() - unneeded


def test_a_step_reads_the_weights_once_and_all_keys_and_values(bench):
    network = bench.place.network("float32")
    weights = bytes_of_step(network, [])
    held = 2 * network.config.num_hidden_layers * network.config.hidden_size * 4
    assert bytes_of_step(network, [10, 20]) == weights + 30 * held
    tables = network.biogpt.embed_positions.weight
    stored = {id(p): p.numel() for p in network.parameters()}
    assert weights == 4 * (sum(stored.values()) - tables.numel())


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("tiny/decode/ours-no-graphs/1", "rows a pass"),
        ("tiny/check/ours/2", "prompts with the same ids"),
        ("tiny/read/ours/3", "% of the matrix limit"),
        ("tiny/extract/ours-grounded-drafts/3", "passes a token"),
    ],
)
def test_a_row_has_its_figures(bench, name, figure):
    row = make(bench, Item(name, 600))
    assert row.status == "measured", row.note
    if "cannot be told" not in row.note:  # on a busy machine a step may seem to take no time
        known = {one.what: one.values for one in row.figures}
        assert all(value > 0 for value in known[figure])


def test_what_fails_is_told_and_what_is_missing_is_named(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    missing = make(bench, Item("tiny/check/vllm/2", 60))
    assert (missing.status, missing.note) == ("not installed", "vllm")
    wrong = make(bench, Item("tiny/extract/ours-free/0", 60))
    assert wrong.status == "failed"
    assert wrong.note


def test_probabilities_of_another_model_are_refused():
    exact = torch.randn(2, 50, generator=torch.Generator().manual_seed(1)).log_softmax(-1)
    same = exact + 0.01
    near = [{token: float(row[token]) + 0.02 for token in (3, 7)} for row in same]
    assert distance(near, same, exact) == pytest.approx(0.02, abs=1e-3)
    for wrong in (1.0, float("nan")):
        far = [{token: float(row[token]) + wrong for token in (3, 7)} for row in same]
        with pytest.raises(EngineError, match="not the same model"):
            distance(far, same, exact)


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--rehearse", "--only", "nothing/*"], "no row has a name like 'nothing/*'"),
        (["--rehearse", "--out", str(RESULTS)], "a rehearsal is no result"),
        (["--rehearse", "--out", str(RESULTS / "here")], "a rehearsal is no result"),
        ([], "there is no NVIDIA GPU here"),
    ],
)
def test_what_cannot_be_measured_is_told(capsys, monkeypatch, args, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(args) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_rehearsal_cannot_be_mistaken_for_a_run_on_a_card(capsys, tmp_path):
    only = "tiny/[lp]*/*"  # limits and profiles: one process
    code = main(["--rehearse", "--only", only, "--out", str(tmp_path)])
    said = capsys.readouterr().err
    assert code == 0, said
    told = json.loads((tmp_path / "rehearsal.json").read_text())
    assert (told["rehearsal"], told["device"], told["complete"]) == (True, "cpu", True)
    found = CardReport.model_validate(told)
    assert [row.status for row in found.rows] == ["measured"] * 5
    assert all(isinstance(f, Figure) and f.values for row in found.rows for f in row.figures)
    assert found.versions["torch"]
    text = (tmp_path / "rehearsal.md").read_text()
    assert text.startswith("# REHEARSAL on cpu: no figure here means anything")
    assert "tiny/profile" in text
    names = {Path(name).suffix for name in map(str, tmp_path.iterdir())}
    assert names == {".json", ".md", ".txt", ".gz"}
    assert "aten::" in next(tmp_path.glob("*-decode-1.txt")).read_text()


@pytest.mark.slow
def test_peers_are_measured(bench):
    for name in (
        "tiny/decode/generate-dynamic/1", "tiny/decode/generate-static/1",
        "tiny/decode/batching/1", "tiny/decode/batching-graphs/3", "tiny/extract/batching/3",
        "tiny/extract/langchain/3", "tiny/questions/generate-dynamic/3",
        "tiny/questions/ours-labels/3", "tiny/first-token/ours/2",
        "tiny/extract/ours-grounded-no-drafts/3", "tiny/extract/ours-free/3",
    ):  # fmt: skip
        row = make(bench, Item(name, 600))
        assert row.status == "measured", row.note
        assert row.figures
