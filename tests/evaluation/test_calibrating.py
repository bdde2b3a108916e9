"""Calibrations fitted on labelled data, and the command that does it."""

import json
import math
import shutil
from random import Random

import pytest
from shared_data import shared
from typer.testing import CliRunner

from biogpt_plugins import Answer, Pipeline, load
from biogpt_plugins.checkpoints.calibration import AnswerCalibration, Calibration, read_calibration
from biogpt_plugins.cli import app
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.evaluation.calibrating import calibrate, unfitted
from biogpt_plugins.evaluation.fitting import fit_answers, fit_relations, held_apart
from biogpt_plugins.evaluation.reliability import Trial
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.testing import ScriptedEngine

LABELS = ("yes", "no", "maybe")


def answers(count, warmth, seed=0):
    """Answers that would be right as often as they say, had they been made less sure by this."""
    random, found = Random(seed), []
    for _ in range(count):
        logs = [random.gauss(0, 1) for _ in LABELS]
        weights = [math.exp(log) for log in logs]
        label = random.choices(LABELS, weights)[0]
        told = [math.exp(log * warmth) for log in logs]
        shares = {name: own / sum(told) for name, own in zip(LABELS, told, strict=True)}
        found.append((Answer(label=max(shares, key=shares.get), probabilities=shares), label))
    return found


def loss(pairs, calibration):
    own = [(calibration.correct(a.probabilities), label) for a, label in pairs]
    return -sum(math.log(shares[label]) for shares, label in own) / len(own)


class TestTemperature:
    @pytest.mark.parametrize("warmth", [0.4, 1, 3])
    def test_it_is_found_again(self, warmth):
        found = fit_answers(answers(20000, warmth))
        assert found.temperature == pytest.approx(warmth, rel=0.05)
        assert found.examples == 20000

    @pytest.mark.parametrize("warmth", [0.4, 3])
    def test_none_is_more_probable(self, warmth):
        pairs = answers(60, warmth)
        best = fit_answers(pairs)
        for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2):
            other = AnswerCalibration(temperature=factor * best.temperature)
            assert loss(pairs, other) > loss(pairs, best)

    @pytest.mark.parametrize("right", [True, False])
    def test_it_stays_finite(self, right):
        shares = {"yes": 0.6, "no": 0.3, "maybe": 0.1}
        pairs = [(Answer(label="yes", probabilities=shares), "yes" if right else "maybe")] * 9
        assert 0.009 < fit_answers(pairs).temperature < 101


class TestScores:
    def told(self, count=5000, slope=0.7, intercept=0.4):
        random = Random(3)
        for _ in range(count):
            log = -random.expovariate(0.5)
            right = random.random() < 1 / (1 + math.exp(-(slope * log + intercept)))
            yield Trial(probability=math.exp(log), right=right)

    def test_they_are_found_again(self):
        found = fit_relations(list(self.told()))
        assert (found.slope, found.intercept) == pytest.approx((0.7, 0.4), abs=0.1)

    def test_what_does_not_overlap_stays_finite(self):
        some = [Trial(probability=0.9, right=True), Trial(probability=0.1, right=False)] * 20
        found = fit_relations(some)
        assert found.correct(0.9) == pytest.approx(21 / 22, abs=1e-3)
        assert found.correct(0.1) == pytest.approx(1 / 22, abs=1e-3)

    def test_scores_that_mislead_are_levelled(self):
        some = [Trial(probability=0.1, right=True), Trial(probability=0.9, right=False)] * 20
        found = fit_relations(some)
        assert found.slope == 0
        assert found.correct(0.3) == pytest.approx(0.5)


def test_nothing_is_judged_by_what_was_fitted_on_it():
    found = held_apart(range(10), set, folds=5, repeats=3)
    assert sorted(one for one, _ in found) == sorted([*range(10)] * 3)
    for one, others in found:
        assert one not in others
        assert len(others) == 8
    assert len({frozenset(others) for _, others in found}) > 5
    assert found == held_apart(range(10), set, folds=5, repeats=3)


# --- the command -------------------------------------------------------------------------------

SURE = (0.9, 0.06, 0.04)
BARE = (0.5, 0.3, 0.2)


class Loader:
    def __init__(self, engine):
        self.engine, self.asked = engine, {}

    def __call__(self, _model, task, **options):
        self.asked = {name: value for name, value in options.items() if value is not None}
        known = {"method", "calibration", "min_score"}
        own = {name: value for name, value in self.asked.items() if name in known}
        return Pipeline(task, self.engine, **own)


def run(*args, load=None):
    return CliRunner().invoke(app, ["calibrate", *map(str, args)], obj=load)


@pytest.fixture
def questions(tmp_path):
    """60 questions: the model is far more sure than right."""

    def write(count=60):
        path = tmp_path / "gold.jsonl"
        labels = ["yes", "no", "yes", "maybe", "no"]
        rows = (
            {"id": n, "question": f"Is it {n}?", "context": "It is.", "gold": labels[n % 5]}
            for n in range(count)
        )
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


def overconfident(count, priors=True):
    chunks = [min(16, count - at) for at in range(0, count, 16)]
    return ScriptedEngine(
        probabilities=[s for n in chunks for s in [*[SURE] * n, *[BARE] * n * priors]]
    )


class TestTheCommand:
    def test_answers(self, questions, tmp_path):
        out, loader = tmp_path / "own.json", Loader(overconfident(60))
        done = run("pubmedqa", "--data", questions(), "-o", out, load=loader)
        assert done.exit_code == 0, done.output
        assert "pubmedqa, 60 answers" in done.stdout
        assert "uncalibrated" in done.stdout
        assert "prior and temperature" in done.stdout
        assert f"written to {out}" in done.stderr
        found = read_calibration(out).answers["pubmedqa"]
        assert found.temperature > 2
        assert found.examples == 60
        assert loader.asked["method"] == "choose"
        # Every chunk is one call, with the questions' priors.
        assert [len(call) for call in loader.engine.calls] == [32, 32, 32, 24]

    def test_for_programs(self, questions, tmp_path):
        out = tmp_path / "own.json"
        loader = Loader(overconfident(60, priors=False))
        asked = ("--data", questions(), "--no-contextual", "--json", "-o", out)
        done = run("pubmedqa", *asked, load=loader)
        found = json.loads(done.stdout)
        raw, calibrated = found["variants"]
        assert (raw["name"], calibrated["name"]) == ("uncalibrated", "temperature")
        assert raw["ece"] == pytest.approx(0.9 - 0.4)
        assert calibrated["ece"] < 0.2
        assert found["chosen"] == "temperature"
        assert found["calibration"]["contextual"] is False

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({}, False),
            ({"engine": "ctranslate2"}, True),
            ({"dtype": "float32"}, True),
            ({"engine": "ctranslate2", "dtype": "int8"}, True),
        ],
    )
    def test_what_the_model_is_run_by(self, questions, tmp_path, options, told):
        folder, loader = tmp_path / "model", Loader(overconfident(60))
        folder.mkdir()
        asked = [part for name, value in options.items() for part in (f"--{name}", value)]
        done = run("pubmedqa", "--data", questions(), "--model", folder, *asked, load=loader)
        assert done.exit_code == 0, done.output
        given = {name: loader.asked[name] for name in ("engine", "dtype") if name in loader.asked}
        assert given == options
        remark = "note: `load` uses this calibration with every engine and dtype of the model"
        assert (remark in done.stderr) is told
        out, loader = ("--out", tmp_path / "own.json"), Loader(overconfident(60))
        done = run("pubmedqa", "--data", questions(), "--model", folder, *asked, *out, load=loader)
        assert done.exit_code == 0, done.output
        assert "every engine" not in done.stderr

    def test_the_engine_that_is_named_is_asked(self, questions, tiny_biogpt, tmp_path):
        loaded = []

        def load_and_keep(*args, **options):
            loaded.append(load(*args, **options))
            return loaded[-1]

        asked = ("--model", tiny_biogpt, "--engine", "ctranslate2", "-o", tmp_path / "own.json")
        done = run("pubmedqa", "--data", questions(), *asked, load=load_and_keep)
        assert [(one.engine.runtime, one.engine.dtype) for one in loaded] == [
            ("ctranslate2", "int8")
        ]
        assert done.exit_code == 0 or "to calibrate" in done.stderr  # a random model's answers

    def test_other_tasks_of_a_file_stay(self, questions, tmp_path):
        out = tmp_path / "own.json"
        Calibration().with_task("hoc", AnswerCalibration(temperature=3)).save(out)
        run("pubmedqa", "--data", questions(), "-o", out, load=Loader(overconfident(60)))
        assert set(read_calibration(out).answers) == {"hoc", "pubmedqa"}

    @pytest.mark.parametrize("count", [49, 10])
    def test_too_little_is_refused(self, questions, tmp_path, count):
        out = tmp_path / "own.json"
        loader = Loader(overconfident(count))
        done = run("pubmedqa", "--data", questions(count), "-o", out, load=loader)
        assert done.exit_code == 2
        assert f"error: {count} answers are too few to calibrate with" in done.stderr
        assert not out.exists()

    def test_relations_all_wrong_are_refused(self, tmp_path):
        gold = tmp_path / "gold.jsonl"
        row = {"text": "A and b.", "gold": [{"head": "a", "tail": "b", "type": "CID"}]}
        gold.write_text("".join(json.dumps({"id": n, **row}) + "\n" for n in range(60)))
        loader = Loader(ScriptedEngine(["the relation between b and a exists."] * 60))
        done = run("bc5cdr", "--data", gold, "-o", tmp_path / "own.json", load=loader)
        assert (
            "error: 0 of 60 relations with a score are right: calibration needs at least"
            in done.stderr
        )
        assert loader.asked["min_score"] == 0

    def test_a_task_without_probabilities(self, tmp_path):
        gold = tmp_path / "gold.jsonl"
        gold.write_text('{"id": 1, "text": "A.", "gold": []}\n')
        loader = Loader(ScriptedEngine(["the type of this document is empty."]))
        done = run("hoc", "--data", gold, "-o", tmp_path / "own.json", load=loader)
        assert "has neither label probabilities nor relation scores to calibrate" in done.stderr

    @pytest.mark.parametrize("model", ["demo", "microsoft/biogpt"])
    def test_models_that_are_not_ones_own_need_a_file(self, questions, model):
        done = run("pubmedqa", "--data", questions(), "--model", model, load=Loader(None))
        assert done.exit_code == 2
        assert f"error: '{model}' is not a local model folder, so the calibration needs a file" in (
            done.stderr
        )

    def test_it_lies_beside_the_model_and_is_loaded_from_there(self, tiny_biogpt, tmp_path):
        folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
        rows = [
            {
                "id": n,
                "question": f"Is it {word}?",
                "context": "aspirin " * (n % 7 + 1),
                "gold": LABELS[n % 3],
            }
            for n, word in enumerate(["lithium", "tremor", "ulcer", "dose", "risk"] * 12)
        ]
        gold = tmp_path / "gold.jsonl"
        gold.write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = run("pubmedqa_reasoning_free", "--data", gold, "--model", folder)
        if done.exit_code == 2:  # ids and names of a random model may be anything
            assert "to calibrate" in done.stderr
            return
        assert (folder / "biogpt_calibration.json").is_file()
        with pytest.warns(UserWarning, match="solved examples"):
            pipe = load(str(folder), "pubmedqa_reasoning_free")
        assert pipe.trust.calibration == read_calibration(folder)


def surer(answer):
    """An answer by a model whose logarithms are four times as large."""
    by = AnswerCalibration(temperature=1 / 4)
    told = {"probabilities": answer.probabilities, "uncalibrated": answer.uncalibrated}
    return answer.model_copy(update={name: by.correct(own) for name, own in told.items() if own})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::biogpt_plugins.TruncationWarning")
def test_a_calibration_lowers_the_error_on_questions_held_apart():
    """The bundled model on the 100 questions of PQA-L that it was not trained on, in five folds.

    Its logarithms are made four times as large, so that it is too sure, whatever it was before.
    """
    gold = read_gold(shared("pubmedqa/pqal_train.json"), "pubmedqa")
    apart = type(gold)(gold.task, gold.documents[-100:])
    pipe = load("demo", "pubmedqa", calibration=unfitted(TASKS["pubmedqa"]))
    inputs = [{**document.input, "id": document.id} for document in apart.documents]
    found = [one.model_copy(update={"result": surer(one.result)}) for one in pipe.run(inputs)]
    raw, *fitted = calibrate(apart, found).variants
    assert [one.name for one in fitted] == ["temperature", "prior and temperature"]
    for one in fitted:
        assert one.ece < 0.75 * raw.ece
        assert one.nll < raw.nll
