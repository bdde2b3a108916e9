"""Papers into a property graph on disk, and a question put to it in Cypher, on the bundled model.

    pip install llama-index-graph-stores-ladybug
    python examples/07_llama_index_graph.py

The stores of Neo4j and others take the same index. The bundled model is for trying the software.
For medicine, name one that was trained for your task: `BioGPTPathExtractor(model="path/to/model")`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import ladybug
from llama_index.core import Document, PropertyGraphIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.graph_stores.ladybug import LadybugPropertyGraphStore

from llama_index_biogpt import BioGPTGraphStore, BioGPTPathExtractor

PAPERS = {
    "101": "Cisplatin and hearing loss in children. Hearing loss was found in 20 of 41 children "
    "who received cisplatin for neuroblastoma. Hearing loss induced by cisplatin was bilateral.",
    "102": "Hearing loss after tobramycin. Two women had bilateral hearing loss on the tenth day "
    "of tobramycin.",
    "103": "Gentamicin-induced hearing loss: a report of three patients. Three patients who "
    "received gentamicin for sepsis developed hearing loss. Gentamicin was withdrawn and hearing "
    "loss persisted in two patients.",
    "104": "Ototoxicity of cisplatin in adults. Of 84 men treated with cisplatin, 27 developed "
    "hearing loss.",
    "105": "Tremor in a patient on lithium. A 54-year-old man who took lithium for two years "
    "developed a coarse tremor. The tremor vanished when lithium was withdrawn.",
}
QUESTION = """MATCH (c:Chemical)-[r:CID]->(:Disease {id: 'disease:hearing loss'})
    UNWIND range(1, size(r.pmids)) AS n
    RETURN c.id AS chemical, r.pmids[n] AS pmid, r.scores[n] AS score, r.sentences[n] AS sentence
    ORDER BY chemical, pmid"""
MENTIONS = """MATCH (paper:Chunk)-[:MENTIONS]->(:Chemical {id: 'chemical:lithium'})
    RETURN paper.ref_doc_id AS pmid"""

# One call of the model for all papers.
reader = BioGPTPathExtractor(task="bc5cdr")
documents = [Document(text=text, id_=pmid) for pmid, text in PAPERS.items()]
nodes = IngestionPipeline(transformations=[SentenceSplitter(), reader]).run(documents=documents)

with TemporaryDirectory() as folder, ladybug.Database(Path(folder) / "papers") as database:
    schema = [("Chemical", "CID", "Disease")]
    # A relation keeps every paper that states it.
    store = BioGPTGraphStore(
        LadybugPropertyGraphStore(
            database, schema, has_structured_schema=True, use_vector_index=False
        )
    )
    # The nodes have been read: the index asks no model.
    PropertyGraphIndex(
        nodes=nodes, kg_extractors=[reader], property_graph_store=store, embed_kg_nodes=False
    )

    print("Which chemicals induce hearing loss, according to which papers?")
    for row in store.structured_query(QUESTION):
        print(f"  {row['chemical']} (PMID {row['pmid']}, score {row['score']:.2f})")
        print(f"    {row['sentence']}")
    rows = store.structured_query(MENTIONS)
    print(f"\nPapers on lithium: {', '.join(row['pmid'] for row in rows)}")
