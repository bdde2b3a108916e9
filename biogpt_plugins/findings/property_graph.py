"""Relations as a property graph: nodes and edges with their labels and properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from biogpt_plugins.tasks import get_task
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.text.spelling import sentence_of, spelling
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity, Relation

Scalar = str | int | float | bool

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
        id: Type and name, in a spelling that mentions and papers share: "chemical:lithium". An
            abbreviation that the paper defines gives its long form.
        label: "Chemical", "Disease", "Drug", "Target".
        properties: `name`, as the paper spells it; `abbreviation`, if the paper defines one;
            `type`, as in the task; `identifier` in a vocabulary such as MeSH, if known.
    """

    id: str
    label: str
    properties: dict[str, Scalar]


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


def edges_of(relations: Iterable[Relation], text: str, **facts: Scalar | None) -> list[Edge]:
    """The relations in a text as edges; each edge and each node occurs once.

    Args:
        relations: The relations.
        text: The text that their offsets count in.
        facts: Further properties of every edge; None for unknown ones.
    """
    text = SourceText(text)
    nodes: dict[str, GraphNode] = {}
    edges: dict[tuple[str, str, str], Edge] = {}
    for relation in relations:
        ends = (_node(end, text) for end in (relation.head, relation.tail))
        head, tail = (nodes.setdefault(node.id, node) for node in ends)
        label = edge_label(relation.type)
        edge = Edge(head, label, tail, _properties(relation, text, facts))
        edges.setdefault((head.id, label, tail.id), edge)
    return list(edges.values())


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


def _node(entity: Entity, text: str) -> GraphNode:
    properties = {
        "name": entity.canonical,
        "abbreviation": entity.short_form,
        "type": entity.type,
        "identifier": entity.id,
    }
    node_id = f"{entity.type}:{spelling(entity, text)}"
    return GraphNode(node_id, node_label(entity.type), _known(properties))


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
