"""Relations of any task: micro precision, recall and F1 of (head, type, tail).

Ends are compared by id if both have one, otherwise by name, ignoring case, spaces, hyphens and
plurals.
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
        """Whether two ends are the same."""
        if self.id and other.id:
            return self.id == other.id
        return fold(self.text) == fold(other.text)


class ComparedRelation(NamedTuple):
    """The names, ids and type of a relation, for comparison."""

    head: Name
    type: str
    tail: Name

    @classmethod
    def of(cls, relation: Relation) -> ComparedRelation:
        """A relation's names, ids and type."""
        return cls(Name.of(relation.head), relation.type, Name.of(relation.tail))

    def is_same(self, other: ComparedRelation) -> bool:
        """Whether two relations are the same."""
        types = self.type.casefold() == other.type.casefold()
        return types and self.head.is_same(other.head) and self.tail.is_same(other.tail)

    def __str__(self) -> str:
        return f"{self.head.text} -[{self.type}]-> {self.tail.text}"


def count_matches(gold: Iterable[ComparedRelation], found: Iterable[ComparedRelation]) -> Counts:
    """Count right, wrong and missed relations of a document; repeated ones count once."""
    right, predicted = _distinct(gold), _distinct(found)
    missed = list(right)
    for relation in predicted:
        same = next((other for other in missed if relation.is_same(other)), None)
        if same:
            missed.remove(same)
    tp = len(right) - len(missed)
    return Counts.of(tp, len(predicted) - tp, len(missed))


def _distinct(relations: Iterable[ComparedRelation]) -> Sequence[ComparedRelation]:
    distinct: list[ComparedRelation] = []
    for relation in relations:
        if not any(relation.is_same(other) for other in distinct):
            distinct.append(relation)
    return distinct
