"""BC5CDR, PubMedQA and HoC by their official metrics, and the values that figures are kept in."""

import json
import math

import pytest
from shared_data import shared

from biogpt_plugins.scoring import (
    Counts,
    InteractionScore,
    Interval,
    Share,
    accuracy,
    bootstrap,
    official_answer,
    official_pairs,
    score_bc5cdr,
    score_hoc,
    score_pubmedqa,
)
from biogpt_plugins.scoring.bc5cdr import count_ends
from biogpt_plugins.values.errors import InputError

NAMES = {
    "chemical2id": {"a": "D1", "aa": "D1", "b": "D2", "m": "MESH:D1", "none": "-1"},
    "disease2id": {"x": "D8", "y": "D9", "two": "D8|D9"},
}
CLASSES = ("p", "q", "empty")


def numbers(counts):
    return counts.tp, counts.fp, counts.fn


@pytest.mark.parametrize(
    ("gold", "predicted", "counts"),
    [
        ([("D1", "D8")], [("a", "x")], (1, 0, 0)),
        ([("D1", "D8")], [("aa", "x")], (1, 0, 0)),
        # Two names of one id are one prediction; the same relation twice is one of gold.
        ([("D1", "D8")], [("a", "x"), ("aa", "x"), ("a", "x")], (1, 0, 0)),
        ([("D1", "D8"), ("D1", "D8")], [("a", "x")], (1, 0, 0)),
        # Unknown names are one false positive for each distinct triple of ids.
        ([("D1", "D8")], [("q", "x"), ("r", "x"), ("a", "q")], (0, 2, 1)),
        ([("D1", "D8")], [("q", "r"), ("none", "s"), ("a", "x")], (1, 1, 0)),
        # The unknown is never right.
        ([("-1", "D8")], [("q", "x")], (0, 1, 1)),
        # Names are found exactly as they stand in the table.
        ([("D1", "D8")], [("A", "x")], (0, 1, 1)),
        ([("D1", "D8")], [("a ", "x")], (0, 1, 1)),
        ([("D1", "D8")], [("x", "a")], (0, 1, 1)),
        # "MESH:" may stand on either side.
        ([("MESH:D1", "MESH:D8")], [("a", "x")], (1, 0, 0)),
        ([("D1", "D8")], [("m", "x"), ("a", "x")], (1, 0, 0)),
        # A composite id is one of its own.
        ([("D1", "D8"), ("D1", "D9")], [("a", "two")], (0, 1, 2)),
        # The first end is the chemical.
        ([("D8", "D1")], [("a", "x")], (0, 1, 1)),
        ([("D1", "D8"), ("D2", "D9")], [], (0, 0, 2)),
        # Without gold a document does not count.
        ([], [("a", "x"), ("q", "q")], (0, 0, 0)),
    ],
)
def test_bc5cdr_counts(gold, predicted, counts):
    assert numbers(score_bc5cdr({"1": gold}, {"1": predicted}, NAMES)) == counts


def test_bc5cdr_counts_each_document_by_itself():
    gold = {"1": [("D1", "D8")], "2": [("D1", "D8"), ("D2", "D9")], "3": []}
    predicted = {"1": [("b", "y")], "2": [("a", "x")], "3": [("a", "x")], "4": [("a", "x")]}
    score = score_bc5cdr(gold, predicted, NAMES)
    assert numbers(score) == (1, 1, 2)
    assert (score.precision, score.recall) == (1 / 2, 1 / 3)
    assert score.f1 == 2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3)


@pytest.mark.parametrize(
    ("gold", "predicted", "undefined"),
    [
        ([], [], {"precision", "recall", "f1"}),
        ([("D1", "D8")], [], {"precision", "f1"}),
        # As the jar has it: of two zeros there is no harmonic mean.
        ([("D1", "D8")], [("b", "y")], {"f1"}),
        ([("D1", "D8")], [("a", "x")], set()),
    ],
)
def test_undefined_figures_are_nan_in_python_and_null_in_json(gold, predicted, undefined):
    score = score_bc5cdr({"1": gold}, {"1": predicted}, NAMES)
    assert {name for name, value in score if math.isnan(value)} == undefined
    written = json.loads(score.model_dump_json())
    assert {name for name, value in written.items() if value is None} == undefined
    assert score.model_dump(mode="json") == written
    assert Counts.model_validate_json(score.model_dump_json()) == score


def test_missing_documents_are_named():
    with pytest.raises(InputError, match="document 7"):
        score_bc5cdr({"7": [("D1", "D8")]}, {}, NAMES)
    with pytest.raises(InputError, match="document 7"):
        score_pubmedqa({"7": "yes"}, {"8": "yes"})
    with pytest.raises(InputError, match="no gold documents"):
        score_hoc({}, {}, CLASSES)


def test_the_ends_of_relations_are_counted_by_themselves():
    gold = [("D1", "D8"), ("D2", "MESH:D9")]
    ends = count_ends(gold, [("a", "y"), ("b", "y"), ("q", "y")], NAMES)
    assert {end: numbers(counts) for end, counts in ends.items()} == {
        "chemical": (2, 1, 0),
        "disease": (1, 0, 1),
    }


def test_accuracy():
    assert accuracy(["yes", "no"], ["yes", "No"]) == 0.5
    with pytest.raises(InputError, match="2 gold labels, but 1 prediction"):
        accuracy(["yes", "no"], ["yes"])
    with pytest.raises(InputError):
        accuracy([], [])


@pytest.mark.parametrize(
    ("gold", "predicted", "right", "macro_f1"),
    [
        (["yes", "no"], ["yes", "no"], 1.0, 1.0),
        # The labels seen are the gold's and whatever was written; others do not count.
        (["yes", "yes"], ["yes", "no"], 0.5, (2 / 3 + 0) / 2),
        (["yes", "no"], ["Yes", "no"], 0.5, (0 + 1 + 0) / 3),
        (["yes"], ["failed"], 0.0, 0.0),
        (["yes", "no", "no"], ["yes", "", "no"], 2 / 3, (1 + 2 / 3 + 0) / 3),
        (["yes", "no"], ["yes ", "no"], 0.5, 1 / 3),
    ],
)
def test_pubmedqa(gold, predicted, right, macro_f1):
    score = score_pubmedqa(dict(enumerate(gold)), dict(enumerate(predicted)))
    assert (score.accuracy, score.macro_f1) == (right, macro_f1)


def test_confusion_counts_what_is_no_label_together():
    gold = ["yes", "yes", "yes", "yes", "no"]
    found = ["yes", "maybe", "Yes", "failed", "yes"]
    assert score_pubmedqa(dict(enumerate(gold)), dict(enumerate(found))).confusion == {
        "no": {"yes": 1},
        "yes": {"(no label)": 2, "maybe": 1, "yes": 1},
    }


@pytest.mark.parametrize(
    ("gold", "predicted", "counts"),
    [
        (["p"], ["p"], (1, 0, 0)),
        (["empty"], ["empty"], (1, 0, 0)),
        (["p", "q"], ["q", "p", "q"], (2, 0, 0)),
        # Unknown labels are dropped, on both sides.
        (["p"], ["failed", "", "P"], (0, 0, 1)),
        (["p", "z"], ["p", "z"], (1, 0, 0)),
        (["p"], ["empty"], (0, 1, 1)),
        (["p"], ["p", "empty"], (1, 1, 0)),
    ],
)
def test_hoc_counts_labels_of_sentences(gold, predicted, counts):
    score = score_hoc({"1": gold, "2": ["q"]}, {"1": predicted, "2": ["q"]}, CLASSES)
    tp, fp, fn = counts
    assert numbers(score) == (tp + 1, fp, fn)
    assert score.f1 == 2 * (tp + 1) / (2 * (tp + 1) + fp + fn)


def test_values_round_trip():
    interactions = dict.fromkeys(InteractionScore.model_fields, 0) | {"tp_p": math.nan}
    for value in (
        Counts.of(1, 2, 3),
        Counts.of(0, 0, 0),
        InteractionScore(**interactions),
        score_pubmedqa({"1": "yes"}, {"1": "no"}),
        Interval(low=math.nan, high=1.0),
    ):
        assert type(value).model_validate_json(value.model_dump_json()) == value


def test_shares():
    assert Share(part=1, whole=4).ratio == 0.25
    assert math.isnan(Share(part=0, whole=0).ratio)


# --- the bootstrap ------------------------------------------------------------------------------


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    documents = [(score, 1) for score in [0, 1] * 500]
    interval = bootstrap(documents)
    half = 1.96 * 0.5 / math.sqrt(1000)
    assert interval.low == pytest.approx(0.5 - half, abs=0.004)
    assert interval.high == pytest.approx(0.5 + half, abs=0.004)
    assert interval == bootstrap(documents)


@pytest.mark.parametrize(
    ("documents", "low", "high"),
    [
        ([(1, 1)] * 5, 1, 1),
        ([(0, 2), (0, 0)], 0, 0),
        # Resamples in which nothing counts are left out.
        ([(2, 2), (0, 0)], 1, 1),
    ],
)
def test_intervals_of_one_value(documents, low, high):
    interval = bootstrap(documents)
    assert (interval.low, interval.high) == (low, high)


def test_the_interval_of_nothing_is_undefined():
    interval = bootstrap([(0, 0), (0, 0)])
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


# --- recorded figures of the official scorers ----------------------------------------------------


def recorded(file):
    results = json.loads(shared("scorer/official_results.json").read_text())
    return next(r["official"] for r in results if r["predictions_file"] == file)


def corpus(task):
    return {
        document["id"]: document["gold"]
        for document in json.loads(shared(f"scorer/{task}/test.gold.json").read_text("utf-8"))
    }


def completions(gold, file):
    lines = shared(f"scorer/{file}").read_text(encoding="utf-8").split("\n")
    return dict(zip(gold, lines, strict=False))


@pytest.mark.parametrize("name", ["corrupt", "drop30"])
def test_recorded_bc5cdr_figures_are_met_exactly(name):
    gold, official = corpus("bc5cdr"), recorded(f"bc5cdr/{name}.detok")
    names = json.loads(shared("scorer/bc5cdr/test.entities.json").read_text(encoding="utf-8"))
    found = completions(gold, f"bc5cdr/{name}.detok")
    score = score_bc5cdr(gold, {id_: official_pairs(line) for id_, line in found.items()}, names)
    assert (*numbers(score), score.precision, score.recall, score.f1) == tuple(
        official[figure] for figure in ("TP", "FP", "FN", "Precision", "Recall", "F-score")
    )


def test_recorded_pubmedqa_figures_are_met_exactly():
    gold, official = corpus("pubmedqa"), recorded("pubmedqa/corrupt.detok")
    found = completions(gold, "pubmedqa/corrupt.detok")
    score = score_pubmedqa(gold, {id_: official_answer(line) for id_, line in found.items()})
    assert score.accuracy == official["accuracy"]
    assert round(score.macro_f1, 6) == official["pubmedqa_evaluation_py"]["Macro-F1"]
