"""Papers judged one by one, put together to one answer."""

import json
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shared_data import shared

from biogpt_plugins import Answer, Prediction
from biogpt_plugins.findings.relevance import Passage, find_evidence
from biogpt_plugins.findings.synthesis import (
    PaperAnswer,
    Support,
    distinct,
    synthesize,
)
from biogpt_plugins.values.results import Failure

QUESTION = "Does tamsulosin help to expel ureteral stones?"
LABELS = ("yes", "no", "maybe")
YES, NO, MAYBE = (0.7, 0.2, 0.1), (0.2, 0.7, 0.1), (0.1, 0.3, 0.6)


def judged(*shares, warnings=()):
    probabilities = dict(zip(LABELS, shares, strict=True))
    label = max(probabilities, key=probabilities.get)
    result = Answer(label=label, probabilities=probabilities)
    return Prediction(task="pubmedqa", result=result, warnings=warnings)


def unsure(*shares):
    probabilities = dict(zip(LABELS, shares, strict=True))
    result = Answer(probabilities=probabilities, abstained="too unsure")
    return Prediction(task="pubmedqa", result=result)


def failed(message):
    return Prediction(task="pubmedqa", error=Failure(type="InputError", message=message))


def papers(count):
    return [Passage(f"Paper {n} says so.", str(n), f"Title {n}") for n in range(1, count + 1)]


def answered(*shares):
    return synthesize(QUESTION, papers(len(shares)), [judged(*own) for own in shares])


class TestAbstaining:
    """A paper on which the model abstains has no vote, and is no failure."""

    def test_it_is_told_apart(self):
        found = synthesize(QUESTION, papers(3), [judged(*YES), unsure(*NO), judged(*YES)])
        assert (found.label, found.failures, found.disagreeing) == ("yes", (), ())
        assert found.probabilities == pytest.approx(dict(zip(LABELS, YES, strict=True)))
        assert found.support == Support(yes=2, judged=2, abstained=1, found=3)
        second = found.citations[1]
        assert (second.label, second.abstained) == (None, "too unsure")
        assert second.probabilities == dict(zip(LABELS, NO, strict=True))
        assert found.text.endswith("Not certain enough to count: [PMID 2].")
        assert PaperAnswer.model_validate_json(found.model_dump_json()) == found

    def test_on_all_papers_there_is_no_answer(self):
        found = synthesize(QUESTION, papers(2), [unsure(*YES), unsure(*NO)])
        assert (found.label, found.probabilities) == (None, None)
        assert found.text == (
            "No answer: 2 papers found, but none gives an answer with enough certainty. "
            "Not certain enough to count: [PMID 1] [PMID 2]."
        )

    def test_other_passages_of_the_paper_answer_for_it(self):
        passages = [Passage("It does.", "1"), Passage("It does not say.", "1")]
        found = synthesize(QUESTION, passages, [unsure(*NO), judged(*YES)])
        assert found.label == "yes"
        assert found.citations[0].abstained is None
        assert found.support.abstained == 0

    def test_beside_a_failure(self):
        found = synthesize(QUESTION, papers(2), [unsure(*YES), failed("lost")])
        assert found.label is None
        assert "Could not be judged: [PMID 2]." in found.text
        assert "Not certain enough to count: [PMID 1]." in found.text


class TestTheOverallAnswer:
    @pytest.mark.parametrize(
        ("shares", "label", "disagreeing"),
        [
            pytest.param([YES], "yes", [], id="one"),
            pytest.param([YES, YES, NO], "yes", ["3"], id="most"),
            pytest.param([NO, MAYBE, NO], "no", ["2"], id="a-maybe-disagrees"),
            pytest.param([(0.99, 0.01, 0), (0.4, 0.5, 0.1), (0.4, 0.5, 0.1)], "yes", ["2", "3"]),
            pytest.param([YES, NO], "maybe", ["1", "2"], id="balance"),
            pytest.param([(0.5, 0.05, 0.45), (0.05, 0.5, 0.45)], "maybe", ["1", "2"]),
            pytest.param([(0.5, 0.5, 0)], "maybe", [], id="a-paper-between-yes-and-no"),
            pytest.param([(0.4, 0.2, 0.4)], "maybe", [], id="a-paper-between-yes-and-maybe"),
            pytest.param([(0.1, 0.9, 0), (0.2, 0, 0.8), (0.9, 0.1, 0)], "yes", ["1", "2"]),
            # 0.1 + 0.2 is more than 0.3 + 0.0 in binary fractions.
            pytest.param([(0.1, 0.3, 0), (0.2, 0.0, 0)], "maybe", ["1", "2"], id="rounding"),
        ],
    )
    def test_label(self, shares, label, disagreeing):
        answer = answered(*shares)
        assert answer.label == label
        assert [paper.id for paper in answer.disagreeing] == disagreeing

    def test_it_is_the_mean(self):
        answer = answered(YES, NO, YES)
        assert answer.probabilities == pytest.approx({"yes": 1.6 / 3, "no": 1.1 / 3, "maybe": 0.1})
        assert answer.support == Support(yes=2, no=1, maybe=0, judged=3, found=3)
        assert [(p.id, p.title, p.label, p.passages) for p in answer.citations] == [
            ("1", "Title 1", "yes", 1),
            ("2", "Title 2", "no", 1),
            ("3", "Title 3", "yes", 1),
        ]
        assert answer.citations[1].probabilities == {"yes": 0.2, "no": 0.7, "maybe": 0.1}

    def test_the_order_of_the_papers_plays_no_part(self):
        random = Random(5)
        found = list(
            zip(papers(5), [judged(*random.sample(YES, 3)) for _ in range(5)], strict=True)
        )
        answers = [synthesize(QUESTION, *zip(*order, strict=True)) for order in permutations(found)]
        assert len({(a.label, *a.probabilities.values(), a.support) for a in answers}) == 1
        assert [paper.id for paper in answers[-1].citations] == ["5", "4", "3", "2", "1"]

    def test_a_label_that_was_written_counts_as_certain(self):
        written = Prediction(task="pubmedqa", result=Answer(label="no"))
        answer = synthesize(QUESTION, papers(2), [judged(0.9, 0.1, 0), written])
        assert answer.probabilities == pytest.approx({"yes": 0.45, "no": 0.55, "maybe": 0})
        assert answer.citations[1].probabilities == {"yes": 0, "no": 1, "maybe": 0}

    def test_remarks_are_kept(self):
        cut = judged(*YES, warnings=("the text was cut",))
        answer = synthesize(QUESTION, papers(2), [judged(*YES), cut])
        assert [paper.warnings for paper in answer.citations] == [(), ("the text was cut",)]

    def test_there_is_a_prediction_for_each_passage(self):
        with pytest.raises(ValueError, match="shorter"):
            synthesize(QUESTION, papers(2), [])


class TestPartsOfPapers:
    def test_they_make_one_vote(self):
        parts = [Passage("One part.", "7", id="a"), Passage("Other.", "8"), Passage("Two.", "7")]
        shares = [(0.9, 0.1, 0), (0, 0.8, 0.2), (0.5, 0.1, 0.4)]
        answer = synthesize(QUESTION, parts, [judged(*own) for own in shares])
        assert answer.support == Support(yes=1, no=1, judged=2, found=2)
        assert answer.probabilities == pytest.approx({"yes": 0.35, "no": 0.45, "maybe": 0.2})
        assert [(paper.id, paper.passages) for paper in answer.citations] == [("7", 2), ("8", 1)]

    def test_evidence_is_the_best_of_all_of_them_and_names_its_own(self):
        parts = [
            Passage("Stones hurt. Tamsulosin did expel ureteral stones.", "7", id="a"),
            Passage("Nothing else was seen. The weather was fine.", "7", id="b"),
        ]
        for order in permutations(parts):
            (paper,) = synthesize(QUESTION, order).citations
            assert paper.evidence.passage == "a"
            assert parts[0].text[paper.evidence.start :] == paper.evidence.text
            assert paper.evidence.start == 13

    def test_one_that_cannot_be_judged_costs_the_others_nothing(self):
        parts = [Passage("One.", "7", "T"), Passage("Two.", "7", "T", id="b")]
        answer = synthesize(QUESTION, parts, [judged(*NO), failed("too long")])
        assert (answer.label, answer.support) == ("no", Support(no=1, judged=1, found=1))
        assert [paper.passages for paper in answer.citations] == [1]
        assert [(f.id, f.title, f.passage, f.error.message) for f in answer.failures] == [
            ("7", "T", "b", "too long")
        ]

    def test_without_an_identifier_each_is_a_paper(self):
        answer = synthesize(QUESTION, [Passage("One."), Passage("Two.")])
        assert answer.support.found == 2

    @pytest.mark.parametrize(
        ("found", "kept"),
        [
            pytest.param([("A.", "1"), ("A.", "1")], [("A.", "1")], id="twice"),
            pytest.param([("A.", "2"), ("A.", "1")], [("A.", "1")], id="two-names"),
            pytest.param([("A.", None), ("A.", "1")], [("A.", "1")], id="no-name-and-one"),
            pytest.param([("A  b.", "1"), ("A\nb. ", "2")], [("A  b.", "1")], id="space"),
            pytest.param([("A.", "1"), ("B.", "1")], [("A.", "1"), ("B.", "1")], id="parts"),
            pytest.param([("", "1"), (" ", "2"), ("", None)], [("", "1"), (" ", "2"), ("", None)]),
            pytest.param([], [], id="nothing"),
        ],
    )
    def test_a_text_is_judged_once(self, found, kept):
        passages = [Passage(*own) for own in found]
        assert [passage[:2] for passage in distinct(passages)] == kept
        names = {passage.paper for passage in distinct(passages[::-1])}
        assert names == {name for _, name in kept}


class TestWithoutAnAnswer:
    def test_nothing_was_found(self):
        answer = synthesize(QUESTION, [], [])
        assert answer == PaperAnswer(question=QUESTION)
        assert str(answer) == f"No paper was found for the question: {QUESTION}"

    def test_nothing_is_judged_yet(self):
        answer = synthesize(QUESTION, papers(2))
        assert (answer.label, answer.probabilities, answer.disagreeing) == (None, None, ())
        assert answer.support == Support(found=2)
        assert [paper.evidence.text for paper in answer.citations] == [
            "Paper 1 says so.",
            "Paper 2 says so.",
        ]
        assert str(answer) == "2 papers found, not judged yet: [PMID 1] [PMID 2]."

    def test_nothing_could_be_judged(self):
        answer = synthesize(QUESTION, papers(2), [failed("the text is empty"), failed("too long")])
        assert (answer.label, answer.probabilities, answer.citations) == (None, None, ())
        assert answer.support == Support(found=2)
        assert [failure.error.message for failure in answer.failures] == [
            "the text is empty",
            "too long",
        ]
        assert str(answer) == (
            "No answer: 2 papers found, but none could be judged (the text is empty). "
            "Could not be judged: [PMID 1] [PMID 2]."
        )


def test_in_words():
    passages = [*papers(4), Passage("Untold.", "PMC5"), Passage("Told.", None, "A title")]
    shares = [(0.6, 0.3, 0.1), NO, (0.8, 0.1, 0.1), (0.55, 0.3, 0.15)]
    predictions = [*(judged(*own) for own in shares), judged(*MAYBE), failed("empty")]
    answer = synthesize(QUESTION, passages, predictions)
    assert answer.text == str(answer)
    assert answer.text == (
        "Yes (45%), judging by 5 papers. "
        "3 judged yes; nearest sentence “Paper 3 says so.” [PMID 3]; also [PMID 1] [PMID 4]. "
        "1 judged no; nearest sentence “Paper 2 says so.” [PMID 2]. "
        "1 judged maybe; nearest sentence “Untold.” [PMC5]. "
        "Could not be judged: [A title]."
    )


def test_a_single_paper_in_words():
    assert str(answered(NO)) == (
        "No (70%), judging by 1 paper. 1 judged no; nearest sentence “Paper 1 says so.” [PMID 1]."
    )


def test_an_endless_sentence_in_words():
    endless = Passage("mg " * 1000, "1")
    answer = synthesize(QUESTION, [endless], [judged(*NO)])
    assert answer.citations[0].evidence.text == endless.text.strip()
    assert 400 < len(str(answer)) < 500
    assert str(answer).endswith("mg [...]” [PMID 1].")


def test_survives_json_and_cannot_be_changed():
    predictions = [judged(*YES, warnings=("w",)), judged(*NO), failed("empty")]
    for answer in (synthesize(QUESTION, papers(3), predictions), synthesize(QUESTION, papers(3))):
        assert PaperAnswer.model_validate_json(answer.model_dump_json()) == answer
        assert PaperAnswer.model_validate(answer.model_dump(mode="json")) == answer
    with pytest.raises(ValidationError):
        answer.label = "no"


@settings(max_examples=200, deadline=None)
@given(st.text(), st.lists(st.tuples(st.text(), st.none() | st.sampled_from("12")), max_size=4))
def test_any_text(question, found):
    passages = distinct(Passage(text, paper, title=text) for text, paper in found)
    for predictions in (None, [judged(*YES) if p.text else failed("empty") for p in passages]):
        answer = synthesize(question, passages, predictions)
        assert PaperAnswer.model_validate_json(answer.model_dump_json()) == answer
        assert answer.text
        for evidence in [paper.evidence for paper in answer.citations if paper.evidence]:
            length = evidence.end - evidence.start
            assert length == len(evidence.text) > 0
            assert any(p.text[evidence.start : evidence.end] == evidence.text for p in passages)


def test_half_of_a_surrogate_pair():
    answer = synthesize("a\ud800", [Passage("b\udfff.", "c\ud800", "d\ud800")])
    assert PaperAnswer.model_validate_json(answer.model_dump_json()) == answer
    assert (answer.question, answer.citations[0].evidence.text) == ("a?", "b?.")


# --- evidence -------------------------------------------------------------------------------

ABSTRACT = (
    "Medical expulsive therapy is used for ureteral stones (5 to 10 mm, cf. Fig. 1). "
    "We aimed to find out if tamsulosin helps to expel ureteral stones. "
    "Does it? We treated 512 adults with tamsulosin (0.4 mg) or placebo for 28 days. "
    "Stones passed in 50% of patients with tamsulosin and in 47% with placebo. "
    "TNF-α fell in both groups. "
    "Tamsulosin did not significantly increase the passage of ureteral stones. "
    "Guidelines may need to be revised."
)


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        pytest.param(QUESTION, ABSTRACT, "Tamsulosin did not sig", id="conclusion-not-aim"),
        pytest.param("Is tnf-alpha lowered?", ABSTRACT, "TNF-α fell", id="greek"),
        pytest.param("How was an ADULT treated?", ABSTRACT, "We treated", id="plural-and-case"),
        pytest.param("Is the moon of cheese?", ABSTRACT, "Guidelines may", id="no-word-in-common"),
        pytest.param("Is it so?", ABSTRACT, "Guidelines may", id="no-word-of-meaning"),
        pytest.param("", ABSTRACT, "Guidelines may", id="no-question"),
        pytest.param(
            "Does a lower dose prevent fibrosis?",
            "Fibrosis was rare. Doses were low. Whether a lower dose prevents fibrosis is unclear.",
            "Whether a lower",
            id="what-is-open-at-the-end",
        ),
        pytest.param("Does it?", "  Does it? \n", "Does it?", id="a-question-alone"),
    ],
)
def test_evidence(question, text, expected):
    evidence = find_evidence(question, [Passage(text, id="x")])
    assert evidence.text.startswith(expected)
    assert text[evidence.start : evidence.end] == evidence.text == evidence.text.strip()
    assert evidence.passage == "x"


def test_no_evidence_without_text():
    assert find_evidence(QUESTION, []) is None
    assert find_evidence(QUESTION, [Passage(" \n")]) is None


def test_equal_sentences():
    twins = [Passage("Stones pass.", None), Passage("Stones pass.", "1"), Passage("Stones pass.")]
    assert find_evidence(QUESTION, twins).text == "Stones pass."


def test_evidence_in_real_abstracts():
    """A sentence of the conclusion, also with another paper's abstract before or behind."""
    records = list(json.loads(shared("pubmedqa/pqal_train.json").read_text("utf-8")).values())
    contexts = [" ".join(record["CONTEXTS"]) for record in records]
    concluded = own = 0
    for number, (record, context) in enumerate(zip(records, contexts, strict=True)):
        abstract = f"{context} {record['LONG_ANSWER']}"
        evidence = find_evidence(record["QUESTION"], [Passage(abstract)])
        concluded += evidence.start >= len(context)
        other = contexts[number - 1]
        both = f"{abstract} {other}" if number % 2 else f"{other} {abstract}"
        own += find_evidence(record["QUESTION"], [Passage(both)]).text in abstract
    assert concluded / len(records) > 0.73
    assert own / len(records) > 0.98
