"""Stop strings: where a completion ends, and how much of it may be shown before it ends."""

from __future__ import annotations

from collections.abc import Sequence

from biogpt_plugins.engines.moses import unescape
from biogpt_plugins.engines.tokens import Tokens


class StopStrings:
    """Finds stop strings in text, not in tokens, where Moses spacing hides them.

    While a completion grows, only whole words are searched. The text of whole words is a prefix of
    every text that may follow; the text of half a word is not ("&am" may become "&", "." "5").
    """

    def __init__(self, stop: Sequence[str], tokens: Tokens) -> None:
        self._stop = tuple(stop)
        self._tokens = tokens
        self._squeezed = tuple("".join(text.split()) for text in stop)
        # A character of text has at most six tokens: "&quot;" letter by letter.
        self._window = 6 * (max(map(len, self._squeezed), default=0) + 1)

    def reached(self, ids: Sequence[int]) -> bool:
        """Whether a completion now contains a stop string; called at every token."""
        if not self._stop or not ids or not self._tokens.ends_word(ids[-1]):
            return False
        # Spacing needs a pass of the detokenizer, so search without spaces first.
        tail = "".join(self._tokens.pieces(ids[-self._window :])).replace("</w>", "")
        tail = unescape(tail.replace("@-@", "-"))
        return any(text in tail for text in self._squeezed) and self.cut(self._tokens.text(ids))[1]

    def cut(self, text: str) -> tuple[str, bool]:
        """The text before the first stop string, and whether there was one."""
        places = [place for stop in self._stop if (place := text.find(stop)) >= 0]
        return (text[: min(places)], True) if places else (text, False)

    def before(self, text: str) -> str:
        """The part of a growing text that is certainly before any stop string."""
        text, _ = self.cut(text)
        # The end of the text may be the beginning of a stop string.
        longest = max(map(len, self._stop), default=0)
        for start in range(max(0, len(text) - longest), len(text)):
            if any(stop.startswith(text[start:]) for stop in self._stop):
                return text[:start]
        return text
