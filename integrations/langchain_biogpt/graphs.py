"""Convert documents to graphs of their relations, for graph databases."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import md5
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, Field

from biogpt_plugins import Prediction, Relation
from biogpt_plugins.engine import in_thread
from biogpt_plugins.findings import property_graph as graph
from biogpt_plugins.findings.nodes import Nodes
from biogpt_plugins.findings.property_graph import Scalar, Schema, edges_of
from biogpt_plugins.findings.statements import Statement, edge_properties, statements_in
from biogpt_plugins.hosts.metadata import remark_keys, remarks
from langchain_biogpt.chains import create_relation_chain
from langchain_biogpt.documents import paper_id
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.transformers import with_metadata

_log = logging.getLogger(__name__)


class Node(BaseModel):
    """An entity, with the fields that LangChain's graph stores require.

    Attributes:
        id: The CURIE of its identifier, "MESH:D008094", or else type and name: "chemical:lithium".
        type: A label: "Chemical", "Disease", "Drug", "Target".
        properties: `name`, the one that a dictionary prefers, or the most frequent one;
            `synonyms`, a list of its other names in the documents; `abbreviation`, if the paper
            defines one; `type`, as in the task; `identifier`, the CURIE. Unknown values are left
            out.
    """

    id: str
    type: str
    properties: dict[str, Scalar | list[str]] = Field(default_factory=dict)


class Relationship(BaseModel):
    """A relation, with the fields that LangChain's graph stores require of a relationship.

    Attributes:
        source: The relation's head.
        target: Its tail.
        type: A label: "CID", "MECHANISM", "PARTIAL_AGONIST".
        properties: `type`, as the model wrote it; `pmid`; `sentence`, which contains both ends;
            `evidence`, all supporting sentences, one per line; `negated` and `speculated`, from
            cues in these sentences; `score`, from 0 to 1; `grounded`, whether both ends occur in
            the text; `head_start`, `head_end`, `tail_start`, `tail_end`, offsets in the source's
            `page_content`; `task`; `model`. Unknown values are left out. `merge_graph_documents`
            adds lists.
    """

    source: Node
    target: Node
    type: str
    properties: dict[str, Scalar | list[str] | list[float]] = Field(default_factory=dict)


class GraphDocument(BaseModel):
    """A document's relations, with the fields that LangChain's graph stores require.

    Attributes:
        nodes: The entities, each once.
        relationships: The relations between them, each once.
        source: A copy of the document.
    """

    nodes: list[Node]
    relationships: list[Relationship]
    source: Document


class BioGPTGraphTransformer:
    """Converts documents to graphs, with the methods of LangChain's LLMGraphTransformer.

    All documents are read with one engine call. Pass the graphs to `add_graph_documents` of a
    graph store such as Neo4jGraph or LadybugGraph.

    Entities with the same identifier are one node, within a paper and across papers; those without
    one are if they have the same type and name, where case, hyphens and plural do not count. A name
    without identifier becomes the node of an identifier that the same call's documents give to this
    name, unless they give several. A relation whose end has several identifiers, "D001|D002",
    becomes a relationship for each. These are the nodes of `biogpt aggregate` and of its exports.

    Stores cannot merge nodes: if a name gets its identifier only in a later call, the store keeps
    the node of the name with its earlier relationships beside the node of the identifier. Convert
    all documents in one call, or annotate them with one dictionary, to have one node.

    Graph stores keep one relationship of each type between two nodes, with the properties from the
    first paper, from the last one, or from none. To keep every paper, pass
    `merge_graph_documents(graphs)` to the store; for a store without properties, such as
    LadybugGraph, also write the relationships to a table.

    Stores identify a document by the source's `metadata["id"]`, FalkorDBGraph by its `id`. Each
    is the document's own, or else its PMID. Documents of one call with the same PMID, such as the
    chunks of a paper, get no id; stores then use a hash of the text. Neo4j and FalkorDB take no
    metadata with objects: give annotations as JSON, `"entities": json.dumps(...)`.
    """

    def __init__(
        self,
        llm: BioGPTLLM | None = None,
        *,
        task: str | None = None,
        allowed_nodes: Iterable[str] = (),
        allowed_relationships: Iterable[str | tuple[str, str, str]] = (),
        **options: Any,  # noqa: ANN401 - settings of the LLM
    ) -> None:
        """Choose a model, a task, and the nodes and relationships to keep.

        Args:
            llm: The model and its decoding options; None uses the bundled model.
            task: A relation task; None uses the LLM's own, or else the first relation task that the
                model was trained for. "bc5cdr" finds (Chemical, CID, Disease); "ddi" finds
                MECHANISM, EFFECT, ADVISE and INT from Drug to Drug; "kd_dti" finds interactions of
                any type from Drug to Target.
            allowed_nodes: Types of nodes to keep, with the relationships between them; empty keeps
                all.
            allowed_relationships: Types of relationships to keep, or triples of source type, type
                and target type; empty keeps all. Their nodes are kept in any case. Matching
                ignores case.
            options: As in `create_relation_chain`.

        Raises:
            InputError: The task does not find relations, or no entities of an allowed type; or the
                model was not trained for a relation task.
            ModelError: No task is given, and the model cannot be found.
        """
        options = {"logprobs": True, **options}
        self._finder = create_relation_chain(llm, task=task, predictions=True, **options)
        self._strict = self._finder.model_copy(update={"predictions": False})  # raises failures
        self._schema = Schema.of(self._finder.task, allowed_nodes, allowed_relationships)
        self._key = f"biogpt_graph_{self._finder.task}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(task={self._finder.task!r}, llm={self._finder.llm!r})"

    def convert_to_graph_documents(
        self, documents: Sequence[Document], config: RunnableConfig | None = None
    ) -> list[GraphDocument]:
        """The graph of each document, in order.

        A document that fails does not affect the others. Its graph is empty, its error is logged,
        and the source's metadata `biogpt_graph_bc5cdr_error` (with the name of the task) gives the
        reason. A document without relations does not have this key. `biogpt_graph_bc5cdr_warnings`
        contains warnings, if there are any.

        Raises:
            ModelError: The model cannot be loaded.
        """
        documents = list(documents)
        return self._graphs(documents, self._finder.batch(documents, config))

    async def aconvert_to_graph_documents(
        self, documents: Sequence[Document], config: RunnableConfig | None = None
    ) -> list[GraphDocument]:
        """The same in a thread, which keeps the event loop free; cancelling stops it."""
        documents = list(documents)
        found = await self._finder.abatch(documents, config)
        return await in_thread(self._graphs, documents, found)

    def process_response(
        self, document: Document, config: RunnableConfig | None = None
    ) -> GraphDocument:
        """The graph of one document.

        Raises:
            OutputParserException: The completion cannot be read; `llm_output` contains it.
            BioGPTError: The document is invalid, or the engine failed.
        """
        found = self._strict.invoke(document, config)
        return self._graph(document, found, _known_by(document), self._nodes([found]))

    async def aprocess_response(
        self, document: Document, config: RunnableConfig | None = None
    ) -> GraphDocument:
        """The same in a thread, which keeps the event loop free; cancelling stops it."""
        found = await self._strict.ainvoke(document, config)
        return self._graph(document, found, _known_by(document), self._nodes([found]))

    def _graphs(
        self, documents: list[Document], found: list[Prediction[list[Relation]]]
    ) -> list[GraphDocument]:
        times = Counter(map(paper_id, documents))
        nodes = self._nodes(prediction.relations for prediction in found)
        graphs = []
        for document, prediction in zip(documents, found, strict=True):
            facts = remarks(prediction, self._key)
            if failure := prediction.error:
                told = (paper_id(document), failure.type, failure.message)
                _log.warning("no graph for document %s: %s: %s", *told)
            if times[paper_id(document)] == 1:
                facts |= _known_by(document)
            graphs.append(self._graph(document, prediction.relations, facts, nodes))
        if nodes.merged or nodes.ambiguous:
            _log.info("%s", nodes.report)
        return graphs

    def _nodes(self, texts: Iterable[list[Relation]]) -> Nodes:
        return graph.nodes_of(texts, self._finder.llm.dictionary)

    def _graph(
        self, document: Document, relations: list[Relation], facts: dict[str, str], nodes: Nodes
    ) -> GraphDocument:
        told = {
            "pmid": paper_id(document),
            "task": self._finder.task,
            "model": self._finder.llm.model,
        }
        edges = edges_of(relations, document.page_content, nodes=nodes, **told)
        ends = [end for edge in edges for end in (edge.source, edge.target)]
        kept_nodes = {end.id: _node(end) for end in ends if self._schema.has_node(end)}
        kept = [edge for edge in edges if self._schema.has_edge(edge)]
        source = with_metadata(document, facts, owns=lambda key: key in remark_keys(self._key))
        return GraphDocument(
            nodes=list(kept_nodes.values()),
            relationships=[
                Relationship(
                    source=kept_nodes[edge.source.id],
                    target=kept_nodes[edge.target.id],
                    type=edge.label,
                    properties=dict(edge.properties),
                )
                for edge in kept
                if edge.source.id in kept_nodes and edge.target.id in kept_nodes
            ],
            source=_with_id(source),
        )


def merge_graph_documents(graphs: Iterable[GraphDocument]) -> list[GraphDocument]:
    """The graphs with each relationship once, which then holds what every document says of it.

        store.add_graph_documents(merge_graph_documents(graphs), include_source=True)

    The relationship is in the first graph that has it. Its properties are those of the statement
    with the highest score, and lists with one item for each statement, highest score first:
    `pmids`, `sentences` ("" if unknown), `scores` (-1 if unknown), `sources`, the ids of the
    documents, and `statements`, each a JSON object with all properties of the relationship in that
    document. `papers` is the number of PMIDs.

    Stores do not add to a relationship that they have: pass all graphs at once, or merge new graphs
    together with the earlier merged ones. The result does not depend on how they are divided.
    """
    given = list(graphs)
    found: dict[_Edge, list[Statement]] = {}
    for one in given:
        source = {_DOCUMENT: _document_id(one.source)}
        for edge in one.relationships:
            told = [{**source, **each} for each in statements_in(edge.properties)]
            found.setdefault(_edge(edge), []).extend(told)
    merged = []
    for one in given:
        kept = []
        for edge in one.relationships:
            if (key := _edge(edge)) not in found:
                continue
            told = found.pop(key)
            properties = edge_properties(told, _DOCUMENT) if told else edge.properties
            kept.append(edge.model_copy(update={"properties": properties}))
        merged.append(one.model_copy(update={"relationships": kept}))
    return merged


_Edge = tuple[str, str, str]
_DOCUMENT = "document"


def _edge(edge: Relationship) -> _Edge:
    return edge.source.id, edge.type, edge.target.id


def _document_id(document: Document) -> str:
    # As Neo4jGraph and LadybugGraph identify documents.
    given = document.metadata.get("id") or document.id
    return str(given or md5(document.page_content.encode(errors="replace")).hexdigest())


def _node(node: graph.GraphNode) -> Node:
    return Node(id=node.id, type=node.label, properties=node.properties)


def _with_id(document: Document) -> Document:
    """The document with the id of its metadata as its own too, if it has none."""
    known = document.id or document.metadata.get("id")
    return document.model_copy(update={"id": str(known)}) if known else document


def _known_by(document: Document) -> dict[str, str]:
    """The id for stores, if the document's metadata has none."""
    id_ = paper_id(document)
    return {} if id_ is None or document.metadata.get("id") else {"id": id_}
