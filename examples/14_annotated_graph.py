"""Annotated papers into a graph database, by both frameworks, and a question put to it by MeSH id.

    pip install langchain-ladybug llama-index-graph-stores-ladybug
    python examples/14_annotated_graph.py

The papers, invented ones, are in a file as PubTator 3 exports it. The model names the annotated
entities alone, so that nodes are known by the annotations' ids, whatever a paper calls them. The
bundled model is for trying the software: name one that was trained for your task.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ladybug
from langchain_core.documents import Document
from langchain_ladybug import LadybugGraph
from llama_index.core import Document as LlamaDocument
from llama_index.core import PropertyGraphIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.graph_stores.ladybug import LadybugPropertyGraphStore

from biogpt_plugins import Paper
from biogpt_plugins.corpus import read_records
from langchain_biogpt import BioGPTGraphTransformer, BioGPTLLM
from llama_index_biogpt import BioGPTGraphStore, BioGPTPathExtractor

FILE = Path(__file__).with_name("14_pubtator3.json")
SCHEMA = [("Chemical", "CID", "Disease")]
SEIZURES = "MESH:D012640"
EVIDENCE = "CREATE REL TABLE EVIDENCE (FROM Chemical TO Disease, pmid STRING, score DOUBLE)"
ADD_EVIDENCE = """MATCH (c:Chemical {id: $source}), (d:Disease {id: $target})
    CREATE (c)-[:EVIDENCE {pmid: $pmid, score: $score}]->(d)"""
IN_LANGCHAIN = """MATCH (c:Chemical)-[e:EVIDENCE]->(:Disease {id: $id})
    RETURN c.id AS chemical, list_sort(collect(e.pmid)) AS pmids ORDER BY chemical"""
IN_LLAMA_INDEX = """MATCH (c:Chemical)-[r:CID]->(:Disease {id: $id})
    RETURN c.id AS chemical, list_sort(r.pmids) AS pmids ORDER BY chemical"""

papers = [record.value for record in read_records([FILE], strict=True)]


def entities(paper: Paper) -> str:
    """The annotations, with offsets in title and text, as JSON, which all stores take."""
    return json.dumps([entity.model_dump(exclude_none=True) for entity in paper.entities])


def with_langchain(database: ladybug.Database) -> list[dict[str, Any]]:
    """The answer of LangChain's graph, which keeps ids alone: evidence has a table of its own."""
    documents = [
        Document(paper.source, metadata={"pmid": paper.id, "entities": entities(paper)})
        for paper in papers
    ]
    reader = BioGPTGraphTransformer(BioGPTLLM(task="bc5cdr", decoding="entities"))
    graphs = reader.convert_to_graph_documents(documents)
    store = LadybugGraph(database, allow_dangerous_requests=True)
    store.add_graph_documents(graphs, SCHEMA, include_source=True)
    store.query(EVIDENCE)
    for edge in [edge for graph in graphs for edge in graph.relationships]:
        told = {name: edge.properties[name] for name in ("pmid", "score")}
        store.query(ADD_EVIDENCE, {"source": edge.source.id, "target": edge.target.id, **told})
    return store.query(IN_LANGCHAIN, {"id": SEIZURES})


def with_llama_index(database: ladybug.Database) -> list[dict[str, Any]]:
    """The answer of LlamaIndex's graph, whose edges keep every paper."""
    documents = [
        LlamaDocument(
            text=paper.source,
            id_=paper.id,
            metadata={"entities": entities(paper)},
            excluded_embed_metadata_keys=["entities"],
            excluded_llm_metadata_keys=["entities"],
        )
        for paper in papers
    ]
    reader = BioGPTPathExtractor(task="bc5cdr", decoding="entities")
    nodes = IngestionPipeline(transformations=[SentenceSplitter(), reader]).run(documents=documents)
    store = BioGPTGraphStore(
        LadybugPropertyGraphStore(
            database, SCHEMA, has_structured_schema=True, use_vector_index=False
        )
    )
    PropertyGraphIndex(
        nodes=nodes, kg_extractors=[reader], property_graph_store=store, embed_kg_nodes=False
    )
    return store.structured_query(IN_LLAMA_INDEX, {"id": SEIZURES})


for name, answer in (("LangChain", with_langchain), ("LlamaIndex", with_llama_index)):
    with TemporaryDirectory() as folder, ladybug.Database(Path(folder) / "papers") as database:
        print(f"{name}: which chemicals induce seizures ({SEIZURES})?")
        for row in answer(database):
            print(f"  {row['chemical']}, in {', '.join(row['pmids'])}")
