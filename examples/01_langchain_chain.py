"""Relations and an answer by LangChain chains, on the bundled model.

    python examples/01_langchain_chain.py

The bundled model is for trying the software. For medicine, name one that was trained for your task:
`BioGPTLLM(model="path/to/BioGPT-BC5CDR", task="bc5cdr")`.
"""

from langchain_biogpt import (
    AnswerOutputParser,
    BioGPTLLM,
    create_relation_chain,
    question_prompt,
    relation_prompt,
)

PAPERS = [
    {
        "title": "Tremor in a patient on lithium.",
        "abstract": "A 54-year-old man who took lithium for two years developed a coarse tremor. "
        "The tremor vanished when lithium was withdrawn.",
    },
    {
        "title": "Hearing loss after tobramycin",
        "abstract": "Two women had bilateral hearing loss on the tenth day of tobramycin.",
    },
]
QUESTION = {
    "question": "Does lithium cause tremor in older adults?",
    "context": "Of 84 patients on lithium, 31 had a tremor, and 4 of 80 on placebo (p < 0.001).",
}

# The parts, one by one: a template, a BioGPT, and its completion as it is written.
llm = BioGPTLLM(task="bc5cdr", max_new_tokens=60)
print("The model writes:", end=" ", flush=True)
for piece in (relation_prompt() | llm).stream(PAPERS[0]):
    print(piece, end="", flush=True)
print("\n")

# The whole chain: one call of the model for all papers, and offsets into each of them.
chain = create_relation_chain(llm)
for paper, found in zip(PAPERS, chain.batch(PAPERS, return_exceptions=True), strict=True):
    print(paper["title"])
    if isinstance(found, Exception):
        print(f"  could not be read: {found.__cause__ or found}")
        continue
    source = f"{paper['title']} {paper['abstract']}"
    for relation in found:
        print(f"  {relation}")
        for end in (relation.head, relation.tail):
            if end.start is not None:
                print(f"    {end.type} at {end.start}-{end.end}: {source[end.start : end.end]!r}")

# A question about a passage.
ask = question_prompt() | BioGPTLLM(task="pubmedqa", max_new_tokens=20) | AnswerOutputParser()
(answer,) = ask.batch([QUESTION], return_exceptions=True)
print(f"\n{QUESTION['question']} {getattr(answer, 'label', answer)}")
