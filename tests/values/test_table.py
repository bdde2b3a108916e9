"""Predictions as rows: nothing is lost, and every input has a row."""

import json
import subprocess
import sys
from typing import get_args

import pytest
from tabled import EVERY, PLAIN, SHARES, rebuilt

from biogpt_plugins import Pipeline, Predictions
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import (
    Answer,
    Confidence,
    Cue,
    Entity,
    Evidence,
    Prediction,
    Relation,
)
from biogpt_plugins.values.table import COLUMNS, RowKind, rows


def table(predictions):
    return [row for one in predictions for row in rows(one)]


def test_rows_have_all_that_predictions_have():
    assert rebuilt(table(EVERY)) == EVERY
    assert {row["kind"] for row in table(EVERY)} == set(get_args(RowKind))


def test_every_field_is_tried():
    """A field that is new must be tried here, so that it cannot be lost."""
    one = EVERY[0]
    relation = one.result[0]
    filled = [relation, relation.head, relation.confidence, relation.evidence[0]]
    for value in (one, *filled, relation.evidence[0].cues[0], EVERY[5].result):
        unset = set(type(value).model_fields) - value.model_fields_set
        assert unset == {Prediction: {"error"}, Answer: {"abstained"}}.get(type(value), set())
    assert [type(value) for value in filled] == [Relation, Entity, Confidence, Evidence]
    assert isinstance(relation.evidence[0].cues[0], Cue)


def test_all_rows_have_all_columns_in_order_with_values_of_their_types():
    used = set()
    for one in EVERY:
        for row in rows(one, question="Is it?", origin="a.jsonl:3"):
            assert list(row) == list(COLUMNS)
            for name, value in row.items():
                assert value is None or type(value) is COLUMNS[name], name
                used |= {name} if value is not None else set()
    assert used == set(COLUMNS)


def test_every_prediction_has_one_row_with_number_0():
    first = [row for row in table(EVERY) if row["number"] == 0]
    assert [row["id"] for row in first] == [one.id for one in EVERY]


@pytest.mark.parametrize(
    ("which", "kinds"),
    [
        (EVERY[0], ["relation", "relation"]),
        (EVERY[2], ["nothing"]),
        (EVERY[3], ["failure"]),
        (EVERY[6], ["answer"]),
        (EVERY[8], ["hallmark", "hallmark"]),
        (EVERY[9], ["nothing"]),
        (EVERY[11], ["text"]),
    ],
)
def test_kinds(which, kinds):
    assert [row["kind"] for row in rows(which)] == kinds


def test_what_a_relation_is_said_to_be():
    full, plain = rows(EVERY[0])
    told = ("grounded", "stated", "negated", "speculated")
    assert [full[name] for name in told] == [True, False, True, True]
    assert [plain[name] for name in told] == [False] * 4
    assert plain["evidence"] == []
    (nothing,) = rows(EVERY[2])
    assert [nothing[name] for name in (*told, "evidence")] == [*[False] * 4, None]


def test_the_question_and_the_place_of_an_input():
    found = list(rows(EVERY[0], question="Is it?", origin="a.jsonl:3"))
    assert [(row["question"], row["origin"]) for row in found] == [("Is it?", "a.jsonl:3")] * 2


def test_rows_share_no_lists_and_are_json():
    one, other = rows(EVERY[0])
    one["warnings"].append("mine")
    assert other["warnings"] == list(EVERY[0].warnings)
    assert rebuilt([json.loads(json.dumps(row)) for row in table(EVERY)]) == EVERY


def test_a_label_without_a_column_is_an_error():
    odd = Prediction(
        id="7", task="mine", result=Answer(label="yes", probabilities={**SHARES, "perhaps": 0.0})
    )
    with pytest.raises(
        InputError,
        match="answer of 7 has probabilities for 'perhaps': the table only has columns for",
    ):
        list(rows(odd))


def test_a_prediction_of_relations_read_from_json():
    again = Prediction.model_validate_json(EVERY[0].model_dump_json())
    assert list(rows(again)) == list(rows(EVERY[0]))
    assert PLAIN in again.result


def test_it_brings_in_neither_pyarrow_nor_torch():
    code = (
        "import sys, biogpt_plugins.cli, biogpt_plugins.corpus.export; "
        "import biogpt_plugins.values.table; "
        "sys.exit(any(name in sys.modules for name in ('pyarrow', 'pandas', 'torch')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_14_a_table_of_pandas():
    pd = pytest.importorskip("pandas", reason="NO TEST with pandas: pip install pandas")
    frame = Predictions(EVERY).to_dataframe()
    assert list(frame) == list(COLUMNS)
    assert frame["kind"].tolist() == [row["kind"] for row in table(EVERY)]
    assert str(frame["head_start"].dtype) == str(frame["number"].dtype) == "Int64"
    assert frame["head_start"].tolist()[:2] == [40, pd.NA]
    assert frame[~frame.negated].shape[0] == frame.shape[0] - 1
    assert frame["score"].tolist()[0] == 0.5
    none = Predictions().to_dataframe()
    assert list(none) == list(frame)
    assert none[~none.negated].empty


def test_14_a_run_returns_what_becomes_a_table():
    found = Pipeline("bc5cdr", ScriptedEngine(["the relation between a and b exists."])).run(
        ["a b"]
    )
    assert isinstance(found, list)
    assert found.to_dataframe()["head_name"].tolist() == ["a"]
