"""Abbreviations that a paper defines: "cyclosporine A (CsA)".

The algorithm of Schwartz and Hearst (2003), "A simple algorithm for identifying abbreviation
definitions in biomedical text", Pacific Symposium on Biocomputing 8:451-462, extended to return
offsets. The PyPI package `abbreviations` returns no offsets, skips a line that has one unmatched
bracket, and configures logging when it is imported.

It misses abbreviations whose letters do not occur in the long form in the same order ("water
(H2O)"), definitions without brackets ("CsA, i.e. cyclosporine A"), and definitions in other papers.
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
# A lower-case word of 4 letters or more cannot be part of a two-word abbreviation: "factors I".
_PLAIN = 4
_WINDOW = 300  # characters before the bracket that are searched for the long form


class Definition(NamedTuple):
    """The places of an abbreviation and its long form; `text[slice(*long)]` is the long form."""

    short: Span
    long: Span


@once
def definitions(text: str) -> tuple[Definition, ...]:
    """Find the abbreviations that a text defines, in text order, in linear time."""
    candidates = (
        _defined(text, sentence.start, bracket)
        for sentence in sentences(text)
        for bracket in _BRACKET.finditer(text, *sentence)
    )
    return tuple(filter(None, candidates))


def definition_at(text: str, opening: int, since: int = 0) -> Definition | None:
    """The definition by the bracket at an offset, and words before it that begin at `since`."""
    bracket = _BRACKET.match(text, opening)
    return _defined(text, since, bracket) if bracket else None


class Abbreviations:
    """The abbreviations of one text, looked up by short or long form."""

    def __init__(self, text: str) -> None:
        """Find the abbreviations that `text` defines."""
        self._by_short: dict[str, tuple[str, str]] = {}
        self._by_name: dict[str, tuple[str, str]] = {}
        for short, long in definitions(text):
            pair = (text[slice(*short)], " ".join(text[slice(*long)].split()))
            # All spellings of a long form map to the spelling of its first definition.
            pair = (pair[0], self._by_name.get(_normal(pair[1]), pair)[1])
            self._by_short.setdefault(pair[0], pair)
            for form in pair:
                self._by_name.setdefault(_normal(form), pair)

    def of(self, *names: str) -> tuple[str, str] | None:
        """The short and the long form of the first of these names that is either of them.

        Exact spellings are tried first, because a text may define both "CA" and "Ca".
        """
        if not self._by_short:
            return None
        exact = map(self._by_short.get, names)
        folded = map(self._by_name.get, map(_normal, names))
        for lookups in (exact, folded):
            if pair := next(filter(None, lookups), None):
                return pair
        return None


@once
def abbreviations_of(text: str) -> Abbreviations:
    """The abbreviations of a text."""
    return Abbreviations(text)


def _normal(name: str) -> str:
    return " ".join(words(name)) or name


def _defined(text: str, start: int, bracket: re.Match[str]) -> Definition | None:
    """The definition that a bracket and the words before it form, if they form one."""
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
    """Start of the long form whose words begin with the letters of the short form.

    The paper lacks this rule: for SRS it finds "seizures", not "spontaneous recurrent seizures".
    """
    letters = form[:-1] if form.endswith("s") and form[:-1].isupper() else form
    words_ = list(_WORD.finditer(text, start, end))[-len(letters) :]
    if "".join(word[0][0] for word in words_).lower() != letters.lower():
        return None
    at = words_[0].start()
    return at if at == start or text[at - 1].isspace() else None


def _match(form: str, text: str, start: int, end: int) -> int | None:
    """Start of the long form that contains the letters of the short form, matched right to left.

    The first letter must begin a word or a part of a hyphenated word, which is included whole.
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
