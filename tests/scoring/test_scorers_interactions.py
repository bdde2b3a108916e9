"""DDI and KD-DTI by hard_match_evaluation.py: normal forms, empty documents, means and corpus."""

import json
import math

import pytest
from shared_data import shared

from biogpt_plugins.scoring import official_triples, score_interactions
from biogpt_plugins.scoring.interactions import OTHER_TYPES, count_types, match_document
from biogpt_plugins.values.errors import InputError

ABC, DEF, GHI = ("a", "b", "c"), ("d", "e", "f"), ("g", "h", "i")
FAILED = ("failed", "failed", "failed")


def of_one(gold, predicted):
    return score_interactions({"1": gold}, {"1": predicted})


@pytest.mark.parametrize(
    ("gold", "predicted", "same"),
    [
        # Case, spaces and all signs are of no matter, nor are letters that are not ASCII.
        ("COX-1", " cox  -1 ", True),
        ("COX-1", "cox1", True),
        ("interferon β", "interferon", True),
        ("+++", "---", True),
        ("a_b.c,d", "abcd", True),
        ("cox-1", "cox-11", False),
        # The bracket at the end, with it or without.
        ("cyclooxygenase 1 (COX-1)", "cyclooxygenase 1", True),
        ("cyclooxygenase 1", "cyclooxygenase 1 (cox-1)", True),
        ("cyclooxygenase 1 (COX-1)", "cox-1", True),
        ("x (COX-1)", "y (cox-1)", True),
        ("x (COX-1)", "x (cox-2)", True),
        ("cox (1) receptor", "cox 1 receptor", True),
        ("cox (1) receptor", "cox receptor", False),
        # The last bracket is the one.
        ("beta (a", "beta (a (b))", True),
        ("b)", "beta (a (b))", True),
        ("a b", "beta (a (b))", False),
        ("a)", "a", True),
        ("(a)", "a", True),
        ("(a", "a", True),
        # One last digit becomes a Roman numeral in capitals; names are in lower case by then.
        ("factor 2", "factor ii", False),
        ("factor 2", "factor II", False),
        ("factor-2", "factor2", True),
        ("factor 12", "factor1-2", False),
        ("factor 12", "factor 12", True),
        ("factor 0", "factor 0", True),
        ("b2", "b-2", False),
        ("ab2", "a-b2", True),
        ("2 b", "2-b", True),
        # Before or behind a bracket too.
        ("factor 2 (f2)", "factor 2", True),
        # A digit that another numeral stands before is left as it is.
        ("ab²2", "ab2", False),
        ("ab²2", "ab²2", True),
        # "-type" goes, wherever it stands, after the digit has been read.
        ("mu-type opioid receptor", "mu opioid receptor", True),
        ("mu-type2", "mu-2", True),
        ("type 2", "2", False),
    ],
)
def test_names_are_equal_in_either_normal_form(gold, predicted, same):
    for at in range(3):
        right, found = [["x", "y", "z"] for _ in range(2)]
        right[at], found[at] = gold, predicted
        match = match_document([tuple(right)], [tuple(found)])
        assert (match.precision, match.recall, match.f1) == (float(same),) * 3
        assert (match.head, match.tail, match.type)[at] == float(same)


def test_all_names_of_one_comparison_are_in_the_same_form():
    gold = [("a1", "full one (f1)", "x"), ("a2", "full two (t2)", "x")]
    match = match_document(gold, [("a1", "full one", "x"), ("a2", "t2", "x")])
    assert (match.precision, match.recall, match.f1) == (0.5, 0.5, 0.5)
    assert (match.head, match.tail, match.type) == (1, 1 / 3, 1)


def test_precision_and_recall_may_each_be_that_of_another_form():
    gold = [("p (q)", "t", "x"), ("p (r)", "t", "x")]
    match = match_document(gold, [("p", "t", "x"), ("q", "t", "x"), ("r", "t", "x")])
    # Without brackets: gold {p}, found {p, q, r}. Their contents: gold {q, r}, found {p, q, r}.
    assert (match.precision, match.recall) == (2 / 3, 1)


@pytest.mark.parametrize(
    ("gold", "predicted", "figures"),
    [
        ([ABC], [ABC], (1, 1, 1)),
        ([ABC, DEF, GHI], [ABC, ("x", "y", "z")], (1 / 2, 1 / 3, 0.4)),
        ([ABC], [("b", "a", "c")], (0, 0, 0)),
        ([ABC], [("a", "b", "x")], (0, 0, 0)),
        ([ABC, ABC], [ABC, ("A", "B", "C")], (1, 1, 1)),
        ([ABC], [], (0, 0, 0)),
        # Nothing against nothing is right, something against nothing wrong.
        ([], [], (1, 1, 1)),
        ([], [FAILED], (1, 1, 1)),
        ([], [ABC], (0, 0, 0)),
        # A first head "failed" empties the document; a later one is a triple like others.
        ([ABC], [FAILED], (0, 0, 0)),
        ([ABC], [("failed", "x", "y"), ABC], (0, 0, 0)),
        ([ABC], [ABC, ("failed", "x", "y")], (1 / 2, 1, 2 / 3)),
        ([ABC], [("Failed", "x", "y"), ABC], (1 / 2, 1, 2 / 3)),
        ([ABC], [("x", "failed", "y"), ABC], (1 / 2, 1, 2 / 3)),
    ],
)
def test_triples_of_a_document(gold, predicted, figures):
    score = of_one(gold, predicted)
    assert (score.tp_p, score.tp_r, score.tp_micro_f1) == pytest.approx(figures)
    assert score.tp_macro_f1 == score.tp_micro_f1
    assert (score.onto_p, score.onto_r, score.onto_f1) == pytest.approx(figures)
    assert (score.num_sample, score.missing) == (1, 0)


def test_counts_are_of_names_before_normal_forms():
    score = of_one([ABC, ("A", "B", "C")], [("a-x", "b", "c"), ("ax", "b", "c")])
    assert (score.num_gold, score.num_pred) == (1, 2)


def test_means_over_documents_and_figures_of_the_corpus():
    gold = {"1": [ABC], "2": [ABC, DEF], "3": []}
    found = {"1": [ABC], "2": [ABC], "3": [GHI], "4": [GHI]}
    score = score_interactions(gold, found)
    assert (score.num_sample, score.missing, score.num_gold, score.num_pred) == (3, 1, 3, 3)
    assert score.tp_p == pytest.approx((1 + 1 + 0) / 3)
    assert score.tp_r == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert score.tp_micro_f1 == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert score.tp_macro_f1 == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
    assert score.sample_acc_d == score.sample_acc_t == score.sample_acc_i == pytest.approx(1 / 2)
    # Over the sets {abc, def} and {abc, ghi} of the corpus.
    assert (score.onto_p, score.onto_r, score.onto_f1) == (0.5, 0.5, 0.5)
    assert (score.onto_f1_d, score.onto_f1_t, score.onto_f1_i) == (0.5, 0.5, 0.5)


def test_what_cannot_be_scored_is_an_error():
    with pytest.raises(InputError, match="no gold documents"):
        score_interactions({}, {})
    with pytest.raises(InputError, match="document 2"):
        score_interactions({"1": [], "2": []}, {"1": []})


def test_types_are_counted_by_themselves():
    gold = [("a", "b (bb)", "Effect"), ("a", "d", "Effect"), ("a", "b", "int")]
    found = [("a", "bb", "effect"), ("a", "b", "effect"), ("a", "d", "advise"), ("x", "y", "zz")]
    counts = count_types(gold, found, {"Effect", "int", "advise"})
    assert {type_: (c.tp, c.fp, c.fn) for type_, c in counts.items()} == {
        "Effect": (1, 1, 1),
        "int": (0, 0, 1),
        "advise": (0, 1, 0),
        OTHER_TYPES: (0, 1, 0),
    }


# --- recorded figures of the official script -----------------------------------------------------


def printed(stdout):
    """The figures of the official script's print, by our names."""
    words = stdout.replace("\n", " ").replace("\t", " ").replace(":", " ").split()
    figures = [word for word in words if word.replace(".", "").isdigit()]
    names = (
        "num_sample missing num_gold num_pred sample_acc_d sample_acc_t sample_acc_i tp_p tp_r "
        "tp_micro_f1 tp_macro_f1 onto_f1_d onto_f1_t onto_f1_i onto_p onto_r onto_f1"
    )
    return dict(zip(names.split(), map(float, figures[-17:]), strict=True))


def test_the_27_recorded_units_are_met_exactly():
    units = json.loads(shared("scorer/hardmatch_units.json").read_text(encoding="utf-8"))
    assert len(units) == 27
    for unit in units:
        official = printed(unit["stdout"])
        gold = [(t["drug"], t["target"], t["interaction"]) for t in unit["gold"]]
        found = [(t["subject"], t["object"], t["relation"]) for t in unit["pred"]]
        ours = of_one(gold, found).model_dump()
        assert {name: round(value, 4) for name, value in ours.items()} == official, unit["name"]


def test_recorded_ddi_figures_are_met_exactly():
    results = json.loads(shared("scorer/official_results.json").read_text())
    official = next(r["official"] for r in results if r["task"] == "ddi")
    documents = json.loads(shared("scorer/ddi/test.gold.json").read_text(encoding="utf-8"))
    lines = shared("scorer/ddi/drop30.detok").read_text(encoding="utf-8").split("\n")
    gold = {each["id"]: [tuple(t) for t in each["gold"]] for each in documents}
    found = dict(zip(gold, map(official_triples, lines), strict=False))
    score = score_interactions(gold, found)
    assert not any(math.isnan(value) for _, value in score)
    for name, value in score:
        assert float(f"{value:.4f}") == official[name], name
    assert printed(official["scorer_stdout"]) == {name: official[name] for name, _ in score}
