"""Tells questions that yes, no or maybe answer from questions that ask for more.

A model that was trained for PubMedQA writes one of its three labels after any question, also after
"What dose is safe?". English only, by the words that open a sentence; what is not recognised as an
open question counts as one that can be answered.
"""

from __future__ import annotations

import re

_AUXILIARY = (
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|should|would|will|shall|may|might|must|"
    r"need|ought)(?:n['\u2019]?t)?"
)
_OPENING = r"(?:what|which|who|whom|whose|why|how)"
_AT = r"(?:in|on|at|by|for|from|to|with|of|after|under|among|during|since|until|over|within)"
_ASIDE = r"(?:(?:and|but|or|so|then|if so|now|also|thus|hence|overall|please|exactly)\b[\s,]*)*"
_ASKING = re.compile(
    r"(?:(?:can|could|would|will) you(?: please)?|please|do you know|"
    r"(?:i|we) (?:want|would like|need) to know|(?:i|we) wonder|let me know|"
    r"tell (?:me|us)(?: about)?|explain(?: to (?:me|us))?|"
    r"show (?:me|us))\b[\s,:]*",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?:list|name|describe|explain|summari[sz]e|give (?:me|us)|tell (?:me|us)|show (?:me|us)|"
    r"enumerate|discuss|define)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    rf"{_ASIDE}(?P<words>(?:{_AT}\s+)?{_OPENING}\b(?:['\u2019]s\b)?(?:\s+(?:many|much|long|often|"
    rf"far|old|well|soon))?|(?:when|where)\s+{_AUXILIARY}\b)"
    rf"|{_AT}\b[^,]*,\s*(?P<later>{_OPENING})\b",
    re.IGNORECASE,
)
_CLOSED = re.compile(rf"{_ASIDE}(?:{_AUXILIARY}|whether|if)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[.?!:;]+\s+|\s+[-\u2013\u2014]+\s+|--|[\u2013\u2014]")
_EDGE = " \t\r\n\"'\u2018\u2019\u201c\u201d()[]\u00bf*"
# The organisation, not the pronoun.
_NAME = re.compile(r"\bWHO\b")


def open_question(question: str) -> str | None:
    """The words by which a question asks for more than yes, no or maybe; None if it does not.

    "Which dose is safe?" -> "Which"; "Is it safe?" -> None. A question with several sentences can
    be answered if one of them can.
    """
    opened: str | None = None
    cased = question if question.isupper() else _NAME.sub("W.H.O", question)
    for part in _SENTENCE.split(cased):
        asked, order = part.strip(_EDGE), None
        while lead := _ASKING.match(asked):
            order = order or _ORDER.search(lead[0])
            asked = asked[lead.end() :]
        if _CLOSED.match(asked):
            return None
        if found := _OPEN.match(asked):
            opened = opened or found["words"] or found["later"]
        elif found := _ORDER.match(asked) or order:
            opened = opened or found[0]
    return opened


def refusal(question: str) -> str | None:
    """Why a question cannot be answered with yes, no or maybe, and what to do; None if it can."""
    words = open_question(question)
    if words is None:
        return None
    return (
        f"the question asks for more than yes, no or maybe ({' '.join(words.split())!r}), and the "
        "model gives no other answer: ask a question such as 'Does lithium cause tremor?'"
    )
