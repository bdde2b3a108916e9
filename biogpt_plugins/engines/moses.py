"""Moses tokenisation and detokenisation for English: sacremoses' own, many times as fast.

`Splitter` asks sacremoses for each chunk between spaces once: its rules hardly look further, and
where they do, the key under which a chunk is remembered tells what they see. `Writing` is
sacremoses' detokeniser as a machine that is fed word by word, with its own patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from functools import lru_cache
from typing import Literal

from sacremoses import MosesDetokenizer, MosesTokenizer
from sacremoses.util import is_cjk

_MARK = "\ue000"  # a character for private use: a word of its own to Moses
_STRANGE = re.compile(f"[\x00-\x08\x0e-\x1b{_MARK}]")
_LOWER = frozenset(MosesTokenizer.IsLower)
_DIGITS = frozenset("0123456789")
_CURLY = re.compile("^[„“”]+$")
unescape = MosesDetokenizer(lang="en").unescape_xml
"""Moses' escapes as the characters that they stand for."""


Kind = Literal["plain", "cjk", "opening", "closing", "contraction", "quote"]


class QuickMoses(MosesTokenizer):  # type: ignore[misc]
    """The Moses tokenizer without the 11,000-character sets that it builds at every full stop."""

    _ALPHA = frozenset(MosesTokenizer.IsAlpha)

    def islower(self, text: str) -> bool:
        return _LOWER.issuperset(text)

    def isanyalpha(self, text: str) -> bool:
        return not self._ALPHA.isdisjoint(text)


class Splitter:
    """Splits text into chunks that Moses treats one by one, and chunks into words.

    A chunk is what stands between spaces. The rules that look further are three: whether a full
    stop stays with its word depends on what comes next; commas and apostrophes at a text's
    beginning or end are other than elsewhere; an apostrophe uses up the space behind it.
    """

    def __init__(self) -> None:
        self._moses = QuickMoses(lang="en")

    def whole(self, text: str) -> list[str]:
        """The words of a text, by Moses alone."""
        words: list[str] = self._moses.tokenize(
            text, aggressive_dash_splits=True, return_str=False, escape=True
        )
        return words

    def keys(self, text: str) -> list[str] | None:
        """What tells the words of each chunk; None for texts with control characters.

        A key is the chunk, and behind a line break what else matters, if anything: "l" or "d" for
        a small letter or a digit that comes next, "f" for a text's first chunk, "e" for its end.
        """
        if _STRANGE.search(text):
            return None
        keys = text.split()
        if "' '" in text:
            keys = _joined(keys)
        last = len(keys) - 1
        for index, chunk in enumerate(keys):
            end = chunk[-1]
            if end == "." and index < last:
                following = keys[index + 1][0]
                if following in _LOWER:
                    keys[index] += "\nl"
                elif following in _DIGITS:
                    keys[index] += "\nd"
            elif index == last and end in ",'":
                keys[index] += "\ne"
        if keys and keys[0][0] in ",'":
            keys[0] += "f" if "\n" in keys[0] else "\nf"
        return keys

    def words(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """The words of each key's chunk, nearly all of them by one pass of Moses."""
        found: dict[str, list[str]] = {}
        inner: dict[str, str] = {}
        for key in keys:
            chunk, _, marks = key.partition("\n")
            text = f"{chunk} z" if "l" in marks else f"{chunk} 0" if "d" in marks else chunk
            if "f" in marks or "e" in marks:
                text = text if "f" in marks else f"{_MARK} {text}"
                text = text if "e" in marks else f"{text} {_MARK}"
                found[key] = [word for word in self.whole(text) if word != _MARK]
            else:
                inner[key] = text
        words = self.whole(" ".join([_MARK, *(f"{text} {_MARK}" for text in inner.values())]))
        places = [index for index, word in enumerate(words) if word == _MARK]
        for key, start, end in zip(inner, places, places[1:], strict=False):
            found[key] = words[start + 1 : end]
        for key, own in found.items():
            if not {"l", "d"}.isdisjoint(key.partition("\n")[2]):
                own.pop()  # what was put behind the chunk
        return found


class Writing:
    """A text that grows word by word, as sacremoses' MosesDetokenizer writes it in the end.

    Attributes:
        text: All of it, if it ends here.
        settled: Its beginning that stays as it is, whatever follows.
    """

    def __init__(self) -> None:
        self._text = ""
        self._gap = ""
        self._last = ""
        self._open: set[str] = set()  # quotes
        self._held = ""  # a word that a hyphen may follow
        self._hyphen = False  # at its end, so that the next word is a part of it

    def add(self, words: Iterable[str]) -> None:
        """Add words, as the vocabulary spells them, without the marks of their ends."""
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
        # Closing punctuation stands close to the word before it, unless a hyphen follows.
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
    """The chunks, those put together whose apostrophes meet across a space."""
    found = chunks[:1]
    for chunk in chunks[1:]:
        if found[-1].endswith("'") and chunk.startswith("'"):
            found[-1] += f" {chunk}"
        else:
            found.append(chunk)
    return found
