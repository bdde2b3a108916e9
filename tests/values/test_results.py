import pickle

import pytest
from pydantic import ValidationError

from biogpt_plugins import Answer, Entity, Hallmarks, Prediction, Relation, Usage
from biogpt_plugins.values.errors import ParseError
from biogpt_plugins.values.results import Failure

RELATION = Relation(
    head=Entity(text="TNF-α", type="target", start=3, end=8, id="D1", name="tnf-alpha"),
    type="CID",
    tail=Entity(text="sleep loss", type="disease"),
)


@pytest.mark.parametrize(
    "result",
    [
        [RELATION, RELATION],
        [],
        Answer(label="maybe"),
        Answer(label="yes", probabilities={"yes": 0.5, "no": 0.25, "maybe": 0.25}),
        Hallmarks(labels=("cellular energetics",)),
        Hallmarks(),
        "free text; “quoted”\n",
    ],
)
def test_predictions_survive_json(result):
    prediction = Prediction(
        id="1",
        task="t",
        model="m",
        result=result,
        completion="c",
        finish_reason="stop",
        usage=Usage(prompt_tokens=3, completion_tokens=4),
        truncated_tokens=2,
        warnings=("w",),
    )
    again = Prediction.model_validate_json(prediction.model_dump_json())
    assert again == prediction
    assert type(again.result) is type(result)
    assert Prediction.model_validate(prediction.model_dump(mode="json")) == prediction


def test_failures_survive_json():
    error = Failure.of(ParseError("cannot be read", "the completion"))
    prediction = Prediction(task="t", error=error, completion="the completion")
    again = Prediction.model_validate_json(prediction.model_dump_json())
    assert again == prediction
    assert not again.ok
    assert again.error is not None
    assert again.error.type == "ParseError"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"result": [], "error": {"type": "E", "message": "m"}},
        {"result": []} | {"unheard_of": 1},
    ],
)
def test_a_prediction_is_a_result_or_an_error(fields):
    with pytest.raises(ValidationError):
        Prediction(task="t", **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": ""},
        {"text": "abc", "start": 1},
        {"text": "abc", "end": 1},
        {"text": "abc", "start": 1, "end": 3},
        {"text": "abc", "start": -1, "end": 2},
    ],
)
def test_an_entity_has_a_whole_span_or_none(fields):
    with pytest.raises(ValidationError):
        Entity(type="drug", **fields)


def test_grounding_of_a_relation_needs_both_ends():
    assert RELATION.head.grounded
    assert not RELATION.tail.grounded
    assert not RELATION.grounded
    assert RELATION.tail.name == "sleep loss"
    assert str(RELATION) == "TNF-α -[CID]-> sleep loss"


def test_usage_adds_up():
    assert Usage(prompt_tokens=2, completion_tokens=3).total_tokens == 5


def test_values_cannot_be_changed():
    with pytest.raises(ValidationError):
        RELATION.head.text = "x"


def test_parse_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(ParseError("why", "what")))
    assert (str(error), error.completion) == ("why", "what")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_no_value_holds_a_number_that_json_cannot(number):
    ends = {"head": Entity(text="a", type="drug"), "tail": Entity(text="b", type="drug")}
    with pytest.raises(ValidationError, match="finite number"):
        Relation(**ends, type="int", score=number)
    with pytest.raises(ValidationError, match="finite number"):
        Answer(label="yes", probabilities={"yes": number})
