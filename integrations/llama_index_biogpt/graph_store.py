"""A LlamaIndex property graph store that keeps every paper on an edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import (
    TRIPLET_SOURCE_KEY,
    ChunkNode,
    LabelledNode,
    PropertyGraphStore,
    Relation,
    Triplet,
)
from llama_index.core.vector_stores.types import VectorStoreQuery

from biogpt_plugins.findings import statements
from biogpt_plugins.findings.statements import Statement, edge_properties, is_statement
from llama_index_biogpt.graph_edges import Key, edges_in


class BioGPTGraphStore(PropertyGraphStore):
    """Keeps what every paper says of a relation, in any of LlamaIndex's property graph stores.

        index = PropertyGraphIndex(
            nodes, kg_extractors=[BioGPTPathExtractor()], property_graph_store=BioGPTGraphStore()
        )
        index.delete_ref_doc("12345678")

    A graph store keeps one relation of a type between two entities, with the properties from the
    first or the last paper. This store merges the relations of BioGPTPathExtractor with those that
    the graph has, in whatever order they come. The properties of a relation are those of the
    statement with the highest score (`pmid`, `sentence`, `score`, ...), and lists with one item for
    each statement, highest score first: `pmids`, `sentences` ("" if unknown), `scores` (-1 if
    unknown), `sources`, the ids of the text nodes, and `statements`, which `statements_of` reads.
    `papers` is the number of papers.

    Deleting a text node, as `index.delete_ref_doc` does, deletes its statements. A relation without
    statements is deleted, and so are entities that nothing else is connected to.

    The state is in the graph alone: wrap a store that was loaded or that another process filled.
    LadybugPropertyGraphStore has fixed columns; there the lists and `papers` are kept.

    Attributes:
        store: The store that holds the graph.
    """

    def __init__(self, store: PropertyGraphStore | None = None) -> None:
        """Wrap a store.

        Args:
            store: SimplePropertyGraphStore, or a store with Cypher, such as those of Neo4j,
                FalkorDB and Ladybug; None uses a new SimplePropertyGraphStore.

        Raises:
            InputError: The edges of this store cannot be changed.
        """
        self.store = SimplePropertyGraphStore() if store is None else store
        self._edges = edges_in(self.store)
        self.supports_structured_queries = self.store.supports_structured_queries
        self.supports_vector_queries = self.store.supports_vector_queries
        self.text_to_cypher_template = self.store.text_to_cypher_template

    def upsert_relations(self, relations: list[Relation]) -> None:
        """Add relations; those of BioGPTPathExtractor are merged with the relations there."""
        found: dict[Key, list[Statement]] = {}
        for one in relations:
            if is_statement(one.properties):
                found.setdefault(Key.of(one), []).extend(statements.statements_in(one.properties))
        known = self._edges.known(found)
        before = {key: statements.statements_in(known[key]) for key in known}
        self.store.upsert_relations(relations)
        self._edges.write(
            {key: _merged([*before.get(key, ()), *new]) for key, new in found.items()}
        )

    def delete(
        self,
        entity_names: list[str] | None = None,
        relation_names: list[str] | None = None,
        properties: dict[str, Any] | None = None,
        ids: list[str] | None = None,
    ) -> None:
        """Delete matching data, and the statements of the text nodes among it."""
        texts = list(ids or ())
        if properties:
            matching = self.store.get(properties=properties)
            texts += [node.id for node in matching if isinstance(node, ChunkNode)]
        if texts:
            left = self._forget(set(texts))
            self._edges.delete_nodes(texts)
            self._edges.prune(left)
        if entity_names or relation_names:
            self.store.delete(entity_names=entity_names, relation_names=relation_names)

    def delete_llama_nodes(
        self, node_ids: list[str] | None = None, ref_doc_ids: list[str] | None = None
    ) -> None:
        """Delete text nodes with their statements; entities of other papers stay."""
        for id_ in ref_doc_ids or ():
            self.delete(properties={"ref_doc_id": id_})
        if node_ids:
            self.delete(ids=node_ids)

    def _forget(self, sources: set[str]) -> set[str]:
        """Remove the statements of text nodes; the ends of the edges that have none left."""
        stating = self._edges.stating(sources)
        left = {
            key: [
                one
                for one in statements.statements_in(properties)
                if one.get(TRIPLET_SOURCE_KEY) not in sources
            ]
            for key, properties in stating.items()
        }
        kept = {key: _merged(others) for key, others in left.items() if others}
        self._edges.write(kept)
        gone = [key for key, others in left.items() if not others]
        self._edges.remove(gone)
        ends = {
            end: properties[TRIPLET_SOURCE_KEY]
            for key, properties in kept.items()
            for end in (key.source, key.target)
        }
        self._edges.point(ends, sources)
        return {end for key in gone for end in (key.source, key.target)}

    # The store's own methods.

    @property
    def client(self) -> Any:  # noqa: ANN401 - the host's signature
        """The client of the store."""
        return self.store.client

    def get(
        self, properties: dict[str, Any] | None = None, ids: list[str] | None = None
    ) -> list[LabelledNode]:
        """Nodes with matching values."""
        return self.store.get(properties=properties, ids=ids)

    def get_triplets(
        self,
        entity_names: list[str] | None = None,
        relation_names: list[str] | None = None,
        properties: dict[str, Any] | None = None,
        ids: list[str] | None = None,
    ) -> list[Triplet]:
        """Triplets with matching values."""
        given: dict[str, Any] = {
            "entity_names": entity_names,
            "relation_names": relation_names,
            "properties": properties,
            "ids": ids,
        }
        # Some stores lack parameters.
        return self.store.get_triplets(**{name: one for name, one in given.items() if one})

    def get_rel_map(
        self,
        graph_nodes: list[LabelledNode],
        depth: int = 2,
        limit: int = 30,
        ignore_rels: list[str] | None = None,
    ) -> list[Triplet]:
        """Triplets around nodes."""
        return self.store.get_rel_map(graph_nodes, depth, limit, ignore_rels)

    def upsert_nodes(self, nodes: Sequence[LabelledNode]) -> None:
        """Add nodes."""
        self.store.upsert_nodes(nodes)

    def structured_query(
        self,
        query: str,
        param_map: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - the host's signature
        """The answer of the store to a query."""
        return self.store.structured_query(query, param_map)

    def vector_query(
        self,
        query: VectorStoreQuery,
        **kwargs: Any,  # noqa: ANN401
    ) -> tuple[list[LabelledNode], list[float]]:
        """Nodes near a vector."""
        return self.store.vector_query(query, **kwargs)

    async def avector_query(
        self,
        query: VectorStoreQuery,
        **kwargs: Any,  # noqa: ANN401
    ) -> tuple[list[LabelledNode], list[float]]:
        """`vector_query` of the store for event loops."""
        return await self.store.avector_query(query, **kwargs)

    def persist(self, persist_path: str, fs: Any = None) -> None:  # noqa: ANN401 - untyped fsspec
        """Write the graph to a file, if the store does."""
        self.store.persist(persist_path, fs)

    def get_schema(self, refresh: bool = False) -> Any:  # noqa: ANN401
        """The store's schema."""
        return self.store.get_schema(refresh=refresh)

    def get_schema_str(self, refresh: bool = False) -> str:
        """The store's schema as text."""
        return self.store.get_schema_str(refresh=refresh)


def statements_of(relation: Relation) -> list[Statement]:
    """What every paper says of a relation in a BioGPTGraphStore, highest score first.

    Each statement has the properties that BioGPTPathExtractor describes. A relation of another
    store or of a node's metadata is one statement; relations of other extractors have none.
    """
    return statements.statements_in(relation.properties)


def _merged(found: list[Statement]) -> dict[str, Any]:
    return edge_properties(found, TRIPLET_SOURCE_KEY)
