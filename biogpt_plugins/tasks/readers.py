"""Readers of answers and labels, and the code that all readers share.

They tolerate deviations that models make in practice. `scoring.official` reads the same text as
the official scripts do, for the official figures. All readers are pure functions of text.
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
    """Where in a completion a relation and its parts are stated."""

    clause: Span
    head: Span
    tail: Span
    type: Span


@dataclass(frozen=True)
class Reading(Generic[ResultT]):
    """A result read from a completion, and notes on what was ignored.

    Attributes:
        result: The result.
        notes: What was ignored or merged, as messages.
        spans: Offsets of each result in the completion; empty if they are not known.
        places: Offsets of the parts of each relation in the completion; empty if not known.
    """

    result: ResultT
    notes: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    places: tuple[Places, ...] = field(default=(), repr=False)


LEARNED = re.compile(r"^.*\blearned\s*[0-9]+\s+", re.I | re.S)
"""Learned tokens, spelled out, and everything before them."""

PHRASE = re.compile(r"\b(?:in conclusion\s*,|we can conclude that|we have that)", re.I)
"""Phrases that may precede a conclusion."""

_EDGE = " \t\r\n;.,"


def short(text: str, most: int = 120) -> str:
    """Quote a text for a message, shortened if it is long."""
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
    """Read a yes/no/maybe answer from a statement or from a bare label.

    Raises:
        ParseError: The completion has no answer, or contradictory answers.
    """
    labels: set[str] = set()
    for text in (_without_preamble(completion), LEARNED.sub("", completion)):
        for pattern in (_STATEMENT, _SHORT, _BARE):
            labels = labels or {match["label"].lower() for match in pattern.finditer(text)}
    if len(labels) != 1:
        fault = f"the answers {sorted(labels)} contradict each other" if labels else "no answer"
        raise ParseError(f"{fault} in the completion {short(completion)}", completion)
    return Reading(Answer(label=cast("Label", labels.pop())))


_TYPE = re.compile(r"\btype\s+of\s+this\s+document\s*(?:is|:)\s*(?P<labels>[^.;]*)", re.I)


def read_hallmarks(completion: str, labels: Iterable[str], empty: str) -> Reading[Hallmarks]:
    """Read `the type of this document is a|b`; the label `empty` means no hallmark.

    Raises:
        ParseError: The completion has none of the labels.
    """
    known = {_fold(label): label for label in labels}
    text = _without_preamble(completion)
    match = _TYPE.search(text)
    written = match["labels"] if match else text.strip(_EDGE)
    parts = [part for part in re.split(r"\||,| / ", written) if part.strip()]
    hallmarks = [known[_fold(part)] for part in parts if _fold(part) in known]
    says_none = any(_fold(part) == _fold(empty) for part in parts)
    if not hallmarks and not says_none:
        raise ParseError(f"no hallmark in the completion {short(completion)}", completion)
    unknown = [p.strip() for p in parts if _fold(p) not in known and _fold(p) != _fold(empty)]
    notes = (f"unknown labels were ignored: {unknown}",) if unknown else ()
    return Reading(Hallmarks(labels=tuple(dict.fromkeys(hallmarks))), notes)
