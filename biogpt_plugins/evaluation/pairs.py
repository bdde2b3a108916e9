"""Every pair of entities of a text as a relation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from biogpt_plugins.entities.curies import identifiers
from biogpt_plugins.tasks.entities import Candidates
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.text.grounding import fold, sentence_at
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Entity, Relation


@dataclass(frozen=True)
class Pairing:
    """How the entities of a text are paired; `baselines` says the rules.

    Attributes:
        task: A task with a clause.
        type: The type of every relation.
        by_id: Whether entities are their identifiers, and those without one are left out.
    """

    task: Task[Any]
    type: str
    by_id: bool

    def relations(self, text: Text, *, within: bool) -> list[Relation]:
        """The pairs of a text whose entities have offsets; if `within`, those of one sentence."""
        found = Candidates.of(self.task, text)
        heads, tails = self._concepts(found.heads), self._concepts(found.tails)
        sentences = {
            key: {sentence_at(text.source, one.start or 0, one.end or 0) for one in mentions}
            for key, mentions in (*heads.items(), *tails.items())
        }
        pairs: dict[frozenset[str], Relation] = {}
        for head, tail in product(heads, tails):
            if head != tail and not (within and sentences[head].isdisjoint(sentences[tail])):
                ends = self._named(head, heads), self._named(tail, tails)
                relation = Relation(head=ends[0], type=self.type, tail=ends[1])
                pairs.setdefault(frozenset((head, tail)), relation)
        return list(pairs.values())

    def _concepts(self, mentions: Iterable[Entity]) -> dict[str, list[Entity]]:
        """The mentions of each entity, in text order."""
        found: dict[str, list[Entity]] = {}
        for one in sorted(mentions, key=lambda one: one.start or 0):
            names = [] if self.by_id else [fold(one.name)]
            for key in identifiers(one.id, one.type) or names:
                found.setdefault(key, []).append(one)
        return found

    def _named(self, key: str, mentions: Mapping[str, list[Entity]]) -> Entity:
        first = mentions[key][0]
        return first.model_copy(update={"name": key, "id": key}) if self.by_id else first
