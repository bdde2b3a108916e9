"""How sure a model was of a relation: the probabilities of the words that say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import exp, fsum

from biogpt_plugins.engine import Token
from biogpt_plugins.text.grounding import Span
from biogpt_plugins.values.results import Confidence, Relation

_BETWEEN = re.compile(r"\bbetween\s+", re.I)
_DIVIDER = re.compile(r"\s+and\s+|\s*,\s+", re.I)
_VERB = re.compile(r"\s+(?:is\s+|(?=exists?\b))", re.I)
_KIND = re.compile(r"[^.;\s]+")


def confidence_of(
    relation: Relation, completion: str, clause: Span, tokens: Sequence[Token]
) -> Confidence | None:
    """The probabilities of a relation's words, each given all that stands before it.

    Args:
        relation: The relation, its ends' names as they were written.
        completion: What the model wrote.
        clause: Where in it the relation's clause stands.
        tokens: The completion's tokens.

    Returns:
        None where there are no tokens of one of its ends, as behind a text that was cut.
    """
    places = _places(relation, completion, clause)
    if places is None:
        return None
    head, tail, kind = (_probability(tokens, place) for place in places)
    whole = _probability(tokens, Span(clause.start, max(end for _, end in places)))
    if head is None or tail is None or whole is None:
        return None
    return Confidence(clause=whole, head=head, tail=tail, type=kind)


def _places(relation: Relation, text: str, clause: Span) -> tuple[Span, Span, Span] | None:
    """Where a clause has its first name, its second, and "exists" or the type."""
    between = _BETWEEN.search(text, *clause)
    head = _find(text, relation.head.name, between.end(), clause.end) if between else None
    divider = _DIVIDER.search(text, head.end, clause.end) if head else None
    tail = _find(text, relation.tail.name, divider.end(), clause.end) if divider else None
    if not head or not tail:
        return None
    verb = _VERB.search(text, tail.end, clause.end)
    if not verb:  # the clause was believed without one
        return head, tail, Span(tail.end, tail.end)
    kind = _find(text, relation.type, verb.end(), clause.end)
    word = _KIND.search(text, verb.end(), clause.end)
    return head, tail, kind or Span(*(word.span() if word else (tail.end, tail.end)))


def _find(text: str, part: str, start: int, end: int) -> Span | None:
    at = text.find(part, start, end)
    return Span(at, at + len(part)) if at >= 0 else None


def _probability(tokens: Sequence[Token], place: Span) -> float | None:
    """The product of the probabilities of the tokens that begin there; None if none does."""
    logs = [token.logprob for token in tokens if place.start <= token.start < place.end]
    return exp(min(0.0, fsum(logs))) if logs else None
