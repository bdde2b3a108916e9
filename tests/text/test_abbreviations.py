"""Abbreviations that a text defines, and what they stand for."""

import json

import pytest
from shared_data import shared

from biogpt_plugins.text.abbreviations import Abbreviations, definitions


def found(text):
    return [(text[slice(*short)], text[slice(*long)]) for short, long in definitions(text)]


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("Rats were given cyclosporine A (CsA).", "CsA", "cyclosporine A"),
        ("Rats were given CsA (cyclosporine A).", "CsA", "cyclosporine A"),
        ("A case of acute renal failure (ARF) is shown.", "ARF", "acute renal failure"),
        ("of 3,4-methylenedioxyamphetamine (MDA).", "MDA", "3,4-methylenedioxyamphetamine"),
        ("spontaneous recurrent seizures (SRS)", "SRS", "spontaneous recurrent seizures"),
        ("with oral contraceptive pills (OCPs)", "OCPs", "oral contraceptive pills"),
        ("A heparin-induced thrombocytopenia [HIT].", "HIT", "heparin-induced thrombocytopenia"),
        ("venous thromboembolism (VTE; 3 cases)", "VTE", "venous thromboembolism"),
        ('nitric oxide ("NO")', "NO", "nitric oxide"),
        ("nitric oxide\n  (NO)", "NO", "nitric oxide"),
        ("The protein kinase C (PKC) is it.", "PKC", "protein kinase C"),
        ("beats per minute (bpm)", "bpm", "beats per minute"),
    ],
)
def test_definitions(text, short, long):
    assert found(text) == [(short, long)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        ")",
        "()",
        "( )",
        " (CsA)",
        "(CsA) alone",
        "x (CsA",
        "x CsA)",
        "water (H2O)",
        "we saw it (Fig. 2)",
        "all rats (fed or not)",
        "the liver (i.e. that of rats)",
        "two groups (n = 12)",
        "serum enzymes (ALT, AST)",
        "blood factors (factors I)",
        "it rose (p < 0.01)",
        "a b c (abcdefghijkl)",
        "L-[3H]nicotine and (3H)",
        "CsA (CsA)",
        "\N{DNA DOUBLE HELIX} (\N{DNA DOUBLE HELIX})",
    ],
)
def test_what_defines_nothing(text):
    assert found(text) == []


def test_by_either_form_in_any_spelling():
    known = Abbreviations("Cyclosporine A (CsA) and calcium (Ca). Cancer antigen (CA) was low.")
    assert known.of("CsA") == ("CsA", "Cyclosporine A")
    assert known.of("csa") == known.of("cyclosporine  a") == known.of("Cyclosporine-A")
    assert known.of("CA") == ("CA", "Cancer antigen")
    assert known.of("ca") == known.of("Ca") == ("Ca", "calcium")
    assert known.of("aspirin") is None
    assert known.of("") is None


def test_one_long_form_has_one_spelling():
    known = Abbreviations("Renal Failure (RF). Later, renal failure (ReF) and RF (renal failure).")
    assert known.of("ReF") == ("ReF", "Renal Failure")
    assert known.of("RF") == ("RF", "Renal Failure")


@pytest.mark.parametrize(
    "piece",
    ["a (", "(", ")", "[(", " ", "x", "cyclosporine A (CsA) ", "a b c d (abcdefghij) ", "α (β) "],
)
@pytest.mark.parametrize("number", [2_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_a_text_of_any_length(piece, number):
    """What grew as the square of the length would not end."""
    text = piece * number
    assert all(0 <= long.start < long.end <= len(text) for _, long in definitions.__wrapped__(text))


def test_real_abstracts():
    papers = json.loads(shared("bc5cdr/valid.json").read_text(encoding="utf-8"))
    texts = [f"{paper['title']} {paper['abstract']}" for paper in papers.values()]
    pairs = [pair for text in texts for pair in found(text)]
    assert len(pairs) > 400
    assert all(len(short) <= 10 and len(short) < len(long) for short, long in pairs)
    assert {("VPA", "Valproic acid"), ("ISO", "isoproterenol"), ("METH", "methamphetamine")} <= set(
        pairs
    )
