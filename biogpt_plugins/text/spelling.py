"""How a paper speaks of what was found in it: the sentence, and the spelling of a name."""

from __future__ import annotations

from itertools import groupby
from unicodedata import normalize

from biogpt_plugins.text.grounding import Span, sentence_at
from biogpt_plugins.values.results import Entity, Relation


def sentence_of(relation: Relation, text: str) -> Span | None:
    """The sentence around those ends of a relation that stand in the text; None if neither does.

    Ends in two sentences get both, and all between.
    """
    ends = (relation.head, relation.tail)
    places = [place for end in ends for place in (end.start, end.end) if place is not None]
    return sentence_at(text, min(places), max(places)) if places else None


def spelling(entity: Entity, text: str) -> str:
    """An entity's name as it is spelled within a sentence, so that mentions of it agree.

    Of an abbreviation that the paper defines, and of its long form, it is the long form.
    A word's first capital goes if the rest of it is in lower case: "Lithium" becomes "lithium",
    while BRCA1, mTOR, CAT and "angiotensin II" stay as they are. Where a whole sentence is in
    capitals they say nothing, and all of them go. Any space is one space, and compatible
    characters are the same (NFKC).
    """
    name = " ".join(normalize("NFKC", entity.canonical).split())
    at = text.find(entity.long_form) if entity.long_form else entity.start
    if at is not None and at >= 0:
        start, end = sentence_at(text, at, at + len(entity.canonical))
        if text[start:end].isupper():
            return name.lower()
    words = ("".join(letters) for _, letters in groupby(name, str.isalnum))
    return "".join(word.lower() if word[1:].islower() else word for word in words)
