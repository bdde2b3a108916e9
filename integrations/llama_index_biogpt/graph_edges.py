"""The edges of a LlamaIndex property graph store, one by one.

The host's interface neither changes the properties of a relation nor deletes a single one. Stores
with Cypher do both by queries, SimplePropertyGraphStore by its graph.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol

from llama_index.core.graph_stores.simple_labelled import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import (
    TRIPLET_SOURCE_KEY,
    LabelledPropertyGraph,
    PropertyGraphStore,
    Relation,
)

from biogpt_plugins.findings.statements import LISTS, PAPERS
from biogpt_plugins.values.errors import InputError


class Key(NamedTuple):
    """What identifies an edge in every store."""

    source: str
    label: str
    target: str

    @classmethod
    def of(cls, relation: Relation) -> Key:
        return cls(relation.source_id, relation.label, relation.target_id)


Edges = dict[Key, dict[str, Any]]
"""Edges with their properties."""


class EdgeStore(Protocol):
    """What BioGPTGraphStore needs of a store."""

    def known(self, keys: Collection[Key]) -> Edges:
        """The edges among these that exist."""

    def stating(self, sources: Collection[str]) -> Edges:
        """The edges with a statement from one of these text nodes."""

    def write(self, edges: Mapping[Key, Mapping[str, Any]]) -> None:
        """Replace the properties of edges that exist."""

    def remove(self, keys: Collection[Key]) -> None:
        """Remove edges."""

    def prune(self, ids: Collection[str]) -> None:
        """Remove those of these entities that have no edge."""

    def point(self, sources: Mapping[str, str], gone: Collection[str]) -> None:
        """Give entities another text node, if theirs is gone."""

    def delete_nodes(self, ids: list[str]) -> None:
        """Delete nodes and their edges."""


def edges_in(store: PropertyGraphStore) -> EdgeStore:
    """The edges of a store.

    Raises:
        InputError: The store has neither a graph in memory nor Cypher.
    """
    if isinstance(store, SimplePropertyGraphStore):
        return _InMemory(store.graph)
    kind = type(store).__name__
    if kind == "LadybugPropertyGraphStore":
        return _InLadybug(store)
    if store.supports_structured_queries:
        return _InCypher(store)
    raise InputError(
        f"{kind} has no queries, so that BioGPTGraphStore cannot change its edges: "
        "use SimplePropertyGraphStore or a store with Cypher, such as Neo4j, FalkorDB or Ladybug"
    )


class _InMemory:
    def __init__(self, graph: LabelledPropertyGraph) -> None:
        self._graph = graph

    def known(self, keys: Collection[Key]) -> Edges:
        found = {key: self._graph.relations.get(_in_memory(key)) for key in keys}
        return {key: one.properties for key, one in found.items() if one}

    def stating(self, sources: Collection[str]) -> Edges:
        wanted = set(sources)
        return {
            Key.of(one): one.properties
            for one in self._graph.relations.values()
            if not wanted.isdisjoint(one.properties.get("sources", ()))
        }

    def write(self, edges: Mapping[Key, Mapping[str, Any]]) -> None:
        for key, properties in edges.items():
            self._graph.relations[_in_memory(key)].properties = dict(properties)

    def remove(self, keys: Collection[Key]) -> None:
        for key in keys:
            self._graph.triplets.discard(tuple(key))
            self._graph.relations.pop(_in_memory(key), None)

    def prune(self, ids: Collection[str]) -> None:
        connected = {end for head, _, tail in self._graph.triplets for end in (head, tail)}
        for id_ in set(ids) - connected:
            self._graph.nodes.pop(id_, None)

    def point(self, sources: Mapping[str, str], gone: Collection[str]) -> None:
        for id_, source in sources.items():
            node = self._graph.nodes.get(id_)
            if node and node.properties.get(TRIPLET_SOURCE_KEY) in gone:
                node.properties[TRIPLET_SOURCE_KEY] = source

    def delete_nodes(self, ids: list[str]) -> None:
        # The store's own method also deletes the nodes at the other ends of the edges, and later
        # raises KeyError for their other edges.
        wanted = set(ids)
        for triplet in [one for one in self._graph.triplets if wanted & {one[0], one[2]}]:
            self._graph.triplets.discard(triplet)
            self._graph.relations.pop(_in_memory(Key(*triplet)), None)
        for id_ in ids:
            self._graph.nodes.pop(id_, None)


def _in_memory(key: Key) -> str:
    return f"{key.source}_{key.label}_{key.target}"


class _InCypher:
    """Neo4j, FalkorDB and others: any property, and entities with the label `__Entity__`."""

    NODE = ":`__Entity__`"
    LABEL = "type(r)"
    EDGE = "[r]"
    SET = "r = row.properties"

    def __init__(self, store: PropertyGraphStore) -> None:
        self._store = store

    def known(self, keys: Collection[Key]) -> Edges:
        ids = sorted({key.source for key in keys})
        found = self._found(f"(a{self.NODE} {{id: id}})-{self.EDGE}->(b{self.NODE})", "true", ids)
        return {key: found[key] for key in keys if key in found}

    def stating(self, sources: Collection[str]) -> Edges:
        edge = f"(a{self.NODE})-{self.EDGE}->(b{self.NODE})"
        return self._found(edge, "id IN r.sources", sorted(sources))

    def write(self, edges: Mapping[Key, Mapping[str, Any]]) -> None:
        self._change(edges, f"SET {self.SET}")

    def remove(self, keys: Collection[Key]) -> None:
        self._change({key: {} for key in keys}, "DELETE r")

    def prune(self, ids: Collection[str]) -> None:
        self._ask(
            f"MATCH (n{self.NODE}) WHERE n.id IN $ids OPTIONAL MATCH (n)-[r]-() "
            "WITH n, count(r) AS edges WHERE edges = 0 DELETE n",
            ids=list(ids),
        )

    def point(self, sources: Mapping[str, str], gone: Collection[str]) -> None:
        self._ask(
            f"UNWIND $rows AS row MATCH (n{self.NODE} {{id: row.id}}) "
            f"WHERE n.{TRIPLET_SOURCE_KEY} IN $gone SET n.{TRIPLET_SOURCE_KEY} = row.source",
            rows=[{"id": id_, "source": source} for id_, source in sources.items()],
            gone=list(gone),
        )

    def delete_nodes(self, ids: list[str]) -> None:
        self._store.delete(ids=ids)

    def _found(self, edge: str, condition: str, ids: list[str]) -> Edges:
        # A row for each statement, because Neo4j's and Ladybug's stores drop long lists.
        rows = self._ask(
            f"UNWIND $ids AS id MATCH {edge} WHERE {condition} UNWIND r.statements AS statement "
            f"RETURN DISTINCT a.id AS head, {self.LABEL} AS label, b.id AS tail, statement",
            ids=ids,
        )
        found: Edges = {}
        for row in rows:
            key = Key(row["head"], row["label"], row["tail"])
            found.setdefault(key, {"statements": []})["statements"].append(row["statement"])
        return found

    def _change(self, edges: Mapping[Key, Mapping[str, Any]], change: str) -> None:
        by_label: dict[str, list[dict[str, Any]]] = {}
        for key, properties in edges.items():
            row = {"head": key.source, "label": key.label, "tail": key.target}
            by_label.setdefault(key.label, []).append({**row, "properties": dict(properties)})
        for label, rows in by_label.items():
            self._ask(
                f"UNWIND $rows AS row MATCH (a{self.NODE} {{id: row.head}})-{self._typed(label)}->"
                f"(b{self.NODE} {{id: row.tail}}) {change}",
                rows=rows,
            )

    def _typed(self, label: str) -> str:
        return f"[r:`{label}`]"

    def _ask(self, query: str, **parameters: list[Any]) -> list[dict[str, Any]]:
        if not all(parameters.values()):
            return []
        return self._answers(query, parameters) or []

    def _answers(self, query: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - the host's
        return self._store.structured_query(query, param_map=parameters)


class _InLadybug(_InCypher):
    """Tables with fixed columns: the lists get columns, and other properties are not kept."""

    COLUMNS = dict.fromkeys(LISTS, "STRING[]") | {"scores": "DOUBLE[]", PAPERS: "INT64"}
    NODE = ""
    LABEL = "r.label"
    SET = ", ".join(f"r.{name} = row.properties.{name}" for name in COLUMNS)

    def write(self, edges: Mapping[Key, Mapping[str, Any]]) -> None:
        # Its client raises ValueError for rows of three and more sets of fields.
        kept = {
            key: {name: told[name] for name in self.COLUMNS if name in told}
            for key, told in edges.items()
        }
        super().write(kept)

    def _typed(self, label: str) -> str:
        del label  # a property here: without a schema all relations are in one table
        return "[r {label: row.label}]"

    def _answers(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        # `structured_query` drops results of more than 127 rows.
        for table in self._rows("CALL show_tables() WHERE type = 'REL' RETURN name", {}):
            for name, kind in self.COLUMNS.items():
                self._rows(f"ALTER TABLE `{table['name']}` ADD IF NOT EXISTS {name} {kind}", {})
        return self._rows(query, parameters)

    def _rows(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        response = self._store.client.execute(query, parameters=parameters)
        names = response.get_column_names()
        return [dict(zip(names, row, strict=True)) for row in response]
