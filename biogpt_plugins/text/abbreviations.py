"""Abbreviations that a paper defines: "cyclosporine A (CsA)".

The algorithm of Schwartz and Hearst (2003), "A simple algorithm for identifying abbreviation
definitions in biomedical text", Pacific Symposium on Biocomputing 8:451-462, with places. The PyPI
package `abbreviations` gives no places, gives up a line for one bracket without its partner, and
sets up logging when it is imported.

Not found are abbreviations whose letters do not stand in the long form in their order ("water
(H2O)"), that are defined without brackets ("CsA, i.e. cyclosporine A"), or in another paper.
"""

from __future__ import annotations

import re
import string
from typing import NamedTuple

from biogpt_plugins.text.grounding import Span, sentences, words
from biogpt_plugins.text.source import once

_BRACKET = re.compile(r"(?<=\s)[(\[]([^()\[\]]{2,250})[)\]]")
_FIRST = re.compile(r"\s*[\"'“‘]?([^,;:=]*[^\s,;:=\"'”’])")  # "CsA; 5 mg/kg", "'CsA'"
_LAST_WORD = re.compile(r"\S{2,10}$")
_MOST_WORDS = 2
_SHORT = (2, 10)  # characters
_BETWEEN = string.whitespace + ",;:\"'”’"
_LATIN = {"i.e.", "e.g.", "i.e", "e.g", "ie", "eg", "cf", "vs", "vs."}
_WORD = re.compile(r"[^\W_]+")
_PLAIN = 4  # letters; of two words such a one is no part of an abbreviation: "factors I"
_WINDOW = 300  # characters in which a long form is looked for


class Definition(NamedTuple):
    """An abbreviation and what it stands for; `text[slice(*long)]` is the long form."""

    short: Span
    long: Span


@once
def definitions(text: str) -> tuple[Definition, ...]:
    """The abbreviations that a text defines, in text order; the time it takes grows as the text."""
    found = []
    for sentence in sentences(text):
        for bracket in _BRACKET.finditer(text, *sentence):
            if definition := _defined(text, sentence.start, bracket):
                found.append(definition)
    return tuple(found)


class Abbreviations:
    """The short and long forms of one text, by either."""

    def __init__(self, text: str) -> None:
        """Find what `text` defines."""
        self._by_short: dict[str, tuple[str, str]] = {}
        self._by_name: dict[str, tuple[str, str]] = {}
        for short, long in definitions(text):
            pair = (text[slice(*short)], " ".join(text[slice(*long)].split()))
            # One long form, however it is written, has one spelling: that of its first definition.
            pair = (pair[0], self._by_name.get(_normal(pair[1]), pair)[1])
            self._by_short.setdefault(pair[0], pair)
            for form in pair:
                self._by_name.setdefault(_normal(form), pair)

    def of(self, *names: str) -> tuple[str, str] | None:
        """Short form and long form of what one of these names stands for, if it is either.

        A text may define "CA" and "Ca": names as the text spells them come first.
        """
        for known in (map(self._by_short.get, names), map(self._by_name.get, map(_normal, names))):
            if found := next(filter(None, known), None):
                return found
        return None


@once
def abbreviations_of(text: str) -> Abbreviations:
    """The abbreviations of a text."""
    return Abbreviations(text)


def _normal(name: str) -> str:
    return " ".join(words(name)) or name


def _defined(text: str, start: int, bracket: re.Match[str]) -> Definition | None:
    """The definition that a bracket makes with the words before it, if it does."""
    inside = _FIRST.match(text, bracket.start(1), bracket.end(1))
    if not inside:
        return None
    opening = bracket.start()
    begin = max(start, opening - _WINDOW)
    before = Span(begin, begin + len(text[begin:opening].rstrip(_BETWEEN)))
    within = Span(*inside.span(1))
    if _may_be_short(text[slice(*within)]):
        others = text[within.end : bracket.end(1)].split(",")[1:]
        listed = any(_may_be_short(other.strip()) for other in others)  # "liver enzymes (ALT, AST)"
        return None if listed else _pair(text, within, before)
    last = _LAST_WORD.search(text, *before)
    whole = Span(within.start, bracket.end(1))
    if last and _may_be_short(last[0]) and len(text[slice(*whole)].split()) > 1:
        return _pair(text, Span(*last.span()), whole)
    return None


def _may_be_short(form: str) -> bool:
    least, most = _SHORT
    parts = form.split()
    return (
        least <= len(form) <= most
        and len(parts) <= _MOST_WORDS
        and form[0].isalnum()
        and any(map(str.isalpha, form))
        and form.lower() not in _LATIN
        and (len(parts) == 1 or not any(len(p) >= _PLAIN and p.islower() for p in parts))
    )


def _pair(text: str, short: Span, window: Span) -> Definition | None:
    form = text[slice(*short)]
    # A long form has at most min(|A| + 5, 2 |A|) words.
    most = min(len(form) + 5, 2 * len(form))
    starts = [word.start() for word in re.finditer(r"\S+", text[slice(*window)])][-most:]
    if not starts:
        return None
    first = window.start + starts[0]
    at = _initials(form, text, first, window.end)
    if at is None and not form.islower():
        at = _match(form, text, first, window.end)
    if at is None:
        return None
    long = text[at : window.end]
    sound = (
        len(long) > len(form)
        and form not in long
        and long[0] not in "(["
        and long.count("(") == long.count(")")
        and long.count("[") == long.count("]")
    )
    return Definition(short, Span(at, window.end)) if sound else None


def _initials(form: str, text: str, start: int, end: int) -> int | None:
    """Where the long form starts that has a word for each letter of the short one.

    Not in the paper, whose rule takes "seizures" alone for SRS, "spontaneous recurrent seizures".
    """
    letters = form[:-1] if form.endswith("s") and form[:-1].isupper() else form
    words_ = list(_WORD.finditer(text, start, end))[-len(letters) :]
    if "".join(word[0][0] for word in words_).lower() != letters.lower():
        return None
    at = words_[0].start()
    return at if at == start or text[at - 1].isspace() else None


def _match(form: str, text: str, start: int, end: int) -> int | None:
    """Where the long form starts whose letters, from right to left, are those of the short one.

    The first letter must begin a word; the word in which it does is taken from its beginning.
    """
    letters = [letter for letter in form.lower() if letter.isalnum()]
    at = end
    for number in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= start and (
            text[at].lower() != letters[number]
            or (number == 0 and at > start and text[at - 1].isalnum())
        ):
            at -= 1
        if at < start:
            return None
    while at > start and not text[at - 1].isspace():
        at -= 1
    return at
