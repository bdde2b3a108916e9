"""`biogpt bench`: this package alone, on each engine, device and dtype."""

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

import biogpt_plugins
from biogpt_plugins import Completion, Paper, Pipeline, Usage
from biogpt_plugins.bench.cases import CASES, Bench
from biogpt_plugins.bench.clock import Job, Missing, in_turns, series, timed
from biogpt_plugins.bench.figures import Report, Series, Table
from biogpt_plugins.bench.limit import Weights, least_seconds, weights_of
from biogpt_plugins.bench.papers import NumberedPapers, read_papers
from biogpt_plugins.bench.report import cells, columns, markdown, notes
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.folders import read_config
from biogpt_plugins.cli import app
from biogpt_plugins.engines.machine import Limits, measure_limits
from biogpt_plugins.tasks import get_task
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import DeviceError, EngineError, InputError

PAPERS = [Paper(title=f"Paper {i}.", text="Aspirin gave nausea. " * i) for i in range(1, 4)]
SMALL = ("--rounds", 1, "--sizes", "1,2", "--new-tokens", 4, "--device", "cpu")


class Recorder(ScriptedEngine):
    """An engine that always finds one relation, in ten tokens."""

    def __init__(self, device):
        super().__init__()
        self.device, self.dtype = device, "float32"

    def complete(self, prompts, decoding=None):
        self.calls.append(list(prompts))
        self.decodings.append(decoding)
        text, usage = "the relation between a and b exists.", Usage(completion_tokens=10)
        return [Completion(text=text, finish_reason="stop", usage=usage) for _ in prompts]


def run(*args, load=None):
    given = [str(arg) for arg in ("bench", *args)]
    return CliRunner().invoke(app, given, obj=load or biogpt_plugins.load)


def read(stem) -> Report:
    return Report.model_validate_json(Path(f"{stem}.json").read_text(encoding="utf-8"))


def bench(load, **options):
    given = {
        "model": "demo",
        "tasks": {"bc5cdr": get_task("bc5cdr")},
        "setups": [{"device": "cpu"}, {"device": "mps"}],
        "papers": NumberedPapers(PAPERS),
        "sizes": (2,),
        "rounds": 2,
    }
    return Bench(load=load, **(given | options))


# --- the command ---------------------------------------------------------------------------------


def test_a_run_measures_the_bundled_model_and_leaves_json_and_markdown(tmp_path):
    out = tmp_path / "new" / "here"
    asked = ("--only", "speed", "--only", "stream", "--task", "bc5cdr", "--task", "pubmedqa")
    done = run(*SMALL, *asked, "-o", out)
    assert done.exit_code == 0, done.output
    report = read(out)
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert report.sides == ("transformers, cpu, float32", "ctranslate2, cpu, int8")
    titles = [(table.title, table.unit) for table in report.tables]
    assert titles[:8] == [
        ("bc5cdr, 1 at once", "papers/s"),
        ("bc5cdr, 1 at once", "tokens/s"),
        ("bc5cdr, 1 at once", "passes/token"),
        ("bc5cdr, 1 at once", "% of limit"),
        ("bc5cdr, 2 at once", "papers/s"),
        ("bc5cdr, 2 at once", "tokens/s"),
        ("bc5cdr, 2 at once", "passes/token"),
        ("bc5cdr, 2 at once", "% of limit"),
    ]
    assert ("pubmedqa, 2 at once", "questions/s") in titles
    assert ("pubmedqa, 2 at once", "tokens/s") not in titles  # labels are scored
    assert titles[-1] == ("bc5cdr, one stream", "tokens/s")
    for table in report.tables:
        assert all(row.values[0] > 0 for row in table.rows if not row.note)
    limits = {table.unit: table for table in report.tables if table.title.startswith("limit")}
    assert [*limits] == ["TFLOP/s", "GB/s"]
    for table in limits.values():
        assert [len(row.values) for row in table.rows] == [1, 0], "none of int8"
    text = Path(f"{out}.md").read_text(encoding="utf-8")
    assert "| bc5cdr, 1 at once | papers/s |" in text
    assert str(tmp_path) not in text
    assert "bc5cdr, 1 at once" in done.stdout


@pytest.mark.slow
def test_memory_and_loading_are_measured_in_a_new_process(tmp_path):
    args = ("--only", "load", "--engine", "transformers", "--task", "bc5cdr", "-o", tmp_path / "o")
    done = run(*SMALL, *args)
    assert done.exit_code == 0, done.output
    ready, loaded, peak = read(tmp_path / "o").tables
    assert ready.rows[0].values[0] > 0
    assert 0 < loaded.rows[0].values[0] <= peak.rows[0].values[0]


def test_each_engine_device_and_dtype_is_a_side():
    asked = []

    def load(model, task, **options):
        asked.append((model, task, options))
        return Pipeline(task, Recorder(options["device"]))

    words = ("--device", "cpu", "--device", "mps", "--dtype", "float32", "--batch-size", 5)
    engines = ("--engine", "transformers", "--engine", "ctranslate2")
    done = run(*words, *engines, "--task", "bc5cdr", "--sizes", 1, "--only", "speed", load=load)
    assert done.exit_code == 0, done.output
    assert asked[:4] == [
        ("demo", "bc5cdr", {"engine": e, "device": d, "dtype": "float32", "batch_size": 5})
        for e in ("transformers", "ctranslate2")
        for d in ("cpu", "mps")
    ]


def test_what_cannot_run_here_is_named():
    def load(_, task, *, engine, **__):
        if engine == "ctranslate2":
            raise DeviceError("device 'x' cannot be used on this machine")
        return Pipeline(task, Recorder("cpu"))

    done = run("--only", "speed", "--sizes", 1, "--task", "bc5cdr", "--json", load=load)
    assert done.exit_code == 0, done.output
    assert "not measured: ctranslate2: device 'x' cannot be used" in done.stderr
    rows = json.loads(done.stdout)["tables"][0]["rows"]
    assert [(row["side"], bool(row["values"])) for row in rows] == [
        ("transformers, cpu, float32", True),
        ("ctranslate2", False),
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["--sizes", "1,x"],
            "--sizes must be whole numbers above 0, separated by commas, not '1,x'",
        ),
        (["--sizes", "0"], "not '0'"),
        (["--engine", "x"], "engine"),
        (["--task", "x"], "'x'"),
        (["--model", "no/such/folder"], "no/such/folder"),
        (["--only", "fast"], "bench --help`"),
        (["--data", "nowhere.txt"], "nowhere.txt"),
    ],
)
def test_mistakes_are_told_in_a_line(args, said, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = run("--sizes", "1", *args)
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_measuring_imports_no_host_and_no_peer():
    code = (
        "import sys, biogpt_plugins.bench.run;"
        "hosts = 'langchain', 'langchain_core', 'llama_index', 'langchain_biogpt', 'matplotlib';"
        "sys.exit(', '.join(name for name in hosts if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- what is asked -------------------------------------------------------------------------------


def test_all_sides_read_the_same_papers_and_none_reads_a_prompt_twice():
    engines = {}

    def load(_, task, *, device, **__):
        return Pipeline(task, engines.setdefault(device, Recorder(device)))

    tables = list(CASES["speed"](bench(load)))
    assert [table.unit for table in tables] == ["papers/s", "tokens/s"]
    papers, tokens = (table.rows[0].values for table in tables)
    assert tokens == pytest.approx([10 * value for value in papers])
    cpu, mps = ([p.source for p in engine.history] for engine in engines.values())
    assert len({*cpu, *mps}) == 2 * len(cpu) == 12

    def without_numbers(prompts):
        return [re.sub(r"\d+(?=\. Paper)", "", prompt) for prompt in prompts]

    assert without_numbers(cpu) == without_numbers(mps)


def test_a_limit_on_tokens_reaches_the_engine():
    engine = Recorder("cpu")
    assert list(CASES["speed"](bench(lambda _, task, **__: Pipeline(task, engine), new_tokens=7)))
    assert {decoding.max_new_tokens for decoding in engine.decodings} == {7}


def test_a_side_that_is_asked_for_twice_is_measured_once():
    asked = bench(lambda _, task, **__: Pipeline(task, Recorder("cpu")))
    assert [row.side for row in next(CASES["speed"](asked)).rows] == ["Recorder, cpu, float32"]


def test_if_nothing_can_run_the_reasons_are_an_error():
    def load(_, __, *, device):
        raise DeviceError(f"device {device!r} cannot be used on this machine")

    with pytest.raises(EngineError, match=r"'cpu' cannot .*; device 'mps' cannot"):
        list(CASES["speed"](bench(load)))


def test_an_engine_that_fails_ends_the_run_by_its_name():
    asked = bench(lambda _, task, **__: Pipeline(task, ScriptedEngine([])), setups=[{}])
    with pytest.raises(EngineError, match="ScriptedEngine failed: "):
        list(CASES["speed"](asked))


@pytest.mark.parametrize(
    ("task", "paper", "value"),
    [
        ("bc5cdr", Paper(title="T.", text="A."), {"title": "1. T.", "text": "A."}),
        ("bc5cdr", Paper(title="T."), {"title": "1. T.", "text": ""}),
        ("pubmedqa", Paper(title="T?", text="A."), {"question": "1. T?", "text": "A."}),
        ("pubmedqa", Paper(title="T?"), {"question": "1. T?", "text": "1. T?"}),
        ("hoc", Paper(title="T.", text="A."), {"text": "1. T. A."}),
    ],
)
def test_a_paper_becomes_the_input_of_each_task(task, paper, value):
    asked = bench(None, tasks={task: get_task(task)}, papers=NumberedPapers([paper]))
    (given,) = asked.draw(task, 1)
    assert given.model_dump(include=set(value)) == value


def test_each_iteration_starts_with_the_first_paper_and_a_new_number():
    papers = NumberedPapers(PAPERS)
    titles = [paper.title for _, paper in zip(range(4), papers, strict=False)]
    assert titles == ["1. Paper 1.", "2. Paper 2.", "3. Paper 3.", "4. Paper 1."]
    assert next(iter(papers)).text == PAPERS[0].text
    assert next(iter(papers)).title not in titles


def test_a_file_without_a_paper_is_told(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match=r"empty\.jsonl"):
        read_papers([str(tmp_path / "empty.jsonl")])


# --- rounds and figures --------------------------------------------------------------------------


def test_each_round_starts_with_another_side():
    order = []
    jobs = [Job(name, lambda number, name=name: order.append((name, number))) for name in "ab"]
    done = in_turns([*jobs, Missing("c", "not installed")], 2)
    assert order == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]
    assert set(done) == {"a", "b"}


def test_a_clock_waits_for_the_device_before_and_after():
    steps = []
    taken = timed(lambda: steps.append("work"), lambda: steps.append("wait"))
    assert steps == ["wait", "work", "wait"]
    assert taken.seconds >= 0


def test_a_report_is_a_grid_of_sides_and_names_what_is_missing():
    rows = series([Job("a", print), Missing("b", "not installed: b")], {"a": [1, 3, 2]})
    other = series([Job("a", print), Job("b", print)], {"a": [1234.5], "b": [0.00123]})
    report = Report(
        command="biogpt bench",
        date="2026-01-01",
        model="model demo",
        machine={"device": "cpu"},
        versions={},
        settings={},
        tables=(
            Table(case="x", title="X", unit="s", rows=rows),
            Table(case="x", title="Y", unit="ms", rows=other),
        ),
    )
    assert columns(report) == ["a", "b"]
    assert cells(report.tables[0], report) == ["X", "s", "2 (1 to 3)", ""]
    assert cells(report.tables[1], report) == ["Y", "ms", "1,234", "0.00123"]
    assert notes(report) == ["b: not installed: b"]
    text = markdown(report)
    assert "- Not measured: b: not installed: b" in text
    assert "| X | s | 2 (1 to 3) |  |" in text


def test_a_spread_is_shown_only_where_there_is_one():
    row = Series(side="a", values=(0.42501, 0.42502))
    report = Report(
        command="", date="", model="", machine={}, versions={}, settings={},
        tables=(table := Table(case="x", title="X", unit="GiB", rows=(row,)),),
    )  # fmt: skip
    assert cells(table, report)[2] == "0.425"


# --- the machine's limit -------------------------------------------------------------------------


def test_the_least_time_is_of_products_or_of_memory():
    limits, weights = Limits(products=1000, memory=100), Weights(layers=40, projection=10)
    least = partial(least_seconds, limits, weights, size=2)
    # Weights take a second to read; a token takes 0.08 s, and 0.1 s with its logits.
    assert least(rows=1, read=100, passes=1) == pytest.approx(8)
    assert least(rows=1, read=5, passes=1) == pytest.approx(1), "all weights are read"
    assert least(rows=4, read=100, passes=11) == pytest.approx(8 + 10)
    assert least(rows=20, read=100, passes=11) == pytest.approx(8 + 20)
    assert least(rows=1, read=100, passes=0) == pytest.approx(8), "labels are scored"


def test_weights_are_those_of_the_model():
    folder = locate("demo")
    layers, projection = weights_of(folder, "demo")
    model = biogpt_plugins.load("demo", "bc5cdr", engine="transformers").engine
    config = read_config(folder, "demo")
    assert projection == config["vocab_size"] * config["hidden_size"]
    assert layers == sum(
        parameter.numel()
        for name, parameter in model._scheduler._workers[0].runner._model.named_parameters()
        if ".layers." in name and parameter.dim() > 1
    )


def test_a_limit_is_measured_of_dtypes_that_torch_multiplies():
    found = measure_limits("cpu", "float32")
    assert found
    assert min(found) > 0
    assert measure_limits("cpu", "int8") is None
