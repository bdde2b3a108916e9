"""How far probabilities can be relied on: figures by hand, and pictures."""

import math
from itertools import product
from random import Random

import pytest

from biogpt_plugins import Answer, Confidence, Entity, Prediction, Relation
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.evaluation.plots import plot
from biogpt_plugins.evaluation.reliability import Reliability, Trial, precision_recall
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.values.errors import InputError


def trials(*pairs):
    return [Trial(probability=p, right=bool(right)) for p, right in pairs]


# Bins of a fifth: probabilities, which are right, mean probability, share right, distance.
#   (0.0, 0.2]  0, 0.1, 0.2     0 0 1     0.1    1/3     0.2333 x 3
#   (0.2, 0.4]  0.3             0         0.3    0       0.3    x 1
#   (0.8, 1.0]  0.9, 0.9, 1     1 1 0     0.9333 2/3     0.2667 x 3
BY_HAND = trials((0, 0), (0.1, 0), (0.2, 1), (0.3, 0), (0.9, 1), (0.9, 1), (1, 0))


class TestCalibrationError:
    def test_by_hand(self):
        found = Reliability.of(BY_HAND, 3, bins=5)
        assert found.ece == pytest.approx((3 * (1 / 3 - 0.1) + 0.3 + 3 * (2.8 / 3 - 2 / 3)) / 7)
        assert [one.trials for one in found.bins] == [3, 1, 0, 0, 3]
        assert found.bins[0].right == pytest.approx(1 / 3)
        assert found.bins[4].probability == pytest.approx(2.8 / 3)
        assert math.isnan(found.bins[2].right)

    def test_there_are_fifteen_bins(self):
        assert len(Reliability.of(BY_HAND, 3).bins) == 15

    def test_edges_belong_to_the_bin_below(self):
        edges = trials(*((number / 15, 1) for number in range(1, 16)))
        assert [one.trials for one in Reliability.of(edges, 15).bins] == [1] * 15

    def test_what_is_as_sure_as_it_is_right_has_none(self):
        assert Reliability.of(trials(*[(0.75, 1)] * 3, (0.75, 0)), 3).ece == pytest.approx(0)
        assert Reliability.of(trials(*[(1, 0)] * 3), 3).ece == 1

    def test_without_trials_it_is_undefined(self):
        found = Reliability.of([], 3)
        assert math.isnan(found.ece)
        assert math.isnan(found.auroc)
        assert found.average_precision == 0
        assert Reliability.model_validate_json(found.model_dump_json()) == found


class TestRanking:
    def test_pairs_by_hand(self):
        # Of 3 right and 4 wrong ones: 0.2 is above 2 wrong ones, each 0.9 above 3.
        assert Reliability.of(BY_HAND, 3).auroc == pytest.approx((2 + 3 + 3) / 12)

    def test_equals_are_half(self):
        assert Reliability.of(trials((0.5, 1), (0.5, 0)), 1).auroc == 0.5

    def test_any_order_by_all_pairs(self):
        random = Random(1)
        some = trials(*((random.randint(0, 9) / 9, random.random() < 0.4) for _ in range(60)))
        pairs = [
            (a.probability > b.probability) + (a.probability == b.probability) / 2
            for a, b in product(some, some)
            if a.right and not b.right
        ]
        assert Reliability.of(some, 60).auroc == pytest.approx(sum(pairs) / len(pairs))

    def test_precision_and_recall_by_hand(self):
        told = trials((0.9, 1), (0.8, 0), (0.5, 1), (0.5, 0))
        assert precision_recall(told, 4) == [(1, 0.25), (0.5, 0.25), (0.5, 0.5)]
        assert Reliability.of(told, 4).average_precision == pytest.approx(0.25 + 0.5 * 0.25)


# --- of predictions ---------------------------------------------------------------------------

NAMES = {"chemical2id": {"a": "C1", "aa": "C1", "b": "C2"}, "disease2id": {"x": "D1", "y": "D2"}}


def relation(head, tail, probability, score=None):
    return Relation(
        head=Entity(text=head, type="chemical"),
        type="CID",
        tail=Entity(text=tail, type="disease"),
        score=probability if score is None else score,
        confidence=Confidence(clause=probability, head=1, tail=1, type=1),
    )


def relations_of(*by_document):
    gold = GoldSet(
        "bc5cdr",
        tuple(Document(str(n), pairs) for n, (pairs, _) in enumerate(by_document)),
        NAMES,
    )
    found = [
        Prediction(id=str(n), task="bc5cdr", result=relations)
        for n, (_, relations) in enumerate(by_document)
    ]
    return evaluate(gold, found)


class TestRelations:
    def test_right_is_what_the_metric_takes_for_right(self):
        found = relations_of(
            ([("C1", "D1")], [relation("a", "x", 0.9), relation("b", "x", 0.2)]),
            (
                [("C2", "D2"), ("C1", "D2")],
                [relation("b", "y", 0.5), relation("strange", "y", 0.4)],
            ),
        ).raw
        assert [(one.probability, one.right) for one in found.trials] == [
            (0.9, True),
            (0.2, False),
            (0.5, True),
            (0.4, False),
        ]
        assert found.whole == 3

    def test_two_names_of_one_id_are_one_relation(self):
        found = relations_of(([("C1", "D1")], [relation("a", "x", 0.3), relation("aa", "x", 0.6)]))
        assert [one.probability for one in found.raw.trials] == [0.6]

    def test_calibrated_scores_are_told_apart(self):
        found = relations_of(([("C1", "D1")], [relation("a", "x", 0.3, score=0.8)]))
        assert [one.probability for one in found.raw.trials] == [0.3]
        assert [one.probability for one in found.calibrated.trials] == [0.8]

    def test_without_scores_there_is_nothing_to_tell(self):
        bare = relation("a", "x", 0.3).model_copy(update={"score": None, "confidence": None})
        found = relations_of(([("C1", "D1")], [bare]))
        assert (found.raw, found.calibrated) == (None, None)


def answered(*answers, gold=("yes", "no")):
    documents = tuple(Document(str(n), label) for n, label in enumerate(gold))
    found = [Prediction(id=str(n), task="pubmedqa", result=one) for n, one in enumerate(answers)]
    return evaluate(GoldSet("pubmedqa", documents), found)


def shares(*values):
    return dict(zip(("yes", "no", "maybe"), values, strict=True))


class TestAnswers:
    def test_raw_and_calibrated_may_differ_in_their_label(self):
        first = Answer(
            label="no", probabilities=shares(0.3, 0.5, 0.2), uncalibrated=shares(0.6, 0.3, 0.1)
        )
        second = first.model_copy()
        found = answered(first, second)
        assert [(t.probability, t.right) for t in found.raw.trials] == [(0.6, True), (0.6, False)]
        told = [(t.probability, t.right) for t in found.calibrated.trials]
        assert told == [(0.5, False), (0.5, True)]

    def test_withheld_answers_are_told_of_and_count_as_wrong(self):
        sure = Answer(label="yes", probabilities=shares(0.8, 0.1, 0.1))
        unsure = Answer(abstained="too unsure", probabilities=shares(0.3, 0.4, 0.3))
        found = answered(sure, unsure)
        assert found.default.value == 0.5
        assert found.notes == ("1 of 2 answers was withheld, and counts as wrong",)
        # What it would have said is held against what is right nonetheless.
        assert [t.right for t in found.raw.trials] == [True, True]


# --- pictures ---------------------------------------------------------------------------------


class TestPictures:
    def test_both_are_drawn(self, tmp_path):
        one = relations_of(([("C1", "D1")], [relation("a", "x", 0.9, score=0.7)]))
        found = plot({"free": one, "grounded": one}, tmp_path / "new")
        assert [path.name for path in found] == ["reliability.png", "precision_recall.png"]
        assert all(path.read_bytes().startswith(b"\x89PNG") for path in found)

    def test_without_probabilities_there_is_nothing_to_draw(self, tmp_path):
        with pytest.raises(InputError, match="--method choose"):
            plot({"free": answered(Answer(label="yes"), Answer(label="no"))}, tmp_path / "new")
        assert not (tmp_path / "new").exists()
