"""What anyone answers alike, the bundled model answers no worse than its card says."""

import obvious
import pytest

from biogpt_plugins.scoring.gold import Document
from biogpt_plugins.values.results import Answer, Entity, Failure, Prediction, Relation

# Task -> kind -> how many the weights in the package get right, and of how many. Other weights
# that lower one must be better as a whole, and the recipe's README says what they lose.
FLOORS = {
    "pubmedqa": {"yes": (7, 10), "no": (5, 10), "maybe": (3, 10), "unrelated": (10, 10)},
    "bc5cdr": {
        "one": (7, 12),
        "two": (4, 8),
        "treats": (3, 4),
        "disease alone": (2, 2),
        "chemical alone": (2, 2),
        "denied": (2, 2),
    },
}
KINDS = [(task, kind, *of) for task, kinds in FLOORS.items() for kind, of in kinds.items()]


@pytest.mark.parametrize(("task", "kind", "least", "whole"), KINDS)
def test_the_bundled_model_gets_no_fewer_right(task, kind, least, whole):
    documents = [one for one in obvious.obvious(task).documents if one.record["kind"] == kind]
    assert len(documents) == whole
    counts = obvious.count(obvious.pipeline_for("demo", task), documents)
    assert counts[kind][0] >= least


@pytest.mark.parametrize("task", FLOORS)
def test_every_kind_has_a_floor(task):
    assert {one.record["kind"] for one in obvious.obvious(task).documents} == FLOORS[task].keys()


def test_questions_have_the_label_of_their_kind():
    for one in obvious.obvious("pubmedqa").documents:
        kind = one.record["kind"]
        assert one.gold == ("maybe" if kind == "unrelated" else kind)


def test_abstracts_name_the_ends_of_their_relations():
    relations = {"one": 1, "two": 2}
    for one in obvious.obvious("bc5cdr").documents:
        text = f"{one.record['title']} {one.record['abstract']}".lower()
        assert len(one.gold) == relations.get(one.record["kind"], 0)
        assert all(name in text for pair in one.gold for name in pair)


PAIR = Relation(
    head=Entity(text="Lithium", type="chemical"),
    type="CID",
    tail=Entity(text="tremor", type="disease"),
)
FAILED = Failure(type="ParseError", message="nothing can be read")


@pytest.mark.parametrize(
    ("gold", "prediction", "right"),
    [
        ([("lithium", "tremor")], {"result": [PAIR]}, True),
        ([("lithium", "tremor"), ("lithium", "nausea")], {"result": [PAIR]}, False),
        ([], {"result": [PAIR]}, False),
        ([], {"result": []}, True),
        ([], {"error": FAILED}, False),
    ],
)
def test_an_abstract_is_right_if_exactly_its_pairs_are_found(gold, prediction, right):
    document = Document(id="1", gold=gold)
    assert obvious.is_right(document, Prediction(task="bc5cdr", **prediction)) is right


@pytest.mark.parametrize(("label", "right"), [("yes", True), ("maybe", False), (None, False)])
def test_a_question_is_right_if_its_label_is_given(label, right):
    result = Answer(label=label, abstained=None if label else "unsure")
    document, prediction = Document(id="1", gold="yes"), Prediction(task="pubmedqa", result=result)
    assert obvious.is_right(document, prediction) is right
