"""GraphML for networkx, Gephi, Cytoscape and yEd: the edges of many papers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from biogpt_plugins.corpus.export.xml_text import possible
from biogpt_plugins.findings.edges import Edge
from biogpt_plugins.findings.nodes import Node


def graphml(edges: Iterable[Edge]) -> Iterator[str]:
    """A directed multigraph as text.

    Nodes have name, type, identifier if known, and synonyms, their other names with " | " between
    them, if there are any. Edges have type, the numbers of supporting, speculating and
    contradicting papers, the ids of the papers separated by spaces, and the score if known.
    """
    import networkx as nx  # noqa: PLC0415 - rarely needed, and slow to import

    graph: Any = nx.MultiDiGraph()
    for edge in edges:
        for node in (edge.head, edge.tail):
            graph.add_node(possible(str(node.key)), **_node(node))
        score = {} if edge.score is None else {"score": edge.score}
        graph.add_edge(
            possible(str(edge.head.key)),
            possible(str(edge.tail.key)),
            type=possible(edge.type),
            supporting=len(edge.supporting),
            speculating=len(edge.speculating),
            contradicting=len(edge.contradicting),
            papers=possible(" ".join(edge.papers)),
            **score,
        )
    yield from (f"{line}\n" for line in nx.generate_graphml(graph))


def _node(node: Node) -> dict[str, str]:
    told = {
        "name": node.name,
        "type": node.type,
        "identifier": node.id,
        "synonyms": " | ".join(node.synonyms),
    }
    return {name: possible(value) for name, value in told.items() if value}
