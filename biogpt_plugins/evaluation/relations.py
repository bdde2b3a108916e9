"""Relations of any task: micro precision, recall and F1 of (head, type, tail).

An end is right by its id where both sides have one, and by its name otherwise, whatever the name's
case, spaces, hyphens and plural.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from biogpt_plugins.scoring.figures import Counts
from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.results import Entity, Relation


class Name(NamedTuple):
    """An end of a relation, as it is compared."""

    text: str
    id: str | None

    @classmethod
    def of(cls, entity: Entity) -> Name:
        """The name as it was written, and the id."""
        return cls(entity.name, entity.id)

    def is_same(self, other: Name) -> bool:
        """Whether two ends are one."""
        if self.id and other.id:
            return self.id == other.id
        return fold(self.text) == fold(other.text)


class Told(NamedTuple):
    """A relation, as it is compared."""

    head: Name
    type: str
    tail: Name

    @classmethod
    def of(cls, relation: Relation) -> Told:
        """A relation's names, ids and type."""
        return cls(Name.of(relation.head), relation.type, Name.of(relation.tail))

    def is_same(self, other: Told) -> bool:
        """Whether two relations are one."""
        types = self.type.casefold() == other.type.casefold()
        return types and self.head.is_same(other.head) and self.tail.is_same(other.tail)

    def __str__(self) -> str:
        return f"{self.head.text} -[{self.type}]-> {self.tail.text}"


def count_told(gold: Iterable[Told], found: Iterable[Told]) -> Counts:
    """What is right of one document's relations; what is there twice counts once."""
    right, said = _distinct(gold), _distinct(found)
    left = list(right)
    for one in said:
        same = next((other for other in left if one.is_same(other)), None)
        if same:
            left.remove(same)
    tp = len(right) - len(left)
    return Counts.of(tp, len(said) - tp, len(left))


def _distinct(told: Iterable[Told]) -> Sequence[Told]:
    found: list[Told] = []
    for one in told:
        if not any(one.is_same(other) for other in found):
            found.append(one)
    return found
