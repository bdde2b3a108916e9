"""Finds the names of a dictionary in texts, at the speed of thousands of abstracts a second.

Words and signs are compared in the normal form of `text.grounding`: case, hyphens, accents, the
plural "s" and the spelling of Greek letters do not matter. Of names that overlap, the leftmost is
found, and of these the longest. Abbreviations that the text defines stand for their long form, and
for nothing else.

The index is one dict of words in normal form. An automaton over characters (Aho-Corasick) would
need the same normal form of the text, its offsets and the same results, which take most of the
time, and it takes longer to load.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain, compress, count
from operator import add
from typing import Any, NamedTuple, TypeVar

from biogpt_plugins.entities.entries import DictionaryEntry
from biogpt_plugins.entities.stop_names import StopNames, adjective_of, fits
from biogpt_plugins.text.abbreviations import Definition, definition_at
from biogpt_plugins.text.grounding import loose_tokens
from biogpt_plugins.values.results import Entity, IdMatch

_T = TypeVar("_T")
Spans = tuple[tuple[int, int], ...]
_MOST_KEPT = 200_000
_CHUNK = re.compile(r"\S+")
_LONGEST_ACRONYM = 8
_BRACKETS = frozenset((" (", " [", "(", "["))
_AMERICAN = {"ae": "e", "oe": "e", "our": "or", "sulph": "sulf"}
_BRITISH = re.compile("|".join(_AMERICAN))


class Found(NamedTuple):
    """A name in a text.

    Attributes:
        start: Offset of its first character.
        end: Offset one past its last.
        entries: What the dictionary has under this name.
        definition: Where the text defines the abbreviation that this is, or that stands for this.
    """

    start: int
    end: int
    entries: Sequence[DictionaryEntry]
    definition: Definition | None = None


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
        # First word -> the second words of names.
        self._seconds: defaultdict[str, set[str]] = defaultdict(set)
        is_stopped = StopNames()
        longer = []
        for name, entries in names.items():
            if not is_stopped(name, entries):
                known[name] = 2 * len(self._entries)
                self._entries.append(entries)
                if " " in name:
                    longer.append(name)
        for name in longer:
            first, second, *rest = name.split(" ")
            self._seconds[first].add(second)
            known[first] = known.get(first, 0) | 1
            for word in rest:
                first = f"{first} {second}"
                known[first] = known.get(first, 0) | 1
                second = word
        for name, number in list(known.items()):
            if adjective := adjective_of(name, self._entries[number // 2]):
                before = known.get(adjective, 0)
                known[adjective] = before if before > 1 else number & ~1 | before
        self._words_of = _Memo(self._split)
        self._spans_of = _Memo(_spans)

    @cached_property
    def _words(self) -> set[str]:
        """The words of all names."""
        return {word for name in self._known for word in name.split(" ")}

    def entities(self, text: str) -> list[Entity]:
        """The names in a text as entities: one for each type that a name has."""
        return [entity for found in self.find(text) for entity in _entities(text, found)]

    def find(self, text: str) -> list[Found]:
        """The names in a text, in its order; they do not overlap."""
        return _with_abbreviations(text, self._names(text))

    def _split(self, chunk: str) -> tuple[str, ...]:
        """The words and signs of a chunk in normal form; British spellings as American ones."""
        return tuple(map(self._spelt, (token.text for token in loose_tokens(chunk))))

    def _spelt(self, word: str) -> str:
        american = _BRITISH.sub(lambda found: _AMERICAN[found[0]], word)
        if american == word or word in self._words:
            return word
        return american if american in self._words else word

    def _names(self, text: str) -> list[Found]:
        chunks = text.split()
        parts = [*map(self._words_of.__getitem__, chunks)]
        words, known = [*chain.from_iterable(parts)], self._known
        if not words:
            return []
        places = _Places(text, chunks, parts, self._spans_of)
        found = []
        past = 0
        words.append("")
        for first in compress(count(), map(known.__contains__, words)):
            if first < past:
                continue
            word, end = words[first], first + 1
            number = known[word]
            ends = [(end, number)] if number > 1 else []
            if number % 2 and words[end] in self._seconds[word]:
                name = word
                while number % 2:
                    name = f"{name} {words[end]}"
                    if name not in known:
                        break
                    number, end = known[name], end + 1
                    if number > 1:
                        ends.append((end, number))
            for end, number in reversed(ends):
                start, stop = places.span(first, end)
                entries = self._entries[number // 2]
                if fits(text[start:stop], entries):
                    found.append(Found(start, stop, entries))
                    past = end
                    break
        return found


class _Places:
    """Where the words of a text are.

    Args:
        text: The text.
        chunks: What it has between white space.
        parts: The words of each chunk.
        spans: The places of the words of a chunk in it.
    """

    def __init__(
        self,
        text: str,
        chunks: list[str],
        parts: list[tuple[str, ...]],
        spans: Mapping[str, Spans],
    ) -> None:
        self._chunks, self._spans = chunks, spans
        self._counts = [*accumulate(map(len, parts), initial=0)]
        self._starts = [*accumulate(map(len, chunks), initial=0)]
        if self._starts[-1] + len(chunks) - 1 == len(text):
            self._starts = [*map(add, self._starts, count())]
        else:
            self._starts = [chunk.start() for chunk in _CHUNK.finditer(text)]

    def span(self, first: int, end: int) -> tuple[int, int]:
        """The offsets of some words."""
        one = bisect_right(self._counts, first) - 1
        start, stop = self._spans[self._chunks[one]][first - self._counts[one]]
        if end - first == 1:
            return self._starts[one] + start, self._starts[one] + stop
        other = bisect_right(self._counts, end - 1, one) - 1
        stop = self._spans[self._chunks[other]][end - 1 - self._counts[other]][1]
        return self._starts[one] + start, self._starts[other] + stop


def _spans(chunk: str) -> Spans:
    return tuple((token.span.start, token.span.end) for token in loose_tokens(chunk))


def _entities(text: str, found: Found) -> list[Entity]:
    start, end, entries, definition = found
    mention = text[start:end]
    place: dict[str, Any] = {"text": mention, "start": start, "end": end, "name": mention}
    if len(entries) == 1 and not definition:  # as most are, and quickly
        return [Entity(**place, type=entries[0].type, id=entries[0].id, id_match="exact")]
    short, long = (text[slice(*one)] for one in definition or ((0, 0), (0, 0)))
    forms = {"short_form": short or None, "long_form": " ".join(long.split()) or None}
    entities = []
    for type_ in dict.fromkeys(entry.type for entry in entries):
        of_type = [entry for entry in entries if entry.type == type_]
        same = [entry for entry in of_type if entry.name == mention] or of_type
        how: IdMatch = "exact" if len({entry.id for entry in same}) == 1 else "ambiguous"
        if how == "exact" and short == mention:
            how = "abbreviation"
        entities.append(Entity(**place, **forms, type=type_, id=same[0].id, id_match=how))
    return entities


# --- abbreviations --------------------------------------------------------------------------


def _with_abbreviations(text: str, found: list[Found]) -> list[Found]:
    """Add the abbreviations of found names, and drop those that stand for something else."""
    if "(" not in text and "[" not in text:
        return found
    defined: dict[str, Found] = {}
    for at, one in enumerate(found):
        if text[one.end : one.end + 2] in _BRACKETS:  # "cyclosporine A (CsA)"
            opening, since = one.end + 1, one.start
        elif text[one.start - 1 : one.start] in _BRACKETS and _ends_in_capital(text, one.start - 1):
            opening, since = one.start - 1, 0  # "CsA (cyclosporine A)"
        else:
            continue
        definition = definition_at(text, opening, since)
        if definition and definition.long == (one.start, one.end):
            found[at] = one._replace(definition=definition)
            defined.setdefault(text[slice(*definition.short)], found[at])
    kept = [
        one
        for one in found
        if one.end - one.start > _LONGEST_ACRONYM or not _means_another(text, one, defined)
    ]
    taken = {place for one in kept for place in range(one.start, one.end)} if defined else set()
    for short, long in defined.items():
        for start in _mentions(text, short):
            if start not in taken:
                kept.append(long._replace(start=start, end=start + len(short)))
    return sorted(kept, key=lambda one: one.start) if defined else kept


def _ends_in_capital(text: str, end: int) -> bool:
    """Whether the word before an offset may be an abbreviation."""
    word = text[max(0, end - 3) : end].rstrip().removesuffix("s")
    return word[-1:].isupper() or word[-1:].isdigit()


def _means_another(text: str, name: Found, defined: dict[str, Found]) -> bool:
    """Whether this is an abbreviation that the text defines otherwise than the dictionary."""
    mention = text[name.start : name.end]
    if mention[1:] == mention[1:].lower():
        return False
    if mention in defined:
        return name.entries is not defined[mention].entries
    opening = text.find(f"({mention}")
    definition = definition_at(text, opening) if opening >= 0 else None
    return definition is not None and text[slice(*definition.short)] == mention


def _mentions(text: str, word: str) -> Iterator[int]:
    """Where a word stands in a text, in this very spelling."""
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not text[at - 1 : at].isalnum() and not text[end : end + 1].isalnum():
            yield at
        at = text.find(word, end)
