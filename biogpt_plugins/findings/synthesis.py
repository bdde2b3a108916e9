"""Combines the answers of single papers into one answer: support, citations, dissent.

The overall answer is the most probable one by the mean of the papers' probabilities. Every paper
has the same weight, and an uncertain paper contributes less than a certain one. Unlike with a
product of probabilities, no single paper can overrule all others; unlike with a count of votes, two
papers rarely tie.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum
from operator import itemgetter
from textwrap import shorten
from typing import NamedTuple, cast

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.tasks.pubmedqa import LABELS
from biogpt_plugins.text.grounding import sentences, words
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Answer, Failure, Label, Prediction

_EQUAL = 1e-6  # probabilities closer than this are a tie; a batch's padding moves them by less


class Passage(NamedTuple):
    """A retrieved passage of a paper: its abstract, or a part of it.

    Attributes:
        text: The text that the model reads and that offsets count in.
        paper: Identifier of the paper; a number is read as a PMID.
        title: The paper's title.
        id: Identifier of the passage in its store.
    """

    text: str
    paper: str | None = None
    title: str | None = None
    id: str | None = None


# --- the answer -----------------------------------------------------------------------------


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Evidence(_Value):
    """The sentence of a paper that is most relevant to a question.

    Attributes:
        text: The sentence, `passage.text[start:end]`.
        start: Offset of its first character.
        end: Offset one past its last character.
        passage: Identifier of the passage, if it has one.
    """

    text: str
    start: int
    end: int
    passage: str | None = None


class _Paper(_Value):
    id: str | None = None
    title: str | None = None

    @property
    def reference(self) -> str:
        """How to cite it: "PMID 123", or its identifier, or its title."""
        if self.id:
            return f"PMID {self.id}" if self.id.isdecimal() else self.id
        return self.title or "an untitled paper"


class Citation(_Paper):
    """A paper and its answer.

    Attributes:
        id: Its identifier.
        title: Its title.
        label: Its answer; None if it is not judged yet, or if the model abstained.
        probabilities: Label -> share, summing to 1: the mean over its passages. Passages on which
            the model abstained count only if there are no others. A label that was written instead
            of scored counts as certain.
        abstained: Why it has no answer, if the model abstained on all of its passages.
        evidence: The sentence most relevant to the question, found by its words, not by the model.
        passages: Number of its passages that were judged, or will be.
        warnings: Remarks on the judgement, each a sentence.
    """

    label: Label | None = None
    probabilities: dict[str, float] | None = None
    abstained: str | None = None
    evidence: Evidence | None = None
    passages: int = 1
    warnings: tuple[str, ...] = ()


class Unjudged(_Paper):
    """A paper, or a passage of a paper, that could not be judged.

    Attributes:
        id: The paper's identifier.
        title: Its title.
        error: The reason.
        passage: Identifier of the passage, if it has one.
    """

    error: Failure
    passage: str | None = None


class Support(_Value):
    """How the papers voted.

    Attributes:
        yes: Number of papers that say yes.
        no: Number that say no.
        maybe: Number that say maybe.
        judged: Number that were judged and have an answer.
        abstained: Number on which the model abstained.
        found: Number that were retrieved.
    """

    yes: int = 0
    no: int = 0
    maybe: int = 0
    judged: int = 0
    abstained: int = 0
    found: int = 0


class PaperAnswer(_Value):
    """The combined answer of papers to a question.

    Attributes:
        question: The question.
        label: The overall answer; None if no paper was found or could be judged, if the model
            abstained on all, or if none is judged yet.
        probabilities: Label -> share, summing to 1: the mean over the papers with an answer.
        support: How the papers voted.
        citations: The papers that were judged, or will be, in the order of retrieval.
        failures: Passages that could not be judged. A paper with several passages can be in both.
    """

    question: str
    label: Label | None = None
    probabilities: dict[str, float] | None = None
    support: Support = Support()
    citations: tuple[Citation, ...] = ()
    failures: tuple[Unjudged, ...] = ()

    @property
    def disagreeing(self) -> tuple[Citation, ...]:
        """The papers with another answer; "maybe" disagrees with "yes" too."""
        return tuple(paper for paper in self.citations if paper.label not in (None, self.label))

    @property
    def text(self) -> str:
        """The answer as a short paragraph, with citations such as [PMID 123]."""
        return " ".join(_paragraph(self))

    def __str__(self) -> str:
        return self.text


# --- making it ------------------------------------------------------------------------------


def distinct(passages: Iterable[Passage]) -> list[Passage]:
    """The passages to judge: each text once, even under several identifiers.

    The smallest identifier is kept, so that the result does not depend on the order. Blank texts,
    which fail, are all kept.
    """
    by_text: dict[object, Passage] = {}
    for number, passage in enumerate(passages):
        key = " ".join(passage.text.split()) or number
        by_text[key] = min(by_text.get(key, passage), passage, key=_identity)
    return list(by_text.values())


def synthesize(
    question: str,
    passages: Sequence[Passage],
    predictions: Sequence[Prediction[Answer]] | None = None,
) -> PaperAnswer:
    """Combine the judgements of passages.

    The passages of a paper have one vote, the mean of their probabilities. A tie gives "maybe":
    papers that balance each other decide nothing.

    Args:
        question: The question.
        passages: The retrieved passages, each text once (see `distinct`).
        predictions: The prediction for each passage as context of the question; None if the
            passages are not judged yet.
    """
    outcomes = [None] * len(passages) if predictions is None else predictions
    papers: dict[object, list[tuple[Passage, Prediction[Answer] | None]]] = {}
    for number, pair in enumerate(zip(passages, outcomes, strict=True)):
        papers.setdefault(pair[0].paper or number, []).append(pair)
    read = [
        [(passage, outcome) for passage, outcome in pairs if not (outcome and outcome.error)]
        for pairs in papers.values()
    ]
    citations = tuple(_citation(question, pairs) for pairs in read if pairs)
    voters = [paper for paper in citations if paper.label]
    votes: list[str] = [str(paper.label) for paper in voters]
    probabilities = _mean([paper.probabilities for paper in voters if paper.probabilities])
    return PaperAnswer(
        question=encodable(question),
        label=_decided(probabilities),
        probabilities=probabilities,
        support=Support(
            **{label: votes.count(label) for label in LABELS},
            judged=len(votes),
            abstained=sum(paper.abstained is not None for paper in citations),
            found=len(papers),
        ),
        citations=citations,
        failures=tuple(
            Unjudged(**_named(passage), error=outcome.error, passage=passage.id)
            for passage, outcome in zip(passages, outcomes, strict=True)
            if outcome and outcome.error
        ),
    )


def _citation(
    question: str, pairs: Sequence[tuple[Passage, Prediction[Answer] | None]]
) -> Citation:
    passages = [passage for passage, _ in pairs]
    judged = [prediction for _, prediction in pairs if prediction]
    answers = [prediction.result for prediction in judged if prediction.result]
    sure = [answer for answer in answers if answer.label]
    shares = [answer.probabilities or {str(answer.label): 1.0} for answer in sure or answers]
    probabilities = _mean(shares)
    return Citation(
        **_named(passages[0]),
        label=_decided(probabilities) if sure else None,
        probabilities=probabilities,
        abstained=answers[0].abstained if answers and not sure else None,
        evidence=find_evidence(question, passages),
        passages=len(passages),
        warnings=tuple(remark for prediction in judged for remark in prediction.warnings),
    )


def _named(passage: Passage) -> dict[str, str | None]:
    return {
        "id": passage.paper and encodable(passage.paper),
        "title": passage.title and encodable(passage.title),
    }


def _identity(passage: Passage) -> list[tuple[bool, str]]:
    return [(name is None, name or "") for name in passage[1:]]


def _mean(shares: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    if not shares:
        return None
    # fsum rounds once, so that the order does not matter.
    return {label: fsum(own.get(label, 0) for own in shares) / len(shares) for label in LABELS}


def _decided(probabilities: Mapping[str, float] | None) -> Label | None:
    if probabilities is None:
        return None
    most = max(probabilities.values())
    best = [label for label, share in probabilities.items() if most - share < _EQUAL]
    return cast(Label, best[0]) if len(best) == 1 else "maybe"


# --- evidence -------------------------------------------------------------------------------

# On 500 abstracts of PubMedQA this picks a sentence of the conclusion in 73 % (chance: 14 %) and,
# with another paper's abstract added, a sentence of the right paper in 99 %. Without the penalty
# for aims, which repeat the question, it is 60 %. Weights for rare words and stemming do not help.
_COMMON = frozenset(
    words(
        "a an and are as at be been by can could did do does for from had has have how in is it "
        "its may might of on or our should so than that the their there these they this those to "
        "was we were what when where whether which while who why will with would"
    )
)
_AIM = re.compile(
    r"\?|\b(?:aim\w*|objectives?|purpose|hypothe\w+|whether|"
    r"to (?:assess|compare|determine|evaluate|examine|investigate))\b",
    re.IGNORECASE,
)


def shared_words(question: str, text: str) -> float:
    """The share of a question's words that a text has, from 0 to 1; common words do not count.

    It separates texts on other subjects: of 500 questions of PubMedQA 99 % share at least 0.2 with
    their own abstract, and 7 % with another; with single sections it is 78 % and 2 %.
    """
    asked = set(words(question)) - _COMMON
    return len(asked.intersection(words(text))) / len(asked) if asked else 1.0


def find_evidence(question: str, passages: Iterable[Passage]) -> Evidence | None:
    """The sentence of a paper most relevant to a question; None if the paper has no sentence.

    It shares the most words with the question. Late sentences, which conclude, get a bonus;
    sentences before the last that ask or state an aim get a penalty.
    """
    asked = set(words(question)) - _COMMON
    ranked = (
        (bearing, evidence.text, passage.text, evidence)
        for passage in passages
        for bearing, evidence in _sentences(asked, passage)
    )
    # Ties are broken by text, so that the order does not matter.
    best = max(ranked, key=itemgetter(0, 1, 2), default=None)
    return best and best[-1]


def _sentences(asked: set[str], passage: Passage) -> Iterator[tuple[float, Evidence]]:
    """Each sentence with its relevance to the question."""
    places = sentences(passage.text)
    for number, (start, end) in enumerate(places, start=1):
        sentence = passage.text[start:end]
        shared = len(asked.intersection(words(sentence))) / (len(asked) or 1)
        aim = number < len(places) and _AIM.search(sentence) is not None
        bearing = shared + 0.3 * number / len(places) - 0.5 * aim
        text = encodable(sentence)
        yield bearing, Evidence(text=text, start=start, end=end, passage=passage.id)


# --- in words -------------------------------------------------------------------------------

_QUOTE = 400  # characters; a table, for example, counts as one sentence and can be much longer


def _paragraph(answer: PaperAnswer) -> Iterator[str]:
    support = answer.support
    papers = _count(support.found, "paper")
    if not support.found:
        yield f"No paper was found for the question: {answer.question}"
    elif answer.label and answer.probabilities:
        share = answer.probabilities[answer.label]
        yield f"{answer.label.capitalize()} ({share:.0%}), by {_count(support.judged, 'paper')}."
        for label in sorted(LABELS, key=lambda label: label != answer.label):
            yield from _vote(label, answer.citations)
    elif support.abstained:
        yield f"No answer: {papers} found, but none gives an answer with enough certainty."
    elif answer.citations:
        yield f"{papers} found, not judged yet: {_references(answer.citations)}."
    else:
        reason = answer.failures[0].error.message
        yield f"No answer: {papers} found, but none could be judged ({reason})."
    if unsure := [paper for paper in answer.citations if paper.abstained]:
        yield f"Not certain enough to count: {_references(unsure)}."
    if answer.failures:
        yield f"Could not be judged: {_references(answer.failures)}."


def _vote(label: str, citations: Iterable[Citation]) -> Iterator[str]:
    """The papers with this label, most certain first; the first is quoted."""
    papers = [paper for paper in citations if paper.label == label]
    papers.sort(key=lambda paper: -(paper.probabilities or {}).get(label, 0))
    if papers:
        first, *others = papers
        quote = f" “{shorten(first.evidence.text, _QUOTE)}”" if first.evidence else ""
        also = f"; also {_references(others)}" if others else ""
        verb = "say" if others else "says"
        yield f"{len(papers)} {verb} {label}:{quote} [{first.reference}]{also}."


def _references(papers: Iterable[Citation | Unjudged]) -> str:
    return " ".join(dict.fromkeys(f"[{paper.reference}]" for paper in papers))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
