"""Which retrieved papers bear on a question, and which of their sentences is nearest to it.

Both are found by words, without the model: a model that was trained for PubMedQA has only seen
passages that bear on their question, and answers yes, no or maybe from any other, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.text.grounding import sentences, words
from biogpt_plugins.values.inputs import encodable

LEAST_SHARED = 0.2
"""The share of a question's words from which on a paper bears on it; see `shared_words`."""


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


class Evidence(BaseModel):
    """The sentence of a paper that is nearest to a question, by its words.

    The model does not choose it: it need not be the reason for an answer, and may even contradict
    it.

    Attributes:
        text: The sentence, `passage.text[start:end]`.
        start: Offset of its first character.
        end: Offset one past its last character.
        passage: Identifier of the passage, if it has one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    start: int
    end: int
    passage: str | None = None


# On 500 abstracts of PubMedQA `find_evidence` picks a sentence of the conclusion in 73 % (chance:
# 14 %) and, with another paper's abstract added, a sentence of the right paper in 99 %. Without the
# penalty for aims, which repeat the question, it is 60 %. Weights for rare words and stemming do
# not help there.
_COMMON = frozenset(
    words(
        "a an and are as at be been by can could did do does for from had has have how in is it "
        "its may might of on or our should so than that the their there these they this those to "
        "was we were what when where whether which while who why will with would"
    )
)
_GENERAL = frozenset(
    words(
        "affect affected associate associated association beneficial benefit best better cause "
        "caused change changed clinical compare compared comparison contribute correlate "
        "correlated correlation decrease decreased determine diagnosis diagnostic difference "
        "different disease disorder early effect effective effectiveness efficacy evidence factor "
        "good group high higher impact important improve improved improvement increase increased "
        "induce induced influence level low lower method more new outcome patient people predict "
        "predictive predictor prevent prevention rate reduce reduced reduction related relation "
        "relationship result risk role safe safety significant significantly study superior treat "
        "treated treatment trial use used useful using valid value"
    )
)
# Of words without the plural "s"; the first that fits is taken.
_ENDINGS = tuple(
    words(
        "ation ically ical ment ance ence sion tion ing ity ive ies ied ial al ed es ic ous er or "
        "y e"
    )
)
_ROOT = 4  # letters left of a word without its ending
_AIM = re.compile(
    r"\?|\b(?:aim\w*|objectives?|purpose|hypothe\w+|whether|"
    r"to (?:assess|compare|determine|evaluate|examine|investigate))\b",
    re.IGNORECASE,
)


def shared_words(question: str, text: str) -> float:
    """The share of a question's words that a text has, from 0 to 1.

    Common words do not count, nor words of any medical question ("cause", "risk"), unless the
    question has no others. Endings do not matter ("prevents", "prevention"). A synonym counts as
    another word.

    It separates texts on other subjects: of 500 questions of PubMedQA 99 % share at least 0.2 with
    their own abstract, and 5 % with another; with single sections it is 80 % and 2 %. Of the
    questions "Does CHEMICAL cause DISEASE?" about the papers of BC5CDR, by the usual name of each,
    it is 99.6 % and 6 %.
    """
    told = set(words(question)) - _COMMON
    asked = set(map(_stem, told - _GENERAL or told))
    return len(asked.intersection(map(_stem, words(text)))) / len(asked) if asked else 1.0


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _ROOT:
            return word[: -len(ending)]
    return word


def sort_out(
    question: str, passages: Sequence[Passage], least: float = LEAST_SHARED
) -> tuple[list[Passage], list[Passage]]:
    """The passages of papers that bear on a question, and those of the other papers.

    Passages of a paper count together, with its title.

    Args:
        question: The question.
        passages: The passages of all papers.
        least: Least share of the question's words in a paper.
    """
    texts: dict[object, list[str]] = {}
    for number, passage in enumerate(passages):
        texts.setdefault(passage.paper or number, []).extend((passage.title or "", passage.text))
    shares = {paper: shared_words(question, " ".join(parts)) for paper, parts in texts.items()}
    near: list[Passage] = []
    far: list[Passage] = []
    for number, passage in enumerate(passages):
        # A blank text has no subject: to judge it tells what is wrong with it.
        bears = shares[passage.paper or number] >= least or not passage.text.strip()
        (near if bears else far).append(passage)
    return near, far


def find_evidence(question: str, passages: Iterable[Passage]) -> Evidence | None:
    """The sentence of a paper nearest to a question; None if the paper has no sentence.

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
