"""Operating points of ranked relations."""

import json

import pytest

from biogpt_plugins import Entity, Prediction, Relation
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.evaluation.thresholds import best_f1, points
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Confidence


@pytest.fixture
def gold(tmp_path):
    rows = [
        {"id": "1", "gold": [["a", "b", "effect"], ["a", "c", "effect"]], "text": "a b c"},
        {"id": "2", "gold": [["d", "e", "effect"]], "text": "d e"},
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return read_gold(path, "ddi")


def predicted(id_, *scored):
    relations = [
        Relation(
            head=Entity(text=head, type="drug"),
            type="effect",
            tail=Entity(text=tail, type="drug"),
            score=score,
            confidence=Confidence(clause=score, head=1, tail=1),
        )
        for head, tail, score in scored
    ]
    return Prediction(id=id_, task="ddi", result=relations)


def test_points_and_the_best_of_them(gold):
    found = [
        predicted("1", ("a", "b", 0.9), ("b", "c", 0.5), ("a", "c", 0.5)),
        predicted("2", ("d", "e", 0.3), ("e", "d", 0.1)),
    ]
    every = points(gold, found)
    assert [(p.probability, p.precision, p.recall) for p in every] == [
        (0.9, 1, pytest.approx(1 / 3)),
        (0.5, pytest.approx(2 / 3), pytest.approx(2 / 3)),
        (0.3, 0.75, 1),
        (0.1, 0.6, 1),
    ]
    best = best_f1(gold, found)
    assert best.probability == pytest.approx(0.2)  # midway to the next score below
    assert best.f1 == pytest.approx(6 / 7)


def test_without_scores_there_is_no_threshold(gold):
    with pytest.raises(InputError, match="no relations with scores"):
        best_f1(gold, [predicted("1"), predicted("2")])
