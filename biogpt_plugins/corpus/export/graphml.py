"""GraphML for networkx, Gephi, Cytoscape and yEd: the edges of many papers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from biogpt_plugins.corpus.export.xml_text import possible
from biogpt_plugins.findings.edges import Edge, Node, node_name


def graphml(edges: Iterable[Edge]) -> Iterator[str]:
    """A directed multigraph as text.

    Nodes have name, type and identifier. Edges have type, the numbers of supporting, speculating
    and contradicting papers, the ids of the papers separated by spaces, and the score if known.
    """
    import networkx as nx  # noqa: PLC0415 - rarely needed, and slow to import

    graph: Any = nx.MultiDiGraph()
    for edge in edges:
        for node in (edge.head, edge.tail):
            graph.add_node(possible(node_name(node)), **_node(node))
        score = {} if edge.score is None else {"score": edge.score}
        graph.add_edge(
            possible(node_name(edge.head)),
            possible(node_name(edge.tail)),
            type=possible(edge.type),
            supporting=len(edge.supporting),
            speculating=len(edge.speculating),
            contradicting=len(edge.contradicting),
            papers=possible(" ".join(edge.papers)),
            **score,
        )
    yield from (f"{line}\n" for line in nx.generate_graphml(graph))


def _node(node: Node) -> dict[str, str]:
    identifier = {} if node.id is None else {"identifier": possible(node.id)}
    return {"name": possible(node.name), "type": possible(node.type), **identifier}
