"""Finds the names of a dictionary in texts, thousands of abstracts a second.

Words and signs are compared in the normal form of `text.grounding`: case, hyphens, accents, the
plural "s" and the spelling of Greek letters do not matter. Of names that overlap, the leftmost is
found, and of these the longest. Abbreviations that the text defines stand for their long form, and
for nothing else.

The index is one dict of words in normal form. Texts are divided at white space, and what is found
in a chunk is remembered, so that most chunks cost one look-up: no name begins in them. Only where
the next word may belong to a name that has begun are words looked at one by one. An automaton over
characters (Aho-Corasick) would need the same normal form of the text, its offsets and the same
results, which take most of the time, and it takes longer to load.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cached_property
from itertools import accumulate, compress, count
from typing import NamedTuple, TypeVar

from biogpt_plugins.entities.entries import DictionaryEntry
from biogpt_plugins.entities.found import Found, entities_of, with_abbreviations
from biogpt_plugins.entities.stop_names import StopNames, adjective_of, fits
from biogpt_plugins.text.grounding import fold, loose_spans
from biogpt_plugins.values.results import Entity

_T = TypeVar("_T")
Spans = tuple[tuple[int, int], ...]
_MOST_KEPT = 200_000
_CHUNK = re.compile(r"\S+")
_AMERICAN = {"ae": "e", "oe": "e", "our": "or", "sulph": "sulf"}
_BRITISH = re.compile("|".join(_AMERICAN))


class _Chunk(NamedTuple):
    """What is known of words between white space in which names begin.

    Attributes:
        names: The names in it, with offsets in it, if none goes on after it.
        next_words: If the word after it is none of these, no name goes on.
    """

    names: tuple[Found, ...]
    next_words: Set[str]


class _Memo(dict[str, _T]):
    """What is worked out for words between white space, once for each, in bounded memory."""

    def __init__(self, work_out: Callable[[str], _T]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, text: str) -> _T:
        if len(self) >= _MOST_KEPT:
            self.clear()
        found = self[text] = self._work_out(text)
        return found


class NameFinder:
    """Finds the names of a dictionary. Safe to share between threads."""

    def __init__(self, names: Mapping[str, Sequence[DictionaryEntry]]) -> None:
        """Index names, but those that `stop_names` rules out.

        Args:
            names: Entries by their names in normal form.
        """
        # Name in normal form, or words that longer names begin with -> twice the number of its
        # entries, and 1 more if longer names begin so.
        known = self._known = dict[str, int]()
        self._entries: list[Sequence[DictionaryEntry]] = [()]
        # Words that longer names begin with -> the next words of these names.
        self._next_words: defaultdict[str, set[str]] = defaultdict(set)
        is_stopped = StopNames()
        longer = []
        for name, entries in names.items():
            if not is_stopped(name, entries):
                known[name] = 2 * len(self._entries)
                self._entries.append(entries)
                if " " in name:
                    longer.append(name)
        for name in longer:
            begun, *rest = name.split(" ")
            for word in rest:
                known[begun] = known.get(begun, 0) | 1
                self._next_words[begun].add(word)
                begun = f"{begun} {word}"
        for name, number in list(known.items()):
            if adjective := adjective_of(name, self._entries[number // 2]):
                before = known.get(adjective, 0)
                known[adjective] = before if before > 1 else number & ~1 | before
        self._words_of = _Memo(self._split)
        self._spans_of = _Memo(loose_spans)
        self._chunks = _Memo(self._look_into)

    @cached_property
    def _words(self) -> set[str]:
        """The words of all names."""
        return {word for name in self._known for word in name.split(" ")}

    def entities(self, text: str) -> list[Entity]:
        """The names in a text as entities: one for each type that a name has."""
        return entities_of(text, self.find(text))

    def find(self, text: str) -> list[Found]:
        """The names in a text, in its order; they do not overlap."""
        return with_abbreviations(text, self._names(text))

    def _split(self, chunk: str) -> tuple[str, ...]:
        """The words and signs of a chunk in normal form; British spellings as American ones."""
        return tuple(map(self._spelt, fold(chunk).split()))

    def _spelt(self, word: str) -> str:
        if word in self._words:
            return word
        american = _BRITISH.sub(lambda found: _AMERICAN[found[0]], word)
        return american if american in self._words else word

    def _names(self, text: str) -> list[Found]:
        chunks = text.split()
        seen = [*map(self._chunks.__getitem__, chunks)]
        starts = _starts(text, chunks)
        found: list[Found] = []
        past = 0
        words_of = self._words_of
        chunks.append("")  # so that each has one after it
        for at in compress(count(), seen):
            chunk = seen[at]
            if chunk is None or at < past:
                continue
            names, next_words = chunk
            if next_words:
                words = words_of[chunks[at + 1]]
                if not words or words[0] in next_words:
                    past = self._read(text, chunks, at, starts, found)
                    continue
            for start, end, entries, _ in names:
                begin = starts[at] + at
                found.append(Found(begin + start, begin + end, entries))
        return found

    def _look_into(self, text: str) -> _Chunk | None:
        """What is known of a chunk; None if no name begins in it."""
        words = self._words_of[text]
        if self._known.keys().isdisjoint(words):
            return None
        names: list[Found] = []
        self._read(text, [text], 0, [0], names)
        ends = (" ".join(words[at:]) for at in range(len(words)))
        begun = [name for name in ends if self._known.get(name, 0) % 2]
        if not begun:
            return _Chunk(tuple(names), frozenset()) if names else None
        next_words = [self._next_words[name] for name in begun]
        every = next_words[0] if len(begun) == 1 else set[str]().union(*next_words)
        return _Chunk(tuple(names), every)

    def _read(
        self, text: str, chunks: list[str], at: int, starts: list[int], found: list[Found]
    ) -> int:
        """Add the names that begin in a chunk, and those that begin in others where these end.

        Returns:
            The number of the first chunk that is left.
        """
        known, first = self._known, 0
        while first < len(words := self._words_of[chunks[at]]):
            ends = self._ends(chunks, at, first) if words[first] in known else []
            for after, last, entries in reversed(ends):
                start = starts[at] + at + self._spans_of[chunks[at]][first][0]
                end = starts[after] + after + self._spans_of[chunks[after]][last][1]
                if fits(text[start:end], entries):
                    found.append(Found(start, end, entries))
                    at, first = after, last + 1
                    break
            else:
                first += 1
        return at + 1

    def _ends(
        self, chunks: list[str], at: int, first: int
    ) -> list[tuple[int, int, Sequence[DictionaryEntry]]]:
        """The chunk and word that each name that begins at a word ends with, and its entries."""
        known, words_of = self._known, self._words_of
        ends = []
        name = ""
        for after in range(at, len(chunks)):
            words = words_of[chunks[after]]
            for last in range(first, len(words)):
                name = f"{name} {words[last]}" if name else words[last]
                number = known.get(name, 0)
                if number > 1:
                    ends.append((after, last, self._entries[number // 2]))
                if not number % 2:
                    return ends
            first = 0
        return ends


def _starts(text: str, chunks: list[str]) -> list[int]:
    """The offset of each chunk, less its number."""
    starts = [*accumulate(map(len, chunks), initial=0)]
    if starts[-1] + len(chunks) - 1 == len(text):
        return starts
    return [chunk.start() - number for number, chunk in enumerate(_CHUNK.finditer(text))]
