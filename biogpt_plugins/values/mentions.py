"""Annotations of a text as Entities whose offsets count in it.

Files count in other units, from other beginnings and with other spellings. What is not in the text
is told by document and mention, with the remedy.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, product
from typing import NamedTuple
from unicodedata import normalize

from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity

_ELLIPSIS = re.compile(r"\.{3}|…")
_NO_ID = {"", "-", "-1", "none", "null", "nan", "n/a"}
_MOST_SHOWN = 80


class Mention(NamedTuple):
    """An annotation as a file has it.

    Attributes:
        text: Its words; "" if only the offsets are given.
        type: Its type.
        spans: Start and end of each part; several if it is discontinuous, none if unknown.
        id: Its identifier, or several with "|" or ";" between them.
        parts: Name and id of each thing that a composite mention names.
    """

    text: str
    type: str
    spans: tuple[tuple[int, int], ...] = ()
    id: str | None = None
    parts: tuple[tuple[str, str | None], ...] = ()


class Placed(NamedTuple):
    """The entities of a text.

    Attributes:
        entities: The entities.
        faults: What is said of each mention that is not in the text.
    """

    entities: list[Entity]
    faults: list[str]


def placed(
    mentions: Sequence[Mention], source: str, document: str | None, bases: Iterable[int] = (0,)
) -> Placed:
    """Annotations as Entities with offsets in a text.

    Offsets may count characters, UTF-16 units (Java, JavaScript) or bytes of UTF-8, from several
    beginnings: those are taken with which most mentions are where they should be. Case, spaces and
    the form of characters need not agree. The parts of a composite mention become Entities with its
    span. A discontinuous mention has the span from its first to its last part, and its own words as
    name.

    Args:
        mentions: The annotations.
        source: The text.
        document: The document's id, for messages.
        bases: The offsets that the text's beginning may have, the likeliest first.

    Raises:
        InputError: Most mentions are not in the text; the message names the first.
    """
    best: Placed | None = None
    for unit, base in product(_UNITS[:1] if source.isascii() else _UNITS, dict.fromkeys(bases)):
        found = _placed(mentions, source, document, unit(source), base)
        if best is None or len(found.faults) < len(best.faults):
            best = found
        if not best.faults:
            break
    assert best  # there is a unit and a base
    if 2 * len(best.faults) > len(mentions):
        raise InputError(best.faults[0])
    return best._replace(faults=[f"left out an entity: {fault}" for fault in best.faults])


def check_entity(entity: Entity, source: str, document: str | None) -> None:
    """Check that an entity with offsets is in the text.

    Raises:
        InputError: The text has other words there.
    """
    if entity.start is not None and source[entity.start : entity.end] != entity.text:
        raise InputError(_fault(entity.text, [(entity.start, entity.end or 0)], source, document))


def identifier_of(value: object) -> str | None:
    """An annotation's id, or its ids with "|" between them; None if it says that it has none."""
    if isinstance(value, list | tuple | set):
        return "|".join(filter(None, map(identifier_of, value))) or None
    text = "" if value is None else str(value).strip()
    return None if text.casefold() in _NO_ID else text


def shown(value: object) -> str:
    """A value as messages show it."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def _placed(
    mentions: Sequence[Mention],
    source: str,
    document: str | None,
    offset_of: Callable[[int], int],
    base: int,
) -> Placed:
    entities: list[Entity] = []
    faults: list[str] = []
    for mention in mentions:
        spans = [(offset_of(start - base), offset_of(end - base)) for start, end in mention.spans]
        pieces = [source[start:end] if start >= 0 else "" for start, end in sorted(spans)]
        words = mention.text or " ".join(pieces)
        if all(pieces) and (not pieces or _folded(words) == _folded("".join(pieces))):
            entities += _entities(mention, words, sorted(spans), source)
        else:
            faults.append(_fault(words, mention.spans, source, document, pieces))
    return Placed(entities, faults)


def _entities(
    mention: Mention, words: str, spans: Sequence[tuple[int, int]], source: str
) -> list[Entity]:
    start, end = (spans[0][0], spans[-1][1]) if spans else (None, None)
    text = words if start is None else source[start:end]
    named = mention.parts or ((words if len(spans) > 1 else text, mention.id),)
    return [
        Entity(
            text=text if spans else name,
            type=mention.type,
            start=start,
            end=end,
            id=identifier_of(id_),
            name=name,
        )
        for name, id_ in named
    ]


def _folded(text: str) -> str:
    return "".join(normalize("NFKC", _ELLIPSIS.sub("", text)).casefold().split())


def _fault(
    words: str,
    spans: Sequence[tuple[int, int]],
    source: str,
    document: str | None,
    pieces: Sequence[str] = (),
) -> str:
    found = " ".join(pieces) if any(pieces) else source[max(0, spans[0][0]) : max(0, spans[0][1])]
    place = ", ".join(f"{start}:{end}" for start, end in spans)
    has = f"has {shown(found)} there" if found else f"has {counted(len(source), 'character')}"
    return (
        f"the mention {shown(words)} of document {document or 'without id'} is not at {place}: the "
        f"text {has}. Offsets count characters of the title, a space and the abstract: correct the "
        "annotation, or leave annotations out (--entities ignore)"
    )


# --- units of offsets -----------------------------------------------------------------------


def _characters(source: str) -> Callable[[int], int]:
    del source
    return lambda offset: offset


def _units(size: Callable[[str], int]) -> Callable[[str], Callable[[int], int]]:
    def of(source: str) -> Callable[[int], int]:
        starts = list(accumulate(map(size, source), initial=0))

        def character(offset: int) -> int:
            at = bisect_left(starts, offset)
            return at if at < len(starts) and starts[at] == offset else -1

        return character

    return of


_UNITS = (
    _characters,
    _units(lambda char: len(char.encode("utf-16-le")) // 2),
    _units(lambda char: len(char.encode())),
)
