"""The sentence that states a relation, and the spelling of an entity's name."""

from __future__ import annotations

from itertools import groupby
from unicodedata import normalize

from biogpt_plugins.text.grounding import Span, sentence_at
from biogpt_plugins.values.results import Entity, Relation


def sentence_of(relation: Relation, text: str) -> Span | None:
    """The sentence around the ends of a relation; None if neither end is in the text itself.

    If the ends are in two sentences, the span covers both and all sentences between them.
    """
    ends = (relation.head, relation.tail)
    inside = [end for end in ends if not end.part]
    places = [place for end in inside for place in (end.start, end.end) if place is not None]
    return sentence_at(text, min(places), max(places)) if places else None


def spelling(entity: Entity, text: str) -> str:
    """Spell an entity's name as in the middle of a sentence, so that its mentions agree.

    An abbreviation that the paper defines is spelled out. A word loses its initial capital if the
    rest of it is in lower case: "Lithium" becomes "lithium", but BRCA1, mTOR, CAT and "angiotensin
    II" are unchanged. A name from a sentence in capitals is lower-cased. Whitespace becomes a
    single space, and characters are normalized to NFKC.
    """
    name = " ".join(normalize("NFKC", entity.canonical).split())
    at = text.find(entity.long_form) if entity.long_form else entity.start
    at = None if entity.part else at
    if at is not None and at >= 0:
        start, end = sentence_at(text, at, at + len(entity.canonical))
        if text[start:end].isupper():
            return name.lower()
    words = ("".join(letters) for _, letters in groupby(name, str.isalnum))
    return "".join(word.lower() if word[1:].islower() else word for word in words)
