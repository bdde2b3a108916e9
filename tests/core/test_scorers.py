import json
import math

import pytest
from shared_data import shared

from biogpt_plugins.errors import InputError
from biogpt_plugins.parsers import official_pairs
from biogpt_plugins.scorers import accuracy, score_bc5cdr

IDS = {"chemical2id": {"a": "D1", "aa": "D1", "b": "D2"}, "disease2id": {"x": "D8", "y": "D9"}}


@pytest.mark.parametrize(
    ("gold", "predicted", "counts"),
    [
        ([("D1", "D8")], [("a", "x")], (1, 0, 0)),
        ([("D1", "D8")], [("aa", "x")], (1, 0, 0)),
        # Two names of one id are one prediction.
        ([("D1", "D8")], [("a", "x"), ("aa", "x")], (1, 0, 0)),
        # Unknown names are one false positive for each distinct triple of ids.
        ([("D1", "D8")], [("q", "x"), ("r", "x"), ("a", "q")], (0, 2, 1)),
        ([("-1", "D8")], [("q", "x")], (0, 1, 1)),
        # Lookup is case-sensitive.
        ([("D1", "D8")], [("A", "x")], (0, 1, 1)),
        ([("D1", "D8"), ("D2", "D9")], [], (0, 0, 2)),
        # Without gold a document does not count.
        ([], [("a", "x")], (0, 0, 0)),
    ],
)
def test_bc5cdr_counts(gold, predicted, counts):
    score = score_bc5cdr({"1": gold}, {"1": predicted}, IDS)
    assert (score.tp, score.fp, score.fn) == counts


def test_undefined_figures_are_nan():
    score = score_bc5cdr({"1": []}, {}, IDS)
    assert all(math.isnan(x) for x in (score.precision, score.recall, score.f1))


def test_missing_documents_are_named():
    with pytest.raises(InputError, match="document 7"):
        score_bc5cdr({"7": [("D1", "D8")]}, {}, IDS)


def test_accuracy():
    assert accuracy(["yes", "no"], ["yes", "No"]) == 0.5
    with pytest.raises(InputError, match="2 gold labels and 1 predicted"):
        accuracy(["yes", "no"], ["yes"])
    with pytest.raises(InputError):
        accuracy([], [])


@pytest.mark.parametrize("name", ["corrupt", "drop30"])
def test_recorded_figures_of_the_official_scorer_are_met_exactly(name):
    gold = {
        d["id"]: [(c, x) for c, x in d["gold"]]
        for d in json.loads(shared("scorer/bc5cdr/test.gold.json").read_text())
    }
    ids = json.loads(shared("scorer/bc5cdr/test.entities.json").read_text(encoding="utf-8"))
    lines = shared(f"scorer/bc5cdr/{name}.detok").read_text(encoding="utf-8").split("\n")
    predicted = {doc: official_pairs(line) for doc, line in zip(gold, lines, strict=False)}
    results = json.loads(shared("scorer/official_results.json").read_text())
    official = next(
        r["official"] for r in results if r["predictions_file"] == f"bc5cdr/{name}.detok"
    )
    score = score_bc5cdr(gold, predicted, ids)
    assert (score.tp, score.fp, score.fn) == (official["TP"], official["FP"], official["FN"])
    assert (score.precision, score.recall, score.f1) == (
        official["Precision"],
        official["Recall"],
        official["F-score"],
    )
