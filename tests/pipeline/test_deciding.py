"""Decisions on a real engine: probabilities of labels, in one pass for all questions."""

import pytest
import tiny

from biogpt_plugins import Pipeline, load
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.pipeline.deciding import decide, decision, labels_of
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.hoc import EMPTY, LABELS
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError

TEXT = "aspirin caused gastric ulcer in patients with renal failure"
OPTIONS = {"renal": None, "renal failure": "failure of the kidneys", "ulcer": None}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder = tiny.build(tmp_path_factory.mktemp("models") / "tiny", positions=768)
    with pytest.warns(match="was not trained for pubmedqa"):
        return load(folder, "pubmedqa")


def test_labels_have_the_probabilities_that_the_engine_gives_whole_labels(pipeline):
    asked = [
        decision(pipeline, TEXT, "what is it?", OPTIONS),
        decision(pipeline, TEXT, "is it an ulcer?", {"yes": None, "no": None}),
    ]
    own, yes = decide(pipeline, asked)
    assert list(own.probabilities) == list(OPTIONS)
    assert sum(own.probabilities.values()) == pytest.approx(1)
    (choice,) = pipeline.engine.choose([asked[0].prompt], [f"{label}." for label in OPTIONS])
    assert [*own.probabilities.values()] == pytest.approx([*choice.probabilities.values()])
    (choice,) = pipeline.engine.choose([asked[1].prompt], ["yes", "no"])
    assert yes.probabilities == pytest.approx(choice.probabilities)
    assert own.usage == pipeline.engine.score([asked[0].prompt], [["ulcer"]])[0].usage.model_copy(
        update={"completion_tokens": 0}
    )


def test_questions_of_one_kind_begin_with_the_same_text(pipeline):
    first, second = (decision(pipeline, TEXT, ask, OPTIONS).prompt for ask in ("a?", "b?"))
    assert first.head + first.text == second.head + second.text
    assert first.tail != second.tail


def test_a_model_that_was_only_trained_to_write_has_solved_examples():
    written = Pipeline("pubmedqa", ScriptedEngine(), cards={"generate": TaskCard()})
    assert "Options:" in decision(written, TEXT, "what?", OPTIONS).prompt.head
    taught = Pipeline(
        "pubmedqa", ScriptedEngine(), cards={"generate": TaskCard(), "ddi": TaskCard()}
    )
    with pytest.raises(InputError, match=r"it was trained for ddi\. Choose"):
        decision(taught, TEXT, "what?", OPTIONS)


def test_no_decision_is_no_call():
    assert decide(Pipeline("pubmedqa", ScriptedEngine()), []) == []


def test_numbers_that_are_none_are_an_error():
    asked = Pipeline("pubmedqa", ScriptedEngine(probabilities=[(0, 0)]))
    (found,) = decide(asked, [decision(asked, TEXT, "is it?", {"yes": None, "no": None})])
    assert "as a probability" in str(found.error)


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("pubmedqa", ("yes", "no", "maybe")),
        ("hoc", (*LABELS, EMPTY)),
        ("bc5cdr", ()),
        ("generate", ()),
    ],
)
def test_the_labels_of_tasks(task, labels):
    assert labels_of(TASKS[task]) == labels
