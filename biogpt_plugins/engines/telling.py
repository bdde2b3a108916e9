"""Measured ids -> the Tokens that a user reads."""

from __future__ import annotations

from collections.abc import Sequence

from biogpt_plugins.engine import Token
from biogpt_plugins.engines.jobs import Measured
from biogpt_plugins.engines.tokens import Tokens


def told(
    tokens: Tokens, ids: Sequence[int], text: str, measured: Sequence[Measured]
) -> tuple[Token, ...]:
    """The tokens of a text with their probabilities; tokens without text are left out.

    Args:
        tokens: The vocabulary.
        ids: The ids of the text.
        text: The text.
        measured: How probable each id is.
    """
    return tuple(
        Token(
            text=piece,
            start=at,
            logprob=measured[i].logprob,
            ends_word=tokens.ends_word(ids[i]),
            top=tuple(_alternative(tokens, *one, at) for one in measured[i].top),
        )
        for i, piece, at in tokens.places(ids, text)
    )


def _alternative(tokens: Tokens, token: int, logprob: float, at: int) -> Token:
    text, ends_word = tokens.spelt(token)
    return Token(text=text, start=at, logprob=logprob, ends_word=ends_word)
