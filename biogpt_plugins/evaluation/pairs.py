"""Every pair of entities of a text as a relation, and the names of a dictionary in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from biogpt_plugins.entities import DictionaryEntry
from biogpt_plugins.tasks.entities import Candidates
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.text.grounding import fold, sentence_at
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Entity, Relation

_WORD = re.compile(r"\w+|[^\w\s-]")  # hyphens do not count
_SHORTEST = 3


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
            for key in one.id.split("|") if one.id else names:
                found.setdefault(key, []).append(one)
        return found

    def _named(self, key: str, mentions: Mapping[str, list[Entity]]) -> Entity:
        first = mentions[key][0]
        return first.model_copy(update={"name": key, "id": key}) if self.by_id else first


@dataclass(frozen=True)
class Names:
    """Names to look for.

    Attributes:
        entries: What each name in normal form stands for.
        longest: The most words and signs of names, by the normal form of their first word.
    """

    entries: Mapping[str, tuple[DictionaryEntry, ...]]
    longest: Mapping[str, int]

    @classmethod
    def of(cls, rows: Iterable[DictionaryEntry]) -> Names:
        """Index names; of several rows with a name and a type, the first is used."""
        entries: dict[str, dict[str, DictionaryEntry]] = {}
        longest: dict[str, int] = {}
        for row in rows:
            parts = _WORD.findall(row.name)
            if len(row.name) >= _SHORTEST and parts:
                entries.setdefault(fold(row.name), {}).setdefault(row.type, row)
                first = fold(parts[0])
                longest[first] = max(longest.get(first, 0), len(parts))
        return cls({name: tuple(of_type.values()) for name, of_type in entries.items()}, longest)

    def __len__(self) -> int:
        return len(self.entries)

    def found_in(self, text: Text) -> Text:
        """A text with its names as entities."""
        return text.model_copy(update={"entities": tuple(self._entities(text.source))})

    def _entities(self, source: str) -> Iterator[Entity]:
        spans = [word.span() for word in _WORD.finditer(source)]
        at = 0
        while at < len(spans):
            start = spans[at][0]
            most = self.longest.get(fold(source[slice(*spans[at])]), 0)
            for last in range(min(at + most, len(spans)) - 1, at - 1, -1):
                mention = source[start : spans[last][1]]
                if entries := self.entries.get(fold(mention)):
                    for one in entries:
                        place = {"start": start, "end": spans[last][1]}
                        yield Entity(text=mention, type=one.type, id=one.id or None, **place)
                    at = last
                    break
            at += 1
