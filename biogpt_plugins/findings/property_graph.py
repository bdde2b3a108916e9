"""Relations as a property graph: its nodes and edges, what they are called and what they tell."""

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

# What no table of relationships may be called: words of Cypher, and other tables of the stores.
_TAKEN = frozenset(
    "ACYCLIC ALL AND ANY ASC ASCENDING CASE CAST COLUMN CREATE DBTYPE DEFAULT DESC DESCENDING "  # noqa: SIM905
    "DISTINCT ELSE END ENDS EXISTS FALSE FOR GLOB GROUP HEADERS HINT IN INDEX INSTALL JOIN MACRO "
    "NONE NOT NULL ON ONLY OPTIONAL OR ORDER PRIMARY PROFILE SHORTEST SINGLE STARTS TABLE THEN "
    "TRAIL TRUE UNION UNWIND WHEN WHERE WITH XOR "
    "CHEMICAL CHUNK DISEASE DOCUMENT DRUG MENTIONS TARGET".split()
)


class Node(NamedTuple):
    """An entity.

    Attributes:
        id: Type and name, spelled so that mentions and papers agree: "chemical:lithium". Of an
            abbreviation that the paper defines it is the long form.
        label: "Chemical", "Disease", "Drug", "Target".
        properties: `name`, as the paper spells it; `abbreviation`, if it defines one; `type`, as
            the task calls it; `identifier`, in a vocabulary such as MeSH, where one is known.
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
        properties: `type`, as the model wrote it; `sentence`, the one around both ends;
            `evidence`, all sentences that it rests on, a line each; `negated` and `speculated`, as
            of a Relation; `score`, from 0 to 1; `grounded`, whether both ends stand in the text;
            `head_start`, `head_end`, `tail_start`, `tail_end`. What is not known is left out.
    """

    source: Node
    label: str
    target: Node
    properties: dict[str, Scalar]


def edges_of(relations: Iterable[Relation], text: str, **facts: Scalar | None) -> list[Edge]:
    """The relations found in a text as edges, each once, between nodes that are there once.

    Args:
        relations: What was found.
        text: The text, in which the relations' offsets count.
        facts: Further properties of every edge; None for what is not known.
    """
    text = SourceText(text)
    nodes: dict[str, Node] = {}
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
    """Labels that may be in a graph; of nodes and of edges alike, none given stands for all."""

    nodes: frozenset[str]
    edges: frozenset[str | tuple[str, str, str]]

    @classmethod
    def of(
        cls, task: str, nodes: Iterable[str], edges: Iterable[str | tuple[str, str, str]]
    ) -> Schema:
        """Read labels, or types as the task calls them; case plays no part.

        Args:
            task: Name of the relation task.
            nodes: Types of entities.
            edges: Types of relations, or (source type, type, target type).

        Raises:
            InputError: The task finds no such entities, or a triple is none.
        """
        return cls(
            frozenset(_known_label(name, task) for name in nodes),
            frozenset(_allowed(given, task) for given in edges),
        )

    def has_node(self, node: Node) -> bool:
        return not self.nodes or node.label in self.nodes

    def has_edge(self, edge: Edge) -> bool:
        """Whether it has this type of edges; its ends are nodes for themselves."""
        triple = (edge.source.label, edge.label, edge.target.label)
        return not self.edges or not self.edges.isdisjoint((edge.label, triple))


def _node(entity: Entity, text: str) -> Node:
    told = {
        "name": entity.canonical,
        "abbreviation": entity.short_form,
        "type": entity.type,
        "identifier": entity.id,
    }
    return Node(f"{entity.type}:{spelling(entity, text)}", node_label(entity.type), _known(told))


def _properties(
    relation: Relation, text: str, facts: Mapping[str, Scalar | None]
) -> dict[str, Scalar]:
    head, tail = relation.head, relation.tail
    sentence = sentence_of(relation, text)
    return _known(
        {
            "type": relation.type,
            "sentence": sentence and text[slice(*sentence)],
            "evidence": "\n".join(" ".join(one.text.split()) for one in relation.evidence) or None,
            "negated": relation.negated if relation.evidence else None,
            "speculated": relation.speculated if relation.evidence else None,
            "score": relation.score,
            "grounded": relation.grounded,
            "head_start": head.start,
            "head_end": head.end,
            "tail_start": tail.start,
            "tail_end": tail.end,
            **facts,
        }
    )


def _known(told: Mapping[str, Scalar | None]) -> dict[str, Scalar]:
    return {name: value for name, value in told.items() if value is not None}


def node_label(name: str) -> str:
    """The label of a type of entities: "Chemical"."""
    return name.capitalize()


def edge_label(name: str) -> str:
    """A label that is an identifier wherever one is needed unquoted: "PARTIAL_AGONIST"."""
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
            f"cannot allow {given!r}: give a type, or (source type, type, target type)"
        ) from error
    return _known_label(source, task), edge_label(name), _known_label(target, task)


def _known_label(name: str, task: str) -> str:
    """The label of a type of entities that the task finds."""
    labels = set(map(node_label, get_task(task).entity_types))
    if node_label(name) not in labels:
        raise InputError(f"task {task} finds no {name!r}: allow {' or '.join(sorted(labels))}")
    return node_label(name)
