"""Combines the answers of single papers into one answer: support, citations, dissent.

The overall answer is the most probable one by the mean of the papers' probabilities. Every paper
has the same weight, and an uncertain paper contributes less than a certain one. Unlike with a
product of probabilities, no single paper can overrule all others; unlike with a count of votes, two
papers rarely tie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum
from textwrap import shorten
from typing import NamedTuple, cast

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.findings.relevance import Evidence, Passage, find_evidence, sort_out
from biogpt_plugins.tasks.pubmedqa import LABELS
from biogpt_plugins.tasks.questions import refusal
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Answer, Failure, Label, Prediction

_EQUAL = 1e-6  # probabilities closer than this are a tie; a batch's padding moves them by less


# --- the answer -----------------------------------------------------------------------------


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
        evidence: The sentence nearest to the question, by its words. The model did not choose it:
            it need not be the reason for the label.
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


class Unrelated(_Paper):
    """A paper that does not bear on the question, by its words; the model did not judge it.

    Attributes:
        id: The paper's identifier.
        title: Its title.
    """


class Support(_Value):
    """How the papers voted.

    Attributes:
        yes: Number of papers that were judged yes.
        no: Number judged no.
        maybe: Number judged maybe.
        judged: Number that were judged and have an answer.
        abstained: Number on which the model abstained.
        unrelated: Number that do not bear on the question, and were not judged.
        found: Number that were retrieved.
    """

    yes: int = 0
    no: int = 0
    maybe: int = 0
    judged: int = 0
    abstained: int = 0
    unrelated: int = 0
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
        unrelated: The papers that do not bear on the question, in the order of retrieval.
        refused: Why the question cannot be answered with yes, no or maybe; no paper was judged.
    """

    question: str
    label: Label | None = None
    probabilities: dict[str, float] | None = None
    support: Support = Support()
    citations: tuple[Citation, ...] = ()
    failures: tuple[Unjudged, ...] = ()
    unrelated: tuple[Unrelated, ...] = ()
    refused: str | None = None

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


class Retrieved(NamedTuple):
    """What was retrieved for a question: the passages that are judged, and those that are not.

    Attributes:
        question: The question.
        to_judge: The passages to judge, each text once; none if the question asks for more than
            yes, no or maybe.
        unjudged: The passages of papers that bear on a question which asks for more.
        unrelated: The passages of papers that do not bear on the question.
    """

    question: str
    to_judge: list[Passage]
    unjudged: list[Passage]
    unrelated: list[Passage]

    @classmethod
    def of(cls, question: str, passages: Iterable[Passage], least: float) -> Retrieved:
        """Sort the passages.

        Args:
            question: The question.
            passages: All that was retrieved.
            least: Least share of the question's words in a paper that bears on it.
        """
        near, far = sort_out(question, distinct(passages), least)
        return cls(question, *(([], near) if refusal(question) else (near, [])), far)

    def answer(self, predictions: Sequence[Prediction[Answer]] | None = None) -> PaperAnswer:
        """Combine the predictions for `to_judge`; None if they are not judged yet."""
        told = None if self.unjudged else predictions
        passages = [*self.to_judge, *self.unjudged]
        return synthesize(self.question, passages, told, unrelated=self.unrelated)


def synthesize(
    question: str,
    passages: Sequence[Passage],
    predictions: Sequence[Prediction[Answer]] | None = None,
    *,
    unrelated: Iterable[Passage] = (),
) -> PaperAnswer:
    """Combine the judgements of passages.

    The passages of a paper have one vote, the mean of their probabilities. A tie gives "maybe":
    papers that balance each other decide nothing.

    Args:
        question: The question.
        passages: The retrieved passages, each text once (see `distinct`).
        predictions: The prediction for each passage as context of the question; None if the
            passages are not judged yet, or will not be because the question asks for more.
        unrelated: Passages of papers that do not bear on the question; see `sort_out`.
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
    aside = {passage.paper or number: passage for number, passage in enumerate(unrelated)}
    return PaperAnswer(
        question=encodable(question),
        label=_decided(probabilities),
        probabilities=probabilities,
        support=Support(
            **{label: votes.count(label) for label in LABELS},
            judged=len(votes),
            abstained=sum(paper.abstained is not None for paper in citations),
            unrelated=len(aside),
            found=len(papers) + len(aside),
        ),
        citations=citations,
        failures=tuple(
            Unjudged(**_named(passage), error=outcome.error, passage=passage.id)
            for passage, outcome in zip(passages, outcomes, strict=True)
            if outcome and outcome.error
        ),
        unrelated=tuple(Unrelated(**_named(passage)) for passage in aside.values()),
        refused=refusal(encodable(question)),
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


# --- in words -------------------------------------------------------------------------------

_QUOTE = 400  # characters; a table, for example, counts as one sentence and can be much longer


def _paragraph(answer: PaperAnswer) -> Iterator[str]:
    yield from _outcome(answer)
    if unsure := [paper for paper in answer.citations if paper.abstained]:
        yield f"Not certain enough to count: {_references(unsure)}."
    if answer.failures:
        yield f"Could not be judged: {_references(answer.failures)}."
    if answer.unrelated:
        yield f"Not bearing on the question, by their words: {_references(answer.unrelated)}."
    for paper in answer.citations:
        if paper.warnings:
            yield f"Note on [{paper.reference}]: {'; '.join(paper.warnings)}."


def _outcome(answer: PaperAnswer) -> Iterator[str]:
    support = answer.support
    papers = counted(support.found, "paper")
    if not support.found:
        yield f"No paper was found for the question: {answer.question}"
    elif answer.refused:
        yield f"No answer, and no paper was judged: {answer.refused}."
        if answer.citations:
            found = counted(len(answer.citations), "paper")
            yield f"{found} found: {_references(answer.citations)}."
    elif answer.label and answer.probabilities:
        share = answer.probabilities[answer.label]
        judged = counted(support.judged, "paper")
        yield f"{answer.label.capitalize()} ({share:.0%}), judging by {judged}."
        for label in sorted(LABELS, key=lambda label: label != answer.label):
            yield from _vote(label, answer.citations)
    elif support.abstained:
        yield f"No answer: {papers} found, but none gives an answer with enough certainty."
    elif answer.citations:
        yield f"{papers} found, not judged yet: {_references(answer.citations)}."
    elif answer.failures:
        reason = answer.failures[0].error.message
        yield f"No answer: {papers} found, but none could be judged ({reason})."
    else:
        yield f"No answer: {papers} found, but none bears on the question."


def _vote(label: str, citations: Iterable[Citation]) -> Iterator[str]:
    """The papers with this label, most certain first.

    Of the first, the sentence nearest to the question is quoted: it is no proof of the label.
    """
    papers = [paper for paper in citations if paper.label == label]
    papers.sort(key=lambda paper: -(paper.probabilities or {}).get(label, 0))
    if papers:
        first, *others = papers
        near = first.evidence
        quote = f"; nearest sentence “{shorten(near.text, _QUOTE)}”" if near else ""
        also = f"; also {_references(others)}" if others else ""
        yield f"{len(papers)} judged {label}{quote} [{first.reference}]{also}."


def _references(papers: Iterable[_Paper]) -> str:
    return " ".join(dict.fromkeys(f"[{paper.reference}]" for paper in papers))
