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
    return tuple(told_one(tokens, ids[i], at, measured[i]) for i, _, at in tokens.places(ids, text))


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
            new.append(told_one(self._tokens, ids[index], start, measured[index]))
            self._ids, self._end = index + 1, start + len(piece)
        self.count += len(new)
        return tuple(new)


def told_ids(tokens: Tokens, ids: Sequence[int], measured: Sequence[Measured]) -> tuple[Token, ...]:
    """A token for each id; offsets count in their spellings, with a space after each word."""
    found: list[Token] = []
    at = 0
    for token, one in zip(ids, measured, strict=True):
        found.append(told_one(tokens, token, at, one))
        at += len(found[-1].text) + found[-1].ends_word
    return tuple(found)


def told_one(tokens: Tokens, token: int, at: int, measured: Measured) -> Token:
    """A token at its offset."""
    text, ends_word = tokens.spelt(token)
    top = tuple(told_one(tokens, id_, at, Measured(log)) for id_, log in measured.top)
    return Token(text=text, start=at, logprob=measured.logprob, ends_word=ends_word, top=top)
