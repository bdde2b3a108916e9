"""KGX: a graph in the terms of the Biolink model, as a table of nodes and one of edges.

The format is KGX's TSV, https://biolink.github.io/kgx/kgx_format.html: no quotes, "|" between the
values of a list. Every id must be a CURIE, so that ends without an identifier are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from biogpt_plugins.findings.biolink import category, predicates, publication
from biogpt_plugins.findings.edges import Edge
from biogpt_plugins.findings.nodes import Node

SOURCE = "infores:biogpt-plugins"
_NODES = ("id", "category", "name", "synonym")
_EDGES = (
    *("id", "subject", "predicate", "object", "category", "negated", "publications"),
    *("primary_knowledge_source", "knowledge_level", "agent_type"),
    *("has_confidence_score", "relation_type", "contradicting_publications"),
)
_CURIE = re.compile(r"[^\s<()>:/|]+:[^\s/:|]+")  # what KGX's validator takes for one


class Tables(NamedTuple):
    """A graph.

    Attributes:
        nodes: The lines of nodes.tsv.
        edges: The lines of edges.tsv.
        left_out: Number of relations with an end whose identifier is unknown or no CURIE.
    """

    nodes: Iterator[str]
    edges: Iterator[str]
    left_out: int


def kgx(edges: Iterable[Edge], *, source: str = SOURCE) -> Tables:
    """Edges of many papers as nodes.tsv and edges.tsv.

    `publications` are the papers that state a relation or call it possible. An edge that papers
    only negate is `negated`, and these are its publications; one that some assert and others negate
    is one edge, because KGX joins edges of the same subject, predicate and object.
    `knowledge_level` is "not_provided" and `agent_type` is "text_mining_agent", as the Biolink
    model has it for text mining. Two columns are not of the Biolink model: `relation_type`, the
    type as in the task, and `contradicting_publications`.

    Args:
        edges: The edges.
        source: The information resource that the edges are from.
    """
    every = list(edges)
    kept = [edge for edge in every if _is_curie(edge.head) and _is_curie(edge.tail)]
    nodes = {str(node.key): node for edge in kept for node in (edge.head, edge.tail)}
    return Tables(
        _lines(_NODES, map(_node, nodes.values())),
        _lines(_EDGES, (row for edge in kept for row in _rows(edge, source))),
        len(every) - len(kept),
    )


def _is_curie(node: Node) -> bool:
    return bool(node.id and _CURIE.fullmatch(node.id))


def _node(node: Node) -> dict[str, str]:
    return {
        "id": node.id or "",
        "category": category(node),
        "name": node.name,
        "synonym": _list(node.synonyms),
    }


def _rows(edge: Edge, source: str) -> Iterator[dict[str, str]]:
    asserted = (*edge.supporting, *edge.speculating)
    ends = {"subject": edge.head.id or "", "object": edge.tail.id or ""}
    for predicate in predicates(edge):
        identity = " ".join((*ends.values(), predicate, edge.type))
        yield {
            **ends,
            "id": f"urn:uuid:{uuid5(NAMESPACE_URL, identity)}",
            "predicate": predicate,
            "category": "biolink:Association",
            "negated": "false" if asserted else "true",
            "publications": _publications(asserted or edge.contradicting),
            "primary_knowledge_source": source,
            "knowledge_level": "not_provided",
            "agent_type": "text_mining_agent",
            "has_confidence_score": "" if edge.score is None else repr(edge.score),
            "relation_type": edge.type,
            "contradicting_publications": _publications(edge.contradicting),
        }


def _publications(papers: Iterable[str]) -> str:
    return _list(sorted(filter(None, map(publication, papers))))


def _list(values: Iterable[str]) -> str:
    return "|".join(value.replace("|", " ") for value in values)


def _lines(columns: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    yield "\t".join(columns) + "\n"
    for row in rows:
        yield "\t".join(" ".join(row[column].split()) for column in columns) + "\n"
