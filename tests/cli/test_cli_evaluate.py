"""`biogpt score` and `biogpt eval`: files in, figures out."""

import json
import re

import bundled
import pytest
from shared_data import shared
from typer.testing import CliRunner

import biogpt_plugins
from biogpt_plugins import TASKS, Answer, Pipeline, Prediction
from biogpt_plugins.checkpoints.calibration import AnswerCalibration, Calibration, read_calibration
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.run import results
from biogpt_plugins.evaluation import Evaluation
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError

ASPIRIN = "the relation between aspirin and nausea exists."
X = "the interaction between a and b is effect."
YES = "the answer to the question given the context is yes."
NONE = "the type of this document is empty."
ROWS = {
    "bc5cdr": {"text": "Aspirin gave nausea.", "gold": [{"head": "Aspirin", "tail": "nausea"}]},
    "ddi": {"text": "A with b.", "gold": [["a", "b", "effect"]]},
    "kd_dti": {"text": "A hits b.", "gold": [["A", "b (c)", "effect"]]},
    "pubmedqa": {"question": "Does it?", "context": "It does.", "gold": "yes"},
    "hoc": {"text": "Nothing.", "gold": []},
}
ROWS["pubmedqa_reasoning_free"] = {**ROWS["pubmedqa"], "long_answer": "Yes."}
ROWS["bc5cdr"]["gold"][0]["type"] = "CID"
RIGHT = {"bc5cdr": ASPIRIN, "ddi": X, "kd_dti": X, "hoc": NONE}
FIGURES = {"ddi": "tp micro f1 (mean F1)", "pubmedqa": "accuracy"}
FIGURES |= {"kd_dti": FIGURES["ddi"], "pubmedqa_reasoning_free": "accuracy"}


class Loader:
    """Stands in for `biogpt_plugins.load`, and remembers what it was asked for."""

    def __init__(self, *completions, probabilities=(), engine=None):
        self.engine = engine or ScriptedEngine(completions, probabilities)
        self.asked = None

    def __call__(self, model, task, *, method, **options):
        self.asked = (model, task, method, {k: v for k, v in options.items() if v})
        return Pipeline(task, self.engine, method=method)


def run(*args, load=None):
    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load or Loader())


@pytest.fixture
def file(tmp_path):
    def write(content, name):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def corpus(file):
    """A file of `documents` documents of a task, numbered from 1."""

    def write(task="bc5cdr", documents=1):
        field = "context" if "context" in ROWS[task] else "text"
        texts = (f"{ROWS[task][field]}{' Twice.' * (n - 1)}" for n in range(1, documents + 1))
        rows = [{"id": n, **ROWS[task], field: text} for n, text in enumerate(texts, start=1)]
        return file("".join(json.dumps(row) + "\n" for row in rows), f"{task}.jsonl")

    return write


def figures(text):
    """The rows of the printed table, by their names; cells that are empty are left out."""
    rows = [re.split(" {2,}", line.strip()) for line in text.splitlines()]
    return {name: cells for name, *cells in rows}


# --- score ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ROWS)
def test_score_every_task(corpus, file, task):
    right = RIGHT.get(task, YES)
    loud = right.replace("the ", "The ", 1)  # which official readers do not read
    told = file(f"{right}\n{loud}\n{right}\n", "told.detok")
    done = run("score", task, "--gold", corpus(task, 3), "--completions", told)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{task}, 3 documents" in done.stdout
    found = figures(done.stdout)
    strict, default = found[FIGURES.get(task, "F1")]
    assert strict.startswith("80.00" if task in ("bc5cdr", "hoc") else "66.67")
    assert default == "100.00 (100.00 to 100.00)"
    assert found["unreadable completions"] == ["33.33 (1 of 3)", "0.00 (0 of 3)"]
    assert "The paper, on its own test set: " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    as_json = run("score", task, "--gold", corpus(task, 3), "--completions", told, "--json")
    assert json.loads(as_json.stdout)["default"]["value"] == 1


def test_score_for_programs(corpus, file):
    told = file(f"{ASPIRIN}\nx\n", "told")
    done = run("score", "bc5cdr", "--gold", corpus(documents=2), "--completions", told, "--json")
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert list(found) == list(Evaluation.model_fields)
    assert (found["task"], found["documents"], found["figure"]) == ("bc5cdr", 2, "f1")
    assert found["strict"]["score"] == {
        "tp": 1,
        "fp": 0,
        "fn": 1,
        "precision": 1.0,
        "recall": 0.5,
        "f1": 2 / 3,
    }
    assert found["default"]["unreadable"] == {"part": 1, "whole": 2}
    assert not {"rows"} & (found["strict"].keys() | found["default"].keys())
    assert found["grounded"] == {"part": 2, "whole": 2}


def test_figures_that_are_undefined_are_null(file):
    gold = file('{"1": "no"}', "gold.json")
    told = Prediction(id="1", task="pubmedqa", result=Answer(label="yes")).model_dump_json()
    done = run("score", "pubmedqa", "--gold", gold, "--completions", file(told, "told"), "--json")
    found = json.loads(done.stdout)
    assert found["strict"] is None
    assert found["default"]["types"]["maybe"]["f1"] is None


@pytest.mark.parametrize(
    ("content", "accuracy"),
    [
        (f"{YES}\nx\n{YES}\n", 2 / 3),
        (f"{YES}\nx\n{YES}", 2 / 3),
        (f"{YES}\r\nx\r\n{YES}\r\n", 2 / 3),
        # An empty line is a completion too, the last one as well.
        (f"{YES}\n\n{YES}\n", 2 / 3),
        (f"{YES}\n{YES}\n\n", 2 / 3),
        (f"{YES}\r\n{YES}\r\n\r\n", 2 / 3),
        (f"\n\n{YES}", 1 / 3),
        ("\n\n\n", 0),
        (f"\ufeff{YES}\n{YES}\n{YES}\n", 1),
        # Letters that Python, but no tool of the field, takes for the end of a line.
        (f"{YES}\nx\u2028y\x85z\x0c\n{YES}\n", 2 / 3),
    ],
)
def test_a_completion_a_line(corpus, file, content, accuracy):
    told = file(content, "told.detok")
    done = run(
        "score", "pubmedqa", "--gold", corpus("pubmedqa", 3), "--completions", told, "--json"
    )
    assert json.loads(done.stdout)["strict"]["value"] == accuracy


def test_predictions_are_matched_by_id_and_may_have_blank_lines_between(corpus, file):
    gold = corpus(documents=2)
    lines = [
        prediction.model_dump_json()
        for prediction in Pipeline("bc5cdr", ScriptedEngine([ASPIRIN, "x"])).run(
            [{"id": "2", "text": "Aspirin gave nausea."}, {"id": "1", "text": "Rain."}]
        )
    ]
    for joint in ("\n", "\r\n", "\n\n"):
        told = file(joint.join([*lines, ""]), "told.jsonl")
        done = run("score", "bc5cdr", "--gold", gold, "--completions", told, "--json")
        assert json.loads(done.stdout)["default"]["score"]["tp"] == 1
        assert done.stderr == ""


def test_what_is_to_be_noted_is_said(corpus, file):
    lines = [Prediction(task="pubmedqa", result=Answer(label="yes")).model_dump_json()] * 2
    told = file("\n".join(lines), "told.jsonl")
    done = run("score", "pubmedqa", "--gold", corpus("pubmedqa", 2), "--completions", told)
    assert done.stderr.splitlines() == [
        "note: 2 of 2 predictions have no id: all were matched by order",
        "note: the official reading needs completions, and some of these results have none",
    ]
    assert figures(done.stdout)["accuracy"][-1] == "100.00 (100.00 to 100.00)"


def test_a_ground_truth_selects_and_orders_the_questions(corpus, file):
    truth = file('{"3": "no", "1": "yes"}', "truth.json")
    no = YES.replace("yes", "no")
    options = ("--gold", corpus("pubmedqa", 4), "--ground-truth", truth, "--json")
    done = run("score", "pubmedqa", "--completions", file(f"{no}\n{YES}\n", "told"), *options)
    found = json.loads(done.stdout)
    assert (found["documents"], found["strict"]["value"]) == (2, 1)


@pytest.mark.parametrize(
    ("task", "content", "fault"),
    [
        ("bc5cdr", f"{ASPIRIN}\n", "1 prediction for 2 gold documents (the first document "),
        ("bc5cdr", f"{ASPIRIN}\n" * 3, "3 predictions for 2 gold documents (the last document "),
        ("bc5cdr", "", "0 predictions for 2 gold documents"),
        ("bc5cdr", None, "no such file of completions: '"),
        ("bc5cdr", b"caf\xe9\n", "is not UTF-8 text: convert it"),
        ("bc5cdr", '{"id": "1"}\n', "line 1 of {told} is not a Prediction: task: field required"),
        ("bc5cdr", '{"task"\n', "line 1 of {told} is not a Prediction: invalid json: eof"),
        ("nonsense", ASPIRIN, "no task is called 'nonsense'. The tasks are bc5cdr, ddi"),
        ("describe", ASPIRIN, "describe has no metric"),
        ("ddi", ASPIRIN, "has no examples for ddi"),
    ],
)
def test_score_refuses_in_one_line(file, task, content, fault):
    told = file(content or "", "told")
    if content is None:
        told.unlink()
    rows = [json.dumps({"id": n, "task": "bc5cdr", **ROWS["bc5cdr"]}) for n in (1, 2)]
    gold = file("\n".join(rows), "gold.jsonl")
    done = run("score", task, "--gold", gold, "--completions", told)
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert fault.format(told=told) in line


@pytest.mark.parametrize(
    ("task", "completions"),
    [("bc5cdr", "corrupt"), ("bc5cdr", "drop30"), ("ddi", "drop30"), ("pubmedqa", "corrupt")],
)
def test_recorded_completions_have_the_figures_of_the_official_scorers(task, completions):
    told = shared(f"scorer/{task}/{completions}.detok")
    results = json.loads(shared("scorer/official_results.json").read_text())
    file = f"{task}/{completions}.detok"
    (official,) = (each["official"] for each in results if each["predictions_file"] == file)
    gold = shared(f"scorer/{task}/test.gold.json")
    options = ("score", task, "--gold", gold, "--completions", told)
    found = json.loads(run(*options, "--json").stdout)["strict"]
    assert found["unreadable"] == {"part": official["failed"], "whole": official["total"]}
    names = {"TP": "tp", "FP": "fp", "FN": "fn", "Precision": "precision", "Recall": "recall"}
    names |= {"F-score": "f1"}
    compared = 0
    for name, value in official.items():
        if (ours := found["score"].get(names.get(name, name))) is not None:
            assert (round(ours, 4) if task == "ddi" else ours) == value, name
            compared += 1
    assert compared == {"bc5cdr": 6, "ddi": 17, "pubmedqa": 1}[task]
    if task == "pubmedqa":
        macro = official["pubmedqa_evaluation_py"]["Macro-F1"]
        assert round(found["score"]["macro_f1"], 6) == macro
    shown = figures(run(*options).stdout)[FIGURES.get(task, "F1")]
    assert shown[0].startswith(f"{100 * found['value']:.2f} (")


# --- eval ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ROWS)
def test_eval_every_task(corpus, task):
    load = Loader(*[RIGHT.get(task, YES)] * 2)
    done = run("eval", task, "--data", corpus(task, 2), load=load)
    assert (done.exit_code, done.stderr) == (0, "")
    as_officially = {"long_texts": "cut"} if TASKS[task].kind == "relations" else {}
    assert load.asked == ("demo", task, "complete", as_officially)
    found = figures(done.stdout)
    assert found[FIGURES.get(task, "F1")] == ["100.00 (100.00 to 100.00)"] * 2


def test_eval_passes_its_options_on(corpus, file):
    tables = file('{"chemical2id": {"aspirin": "D1"}, "disease2id": {"nausea": "D2"}}', "names")
    options = ("--device", "cpu", "--dtype", "float32", "--batch-size", 3, "--allow-pickle")
    load = Loader(*[ASPIRIN] * 2)
    data = corpus(documents=5)
    done = run(
        *("eval", "BC5CDR", "--data", data, "-m", "m", "-n", 2, "--entities", tables, "--json"),
        *options,
        load=load,
    )
    given = {"device": "cpu", "dtype": "float32", "batch_size": 3, "allow_pickle": True}
    given["long_texts"] = "cut"
    assert load.asked == ("m", "bc5cdr", "complete", given)
    assert len(load.engine.history) == 2
    found = json.loads(done.stdout)
    assert (found["documents"], found["strict"]["value"]) == (2, 1)


def test_eval_by_scored_labels(corpus):
    load = Loader(probabilities=[(0.7, 0.2, 0.1), (0.1, 0.8, 0.1)])
    data = corpus("pubmedqa", 2)
    done = run("eval", "pubmedqa", "--data", data, "--method", "choose", "--json", load=load)
    found = json.loads(done.stdout)
    assert (found["strict"], found["default"]["value"]) == (None, 0.5)


def test_eval_side_by_side(corpus, tmp_path):
    out, pictures = tmp_path / "run", tmp_path / "pictures"

    class Both(Loader):
        def __call__(self, model, task, *, decoding=None, min_score=None, **options):
            pipeline = super().__call__(model, task, **options)
            return Pipeline(task, pipeline.engine, decoding=decoding, min_score=min_score)

    load = Both(ASPIRIN, "x", ASPIRIN, ASPIRIN)
    done = run(
        *("eval", "bc5cdr", "--data", corpus(documents=2), "-o", out, "--plots", pictures),
        *("--decoding", "free", "--decoding", "grounded"),
        load=load,
    )
    assert done.exit_code == 0, done.output
    found = figures(done.stdout)
    assert found["free"] == ["grounded"]
    assert [cell[:6] for cell in found["F1"]] == ["66.67 ", "100.00"]
    assert [cell[:6] for cell in found["F1 (official)"]] == ["66.67 ", "100.00"]
    assert found["unreadable completions"] == ["50.00 (1 of 2)", "0.00 (0 of 2)"]
    # A clause of seven words of probability exp(-0.5), which is right.
    assert found["calibration error (ECE)"] == ["96.98", "96.98"]
    assert [(d.form, d.logprobs) for d in load.engine.decodings] == [
        ("free", True),
        ("grounded", True),
    ]
    assert sorted(path.name for path in out.iterdir()) == ["free", "grounded", "report.md"]
    settings = json.loads((out / "grounded" / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["decoding"]["form"] == "grounded"
    assert settings["min_score"] == 0
    assert "| F1 |" in (out / "report.md").read_text(encoding="utf-8")
    assert len(list(pictures.iterdir())) == 2
    assert done.stderr.count("written to") == 3


def test_eval_of_several_methods(file, tmp_path):
    data = file(json.dumps({"id": 1, **ROWS["bc5cdr"], "entities": MENTIONS}), "data.jsonl")

    def load(_, task, **options):
        given = {name: one for name, one in options.items() if one is not None}
        return Pipeline(task, ScriptedEngine([ASPIRIN]), **given)

    out = tmp_path / "run"
    command = ("eval", "bc5cdr", "--data", data, "--methods", "free, grounded,entities", "-o", out)
    done = run(*command, load=load)
    assert done.exit_code == 0, done.output
    assert figures(done.stdout)["free"] == ["grounded", "entities"]
    assert sorted(path.name for path in out.iterdir()) == [
        "entities",
        "free",
        "grounded",
        "report.md",
    ]
    again = run(*command, "--json", load=load)
    assert [json.loads(line)["method"] for line in again.stdout.splitlines()] == [
        "free",
        "grounded",
        "entities",
    ]
    assert again.stderr.count("already holds 1 of 1 prediction") == 3


def test_eval_compares_choosing_with_writing(corpus):
    load = Loader(YES, probabilities=[(0.1, 0.8, 0.1)])
    data = corpus("pubmedqa")
    done = run("eval", "pubmedqa", "--data", data, "--methods", "free,choose", "--json", load=load)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["method"], one["default"]["value"]) for one in told] == [
        ("free", 1),
        ("choose", 0),
    ]
    assert [one["curve"]["ranked"] for one in told] == [False, True]


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (["--methods", "free,guess"], "no 'guess': use free, grounded, entities, choose"),
        (["--methods", "free", "--decoding", "grounded"], "replaces --method and --decoding"),
        (["--method", "choose", "--decoding", "grounded"], "leave --decoding out"),
    ],
)
def test_methods_that_are_refused(corpus, args, fault):
    done = run("eval", "pubmedqa", "--data", corpus("pubmedqa"), *args)
    assert fault in done.stderr
    assert done.exit_code == 2


MENTIONS = [
    {"text": "Aspirin", "type": "Chemical", "id": "aspirin"},
    {"text": "nausea", "type": "Disease", "id": "nausea"},
]


def test_eval_beside_baselines(file, tmp_path):
    data = file(json.dumps({"id": 1, **ROWS["bc5cdr"], "entities": MENTIONS}), "data.jsonl")
    train = file(json.dumps({"id": 2, **ROWS["bc5cdr"]}), "train.jsonl")
    command = ("eval", "bc5cdr", "--data", data, "--baselines", "--train", train)
    done = run(*command, "-o", tmp_path / "run", load=Loader(ASPIRIN))
    assert done.exit_code == 0, done.output
    assert [name for name in figures(done.stdout) if name.endswith(("pairs", "sentence"))] == [
        "all annotated pairs",
        "annotated pairs in a sentence",
        "train names in a sentence",
    ]
    assert figures(done.stdout)["all annotated pairs"][-2:] == ["100.00", "100.00"]
    assert "dictionary names is left out: give --dictionary FILE" in done.stderr
    assert "## Beside baselines" in (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    told = json.loads(run(*command, "--json", load=Loader(ASPIRIN)).stdout)
    assert told["method"] == "free"
    assert [one["name"] for one in told["baselines"]][:2] == ["nothing", "all annotated pairs"]
    assert told["baselines"][1]["figures"]["value"] == 1
    assert "rows" not in told["baselines"][1]["figures"]


def test_data_for_baselines_without_baselines_are_refused(corpus):
    done = run("eval", "bc5cdr", "--data", corpus(), "--train", corpus())
    assert "--train is for --baselines" in done.stderr
    assert done.exit_code == 2


def test_eval_of_labels_raw_and_calibrated(corpus, tmp_path):
    class Calibrated(Loader):
        def __call__(self, model, task, *, method, calibration, **options):
            del model, options
            found = read_calibration(calibration)
            return Pipeline(task, self.engine, method=method, calibration=found)

    path = tmp_path / "own.json"
    Calibration().with_task("pubmedqa", AnswerCalibration(temperature=0.5)).save(path)
    load = Calibrated(probabilities=[(0.7, 0.2, 0.1), (0.7, 0.2, 0.1)])
    done = run(
        *("eval", "pubmedqa", "--data", corpus("pubmedqa", 2), "--method", "choose"),
        *("--calibration", path),
        load=load,
    )
    found = figures(done.stdout)
    assert found["calibration error (ECE)"] == ["30.00"]
    assert found["ECE, calibrated"] == [f"{100 - 100 * 0.49 / 0.54:.2f}"]


def test_eval_writes_what_it_found(corpus, tmp_path):
    out = tmp_path / "new" / "run"
    data = corpus(documents=2)
    done = run("eval", "bc5cdr", "--data", data, "-o", out, load=Loader(ASPIRIN, "x"))
    assert done.exit_code == 0
    assert done.stderr == f"written to {out}\n"
    names = {"report.md", "run.json", "score.json", "shards"}
    assert names <= {path.name for path in out.iterdir()}
    assert [prediction.ok for prediction in results(out)] == [True, False]
    text = (out / "report.md").read_text(encoding="utf-8")
    assert text.startswith(f"# bc5cdr: demo\n\n- model: demo\n- data: {data}, 2 documents\n")
    assert "## The worst documents (1)" in text
    score = json.loads((out / "score.json").read_text(encoding="utf-8"))
    # What was written can be scored again, and what is done is not done again.
    again = run("score", "bc5cdr", "--gold", data, "--completions", out, "--json")
    assert {**json.loads(again.stdout), "method": "free"} == score
    # What a run has found, aggregate reads.
    assert run("aggregate", out).exit_code == 0
    same = run("eval", "bc5cdr", "--data", data, "-o", out, "--json", load=Loader())
    assert json.loads(same.stdout) == score


class _Interrupted(ScriptedEngine):
    def complete(self, prompts, decoding):
        if self.calls:
            raise KeyboardInterrupt
        return super().complete(prompts, decoding)


def test_an_interrupted_eval_goes_on_from_there(corpus, tmp_path):
    options = ("eval", "bc5cdr", "--data", corpus(documents=40), "--json")
    stopped = run(
        *options, "-o", tmp_path / "run", load=Loader(engine=_Interrupted([ASPIRIN] * 40))
    )
    assert (stopped.exit_code, stopped.stdout) == (130, "")
    assert not (tmp_path / "run/score.json").exists()
    done = len(list(results(tmp_path / "run")))
    load = Loader(*["x"] * (40 - done))
    rest = run(*options, "-o", tmp_path / "run", load=load)
    assert rest.exit_code == 0
    assert 0 < done < 40
    assert len(load.engine.history) == 40 - done
    whole = run(*options, load=Loader(*[ASPIRIN] * done, *["x"] * (40 - done)))
    assert json.loads(rest.stdout) == json.loads(whole.stdout)


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (["nonsense", "--data", "{data}"], "no task is called 'nonsense'"),
        (["bc5cdr", "--data", "nowhere"], "data file 'nowhere' does not exist"),
        (["pubmedqa", "--data", "{bare}"], "has no text to predict from: score recorded"),
        (["bc5cdr", "--data", "{data}", "--limit", "0"], "see `biogpt eval --help`"),
        (["bc5cdr", "--data", "{data}", "--method", "x"], "see `biogpt eval --help`"),
    ],
)
def test_eval_refuses_before_a_model_is_loaded(corpus, file, args, fault):
    bare = file('{"1": "yes"}', "bare.json")
    load = Loader()
    args = [arg.format(data=corpus(), bare=bare) for arg in args]
    done = CliRunner().invoke(app, ["eval", *args], obj=load, prog_name="biogpt")
    assert (done.exit_code, done.stdout, load.asked) == (2, "", None)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert fault in line


def test_another_run_in_the_folder_is_refused_in_one_line(corpus, tmp_path):
    options, out = ("eval", "bc5cdr", "--data", corpus(documents=2)), tmp_path / "run"
    assert run(*options, "-o", out, load=Loader(*[ASPIRIN] * 2)).exit_code == 0
    other = Loader(*[ASPIRIN] * 2)
    other.engine.model_name = "another"
    done = run(*options, "-o", out, "-m", "another", load=other)
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        f"error: {out} holds another run (model 'scripted', now 'another'): name another folder, "
        "or remove that one"
    ]
    file = tmp_path / "file"
    file.touch()
    done = run(*options, "-o", file, load=Loader(*[ASPIRIN] * 2))
    assert (done.exit_code, done.stderr) == (
        2,
        f"error: {file} is a file: name a folder for the run\n",
    )


def test_a_model_that_fails_is_scored_as_one_that_says_nothing(corpus):
    load = Loader(EngineError("fire"), ASPIRIN)
    done = run("eval", "bc5cdr", "--data", corpus(documents=2), load=load)
    assert done.exit_code == 0
    assert figures(done.stdout)["recall"] == ["50.00", "50.00"]
    assert figures(done.stdout)["unreadable completions"] == ["50.00 (1 of 2)"] * 2


def test_the_bundled_model_on_two_papers(file, tmp_path):
    rows = [
        {
            "id": chemical,
            **bundled.case(chemical, disease),
            "gold": [{"head": chemical, "type": "CID", "tail": disease}],
        }
        for chemical, disease in bundled.CASES[:2]
    ]
    data = file("\n".join(map(json.dumps, rows)), "data.jsonl")
    out = tmp_path / "run"
    options = ("eval", "bc5cdr", "--data", data, "-o", out, "--device", "cpu")
    done = run(*options, load=biogpt_plugins.load)
    assert done.exit_code == 0, done.stderr
    assert figures(done.stdout)["true positives"] == ["2", "2"]
    assert "- model: demo\n" in (out / "report.md").read_text(encoding="utf-8")
    assert json.loads((out / "run.json").read_text())["settings"]["dtype"] == "float32"
