"""Papers into a graph database, and a question put to it in Cypher, on the bundled model.

    pip install langchain-ladybug
    python examples/06_langchain_graph.py

Neo4jGraph of langchain-neo4j takes the same graphs. The bundled model is for trying the software.
For medicine, name one that was trained for your task: `BioGPTLLM(model="path/to/BioGPT-BC5CDR")`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import ladybug
from langchain_core.documents import Document
from langchain_ladybug import LadybugGraph

from langchain_biogpt import BioGPTGraphTransformer, BioGPTLLM

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
EVIDENCE = """CREATE REL TABLE IF NOT EXISTS EVIDENCE (
    FROM Chemical TO Disease, pmid STRING, sentence STRING, score DOUBLE)"""
ADD_EVIDENCE = """MATCH (c:Chemical {id: $source}), (d:Disease {id: $target})
    MERGE (c)-[e:EVIDENCE {pmid: $pmid}]->(d)
    SET e.sentence = $sentence, e.score = $score"""
QUESTION = """MATCH (c:Chemical)-[e:EVIDENCE]->(:Disease {id: 'disease:hearing loss'})
    RETURN c.id AS chemical, e.pmid AS pmid, e.score AS score, e.sentence AS sentence
    ORDER BY chemical, pmid"""
MENTIONS = "MATCH (paper:Chunk)-[:MENTIONS]->(e {id: 'chemical:lithium'}) RETURN paper.id AS pmid"

# One call of the model for all papers.
documents = [Document(text, metadata={"pmid": pmid}) for pmid, text in PAPERS.items()]
graphs = BioGPTGraphTransformer(BioGPTLLM(task="bc5cdr")).convert_to_graph_documents(documents)

with TemporaryDirectory() as folder, ladybug.Database(Path(folder) / "papers") as database:
    store = LadybugGraph(database, allow_dangerous_requests=True)
    store.add_graph_documents(graphs, [("Chemical", "CID", "Disease")], include_source=True)

    # The store keeps nodes, one relationship between two of them, and the papers that mention
    # them. What each paper says of a relationship goes into a table of our own.
    store.query(EVIDENCE)
    for one in [relationship for graph in graphs for relationship in graph.relationships]:
        told = {name: one.properties.get(name) for name in ("pmid", "sentence", "score")}
        store.query(ADD_EVIDENCE, {"source": one.source.id, "target": one.target.id, **told})

    print("Which chemicals induce hearing loss, according to which papers?")
    for row in store.query(QUESTION):
        print(f"  {row['chemical']} (PMID {row['pmid']}, score {row['score']:.2f})")
        print(f"    {row['sentence']}")
    print(f"\nPapers on lithium: {', '.join(row['pmid'] for row in store.query(MENTIONS))}")
