"""The patterns by which a clause's reader works, made from the clause's words.

They allow what models do to a layout: other case and spacing, a missing article, "exist" for
"exists", "effects" for "effect".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Shape = Literal["closed", "typed", "named"]
"""How a clause ends: with fixed words, with its type, or with a name."""

_ARTICLES = ("the", "a", "an")
SAME = ("relation", "interaction")  # models use them interchangeably
_NEGATABLE = ("is", "are", "was", "were")
_DISTINCTIVE = 2  # words; a single word may occur in a name
_LONGEST_TYPE = 40
# A full stop ends a clause only after a longer word, a digit or a bracket: not in "e. coli" or
# "i.v. dose".
_STOP = r"(?:(?<=\S\S\S\S)|(?<=[\d)\]]))\."


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """Patterns for the parts of a clause in a completion.

    Attributes:
        shape: How a clause ends.
        start: The words that begin a clause; None if a clause begins with a name, so that only
            separators and full stops show where it begins.
        lead: What may precede the first slot of a clause that begins with a name.
        kind: A type before both names, with the words after it; None if the type is elsewhere.
        divider: The words between the names, with a group "type" if the type is among them.
        denied: The negated `divider`; None if it cannot be negated.
        verb: The words between the second name and a type at the end.
        closing: The fixed words at the end; None if there are none.
        finish: What a clause has before its end, in an unfinished completion: its last fixed words,
            or those before its type. Empty if it ends with a name.
        finish_end: What ends a clause, somewhere after `finish`.
        at_finish: What ends a clause right after `finish`, before its `finish_end`; None if nothing
            does.
        bounds: What ends a clause that has no fixed words at its end.
        separated: The separator between two clauses.
        types: A pattern for each wording, with its type; long wordings first.
        open: Whether any other wording is a type, too.
        mixed: Whether a wording contains the words of `verb`, or `verb` has no words.
        typed_end: A type and the full stop after it.
        tail_first: Whether the tail is named before the head.
    """

    shape: Shape
    start: re.Pattern[str] | None
    lead: re.Pattern[str]
    kind: re.Pattern[str] | None
    divider: re.Pattern[str]
    denied: re.Pattern[str] | None
    verb: re.Pattern[str] | None
    closing: re.Pattern[str] | None
    finish: re.Pattern[str]
    finish_end: re.Pattern[str]
    at_finish: re.Pattern[str] | None
    bounds: re.Pattern[str]
    separated: re.Pattern[str]
    types: tuple[tuple[re.Pattern[str], str], ...]
    open: bool
    typed_end: re.Pattern[str]
    mixed: bool
    tail_first: bool

    @classmethod
    def of(
        cls,
        slots: Sequence[str],
        literals: Sequence[str],
        *,
        types: Mapping[str, str],
        closed: bool,
        separator: str,
    ) -> Patterns:
        """Make the patterns of a clause.

        Args:
            slots: "head", "tail" and, if it has one, "type", in order.
            literals: The words before each slot, and after the last one.
            types: Wording to type.
            closed: Whether `types` is complete.
            separator: The sign between clauses.
        """
        opening, closing = literals[0], literals[-1]
        at = slots.index("type") if "type" in slots else -1
        last = at == len(slots) - 1
        wordings = sorted(types, key=len, reverse=True)
        kind = "|".join(map(_words, wordings)) + ("" if closed else "|.+?")
        sep = re.escape(separator)
        core = _core(opening)
        lead = rf"\s*(?P<no>no\s+)?{_article(opening)}"
        start = rf"(?<!\w)(?P<no>no\s+)?{_article(opening)}{_words(core)}\s+"
        if at == 1:
            before, after = literals[1], literals[2]
            divider = _typed(before, kind, after)
            denied = _denied(before, wordings if closed else (), after)
        else:
            between = literals[2 if at == 0 else 1]
            divider = rf"\s+{_words(between)}\s+"
            denied = _denied(between, (), "")
        verb = literals[at] if last else ""
        long = max(_LONGEST_TYPE, *(len(wording) + 1 for wording in wordings))
        bounds = rf"{sep}(?=\s|$)|{_STOP}(?=\s|$)"
        word = rf"\s+{_words(verb)}" if verb else ""
        # Without words before it, only a known type is one: in "e. coli" no type ends.
        said = rf"[^.{sep}]{{1,{long}}}" if verb else rf"(?:{kind})[sd]?\s*"
        # White space is matched from its beginning only, so that long runs of it take no time.
        if last:
            finish = rf"(?<!\s){word}(?=\s)" if verb else r"(?<=\S)(?=\s)"
            finish_end, at_finish = sep, rf"\s+{said}\.(?=\s)"
        elif closing:
            finish, finish_end, at_finish = rf"(?<!\s)\s+{_closing(closing)}", rf"[.{sep}]", ""
        else:
            finish, finish_end, at_finish = "", rf"{sep}(?=\s)|{_STOP}(?=\s)", ""
        distinctive = len(core.split()) >= _DISTINCTIVE
        return cls(
            shape="typed" if last else "closed" if closing else "named",
            start=_compiled(start) if distinctive else None,
            lead=_compiled(rf"{lead}(?:{_words(core)}\s+)?" if core else lead),
            kind=_compiled(_first(kind, literals[1])) if at == 0 else None,
            divider=_compiled(divider),
            denied=_compiled(denied) if denied else None,
            verb=_compiled(
                rf"{word}\s*(?=\s|$)" if verb else rf"(?=\s(?:{kind})[sd]?[{sep}.,]*(?:\s|$))"
            )
            if last
            else None,
            closing=_compiled(rf"\s+{_closing(closing)}") if closing else None,
            finish=_compiled(finish),
            finish_end=_compiled(finish_end),
            at_finish=_compiled(at_finish) if at_finish else None,
            bounds=_compiled(bounds),
            separated=_compiled(rf"{sep}(?:\s|$)"),
            types=tuple(
                (
                    _compiled(rf"(?P<type>{_words(wording)})[sd]?(?=[{sep}.,]*(?:\s|$))"),
                    types[wording],
                )
                for wording in wordings
            ),
            open=not closed,
            typed_end=_compiled(rf"{word}\s+{said}\.(?=\s|$)"),
            mixed=any(f" {verb} " in f" {wording} " or not verb for wording in wordings),
            tail_first=slots.index("tail") < slots.index("head"),
        )


def folded(name: str) -> str:
    """Normalize a wording for comparison, without case, spaces and plural "s"."""
    return "".join(word.lower().removesuffix("s") or word.lower() for word in name.split())


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _words(text: str) -> str:
    return r"\s+".join(map(_word, text.split()))


def _word(word: str) -> str:
    if word.lower() in SAME:
        return f"(?:{'|'.join(SAME)})"
    stem = word.removesuffix("s")
    return f"{re.escape(stem)}s?" if stem != word and len(stem) > _DISTINCTIVE else re.escape(word)


def _closing(words: str) -> str:
    return _words(words) + (r"\b" if words[-1].isalnum() else "")


def _core(opening: str) -> str:
    """The opening words without a leading article, which models may leave out."""
    words = opening.split()
    return " ".join(words[1:] if words and words[0].lower() in _ARTICLES else words)


def _article(opening: str) -> str:
    first = opening.lower().split()[:1]
    return rf"(?:(?:{'|'.join(sorted({'the', *first} & {*_ARTICLES}))})\s+)?"


def _typed(before: str, kind: str, after: str) -> str:
    """The pattern of a type between two names, with the words around it."""
    head = rf"\s+{_words(before)}" if before else ""
    tail = rf"\s+{_words(after)}\s+" if after else r"\s+"
    return rf"{head}\s+(?P<type>{kind})[sd]?{tail}"


def _first(kind: str, after: str) -> str:
    """The pattern of a type before both names, with the words after it."""
    tail = rf"\s+{_words(after)}\s+" if after else r"\s+"
    return rf"\s*(?P<type>{kind})[sd]?{tail}"


def _denied(before: str, wordings: Sequence[str], after: str) -> str:
    """The pattern between two names with "is not" instead of "is"; "" if there is no "is"."""
    dividers = [" ".join((before, wording, after)).split() for wording in wordings or ("",)]
    patterns = []
    for words in dividers:
        if words and words[0].lower() in _NEGATABLE:
            rest = words[2:] if words[1:] and words[1].lower() in _ARTICLES else words[1:]
            gap = r"(?:not|no\s+longer|no)\s+(?:an?\s+|the\s+)?"
            patterns.append(rf"{re.escape(words[0])}\s+{gap}{_words(' '.join(rest))}[sd]?\s+")
    return rf"\s+(?:{'|'.join(patterns)})" if patterns else ""
