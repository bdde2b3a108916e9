"""Relations as a property graph: nodes and edges with their labels and properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.findings.nodes import Node, NodeKey, Nodes
from biogpt_plugins.tasks import get_task
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.text.spelling import sentence_of
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity, Relation

Scalar = str | int | float | bool
Value = Scalar | list[str]

# Names that a relationship table must not have: Cypher keywords, and other tables of the stores.
_TAKEN = frozenset(
    "ACYCLIC ALL AND ANY ASC ASCENDING CASE CAST COLUMN CREATE DBTYPE DEFAULT DESC DESCENDING "  # noqa: SIM905
    "DISTINCT ELSE END ENDS EXISTS FALSE FOR GLOB GROUP HEADERS HINT IN INDEX INSTALL JOIN MACRO "
    "NONE NOT NULL ON ONLY OPTIONAL OR ORDER PRIMARY PROFILE SHORTEST SINGLE STARTS TABLE THEN "
    "TRAIL TRUE UNION UNWIND WHEN WHERE WITH XOR "
    "CHEMICAL CHUNK DISEASE DOCUMENT DRUG MENTIONS TARGET".split()
)


class GraphNode(NamedTuple):
    """An entity.

    Attributes:
        id: The CURIE of its identifier, "MESH:D008094", or else type and name in normal form,
            "chemical:lithium", as `biogpt_plugins.findings.nodes` has them.
        label: "Chemical", "Disease", "Drug", "Target".
        properties: `name`, the one that its vocabulary prefers, or the most frequent one;
            `synonyms`, a list of its other names in the texts; `abbreviation`, if the text defines
            one; `type`, as in the task; `identifier`, its CURIE. Unknown properties are absent.
    """

    id: str
    label: str
    properties: dict[str, Value]


class Edge(NamedTuple):
    """A relation.

    Attributes:
        source: The relation's head.
        label: "CID", "MECHANISM", "PARTIAL_AGONIST".
        target: Its tail.
        properties: `type`, as the model wrote it; `sentence`, which mentions both ends;
            `evidence`, all evidence sentences, one per line; `negated` and `speculated`, as in
            Relation; `score`, from 0 to 1; `grounded`, whether both ends are in the text;
            `head_start`, `head_end`, `tail_start`, `tail_end`. Unknown properties are absent.
    """

    source: GraphNode
    label: str
    target: GraphNode
    properties: dict[str, Scalar]


def edges_of(
    relations: Iterable[Relation], text: str, *, nodes: Nodes | None = None, **facts: Scalar | None
) -> list[Edge]:
    """The relations in a text as edges; each edge and each node occurs once.

    A relation whose ends have several identifiers is an edge for each of them.

    Args:
        relations: The relations.
        text: The text that their offsets count in.
        nodes: The nodes of all texts that belong to the graph; None for this text's own.
        facts: Further properties of every edge; None for unknown ones.
    """
    text, relations = SourceText(text), list(relations)
    table = nodes or nodes_of([relations])
    found: dict[NodeKey, GraphNode] = {}
    edges: dict[tuple[str, str, str], Edge] = {}

    def ends(entity: Entity) -> list[GraphNode]:
        return [found.setdefault(key, _node(table[key], entity)) for key in table.keys(entity)]

    for relation in relations:
        label = edge_label(relation.type)
        properties = _properties(relation, text, facts)
        for head, tail in product(ends(relation.head), ends(relation.tail)):
            edges.setdefault((head.id, label, tail.id), Edge(head, label, tail, dict(properties)))
    return list(edges.values())


def nodes_of(
    texts: Iterable[Iterable[Relation]], dictionary: EntityDictionary | None = None
) -> Nodes:
    """The nodes of the relations in several texts.

    Args:
        texts: The relations of each text.
        dictionary: Gives the names that its vocabulary prefers.
    """
    entities = (
        (str(number), end)
        for number, relations in enumerate(texts)
        for relation in relations
        for end in (relation.head, relation.tail)
    )
    return Nodes.of(entities, dictionary)


@dataclass(frozen=True)
class Schema:
    """The allowed labels of a graph; an empty set allows all."""

    nodes: frozenset[str]
    edges: frozenset[str | tuple[str, str, str]]

    @classmethod
    def of(
        cls, task: str, nodes: Iterable[str], edges: Iterable[str | tuple[str, str, str]]
    ) -> Schema:
        """Read labels, or types as in the task; case is ignored.

        Args:
            task: Name of the relation task.
            nodes: Types of entities.
            edges: Types of relations, or (source type, type, target type).

        Raises:
            InputError: The task does not find these entities, or a triple is malformed.
        """
        return cls(
            frozenset(_known_label(name, task) for name in nodes),
            frozenset(_allowed(given, task) for given in edges),
        )

    def has_node(self, node: GraphNode) -> bool:
        return not self.nodes or node.label in self.nodes

    def has_edge(self, edge: Edge) -> bool:
        """Whether this type of edge is allowed; its nodes are checked separately."""
        triple = (edge.source.label, edge.label, edge.target.label)
        return not self.edges or not self.edges.isdisjoint((edge.label, triple))


def _node(node: Node, entity: Entity) -> GraphNode:
    properties: dict[str, Value | None] = {
        "name": node.name,
        "synonyms": list(node.synonyms) or None,
        "abbreviation": entity.short_form,
        "type": node.type,
        "identifier": node.id,
    }
    known = {name: value for name, value in properties.items() if value is not None}
    return GraphNode(str(node.key), node_label(node.type), known)


def _properties(
    relation: Relation, text: str, facts: Mapping[str, Scalar | None]
) -> dict[str, Scalar]:
    head, tail = relation.head, relation.tail
    sentence = sentence_of(relation, text)
    stated = text[slice(*sentence)] if sentence else None
    if any(end.part for end in (head, tail)):  # the nearest sentences, with the title's
        stated = " ".join(dict.fromkeys(one.text for one in relation.evidence)) or None
    places = {
        f"{name}_{at}": getattr(end, at)
        for name, end in (("head", head), ("tail", tail))
        if not end.part
        for at in ("start", "end")
    }
    return _known(
        {
            "type": relation.type,
            "sentence": stated,
            "evidence": "\n".join(" ".join(e.text.split()) for e in relation.evidence) or None,
            "negated": relation.negated if relation.evidence else None,
            "speculated": relation.speculated if relation.evidence else None,
            "score": relation.score,
            "grounded": relation.grounded,
            **places,
            **facts,
        }
    )


def _known(properties: Mapping[str, Scalar | None]) -> dict[str, Scalar]:
    return {name: value for name, value in properties.items() if value is not None}


def node_label(name: str) -> str:
    """The label of an entity type: "Chemical"."""
    return name.capitalize()


def edge_label(name: str) -> str:
    """A label that is an identifier without quotes in every store: "PARTIAL_AGONIST"."""
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in name.upper())
    label = "_".join(words.split())
    return label if label[:1].isalpha() and label not in _TAKEN else f"_{label}"


def _allowed(given: str | tuple[str, str, str], task: str) -> str | tuple[str, str, str]:
    if isinstance(given, str):
        return edge_label(given)
    try:
        source, name, target = given
    except ValueError as error:
        raise InputError(
            f"an allowed relation must be a type or (source type, type, target type), not {given!r}"
        ) from error
    return _known_label(source, task), edge_label(name), _known_label(target, task)


def _known_label(name: str, task: str) -> str:
    """The label of one of the task's entity types."""
    labels = set(map(node_label, get_task(task).entity_types))
    if node_label(name) not in labels:
        raise InputError(f"task {task} finds no {name!r}: use {' or '.join(sorted(labels))}")
    return node_label(name)
