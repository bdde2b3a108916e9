"""Guesses what a completion goes on with, so that one pass of the model writes several tokens.

The model reads a draft together with the last token that is certain, and what it would not have
written is thrown away: a guess costs its tokens, and changes nothing. Much is known before the
model says a word: the fixed words of the prompt's grammar, whether it is enforced or not; what the
completion has written so far; and the text, from which names are copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from biogpt_plugins.engine import Grammar
from biogpt_plugins.engines.derivations import Derivation, Split

_MOST = 16  # tokens of a draft
_LONGEST = 5  # tokens that are looked up; longer repetitions are found by their ends
_GAP = -1
_GAPS = -2  # several parts, and no words that tell where one ends

# How often guesses are right on the targets of BC5CDR.
_FIXED = 0.98  # the next of the fixed words
_AGAIN = 0.45  # the separator: there is one more clause
_NAME = 0.5  # a name begins as it did in another clause
_REST = 0.97  # and goes on as it did there
_WORD = 0.9  # a word goes on as in the text
_ENDS = 0.6  # a name that is copied from the text is complete
_LONGER = 0.35  # or is not
# What follows so many tokens that are alike, in other text: in the completion, and in the prompt.
_REPEATS = (0.0, 0.25, 0.7, 0.75, 0.9, 0.95)
_QUOTES = (0.0, 0.2, 0.4, 0.45, 0.5, 0.5)


class Guess(NamedTuple):
    """A token that may come next.

    Attributes:
        token: Its id.
        chance: How probable it is that the completion goes on with it, or with the draft up to it.
    """

    token: int
    chance: float


class _Place(NamedTuple):
    """Where a completion is in its outline.

    Attributes:
        at: The index of the next word; None if the completion does not follow the outline.
        filled: The number of tokens in the gap so far, if it is a gap.
        between: Whether the next token begins a word.
    """

    at: int | None
    filled: int = 0
    between: bool = True


class Outline:
    """The fixed words of completions, with gaps for names and labels."""

    def __init__(
        self, grammar: Grammar | None, split: Split, ends_word: Callable[[int], bool]
    ) -> None:
        """Make the outline of a grammar.

        Args:
            grammar: The grammar; None if nothing is known.
            split: Returns the ids of words.
            ends_word: Whether a token ends a word.
        """
        self._ends_word = ends_word
        self._words: list[int] = []
        self._again = 0
        if grammar:
            self._words += split(grammar.before)
            self._again = len(self._words)
            for part in grammar.clause:
                if isinstance(part, str):
                    self._words += split(part)
                elif len(self._words) > self._again and self._words[-1] < 0:
                    self._words[-1] = _GAPS
                else:
                    self._words.append(_GAP)
            self._words += split(grammar.separator or grammar.end)
        self.start = _Place(0 if self._words else None)

    def after(self, place: _Place, token: int) -> _Place:
        """The place after one more token."""
        at, filled, between = place
        ends = self._ends_word(token)
        if at is None:
            return _Place(None, 0, ends)
        if self._words[at] == token:
            return _Place(self._behind(at), 0, ends)
        if self._words[at] >= 0:  # not the fixed words, so the gap before them goes on
            gaps = [gap for gap in range(at) if self._words[gap] < 0]
            return _Place(gaps[-1] if gaps else None, 2, ends)
        if filled and between and self._words[self._behind(at)] == token:
            return _Place(self._behind(self._behind(at)), 0, ends)
        return _Place(at, filled + 1, ends)

    def guesses(self, place: _Place, history: str, own: int) -> Iterator[Guess]:
        """What may come next, the likeliest first.

        Args:
            place: Where the completion is.
            history: The ids of the prompt and the completion as characters.
            own: Where the completion begins in it.
        """
        at, filled, between = place
        if at is not None and self._words[at] >= 0:
            yield Guess(self._words[at], _AGAIN if at + 1 == len(self._words) else _FIXED)
            return
        found, alike = _look_up(history)
        told = ord(history[found]) if alike else None
        mine = found >= own
        if at is not None and filled and between and not mine and self._words[at] == _GAP:
            behind = self._words[self._behind(at)]
            if behind >= 0:
                yield Guess(behind, _ENDS)
        if told is None:
            return
        if at is None:
            yield Guess(told, (_REPEATS if mine else _QUOTES)[alike])
        elif filled:
            yield Guess(told, _REST if mine else _LONGER if between else _WORD)
        elif mine:
            yield Guess(told, _NAME)

    def _behind(self, at: int) -> int:
        return at + 1 if at + 1 < len(self._words) else self._again


class Drafter:
    """Makes the drafts of one row, and stops for a while when they fail."""

    def __init__(self, prompt: Sequence[int], outline: Outline) -> None:
        """Start before the first token.

        Args:
            prompt: The ids of the prompt.
            outline: The fixed words of the completion.
        """
        self._outline, self._place = outline, outline.start
        self._history = "".join(map(chr, prompt))  # strings are searched fast
        self._own = len(prompt)
        self._trust = 1.0

    def draft(
        self, written: Sequence[int], form: Derivation | None, most: int, least: float
    ) -> list[Guess]:
        """Guess the next tokens of the row.

        Args:
            written: What it has written.
            form: Its progress through a grammar that is enforced.
            most: Most tokens.
            least: The least chance that is worth a token of a pass.
        """
        for token in written[len(self._history) - self._own :]:
            self._history += chr(token)
            self._place = self._outline.after(self._place, token)
        place, history, chance = self._place, self._history, self._trust
        form = form.copy() if form else None
        guesses: list[Guess] = []
        while len(guesses) < min(most, _MOST):
            guess = self._next(place, history, form)
            chance *= guess.chance if guess else 0
            if not guess or chance < least:
                break
            guesses.append(Guess(guess.token, chance))
            place = self._outline.after(place, guess.token)
            history += chr(guess.token)
            if form:
                form.take(guess.token)
        if not guesses:
            self._trust = min(1.0, 1.2 * self._trust)
        return guesses

    def judge(self, right: int) -> None:
        """Take into account how many tokens of a draft were right."""
        self._trust = 1.0 if right else self._trust / 2

    def _next(self, place: _Place, history: str, form: Derivation | None) -> Guess | None:
        guesses = self._outline.guesses(place, history, self._own)
        if form is None:
            return next(guesses, None)
        allowed = form.tokens()
        if len(allowed) > 1 and (guess := next((g for g in guesses if g.token in allowed), None)):
            return guess
        return Guess(allowed[0], 1 / len(allowed)) if allowed else None


def worth(drafts: Sequence[Sequence[Guess]], least: float) -> int:
    """How many tokens of drafts to read in one pass, in which all rows are as wide as the widest.

    Args:
        drafts: The draft of each row; some may be empty.
        least: The least chance, in the mean of the rows, that is worth a token of each.
    """
    longest = max(map(len, drafts), default=0)
    for count in range(longest):
        chances = sum(draft[count].chance for draft in drafts if len(draft) > count)
        if chances < least * len(drafts):
            return count
    return longest


def _look_up(history: str) -> tuple[int, int]:
    """Where a history goes on as it did before: an index, and how many tokens before it are alike.

    Of several places the last one of those with the most tokens alike, up to a limit.
    """
    for count in range(min(_LONGEST, len(history) - 1), 0, -1):
        at = history.rfind(history[-count:], 0, -1)
        if at >= 0:
            return at + count, count
    return -1, 0
