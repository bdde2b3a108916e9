"""Precision and recall by probability: by hand, their bands, and what has no order."""

import math

import pytest

from biogpt_plugins import Answer, Confidence, Entity, Prediction, Relation
from biogpt_plugins.evaluation import Evaluation, evaluate, report
from biogpt_plugins.evaluation.plots import plot
from biogpt_plugins.scoring import Document, GoldSet

NAMES = {"chemical2id": {"a": "C1", "b": "C2"}, "disease2id": {"x": "D1", "y": "D2"}}


def relation(head, tail, score):
    return Relation(
        head=Entity(text=head, type="chemical"),
        type="CID",
        tail=Entity(text=tail, type="disease"),
        score=score,
        confidence=score and Confidence(clause=score, head=1, tail=1, type=1),
    )


def evaluated(*documents):
    """Of (gold pairs, relations) for each document."""
    gold = tuple(Document(str(n), pairs) for n, (pairs, _) in enumerate(documents))
    found = [
        Prediction(id=str(n), task="bc5cdr", result=result)
        for n, (_, result) in enumerate(documents)
    ]
    return evaluate(GoldSet("bc5cdr", gold, NAMES), found)


RIGHT, WRONG = ("a", "x"), ("b", "y")
ONE = [("C1", "D1")]


def steps(curve):
    return [(point.probability, point.precision, point.recall) for point in curve.points]


def test_a_point_for_each_probability_and_equal_ones_together():
    seen = evaluated(
        (ONE, [relation(*RIGHT, 0.9), relation(*WRONG, 0.5)]),
        (ONE, [relation(*RIGHT, 0.5)]),
        (ONE, [relation(*WRONG, 0.7)]),
    )
    third = pytest.approx(1 / 3)
    assert steps(seen.curve) == [
        (0.9, 1, third),
        (0.7, 0.5, third),
        (0.5, 0.5, pytest.approx(2 / 3)),
    ]
    assert seen.curve.average_precision == pytest.approx(1 / 3 + 0.5 / 3)
    assert seen.curve.average_precision == pytest.approx(seen.raw.average_precision)
    score = seen.default.score
    assert (score.precision, score.recall) == pytest.approx(steps(seen.curve)[-1][1:])


def test_thresholds_of_tenths():
    seen = evaluated((ONE, [relation(*RIGHT, 0.9), relation(*WRONG, 0.45)]))
    told = {point.probability: point.precision for point in seen.curve.operating}
    assert told == {
        0.9: 1,
        0.8: 1,
        0.7: 1,
        0.6: 1,
        0.5: 1,
        **dict.fromkeys((0.4, 0.3, 0.2), 0.5),
    } | {
        0.1: 0.5,
        0.0: 0.5,
    }
    text = report.markdown(seen, title="x")
    assert "| 0.5 | 100.00 | 100.00 | 100.00 |" in text
    assert "| 0.4 | 50.00 | 100.00 | 66.67 |" in text


def test_no_precision_is_better_than_that_of_the_point_that_reaches_the_recall():
    # A wrong one is first: precision rises from 0 to 1/2, and is 1/2 at every recall.
    curve = evaluated((ONE, [relation(*WRONG, 0.9), relation(*RIGHT, 0.5)])).curve
    assert curve.average_precision == 0.5
    assert {(band.low, band.high) for band in curve.band} == {(0.5, 0.5)}
    assert [curve.band[0].recall, curve.band[-1].recall] == [0.01, 1]


def test_bands_are_over_documents():
    good, bad = (
        (ONE, [relation(*RIGHT, 0.8)]),
        (ONE, [relation(*WRONG, 0.8), relation(*RIGHT, 0.2)]),
    )
    few, many = evaluated(good, bad).curve, evaluated(*[good, bad] * 20).curve
    wide, narrow = few.band[29], many.band[29]
    assert narrow.low < many.points[0].precision < narrow.high
    assert narrow.high - narrow.low < wide.high - wide.low
    assert few.points == many.points
    assert few.interval.low <= few.average_precision <= few.interval.high
    assert evaluated(good, bad) == evaluated(good, bad)


def test_a_band_ends_where_resamples_do_not_reach():
    found, missed = (ONE, [relation(*RIGHT, 0.8)]), (ONE, [relation(*WRONG, 0.8)])
    curve = evaluated(*[found, missed] * 10).curve
    assert curve.points[-1].recall == 0.5
    assert 0.2 < curve.band[-1].recall < 0.4


def test_documents_without_gold_count_as_in_the_metric():
    seen = evaluated((ONE, [relation(*RIGHT, 0.8)]), ([], [relation(*WRONG, 0.9)]))
    assert steps(seen.curve) == [(0.8, 1, 1)]
    assert seen.default.score.precision == 1


def test_results_without_probabilities_are_a_point():
    seen = evaluated((ONE, [relation(*RIGHT, None), relation(*WRONG, None)]), (ONE, []))
    (point,) = seen.curve.points
    assert not seen.curve.ranked
    assert math.isnan(point.probability)
    assert (point.precision, point.recall) == (0.5, 0.5)
    assert (seen.curve.average_precision, seen.curve.band) == (None, ())
    assert "The results have no probabilities" in report.markdown(seen, title="x")
    assert Evaluation.model_validate_json(seen.model_dump_json()) == seen


def test_nothing_found_has_no_curve():
    assert evaluated((ONE, [])).curve is None


def test_answers_by_their_probability():
    gold = GoldSet("pubmedqa", (Document("1", "yes"), Document("2", "no")))
    sure = Answer(label="yes", probabilities={"yes": 0.8, "no": 0.1, "maybe": 0.1})
    unsure = Answer(label="yes", probabilities={"yes": 0.5, "no": 0.4, "maybe": 0.1})
    answers = [
        Prediction(id=str(n), task="pubmedqa", result=one)
        for n, one in enumerate((sure, unsure), 1)
    ]
    assert steps(evaluate(gold, answers).curve) == [(0.8, 1, 0.5), (0.5, 0.5, 0.5)]


def test_lines_and_points_are_drawn(tmp_path):
    ranked = evaluated((ONE, [relation(*RIGHT, 0.9), relation(*WRONG, 0.5)]))
    point = evaluated((ONE, [relation(*RIGHT, None)]))
    assert [path.name for path in plot({"choose": point, "x": point}, tmp_path)] == [
        "precision_recall.png"
    ]
    drawn = plot({"free": ranked, "grounded": point}, tmp_path / "new")
    assert [path.name for path in drawn] == ["reliability.png", "precision_recall.png"]
