"""Papers into LlamaIndex nodes with grounded relations as metadata, on the bundled model.

    python examples/02_llama_index_ingestion.py

The bundled model is for trying the plumbing. For medicine, name one that was taught your task:
`BioGPTRelationExtractor(model="path/to/BioGPT-BC5CDR", task="bc5cdr")`.
"""

from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document

from llama_index_biogpt import BioGPTRelationExtractor

PAPERS = {
    "1": "Tremor in a patient on lithium. A 54-year-old man who took lithium for two years "
    "developed a coarse tremor. The tremor vanished when lithium was withdrawn.",
    "2": "Hearing loss after tobramycin. Two women had bilateral hearing loss on the tenth day of "
    "tobramycin.",
    "3": "A survey of hospital gardens. Sixty hospitals were asked how large their gardens are.",
}

pipeline = IngestionPipeline(
    transformations=[SentenceSplitter(chunk_size=512), BioGPTRelationExtractor()]
)
documents = [Document(text=text, metadata={"pmid": pmid}) for pmid, text in PAPERS.items()]
nodes = pipeline.run(documents=documents)  # one call of the model for all nodes
pipeline.run(documents=documents)  # from the ingestion cache: no call at all

for node in nodes:
    print(f"PMID {node.metadata['pmid']}: {node.text[:60]}...")
    if error := node.metadata.get("biogpt_error"):
        print(f"  could not be read: {error}")
    for found in node.metadata.get("biogpt_relations", []):
        print(f"  {found['head']} -[{found['type']}]-> {found['tail']}")
        for end in ("head", "tail"):
            start, stop = found[f"{end}_start"], found[f"{end}_end"]
            if start is not None:
                print(f"    {found[f'{end}_type']} at {start}-{stop}: {node.text[start:stop]!r}")

chemicals = {name for node in nodes for name in node.metadata.get("biogpt_chemicals", [])}
print(f"\nChemicals to filter by: {', '.join(sorted(chemicals)) or 'none'}")
