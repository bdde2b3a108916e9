"""Which node of a graph an entity is: one table for every graph of the same data.

A node is a concept: its id is the CURIE of its identifier, "MESH:D012640", whatever the names and
types of its mentions. An entity without identifier is known by its type and name,
"disease:seizure", where case, hyphens and plural do not count and an abbreviation is its long form.
If entities of the same data and kind with this name have an identifier, and all of them the same,
it is their node; if they have several, the name keeps a node of its own. An entity with several
identifiers, "D001|D002", is each of these nodes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.entities.curies import curies
from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.entities import kind_of_type
from biogpt_plugins.values.results import Entity

_AROUND_SIGN = re.compile(r" ?([^\w\s]) ?")


class Node(BaseModel):
    """An entity in many papers.

    Attributes:
        name: The name that a dictionary prefers for its identifier. Otherwise its most frequent
            name by number of papers, where an abbreviation counts as its long form; ties are broken
            alphabetically.
        type: "chemical", "disease", ...; the most frequent one, if mentions have several.
        id: The CURIE of its identifier, if known.
        spellings: All its names, including abbreviations -> number of papers, most frequent first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: str
    id: str | None = None
    spellings: dict[str, int] = {}

    @property
    def key(self) -> NodeKey:
        """Its identity."""
        return NodeKey(self.id) if self.id else _by_name(self.type, self.name)

    @property
    def synonyms(self) -> tuple[str, ...]:
        """Its other names, most frequent first."""
        return tuple(name for name in self.spellings if name != self.name)


class NodeKey(NamedTuple):
    """The identity of a node; as a string it is the node's id in graphs.

    Attributes:
        id: A CURIE; "" if no identifier is known.
        type: "" with an identifier.
        name: The name in normal form; "" with an identifier.
    """

    id: str = ""
    type: str = ""
    name: str = ""

    def __str__(self) -> str:
        return self.id or f"{self.type}:{self.name}"


class Naming(NamedTuple):
    """How a paper names an entity.

    Attributes:
        mention: As written there.
        canonical: The long form, if the mention is an abbreviation.
        type: The entity's type.
        composite: Whether the name stands for several concepts.
    """

    mention: str
    canonical: str
    type: str
    composite: bool = False

    @classmethod
    def of(cls, entity: Entity) -> Naming:
        several = len(curies(entity.id, entity.type)) > 1
        return cls(entity.text, entity.canonical, entity.type, several)


class Named(NamedTuple):
    """A name of a node in a paper."""

    key: NodeKey
    paper: str
    naming: Naming


def keys_of(entity: Entity) -> tuple[NodeKey, ...]:
    """The nodes that an entity is by itself; several if it has several identifiers."""
    found = tuple(map(NodeKey, curies(entity.id, entity.type)))
    return found or (_by_name(entity.type, entity.canonical),)


class Nodes:
    """The nodes of some data.

    Attributes:
        merged: Number of names without identifier that are now nodes with one.
        ambiguous: Number of names that were left apart, because the data has several identifiers
            for them.
    """

    def __init__(self, named: Iterable[Named], dictionary: EntityDictionary | None = None) -> None:
        """Find the nodes; the order of names does not matter.

        Args:
            named: All names in the data.
            dictionary: Gives preferred names.
        """
        given = set(named)
        owners: defaultdict[tuple[str, str], set[NodeKey]] = defaultdict(set)
        for key, _, naming in given:
            if key.id:
                owners[_spelled(_by_name(naming.type, naming.canonical))].add(key)
        self._moved: dict[NodeKey, NodeKey] = {}
        self.ambiguous = 0
        for key in {key for key, _, _ in given if not key.id}:
            owner = owners.get(_spelled(key), set())
            if len(owner) == 1:
                (self._moved[key],) = owner
            self.ambiguous += len(owner) > 1
        self.merged = len(self._moved)
        namings: defaultdict[NodeKey, set[tuple[str, Naming]]] = defaultdict(set)
        for key, paper, naming in given:
            namings[self.final(key)].add((paper, naming))
        self._nodes = {
            key: _node(key, pairs, _preferred(key.id, dictionary)) for key, pairs in namings.items()
        }

    @classmethod
    def of(
        cls,
        entities: Iterable[tuple[str, Entity]],
        dictionary: EntityDictionary | None = None,
    ) -> Nodes:
        """The nodes of entities in papers.

        Args:
            entities: Each with the id of its paper.
            dictionary: Gives preferred names.
        """
        every = (
            Named(key, paper, Naming.of(entity))
            for paper, entity in entities
            for key in keys_of(entity)
        )
        return cls(every, dictionary)

    @property
    def report(self) -> str:
        """What became of names without identifier, for people."""
        return (
            f"{counted(self.merged, 'name')} without an identifier joined the node that the same "
            f"name with one has; {self.ambiguous:,} did not, because it has several"
        )

    def final(self, key: NodeKey) -> NodeKey:
        """The node that a key stands for in this data."""
        return self._moved.get(key, key)

    def keys(self, entity: Entity) -> tuple[NodeKey, ...]:
        """The nodes that an entity is."""
        return tuple(dict.fromkeys(map(self.final, keys_of(entity))))

    def __getitem__(self, key: NodeKey) -> Node:
        """A node of this data."""
        return self._nodes[key]


def _by_name(type_: str, name: str) -> NodeKey:
    return NodeKey("", type_, _AROUND_SIGN.sub(r"\1", fold(name)) or name)


def _spelled(key: NodeKey) -> tuple[str, str]:
    """What names of one spelling share: a drug may be spelled like a chemical."""
    return kind_of_type(key.type), key.name


def _preferred(curie: str, dictionary: EntityDictionary | None) -> str | None:
    """The name that a dictionary prefers; its identifiers may lack the prefix."""
    if not (dictionary and curie):
        return None
    concepts = dictionary.concepts
    found = concepts.get(curie) or concepts.get(curie.rpartition(":")[2])
    return found.name or None if found else None


def _node(key: NodeKey, named: Iterable[tuple[str, Naming]], preferred: str | None) -> Node:
    """A node from its names in papers; each name counts once per paper."""
    pairs = list(named)
    own = [pair for pair in pairs if not pair[1].composite] or pairs
    forms = {(paper, form) for paper, name in own for form in (name.mention, name.canonical)}
    canonical = _counted({(paper, naming.canonical) for paper, naming in own})
    types = _counted({(paper, naming.type) for paper, naming in pairs})
    return Node(
        name=preferred or next(iter(canonical)),
        type=next(iter(types)),
        id=key.id or None,
        spellings=_counted(forms),
    )


def _counted(names: Iterable[tuple[str, str]]) -> dict[str, int]:
    counts = Counter(name for _, name in names)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
