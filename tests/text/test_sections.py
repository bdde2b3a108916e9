"""Titles, labels of structured abstracts, and passages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_data import shared

from biogpt_plugins.corpus.readers import read_records
from biogpt_plugins.text.grounding import sentences
from biogpt_plugins.text.sections import Section, passages, sections

TITLE = "Lithium and tremor: a trial."
FOUR = (
    "BACKGROUND: Tremor is common. METHODS: We asked 84 patients (e.g. in wards). "
    "RESULTS: Of them, 31 had a tremor (p = 0.01). CONCLUSIONS: Ask for it."
)


def named(text, **options) -> list[tuple[str, str]]:
    return [(name, text[start:end]) for name, start, end in sections(text, **options)]


def names(text, **options) -> list[str]:
    return [section.name for section in sections(text, **options)]


@pytest.mark.parametrize("title", [TITLE, f" {TITLE}\n", ""], ids=repr)
def test_title_and_sections(title):
    assert named(f"{TITLE} {FOUR}", title=title) == [
        ("title", TITLE),
        ("background", "BACKGROUND: Tremor is common."),
        ("methods", "METHODS: We asked 84 patients (e.g. in wards)."),
        ("results", "RESULTS: Of them, 31 had a tremor (p = 0.01)."),
        ("conclusions", "CONCLUSIONS: Ask for it."),
    ]


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("Tremor (a\n study)", ["Tremor (a study).", "Many had it."]),
        ("Tremor (a study).", ["Tremor (a study).", "Many had it."]),
        ("Tremor", ["Tremor", "(a study). Many had it."]),
        ("Trem", ["Tremor (a study). Many had it."]),
        ("Tremor (a study). Many had it", ["Tremor (a study). Many had it."]),
    ],
)
def test_where_a_title_ends(title, found):
    assert [text for _, text in named(" Tremor (a study). Many had it. ", title=title)] == found


@pytest.mark.parametrize(
    ("text", "options", "found"),
    [
        ("", {}, []),
        (" \n", {"title": "A title."}, []),
        ("One text. Of two.", {}, ["abstract"]),
        ("A title. An abstract.", {"title": "A title."}, ["title", "abstract"]),
        ("A title.", {"title": "A title."}, ["title"]),
        ("An abstract.", {"title": "A title."}, ["abstract"]),
        (f"{TITLE} We tried. {FOUR}", {"title": TITLE}, ["title", "abstract"]),
        (f"{TITLE} We tried. {FOUR}", {}, ["abstract"]),
        (FOUR, {"title": TITLE}, []),
        (f"  {TITLE}\n\n{FOUR}", {}, ["title"]),
    ],
    ids=repr,
)
def test_what_stands_before_the_first_label(text, options, found):
    four = ["background", "methods", "results", "conclusions"] if FOUR in text else []
    assert names(text, **options) == [*found, *four]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("OBJECTIVE", "objective"),
        ("BACKGROUND AND PURPOSE", "objective"),
        ("BACKGROUND/AIMS", "objective"),
        ("PATIENTS AND METHODS", "methods"),
        ("Patients and methods", "methods"),
        ("MAIN OUTCOME MEASURES", "methods"),
        ("DESIGN, SETTING, AND PARTICIPANTS", "methods"),
        ("METHODS AND RESULTS", "results"),
        ("Main Results", "results"),
        ("MEASUREMENTS AND MAIN RESULTS", "results"),
        ("INTERPRETATION", "conclusions"),
        ("CASE REPORT", "case"),
        ("RESULTS ", "results"),
        ("WEIGHTED RESULTS", "results"),
    ],
)
@pytest.mark.parametrize(
    "before", ["", "We tried. ", 'They said "no". ', "Why? ", "A\n \n ", "(n = 2) "]
)
def test_labels(label, name, before):
    text = f"{before}{label}: It was so."
    (*_, (found, start, end)) = sections(text)
    assert (found, text[start:end]) == (name, f"{label}: It was so.")


@pytest.mark.parametrize(
    "text",
    [
        "MDMA: a review of its history.",
        "We measured the following: heart rate. The results: none.",
        "All had tremor. The methods were: asking. Patients taking lithium: many.",
        "We tried. RESULTS:without a space.",
        "We tried the METHODS: of others.",
        "Of 10 patients. DNA: it was found.",
        "Ratio 1:2. 3: x. A: B.",
        "Tremor. RESULTS. Many.",
        "Tremor. results: many.",
    ],
)
def test_what_is_no_label(text):
    assert names(text) == ["abstract"]


def test_unknown_labels_among_known_ones():
    text = "OBJECTIVE: To ask. CLINICAL FEATURES: A man. Other things: none. OUTCOME: He died."
    assert names(text) == ["objective", "clinical features", "results"]


def test_places_after_an_emoji_and_accents():
    text = "Trémor 😀 – a study. MÉTHODES: Été. RESULTS: Ça va."
    assert named(text) == [
        ("title", "Trémor 😀 – a study."),
        ("méthodes", "MÉTHODES: Été."),
        ("results", "RESULTS: Ça va."),
    ]


class TestPassages:
    TEXT = "One two. Three four. Five. A sentence that is too long. Six. Seven."

    def cut(self, most, text=TEXT, section=None):
        section = section or Section("abstract", 0, len(text))
        return [text[start:end] for start, end in passages(text, section, most)]

    def test_as_few_as_possible(self):
        assert self.cut(1000) == [self.TEXT]
        assert self.cut(20) == [
            "One two. Three four.",
            "Five.",
            "A sentence that is too long.",
            "Six. Seven.",
        ]
        assert self.cut(1) == [self.TEXT[start:end] for start, end in sentences(self.TEXT)]

    def test_within_a_section(self):
        place = self.TEXT.index("Five"), self.TEXT.index(" Six")
        assert self.cut(6, section=Section("results", *place)) == [
            "Five.",
            "A sentence that is too long.",
        ]

    def test_of_nothing(self):
        assert self.cut(5, "") == []


PIECES = st.sampled_from(
    ["RESULTS: ", "Methods: ", "AB C: ", "One. ", "two ", "\n", " ", "é😀", "3.5 ", "(x) ", ": "]
)


@given(st.lists(PIECES).map("".join), st.integers(1, 40))
def test_nothing_but_space_is_left_out(text, most):
    for title in ("", text[:7]):
        found = sections(text, title=title)
        parts = [part for section in found for part in passages(text, section, most)]
        for places in ([section[1:] for section in found], parts):
            inside = "".join(text[start:end] for start, end in places)
            assert "".join(inside.split()) == "".join(text.split())
            assert places == sorted(places)
            assert all(text[start:end].strip() == text[start:end] != "" for start, end in places)


def test_real_abstracts():
    path = shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt")
    papers = [record.value for record in read_records([str(path)])]
    structured = 0
    for paper in papers:
        found = named(paper.source, title=paper.title)
        assert found[0] == ("title", paper.title)
        assert " ".join(text for _, text in found) == paper.source
        structured += len(found) > 2
        assert len(found) < 12
    assert (len(papers), structured) == (500, 106)
