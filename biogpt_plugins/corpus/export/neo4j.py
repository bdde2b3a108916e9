"""Nodes and relationships as CSV for `neo4j-admin database import`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import NamedTuple

from biogpt_plugins.findings.edges import Edge
from biogpt_plugins.findings.nodes import Node
from biogpt_plugins.findings.property_graph import edge_label, node_label

_NODES = ("id:ID", "name", "type", "identifier", "spellings:string[]", ":LABEL")
_RELATIONSHIPS = (
    ":START_ID",
    ":END_ID",
    ":TYPE",
    "type",
    "supporting:string[]",
    "speculating:string[]",
    "contradicting:string[]",
    "papers:int",
    "score:double",
)


class Tables(NamedTuple):
    """The lines of nodes.csv and of relationships.csv."""

    nodes: Iterator[str]
    relationships: Iterator[str]


def neo4j(edges: Iterable[Edge]) -> Tables:
    """Edges of many papers as the lines of nodes.csv and relationships.csv.

    Line breaks become spaces, because they end a row for neo4j-admin. So does ";" within an item of
    a list, because it separates items. Texts are not guarded against spreadsheets, because an
    apostrophe would become part of a name in the graph.
    """
    edges = list(edges)
    nodes = {str(node.key): node for edge in edges for node in (edge.head, edge.tail)}
    return Tables(
        _lines(_NODES, (_node(name, node) for name, node in nodes.items())),
        _lines(_RELATIONSHIPS, map(_relationship, edges)),
    )


def _node(name: str, node: Node) -> tuple[str, ...]:
    spellings = _list(node.spellings)
    return name, node.name, node.type, node.id or "", spellings, node_label(node.type)


def _relationship(edge: Edge) -> tuple[str, ...]:
    papers = (edge.supporting, edge.speculating, edge.contradicting)
    return (
        str(edge.head.key),
        str(edge.tail.key),
        edge_label(edge.type),
        edge.type,
        *map(_list, papers),
        str(len(edge.papers)),
        "" if edge.score is None else repr(edge.score),
    )


def _list(values: Iterable[str]) -> str:
    return ";".join(value.replace(";", " ") for value in values)


def _lines(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (header, *rows):
        line = StringIO()
        csv.writer(line, lineterminator="\n").writerow(" ".join(cell.split()) for cell in row)
        yield line.getvalue()
