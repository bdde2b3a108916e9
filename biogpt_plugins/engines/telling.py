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
    places = tokens.places(ids, text)
    return tuple(_token(tokens, ids[i], piece, at, measured[i]) for i, piece, at in places)


class Telling:
    """The tokens of a text that is being written.

    A word that the text spells otherwise than the vocabulary is told, with all that follow it, when
    the text is whole.

    Attributes:
        count: How many tokens were told.
    """

    def __init__(self, tokens: Tokens) -> None:
        """Start with an empty text."""
        self.count = 0
        self._tokens = tokens
        self._ids = self._end = 0

    def add(self, ids: Sequence[int], text: str, measured: Sequence[Measured]) -> tuple[Token, ...]:
        """The tokens that were not told yet.

        Args:
            ids: The ids so far, of whole words.
            text: The beginning of their text that no further word changes.
            measured: How probable each id is; empty if nobody asks.
        """
        new: list[Token] = []
        first, begin = self._ids, self._end
        for i, piece, at in self._tokens.places(ids[first:], text[begin:]) if measured else ():
            start, index = begin + at, first + i
            if not text.startswith(piece, start):
                break
            new.append(_token(self._tokens, ids[index], piece, start, measured[index]))
            self._ids, self._end = index + 1, start + len(piece)
        self.count += len(new)
        return tuple(new)


def _token(tokens: Tokens, id_: int, piece: str, at: int, measured: Measured) -> Token:
    return Token(
        text=piece,
        start=at,
        logprob=measured.logprob,
        ends_word=tokens.ends_word(id_),
        top=tuple(_alternative(tokens, *one, at) for one in measured.top),
    )


def _alternative(tokens: Tokens, token: int, logprob: float, at: int) -> Token:
    text, ends_word = tokens.spelt(token)
    return Token(text=text, start=at, logprob=logprob, ends_word=ends_word)
