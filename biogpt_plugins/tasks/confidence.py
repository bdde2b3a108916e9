"""The confidence of a relation: the probabilities of the words that state it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum

from biogpt_plugins.engine import Token
from biogpt_plugins.tasks.readers import Places
from biogpt_plugins.text.grounding import Span
from biogpt_plugins.values.results import Confidence


def confidence_of(places: Places, tokens: Sequence[Token]) -> Confidence | None:
    """The probabilities of the parts of a relation, given everything before them.

    Args:
        places: Where the completion states the relation.
        tokens: The completion's tokens.

    Returns:
        None if the clause or an end has no tokens.
    """
    clause, head, tail, type_ = (_probability(tokens, place) for place in places)
    if head is None or tail is None or clause is None:
        return None
    return Confidence(clause=clause, head=head, tail=tail, type=type_)


def _probability(tokens: Sequence[Token], place: Span) -> float | None:
    """The product of the probabilities of the tokens that begin in a span; None without any."""
    logs = [token.logprob for token in tokens if place.start <= token.start < place.end]
    return exp(min(0.0, fsum(logs))) if logs else None
