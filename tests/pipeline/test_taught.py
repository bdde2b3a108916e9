"""Pipelines on a checkpoint that has its own words for a text without relations."""

import shutil

import pytest

from biogpt_plugins import Entity, Paper, Pipeline, Spec, load
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.pipeline.provenance import settings_of
from biogpt_plugins.tasks import get_task
from biogpt_plugins.testing import ScriptedEngine

WORDS = "nothing is told"
CARD = TaskCard(nothing=WORDS)
PAPER = Paper(
    text="Lithium caused tremor.",
    entities=[
        Entity(text="Lithium", type="Chemical", start=0, end=7),
        Entity(text="tremor", type="Disease", start=15, end=21),
    ],
)


def scripted(*completions, **settings):
    cards = {"bc5cdr": CARD, "ddi": CARD}
    return Pipeline("bc5cdr", ScriptedEngine(completions), cards=cards, **settings)


@pytest.mark.parametrize("form", ["free", "grounded", "entities"])
def test_what_says_nothing_is_an_empty_result(form):
    pipeline = scripted(f"{WORDS}.", f"{WORDS}.", decoding=form)
    (found,) = pipeline.run([PAPER])
    *_, streamed = pipeline.stream(PAPER)
    assert (found.result, found.error, found.warnings) == ([], None, ())
    assert streamed.prediction.result == []
    assert {prompt.grammar.instead for prompt in pipeline.engine.history} == {WORDS}


def test_a_sample_that_says_nothing_has_no_relation():
    said = "the relation between lithium and tremor exists."
    pipeline = scripted(said, f"{WORDS}.", samples=2, min_agreement=0.5)
    (found,) = pipeline.run([PAPER])
    assert [relation.agreement for relation in found.relations] == [0.5]


def test_other_tasks_and_settings_of_the_model_have_them_too():
    pipeline = scripted()
    assert pipeline.for_task("bc5cdr") is pipeline
    assert pipeline.for_task(pipeline.task) is pipeline
    derived = pipeline.for_task("ddi")
    assert derived.task == get_task("ddi").taught(CARD)
    assert derived.for_task("bc5cdr").task == pipeline.task
    stricter = pipeline.with_settings(Spec(task="bc5cdr", min_score=0.5))
    assert stricter.task == pipeline.task
    assert stricter.with_settings(Spec(task="bc5cdr")).task == pipeline.task
    assert "task" not in " ".join(stricter.spec.own)


def test_a_ranking_is_of_the_same_clauses():
    engine = ScriptedEngine(probabilities=[[0.25]])
    pipeline = Pipeline("bc5cdr", engine, card=CARD, method="rank")
    (found,) = pipeline.run([PAPER])
    assert [(r.head.text, r.tail.text) for r in found.relations] == [("Lithium", "tremor")]


def test_a_loaded_model_is_shared_and_can_be_saved(tiny_biogpt, tmp_path):
    folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
    ModelCard(tasks={"bc5cdr": TaskCard()}).save(folder)
    before = load(str(folder), "bc5cdr")
    ModelCard(tasks={"bc5cdr": TaskCard(nothing="there is no relation")}).save(folder)
    pipeline = load(str(folder), "bc5cdr", decoding="grounded")
    assert pipeline is load(str(folder), "bc5cdr", decoding="grounded")
    assert pipeline.spec.own == ()
    assert Spec.model_validate_json(pipeline.spec.model_dump_json()).pipeline() is pipeline
    assert pipeline.task.fingerprint != before.task.fingerprint == get_task("bc5cdr").fingerprint
    assert "nothing" not in settings_of(before)["card"]
    assert settings_of(pipeline)["card"]["nothing"] == "there is no relation"
    # Without a name to copy there is only one thing to write.
    (found,) = pipeline.run(["? ? ?"])
    assert (found.completion, found.result, found.error) == ("there is no relation.", [], None)
