"""How sure a model was of a relation: the probabilities of the words that say it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum

from biogpt_plugins.engine import Token
from biogpt_plugins.tasks.readers import Places
from biogpt_plugins.text.grounding import Span
from biogpt_plugins.values.results import Confidence


def confidence_of(places: Places, tokens: Sequence[Token]) -> Confidence | None:
    """The probabilities of a relation's words, each given all that stands before it.

    Args:
        places: Where the completion says it.
        tokens: The completion's tokens.

    Returns:
        None where there are no tokens of one of its ends, as behind a text that was cut.
    """
    whole, head, tail, kind = (_probability(tokens, place) for place in places)
    if head is None or tail is None or whole is None:
        return None
    return Confidence(clause=whole, head=head, tail=tail, type=kind)


def _probability(tokens: Sequence[Token], place: Span) -> float | None:
    """The product of the probabilities of the tokens that begin there; None if none does."""
    logs = [token.logprob for token in tokens if place.start <= token.start < place.end]
    return exp(min(0.0, fsum(logs))) if logs else None
