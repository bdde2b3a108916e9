"""Readers of completions: answers and labels, and what all readers share.

They are forgiving and take what a model really writes; `scoring.official` reads the same text as
the official scripts do, for the official figures. All are pure functions of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, cast

from biogpt_plugins.text.grounding import Span
from biogpt_plugins.values.errors import ParseError
from biogpt_plugins.values.results import Answer, Hallmarks, Label, ResultT


class Places(NamedTuple):
    """Where in a completion a relation is told."""

    clause: Span
    head: Span
    tail: Span
    type: Span


@dataclass(frozen=True)
class Reading(Generic[ResultT]):
    """A result, and remarks on what was passed over to get it.

    Attributes:
        result: The result.
        notes: The remarks.
        spans: Where in the completion each of several results stands; empty if that is not known.
        places: Where the parts of each of several relations stand, likewise.
    """

    result: ResultT
    notes: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    places: tuple[Places, ...] = field(default=(), repr=False)


LEARNED = re.compile(r"^.*\blearned\s*[0-9]+\s+", re.I | re.S)
"""The learned tokens, spelt out, and all before them."""

PHRASE = re.compile(r"\b(?:in conclusion\s*,|we can conclude that|we have that)", re.I)
"""What may stand before a conclusion."""

_EDGE = " \t\r\n;.,"


def short(text: str, most: int = 120) -> str:
    """A text for messages, its end left out if it is long."""
    return repr(text if len(text) <= most else f"{text[: most - 3]}...")


def _without_preamble(completion: str) -> str:
    text = LEARNED.sub("", completion)
    phrase = PHRASE.search(text)
    return text[phrase.end() :] if phrase else text


def _fold(name: str) -> str:
    return "".join(name.lower().split())


# --- answers and labels ---------------------------------------------------------------------

_LABEL = r"['\"(]?(?P<label>yes|no|maybe)\s*(?=[.,;!)'\"]|$|because\b|since\b)"
_STATEMENT = re.compile(
    r"\banswer\s+to\s+the\s+question(?:\s+given\s+the\s+context)?\s*is\s*" + _LABEL, re.I
)
_SHORT = re.compile(r"\banswer\s*(?:is|:)\s*" + _LABEL, re.I)
_BARE = re.compile(r"^\W*" + _LABEL, re.I)


def read_answer(completion: str) -> Reading[Answer]:
    """Read a yes/no/maybe answer from a statement of it, or from a bare label.

    Raises:
        ParseError: No answer, or two that differ.
    """
    labels: set[str] = set()
    for text in (_without_preamble(completion), LEARNED.sub("", completion)):
        for pattern in (_STATEMENT, _SHORT, _BARE):
            labels = labels or {match["label"].lower() for match in pattern.finditer(text)}
    if len(labels) != 1:
        found = f"the answers {sorted(labels)} contradict each other" if labels else "no answer"
        raise ParseError(f"{found} in the completion {short(completion)}", completion)
    return Reading(Answer(label=cast("Label", labels.pop())))


_TYPE = re.compile(r"\btype\s+of\s+this\s+document\s*(?:is|:)\s*(?P<labels>[^.;]*)", re.I)


def read_hallmarks(completion: str, labels: Iterable[str], empty: str) -> Reading[Hallmarks]:
    """Read `the type of this document is a|b`; `empty` is the class of no hallmark.

    Raises:
        ParseError: No statement of the type, or only labels that are none of `labels`.
    """
    known = {_fold(label): label for label in labels}
    text = _without_preamble(completion)
    match = _TYPE.search(text)
    written = match["labels"] if match else text.strip(_EDGE)
    parts = [part for part in re.split(r"\||,| / ", written) if part.strip()]
    found = [known[_fold(part)] for part in parts if _fold(part) in known]
    none = any(_fold(part) == _fold(empty) for part in parts)
    if not found and not none:
        raise ParseError(f"no hallmark in the completion {short(completion)}", completion)
    strange = [p.strip() for p in parts if _fold(p) not in known and _fold(p) != _fold(empty)]
    notes = (f"unknown labels were passed over: {strange}",) if strange else ()
    return Reading(Hallmarks(labels=tuple(dict.fromkeys(found))), notes)
