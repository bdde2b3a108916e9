"""Decoding among given entities: a task whose completions name them and nothing else.

A completion is read with the same names that it was written with, so that each end of a relation is
one of the given mentions, with its own type, id and offsets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product
from typing import Any
from unicodedata import category, normalize

from biogpt_plugins.engine import Part
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.readers import Places, Reading, short
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.text.grounding import Span, aligner_of, pair_cost
from biogpt_plugins.values.entities import kind_of_type
from biogpt_plugins.values.errors import InputError, ParseError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Entity, Relation

_ANY = {"", "any", "entity", "thing", "concept", "term", "mention"}
_PLAIN = re.compile(r"[ !#-~]*")  # printable ASCII, without double quotes
_BETWEEN_TYPES = re.compile(r"\s*[|/,]\s*|\s+or\s+")


def admits(wanted: str, type_: str) -> bool:
    """Whether an entity of a type can stand where a clause wants another.

    Args:
        wanted: The clause's type: "chemical", "gene or chemical"; "entity" is any.
        type_: The entity's type; "" if it is not known.
    """
    kinds = {kind_of_type(one) for one in _BETWEEN_TYPES.split(wanted)}
    return not type_ or bool(kinds & _ANY) or kind_of_type(type_) in kinds


def takes_any(clause: Clause) -> bool:
    """Whether a clause does not say what its ends are."""
    return any(kind_of_type(wanted) in _ANY for wanted in (clause.head, clause.tail))


@dataclass(frozen=True)
class Candidates:
    """The entities of a text that the ends of a clause can be.

    Attributes:
        clause: The clause.
        source: The text.
        heads: The mentions that can be heads.
        tails: The mentions that can be tails.
        given: All entities that the text came with.
    """

    clause: Clause
    source: str
    heads: tuple[Entity, ...]
    tails: tuple[Entity, ...]
    given: tuple[Entity, ...]

    @classmethod
    def of(cls, task: Task[Any], text: Text) -> Candidates:
        """The candidates of a text whose entities have offsets, see `located`.

        Raises:
            InputError: The task has no clause.
        """
        if task.clause is None:
            raise InputError(
                f"decoding must be 'free', not 'entities': task {task.name} declares no clause"
            )
        found = text.entities
        wanted = (task.clause.head, task.clause.tail)
        heads, tails = (tuple(e for e in found if admits(type_, e.type)) for type_ in wanted)
        return cls(task.clause, text.source, heads, tails, found)

    @property
    def lacking(self) -> str:
        """Why no relation is possible; "" if one is."""
        ends = ((self.clause.head, self.heads), (self.clause.tail, self.tails))
        missing = list(dict.fromkeys(wanted for wanted, found in ends if not found))
        if not missing and len({concept(e) for e in (*self.heads, *self.tails)}) > 1:
            return ""
        types = ", ".join(sorted({e.type or "no type" for e in self.given}))
        if not self.given:
            has = "the text has no entities: annotate it, or use decoding 'grounded'"
        elif missing:
            has = f"the text has no entity of type {' or '.join(missing)}, only of {types}"
        else:
            has = "the text has only one entity"
        return f"{has}. The model was asked nothing"

    def task(self, task: Task[Any]) -> Task[Any]:
        """The task for this text: its grammar has these names, and its reader knows them."""
        assert task.grammar  # every clause has one
        parts: list[Part] = []
        slots = iter(self.clause.slots)
        for part in task.grammar.clause:
            if isinstance(part, str):
                parts.append(part)
            else:
                names = self._names.get(next(slots))
                parts.append(tuple(names) if names else part)
        return replace(task, grammar=replace(task.grammar, clause=tuple(parts)), read=self.read)

    @cached_property
    def _names(self) -> dict[str, dict[str, None]]:
        """How the clause writes each end, as keys in text order."""
        case = str.lower if self.clause.lowercase else str
        ends = {"head": self.heads, "tail": self.tails}
        return {end: dict.fromkeys(case(e.name) for e in found) for end, found in ends.items()}

    # --- reading ------------------------------------------------------------------------------

    def read(
        self, completion: str, source: str | None = None, cut: bool = False
    ) -> Reading[list[Relation]]:
        """Read a completion that names these entities.

        Raises:
            ParseError: The completion has no clause with their names.
        """
        del source  # it is this text
        squeezed = _Squeezed(completion)
        found: dict[tuple[str, ...], tuple[Relation, Places]] = {}
        notes: list[str] = []
        at = 0
        for match in self._pattern.finditer(squeezed.text):
            if match.start() > at:
                notes.append(f"left out {short(squeezed.between(at, match.start()))}: not a clause")
            at = match.end()
            words = match["head"], match["tail"], match.groupdict().get("type") or ""
            if words not in found:
                places = Places(*(squeezed.span(match, part) for part in self._parts))
                found[words] = self._relation(match, squeezed, places), places
        rest = squeezed.text[at:].strip(f".{self.clause.separator}")
        if rest and not cut and rest != _squeezed(self.clause.nothing):
            if not found:
                raise ParseError(f"no entity is named in {short(completion)}", completion)
            notes.append(
                f"left out {short(squeezed.between(at, len(squeezed.text)))}: not a clause"
            )
        return Reading(
            [relation for relation, _ in found.values()],
            tuple(notes),
            tuple((places.clause.start, places.clause.end) for _, places in found.values()),
            tuple(places for _, places in found.values()),
        )

    @property
    def _parts(self) -> tuple[str, ...]:
        return "clause", "head", "tail", "type" if "type" in self.clause.slots else "last"

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        alternatives = {
            "head": list(self._mentions["head"]),
            "tail": list(self._mentions["tail"]),
            "type": [*map(_squeezed, self.clause.written)],
        }
        *before, last = (re.escape(_squeezed(words)) for words in self.clause.literals)
        slots = (
            f"(?P<{slot}>{'|'.join(map(re.escape, sorted(alternatives[slot], key=len)[::-1]))})"
            for slot in self.clause.slots
        )
        clause = "".join(map("".join, zip(before, slots, strict=True)))
        separator = re.escape(self.clause.separator)
        return re.compile(rf"(?P<clause>{clause}(?P<last>{last}))(?:{separator}|\.|$)")

    @cached_property
    def _mentions(self) -> dict[str, dict[str, list[Entity]]]:
        """The mentions of each end, by their squeezed names."""
        mentions: dict[str, dict[str, list[Entity]]] = {"head": {}, "tail": {}}
        for end, found in (("head", self.heads), ("tail", self.tails)):
            for entity in found:
                mentions[end].setdefault(_squeezed(entity.name), []).append(entity)
        return mentions

    def _relation(self, match: re.Match[str], squeezed: _Squeezed, places: Places) -> Relation:
        pairs = product(
            self._mentions["head"][match["head"]], self._mentions["tail"][match["tail"]]
        )
        head, tail = nearest(pairs, self.source)
        type_ = squeezed.of(places.type) if "type" in self.clause.slots else ""
        return Relation(
            head=head.model_copy(update={"name": squeezed.of(places.head)}),
            type=self.clause.named(type_) if type_ else self.clause.types[0],
            tail=tail.model_copy(update={"name": squeezed.of(places.tail)}),
        )


def concept(entity: Entity) -> str:
    """What mentions of one thing have in common: their id, or else their name."""
    return f"#{entity.id.casefold()}" if entity.id else _squeezed(entity.canonical)


def nearest(pairs: Iterable[tuple[Entity, Entity]], source: str) -> tuple[Entity, Entity]:
    """The pair of mentions of two things that are nearest to each other."""
    cost = pair_cost(source)

    def of(pair: tuple[Entity, Entity]) -> tuple[Any, ...]:
        head, tail = pair
        same = concept(head) == concept(tail)
        return same, *cost(
            Span(head.start or 0, head.end or 0), Span(tail.start or 0, tail.end or 0)
        )

    return min(pairs, key=of)


def located(text: Text) -> tuple[Text, tuple[str, ...]]:
    """The text with offsets of all its entities, and notes on those left out.

    Entities without offsets are looked for in the text.
    """
    found: dict[tuple[Any, ...], Entity] = {}
    notes = [*text.notes]
    for entity in text.entities:
        places = [entity] if entity.grounded else _found(entity, text.source)
        if not places:
            notes.append(f"left out the entity {entity.text!r}: it is not in the text")
        for one in places:
            found.setdefault((one.start, one.end, one.type, one.id, one.name), one)
    return text.model_copy(update={"entities": tuple(found.values())}), tuple(notes)


def named_in(relations: Iterable[Relation]) -> tuple[Entity, ...]:
    """The names of relations as entities without offsets, so that all their mentions are found."""
    ends = [end for relation in relations for end in (relation.head, relation.tail)]
    names = dict.fromkeys((end.text, end.type, end.id) for end in ends if end.grounded)
    return tuple(Entity(text=text, type=type_, id=id_) for text, type_, id_ in names)


def _found(entity: Entity, source: str) -> Sequence[Entity]:
    return [
        entity.model_copy(update={"text": source[start:end], "start": start, "end": end})
        for start, end in aligner_of(source).find(entity.name)
    ]


class _Squeezed:
    """A text without spaces, case and forms of characters, and where each character was.

    Models write in lower case and with Moses' spacing, and `''` for a double quote.
    """

    def __init__(self, text: str) -> None:
        self.original = text
        if _PLAIN.fullmatch(text):  # as below, but faster
            self.text = text.lower().replace(" ", "")
            self._places = [at for at, char in enumerate(text) if char != " "]
            self._places.append(len(text))
            return
        pairs = [(at, part) for at, char in enumerate(text) for part in _plain(char)]
        self.text = "".join(part for _, part in pairs)
        self._places = [*(at for at, _ in pairs), len(text)]

    def span(self, match: re.Match[str], group: str) -> Span:
        """The place of a group in the original text."""
        start, end = match.span(group)
        return Span(self._places[start], self._places[end - 1] + 1 if end > start else 0)

    def of(self, span: Span) -> str:
        """The original text at a place."""
        return self.original[slice(*span)]

    def between(self, start: int, end: int) -> str:
        """The original text of some characters."""
        return self.original[self._places[start] : self._places[end]].strip()


@lru_cache(maxsize=4096)
def _squeezed(name: str) -> str:
    """A name without what `_Squeezed` leaves out."""
    return _Squeezed(name).text


def _plain(char: str) -> str:
    if char == '"':
        return "''"
    return "".join(c for c in normalize("NFKC", char).casefold() if category(c)[0] not in "ZC")
