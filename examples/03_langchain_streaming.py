"""Relations while the model writes them, by a LangChain chain on the bundled model.

    python examples/03_langchain_streaming.py

The bundled model is for trying the software. For medicine, name one that was trained for your task:
`BioGPTLLM(model="path/to/BioGPT-BC5CDR", task="bc5cdr")`.
"""

import asyncio

from langchain_core.exceptions import OutputParserException

from langchain_biogpt import BioGPTLLM, RelationOutputParser, relation_prompt

PAPERS = [
    {
        "title": "Cisplatin-induced hearing loss and acute renal failure.",
        "abstract": "Of 84 patients who were given cisplatin, 20 had a hearing loss. Acute renal "
        "failure was found in 9 of them.",
    },
    {
        "title": "Hepatitis and seizures after isoniazid and rifampicin.",
        "abstract": "Two men on isoniazid had hepatitis and seizures. A third took rifampicin.",
    },
]
asked = relation_prompt() | BioGPTLLM(task="bc5cdr", max_new_tokens=60)

# Whenever a clause has ended, the list is longer. Told the text, the parser finds the ends in it.
source = f"{PAPERS[0]['title']} {PAPERS[0]['abstract']}"
try:
    for relations in (asked | RelationOutputParser(source=source)).stream(PAPERS[0]):
        print(len(relations), "so far:", ", ".join(map(str, relations)) or "none", flush=True)
except OutputParserException as error:  # so small a model cannot always be read
    print(f"could not be read: {error.llm_output!r}")


# Or only what is new each time; and asynchronously, several papers at once.
async def read(paper: dict[str, str]) -> None:
    """Print the relations of one paper as they come."""
    try:
        async for new in (asked | RelationOutputParser(diff=True)).astream(paper):
            for relation in new:
                print(f"{paper['title'][:22]}... {relation}", flush=True)
    except OutputParserException as error:
        print(f"{paper['title'][:22]}... could not be read: {error.llm_output!r}")


async def read_all() -> None:
    """Read all papers at once."""
    await asyncio.gather(*map(read, PAPERS))


asyncio.run(read_all())
