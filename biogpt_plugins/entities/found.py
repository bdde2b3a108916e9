"""Names found in a text: the abbreviations that the text defines, and the entities they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from biogpt_plugins.entities.entries import DictionaryEntry
from biogpt_plugins.text.abbreviations import Definition, definition_at
from biogpt_plugins.values.results import Entity, IdMatch

_LONGEST_ACRONYM = 8
_BRACKETS = frozenset((" (", " [", "(", "["))


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


_start = attrgetter("start")

# --- entities -------------------------------------------------------------------------------


def entities_of(text: str, found: Sequence[Found]) -> list[Entity]:
    """The names as entities: one for each type that a name has."""
    entities: list[Entity] = []
    for start, end, entries, definition in found:
        mention = text[start:end]
        short = long = None
        if definition:
            short, long = (text[slice(*place)] for place in definition)
            long = " ".join(long.split())
        usual: IdMatch = "abbreviation" if short == mention else "exact"
        if len(entries) == 1:  # as most have, and quickly
            _, id_, type_ = entries[0]
            entities.append(Entity.known(mention, start, type_, id_, usual, long, short))
            continue
        for type_, ids in _ids(mention, entries).items():
            how: IdMatch = usual if len(ids) == 1 else "ambiguous"
            entities.append(Entity.known(mention, start, type_, ids[0], how, long, short))
    return entities


def _ids(mention: str, entries: Sequence[DictionaryEntry]) -> dict[str, list[str]]:
    """The ids of a name by type; those of this very spelling, if there are any."""
    found: dict[str, list[str]] = {}
    for type_ in dict.fromkeys(entry.type for entry in entries):
        of_type = [entry for entry in entries if entry.type == type_]
        same = [entry for entry in of_type if entry.name == mention] or of_type
        found[type_] = list(dict.fromkeys(entry.id for entry in same))
    return found


# --- abbreviations --------------------------------------------------------------------------


def with_abbreviations(text: str, found: list[Found]) -> list[Found]:
    """Add the abbreviations of found names, and drop those that stand for something else."""
    if not found or ("(" not in text and "[" not in text):
        return found
    defined: dict[str, Found] = {}
    for at, (start, end, _, _) in enumerate(found):
        if text[end : end + 2] in _BRACKETS:  # "cyclosporine A (CsA)"
            opening, since = end + 1, start
        elif text[start - 1 : start] in _BRACKETS and _ends_in_capital(text, start - 1):
            opening, since = start - 1, 0  # "CsA (cyclosporine A)"
        else:
            continue
        definition = definition_at(text, opening, since)
        if definition and definition.long == (start, end):
            found[at] = found[at]._replace(definition=definition)
            defined.setdefault(text[slice(*definition.short)], found[at])
    kept = [
        one
        for one in found
        if one.end - one.start > _LONGEST_ACRONYM or not _means_another(text, one, defined)
    ]
    return sorted([*kept, *_used(text, defined, kept)], key=_start) if defined else kept


def _used(text: str, defined: dict[str, Found], names: list[Found]) -> Iterator[Found]:
    """The defined abbreviations where no name stands."""
    starts = [one.start for one in names]
    for short, long in defined.items():
        for start in _mentions(text, short):
            before = bisect_right(starts, start) - 1
            if before < 0 or names[before].end <= start:
                yield long._replace(start=start, end=start + len(short))


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
