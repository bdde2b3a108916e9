"""Moses tokenisation and detokenisation for English, equal to sacremoses but many times as fast.

`Splitter` calls sacremoses once for each distinct chunk between spaces. Its rules rarely look
beyond a chunk; where they do, the cache key of the chunk includes what they look at. `Detokenizer`
is an incremental version of sacremoses' detokenizer, with the same patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from functools import lru_cache
from typing import Literal

from sacremoses import MosesDetokenizer, MosesTokenizer
from sacremoses.util import is_cjk

_MARK = "\ue000"  # a private-use character, which Moses treats as a separate word
_STRANGE = re.compile(f"[\x00-\x08\x0e-\x1b{_MARK}]")
_LOWER = frozenset(MosesTokenizer.IsLower)
_DIGITS = frozenset("0123456789")
_CURLY = re.compile("^[„“”]+$")
unescape = MosesDetokenizer(lang="en").unescape_xml
"""Replaces Moses' escapes by their characters."""


Kind = Literal["plain", "cjk", "opening", "closing", "contraction", "quote"]


class QuickMoses(MosesTokenizer):  # type: ignore[misc]
    """The Moses tokenizer, but without building 11,000-character sets at every full stop."""

    _ALPHA = frozenset(MosesTokenizer.IsAlpha)

    def islower(self, text: str) -> bool:
        return _LOWER.issuperset(text)

    def isanyalpha(self, text: str) -> bool:
        return not self._ALPHA.isdisjoint(text)


class Splitter:
    """Splits text into chunks that Moses treats independently, and chunks into words.

    A chunk is the text between spaces. Three rules look beyond it: whether a full stop stays with
    its word depends on what comes next; commas and apostrophes at the beginning or end of a text
    are treated differently; an apostrophe consumes the space after it.
    """

    def __init__(self) -> None:
        self._moses = QuickMoses(lang="en")

    def whole(self, text: str) -> list[str]:
        """The words of a text, by Moses without the cache."""
        words: list[str] = self._moses.tokenize(
            text, aggressive_dash_splits=True, return_str=False, escape=True
        )
        return words

    def keys(self, text: str) -> list[str] | None:
        """A key for each chunk, which determines its words; None for texts with control characters.

        A key is the chunk and, after a line break, its context if that matters: "l" or "d" for a
        lower-case letter or a digit that comes next, "f" for the first chunk of a text, "e" for the
        last.
        """
        if _STRANGE.search(text):
            return None
        keys = text.split()
        if "' '" in text:
            keys = _joined(keys)
        if keys and keys[-1][-1] in ",'":
            keys[-1] += "\ne"
        for index in [at for at, chunk in enumerate(keys[:-1]) if chunk[-1] == "."]:
            following = keys[index + 1][0]
            if following in _LOWER:
                keys[index] += "\nl"
            elif following in _DIGITS:
                keys[index] += "\nd"
        if keys and keys[0][0] in ",'":
            keys[0] += "f" if "\n" in keys[0] else "\nf"
        return keys

    def words(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """The words of the chunk of each key, most of them from a single pass of Moses."""
        split: dict[str, list[str]] = {}
        inner: dict[str, str] = {}
        for key in keys:
            chunk, _, marks = key.partition("\n")
            text = f"{chunk} z" if "l" in marks else f"{chunk} 0" if "d" in marks else chunk
            if "f" in marks or "e" in marks:
                text = text if "f" in marks else f"{_MARK} {text}"
                text = text if "e" in marks else f"{text} {_MARK}"
                split[key] = [word for word in self.whole(text) if word != _MARK]
            else:
                inner[key] = text
        words = self.whole(" ".join([_MARK, *(f"{text} {_MARK}" for text in inner.values())]))
        places = [index for index, word in enumerate(words) if word == _MARK]
        for key, start, end in zip(inner, places, places[1:], strict=False):
            split[key] = words[start + 1 : end]
        for key, own in split.items():
            if not {"l", "d"}.isdisjoint(key.partition("\n")[2]):
                own.pop()  # the letter or digit added after the chunk
        return split


class Detokenizer:
    """An incremental detokenizer, with the same final text as sacremoses' MosesDetokenizer.

    Attributes:
        text: The whole text, if it ends here.
        settled: The beginning of the text that no further word can change.
    """

    def __init__(self) -> None:
        self._text = ""
        self._gap = ""
        self._last = ""
        self._open: set[str] = set()  # quotes
        self._held = ""  # a word that a hyphen may follow
        self._hyphen = False  # whether it ends in a hyphen, so that the next word joins it

    def add(self, words: Iterable[str]) -> None:
        """Add words in the spelling of the vocabulary, without end-of-word marks."""
        for word in words:
            if self._hyphen:
                self._held += word
                self._hyphen = False
            elif word == "@-@":
                self._held += "-"
                self._hyphen = True
            else:
                self._put_held()
                self._held = word

    @property
    def text(self) -> str:
        end = copy(self)
        end._open = set(self._open)
        end._put_held()
        return end._text

    @property
    def settled(self) -> str:
        # Closing punctuation joins the word before it, unless a hyphen follows.
        moves = any(_kind(token) in ("closing", "quote") for token in self._tokens())
        return self._text if moves else self.text

    def _tokens(self) -> list[str]:
        return (unescape(self._held) if "&" in self._held else self._held).split()

    def _put_held(self) -> None:
        for token in self._tokens():
            self._put(token)
        self._held = ""

    def _put(self, token: str) -> None:
        kind, gap, after = _kind(token), self._gap, " "
        if kind == "cjk":
            gap = "" if self._last and is_cjk(self._last[-1]) else gap
        elif kind == "opening":
            after = ""
        elif kind == "closing" or (kind == "contraction" and self._last):
            gap = ""
        elif kind == "quote":
            mark = '"' if _CURLY.search(token) else token
            if mark in self._open:
                self._open.remove(mark)
                gap = ""
            elif token == "'" and self._last.endswith("s"):
                gap = ""  # the patients' doses
            else:
                self._open.add(mark)
                after = ""
        self._text += gap + token
        self._gap, self._last = after, token


@lru_cache(1 << 16)
def _kind(token: str) -> Kind:
    if is_cjk(token[0]):
        return "cjk"
    kinds: dict[Kind, re.Pattern[str]] = {
        "opening": MosesDetokenizer.IS_CURRENCY_SYMBOL,
        "closing": MosesDetokenizer.IS_PUNCT,
        "contraction": MosesDetokenizer.IS_ENGLISH_CONTRACTION,
        "quote": MosesDetokenizer.IS_OPEN_QUOTE,
    }
    return next((kind for kind, pattern in kinds.items() if pattern.search(token)), "plain")


def _joined(chunks: list[str]) -> list[str]:
    """The chunks, merged where apostrophes meet across a space."""
    joined = chunks[:1]
    for chunk in chunks[1:]:
        if joined[-1].endswith("'") and chunk.startswith("'"):
            joined[-1] += f" {chunk}"
        else:
            joined.append(chunk)
    return joined
