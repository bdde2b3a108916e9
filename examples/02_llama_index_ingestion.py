"""Papers into LlamaIndex nodes with relations and answers as metadata, and an index to filter.

    python examples/02_llama_index_ingestion.py

The bundled model is for trying the software. For medicine, name models trained for yours:
`BioGPTRelationExtractor(model="path/to/BioGPT-BC5CDR", task="bc5cdr")`.
"""

from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import Document
from llama_index.core.vector_stores import FilterOperator, MetadataFilter, MetadataFilters

from llama_index_biogpt import (
    BioGPTAnswerExtractor,
    BioGPTRelationExtractor,
    BioGPTSectionParser,
    relations_of,
)

PAPERS = {
    "1": "Tremor in a patient on lithium. BACKGROUND: Lithium may harm nerves. CASE REPORT: A "
    "54-year-old man who took lithium for two years developed a coarse tremor. CONCLUSIONS: The "
    "tremor vanished when lithium was withdrawn.",
    "2": "Hearing loss after tobramycin. Two women had bilateral hearing loss on the tenth day of "
    "tobramycin.",
    "3": "A survey of hospital gardens. Sixty hospitals were asked how large their gardens are.",
}
QUESTIONS = {"harm": "Does a drug do harm?"}

papers = {
    pmid: Document(id_=pmid, text=text, metadata={"pmid": pmid}) for pmid, text in PAPERS.items()
}
pipeline = IngestionPipeline(
    transformations=[
        BioGPTRelationExtractor(),  # BioGPT was trained on whole abstracts, so it comes first
        BioGPTAnswerExtractor(questions=QUESTIONS),
        BioGPTSectionParser(),
    ]
)
nodes = pipeline.run(documents=list(papers.values()))  # one call of the model for each extractor
pipeline.run(documents=list(papers.values()))  # from the ingestion cache: no call at all

for node in nodes:
    pmid, section = node.metadata["pmid"], node.metadata["section"]
    print(f"PMID {pmid}, {section} at {node.start_char_idx}: {node.text[:50]}...")
    if node.next_node:
        continue  # of a paper's sections the last tells what was found in the paper
    print(f"  does a drug do harm? {node.metadata.get('biogpt_answer_harm')}")
    if error := node.metadata.get("biogpt_relations_bc5cdr_error"):
        print(f"  could not be read: {error}")
        continue
    paper = papers[pmid]
    for relation in relations_of(node, document=paper):
        print(f"  {relation}")
        for end in (relation.head, relation.tail):
            if end.grounded:
                mention = paper.text[end.start : end.end]
                print(f"    {end.type} at {end.start}-{end.end}: {mention!r}")

chemicals = {name for node in nodes for name in node.metadata.get("biogpt_chemicals", [])}
print(f"\nChemicals to filter by: {', '.join(sorted(chemicals)) or 'none'}")

index = VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=4))  # take a real one
wanted = [
    MetadataFilter(key="biogpt_chemicals", value="lithium", operator=FilterOperator.CONTAINS),
    MetadataFilter(key="section", value="conclusions"),
]
retriever = index.as_retriever(filters=MetadataFilters(filters=wanted), similarity_top_k=9)
for found in retriever.retrieve("What does lithium do?"):
    print(f"Conclusion on lithium, PMID {found.node.metadata['pmid']}: {found.text}")
