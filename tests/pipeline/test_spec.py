"""`Spec`: one value for all settings, the same as pickle and as JSON, and a pipeline for each."""

import copy
import inspect
import json
import os
import pickle
import shutil
import threading
from dataclasses import replace

import pytest

from biogpt_plugins import TASKS, Decoding, EntityDictionary, Pipeline, Spec, load
from biogpt_plugins.checkpoints.calibration import (
    AnswerCalibration,
    Calibration,
    RelationCalibration,
)
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError, ModelError, OptionError

CALIBRATION = Calibration(
    answers={"pubmedqa": AnswerCalibration(temperature=2, contextual=True)},
    relations={"bc5cdr": RelationCalibration(slope=0.5)},
)
ROWS = [("lithium", "D008094", "chemical"), ("tremor", "D014202", "disease")]
EVERYTHING = {
    "model": "./folder",
    "revision": "main",
    "engine": "ctranslate2",
    "device": "cpu",
    "dtype": "int8",
    "batch_size": 4,
    "drafts": False,
    "task": "bc5cdr",
    "decoding": Decoding(num_beams=2, stop=("x",)),
    "method": "complete",
    "long_texts": "cut",
    "min_score": 0.25,
    "samples": 3,
    "min_agreement": 0.75,
    "abstain_below": 0.6,
    "calibration": CALIBRATION,
    "dictionary": EntityDictionary(ROWS, cutoff=95),
    "entities": "ignore",
    "recall": 0.9,
}


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "mesh.csv"
    path.write_text("name,id,type\nlithium,D008094,chemical\n")
    return path


@pytest.fixture
def folder(tiny_biogpt, tmp_path):
    return shutil.copytree(tiny_biogpt, tmp_path / "model")


class TestTheValue:
    @pytest.mark.parametrize("name", [*EVERYTHING, "all"])
    def test_it_is_the_same_as_pickle_and_as_json(self, name):
        spec = Spec(**(EVERYTHING if name == "all" else {name: EVERYTHING[name]}))
        for again in (
            pickle.loads(pickle.dumps(spec)),
            copy.deepcopy(spec),
            copy.copy(spec),
            Spec.model_validate_json(spec.model_dump_json()),
            Spec(**json.loads(json.dumps(spec.model_dump()))),
        ):
            assert again == spec
            assert hash(again) == hash(spec)
        assert spec != Spec()

    def test_every_setting_is_tried_here(self):
        assert EVERYTHING.keys() | {"allow_pickle", "own", "token"} == Spec.model_fields.keys()

    def test_it_cannot_be_changed(self):
        with pytest.raises(ValueError, match="frozen"):
            Spec().min_score = 0.5
        assert Spec().but(min_score=0.5) == Spec(min_score=0.5)

    def test_a_repr_says_what_is_not_usual(self, csv):
        assert repr(Spec()) == "Spec(model='demo')"
        told = Spec(
            task="ddi",
            decoding=Decoding(num_beams=5),
            calibration=CALIBRATION,
            dictionary=csv,
            allow_pickle=True,
        )
        assert repr(told) == (
            "Spec(model='demo', decoding=Decoding(num_beams=5), "
            f"calibration=Calibration(pubmedqa, bc5cdr), dictionary=EntityDictionary({str(csv)!r}, "
            "1 row), allow_pickle=True, task='ddi')"
        )

    def test_options_of_load_are_its_fields(self):
        options = inspect.signature(load).parameters
        assert options.keys() == Spec.model_fields.keys() - {"own"}
        assert all(f"{name}: " in load.__doc__ for name in options)

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"decoding": "x"}, r"^decoding must be 'free', 'grounded' or 'entities', not 'x'$"),
            ({"method": "x"}, r"^method must be 'auto', 'complete', 'choose' or 'rank', not 'x'$"),
            ({"engine": "x"}, r"^engine must be 'transformers' or 'ctranslate2', not 'x'$"),
            ({"min_score": 7}, r"^min_score must be from 0 to 1, not 7$"),
            (
                {"min_score": "much"},
                r"^min_score = 'much' is invalid: input should be a valid number",
            ),
            ({"batch_size": 0}, r"^batch_size must be at least 1, not 0$"),
            ({"dictionary": 7}, r"^dictionary must be an EntityDictionary or the path of a CSV"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, options, says):
        for make in (Spec, load):
            with pytest.raises(InputError, match=says):
                make(**options)

    def test_an_option_that_there_is_not_is_one_line(self):
        says = r"^load has no option 'min_scor'. Did you mean 'min_score'\? Its options are "
        for make in (Spec, load):
            with pytest.raises(OptionError, match=says):
                make(min_scor=1)

    def test_code_may_be_run_only_where_the_program_says_so(self):
        spec = Spec(allow_pickle=True)
        assert "allow_pickle" not in spec.model_dump_json()
        assert not pickle.loads(pickle.dumps(spec)).allow_pickle
        with pytest.raises(ValueError, match="allow_pickle"):
            Spec.model_validate_json('{"allow_pickle": true}')
        with pytest.raises(ValueError, match="allow_pickle"):
            Spec.model_validate({"allow_pickle": True})
        assert copy.deepcopy(spec).allow_pickle


class TestDictionaries:
    def test_one_of_a_file_is_its_path_and_fingerprint(self, csv):
        written = Spec(dictionary=csv).model_dump()["dictionary"]
        assert written.keys() == {"path", "fingerprint"}
        assert written["path"] == str(csv)
        read = Spec(**{"dictionary": written}).dictionary
        assert read.find("Lithium").id == "D008094"
        assert EntityDictionary.of(csv) is EntityDictionary.of(str(csv))  # read once

    def test_a_file_that_was_changed_is_refused(self, csv):
        written = Spec(dictionary=csv).model_dump_json()
        csv.write_text("name,id,type\nlithium,D1,chemical\n")
        os.utime(csv, (1, 1))
        with pytest.raises(ValueError, match="has changed: the fingerprint of its rows"):
            Spec.model_validate_json(written)

    def test_a_pickle_needs_no_file(self, csv):
        sent = pickle.dumps(Spec(dictionary=csv))
        csv.unlink()
        assert pickle.loads(sent).dictionary.find("lithium").id == "D008094"

    def test_those_of_the_same_rows_are_equal(self, csv):
        assert EntityDictionary(ROWS[:1]) == EntityDictionary.read(csv)
        assert EntityDictionary(ROWS) != EntityDictionary(ROWS, cutoff=99)


class TestPipelines:
    def test_who_asks_for_the_same_gets_the_same(self):
        spec = Spec(task="bc5cdr", device="cpu")
        assert spec.pipeline() is spec.but().pipeline() is load("demo", "bc5cdr", device="cpu")
        assert load(device="cpu") is spec.pipeline()  # the model's own task
        assert spec.but(min_score=0.5).pipeline().engine is spec.pipeline().engine
        assert spec.pipeline().spec == spec

    def test_many_threads_load_once(self, folder):
        barrier, found = threading.Barrier(8), []

        def ask():
            barrier.wait()
            found.append(Spec(model=str(folder), task="generate").pipeline())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(found) == 8
        assert len(set(map(id, found))) == 1

    def test_a_model_that_was_changed_is_loaded_again(self, folder):
        ModelCard(tasks={"ddi": TaskCard()}).save(folder)
        spec = Spec(model=str(folder))
        first = spec.pipeline()
        assert spec.pipeline() is first
        ModelCard(tasks={"bc5cdr": TaskCard(), "hoc": TaskCard()}).save(folder)
        second = spec.pipeline()
        assert (first.task.name, second.task.name) == ("ddi", "bc5cdr")
        assert second.engine is first.engine  # the weights are what they were
        weights = folder / "model.safetensors"
        os.utime(weights, ns=(1, 1))
        third = spec.pipeline()
        assert third.engine is not first.engine

    def test_a_calibration_that_was_put_beside_the_model_counts(self, folder):
        ModelCard(tasks={"pubmedqa": TaskCard()}).save(folder)
        spec = Spec(model=str(folder))
        assert spec.pipeline().trust.calibration == Calibration()
        CALIBRATION.save(folder)
        assert spec.pipeline().trust.calibration == CALIBRATION

    def test_one_whose_engine_was_closed_is_loaded_again(self, folder):
        spec = Spec(model=str(folder), task="generate")
        spec.pipeline().engine.close()
        assert not spec.pipeline().engine.closed

    def test_a_relative_path_is_of_the_working_directory(self, folder, tmp_path, monkeypatch):
        ModelCard(tasks={"ddi": TaskCard()}).save(folder)
        monkeypatch.chdir(tmp_path)
        assert Spec(model="model").pipeline().task.name == "ddi"
        monkeypatch.chdir(shutil.copytree(tmp_path, tmp_path / "other"))
        ModelCard(tasks={"hoc": TaskCard()}).save(tmp_path / "other" / "model")
        assert Spec(model="model").pipeline().task.name == "hoc"


class TestPipelinesByHand:
    def test_one_on_an_engine_of_its_own_says_so(self):
        spec = Pipeline("bc5cdr", ScriptedEngine(), min_score=0.5).spec
        assert (spec.model, spec.task, spec.min_score) == ("scripted", "bc5cdr", 0.5)
        with pytest.raises(ModelError, match=r"'scripted' cannot be loaded .* ScriptedEngine"):
            Spec.model_validate_json(spec.model_dump_json()).pipeline()

    def test_one_on_a_loaded_engine_can_be_loaded(self):
        known = load("demo", "bc5cdr")
        by_hand = Pipeline("bc5cdr", known.engine, cards=known.cards, min_score=0.5)
        assert by_hand.spec.pipeline().run(["Lithium caused tremor."]) == by_hand.run(
            ["Lithium caused tremor."]
        )
        assert Pipeline("bc5cdr", known.engine).spec.own == ("a custom layout",)

    def test_a_task_of_its_own(self):
        with pytest.warns(UserWarning, match="not mine"):
            pipe = load("demo", replace(TASKS["bc5cdr"], name="mine"))
        assert pipe.spec.own == ("an unregistered task, 'mine'",)
        with pytest.raises(ModelError, match="an unregistered task, 'mine'"):
            pipe.spec.pipeline()

    def test_a_repr_says_its_spec(self):
        assert repr(load("demo", "bc5cdr", min_score=0.5)) == (
            "Pipeline(model='demo', min_score=0.5, task='bc5cdr')"
        )


class TestOtherTasks:
    def test_what_applies_there_is_kept(self):
        pipe = Pipeline(
            "bc5cdr",
            ScriptedEngine(),
            min_score=0.5,
            samples=3,
            min_agreement=0.2,
            decoding="grounded",
            dictionary=EntityDictionary(ROWS),
            calibration=CALIBRATION,
        )
        ddi = pipe.for_task("ddi")
        assert ddi.trust == pipe.trust
        assert (ddi.dictionary, ddi.spec.decoding) == (pipe.dictionary, "grounded")
        assert ddi.decoding.n == 3
        answers = pipe.for_task("pubmedqa")
        assert answers.spec.given() == {
            "model": "scripted",
            "task": "pubmedqa",
            "decoding": "grounded",
            "dictionary": pipe.dictionary,
            "calibration": CALIBRATION,
            "own": pipe.spec.own,
        }
        assert pipe.spec.for_task("pubmedqa") == answers.spec

    def test_so_is_abstaining(self):
        pipe = Pipeline("pubmedqa", ScriptedEngine(), abstain_below=0.9)
        assert pipe.for_task("pubmedqa_reasoning_free").spec.abstain_below == 0.9
        assert pipe.for_task("bc5cdr").spec.abstain_below is None

    def test_a_model_remembers_what_it_answers_without_a_text(self):
        shares = [(0.6, 0.3, 0.1), (0.5, 0.3, 0.2)]
        engine = ScriptedEngine(probabilities=[*shares, *shares, *shares])
        pipe = Pipeline("pubmedqa", engine, calibration=CALIBRATION)
        asked = {"question": "Is it?", "context": "It is."}
        for one in (
            pipe,
            pipe.for_task("bc5cdr").for_task("pubmedqa"),
            pipe.with_settings(pipe.spec.but(abstain_below=0.1)),
        ):
            one.run([asked])
        assert [len(call) for call in engine.calls] == [2, 1, 1]
