"""Words that negate a relation or make it a speculation, and how far they reach."""

import pytest

from biogpt_plugins.text.cues import cues_for, scopes
from biogpt_plugins.text.grounding import Span


def place(name, text):
    start = text.index(name)
    return Span(start, start + len(name))


def cues(text, head="lithium", tail="tremor"):
    found = cues_for(text, Span(0, len(text)), place(head, text), place(tail, text))
    assert all(text[cue.start : cue.end] == cue.text for cue in found)
    return [(cue.kind, cue.text) for cue in found]


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("We saw that lithium did not cause tremor.", "did not"),
        ("No tremor was seen with lithium.", "No"),
        ("There was no evidence that lithium causes tremor.", "no evidence that"),
        ("tremor was absent in all who took lithium.", "was absent"),
        ("With lithium, tremor was ruled out.", "was ruled out"),
        ("Without lithium there was tremor.", "Without"),
        ("lithium failed to induce tremor.", "failed to"),
        ("lithium doesn't cause tremor.", "doesn't"),
        ("lithium doesn’t cause tremor.", "doesn’t"),
        ("Neither lithium nor placebo led to tremor.", "Neither"),
        ("lithium caused nausea but not tremor.", "but not"),
        ("no difference in tremor between lithium and placebo", "no"),
        ("lithium, not placebo, was free of tremor.", "free of"),
        ("lithium caused no significant increase in tremor.", "caused no significant increase in"),
        ("There was no lithium-induced tremor.", "no"),
        ("no other lithium-induced fine tremor", "no"),
        ("lithium did\n  not cause tremor.", "did\n  not"),
    ],
)
def test_negation(text, cue):
    assert ("negation", cue) in cues(text)
    assert {kind for kind, _ in cues(text)} == {"negation"}


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("lithium may cause tremor.", "may"),
        ("Our findings suggest that lithium causes tremor.", "suggest"),
        ("Possible lithium-induced tremor.", "Possible"),
        ("We asked whether lithium causes tremor.", "whether"),
        ("We examined if lithium causes tremor.", "examined if"),
        ("It is unclear how lithium causes tremor.", "unclear"),
        ("That lithium causes tremor cannot be excluded.", "cannot be excluded"),
        ("lithium has been implicated in tremor.", "has been implicated"),
        ("lithium is not known to cause tremor.", "is not known"),
        ("tremor probably due to lithium", "probably"),
        ("lithium appears to cause tremor.", "appears to"),
    ],
)
def test_speculation(text, cue):
    assert ("speculation", cue) in cues(text)
    assert {kind for kind, _ in cues(text)} == {"speculation"}


@pytest.mark.parametrize(
    "text",
    [
        "lithium caused tremor.",
        "Not only lithium causes tremor.",
        "It is not uncommon that lithium causes tremor.",
        "With lithium there was no increase in tremor.",
        "With lithium, with or without food, tremor was seen.",
        "In May 2001 lithium caused tremor; in 2002 it may have.",
        "lithium caused tremor, but nausea was not seen.",
        "Nausea was not seen, whereas lithium caused tremor.",
        "lithium, but not placebo, caused tremor.",
        "lithium rather than placebo, we found, caused tremor.",
        "Placebo did not affect the lithium-induced tremor.",
        "Placebo may reduce tremor caused by lithium.",
        "The NO donor and lithium caused tremor.",
        "lithium causes tremor if it is given for long.",
        "nothing: lithium, noted for tremor",
        "tremor is a potentially life-threatening effect of lithium.",
        "non-lithium tremor",
    ],
)
def test_what_is_no_cue_of_the_relation(text):
    assert cues(text) == []


def test_capitals():
    assert cues("NO TREMOR WAS SEEN WITH LITHIUM.", "LITHIUM", "TREMOR") == [("negation", "NO")]


def test_a_cue_that_is_a_part_of_a_name_is_none():
    assert cues("possible lithium tremor disease", tail="possible lithium") == []


def test_a_sentence_within_a_text():
    text = "Nausea was not seen. It may be that lithium caused it and tremor. It was not so."
    sentence = Span(21, 65)
    assert text[slice(*sentence)].endswith("tremor.")
    (scope,) = scopes(text, sentence)
    assert (scope.cue.text, scope.reach) == ("may", sentence)


@pytest.mark.parametrize(
    "piece",
    [
        "not ",
        "may not be ",
        "no significant ",
        "has not ",
        "; but ",
        "not; cause ",
        "a",
        " ",
        "no\n",
        "not (",
        "é\u0301",
    ],
)
@pytest.mark.parametrize("number", [2_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_a_sentence_of_any_length(piece, number):
    """What grew as the square of the length would not end."""
    text = piece * number
    whole = Span(0, len(text))
    for scope in scopes.__wrapped__(text, whole):
        assert scope.reach.start <= scope.cue.start < scope.cue.end <= scope.reach.end
    cues_for(text, whole, Span(0, 1), Span(len(text) - 1, len(text)))
