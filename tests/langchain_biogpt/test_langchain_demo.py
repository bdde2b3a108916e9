"""LangChain on the bundled model."""

import contextlib
from pathlib import Path

import pytest
from langchain_core.exceptions import OutputParserException

import biogpt_plugins
from langchain_biogpt import (
    AnswerOutputParser,
    BioGPTLLM,
    create_relation_chain,
    question_prompt,
    relation_prompt,
)

WEIGHTS = Path(biogpt_plugins.__file__).parent / "checkpoints/demo/model.safetensors"
pytestmark = pytest.mark.skipif(not WEIGHTS.exists(), reason="the bundled model is not built yet")
PAPERS = [
    {
        "title": "Lithium-induced tremor.",
        "abstract": "A patient who took lithium had a severe tremor.",
    },
    {"title": "Deafness after tobramycin", "abstract": "Tobramycin caused deafness in two men."},
]


def test_a_relation_chain():
    chain = create_relation_chain(BioGPTLLM(task="bc5cdr", max_new_tokens=40))
    batch = chain.batch(PAPERS, return_exceptions=True)
    for paper, relations in zip(PAPERS, batch, strict=True):
        if isinstance(relations, OutputParserException):
            continue  # what so small a model writes cannot always be read
        source = f"{paper['title']} {paper['abstract']}"
        for end in [end for relation in relations for end in (relation.head, relation.tail)]:
            if end.grounded:
                assert source[end.start : end.end] == end.text


def test_a_stream_writes_what_a_call_does():
    llm = BioGPTLLM(task="bc5cdr", max_new_tokens=12)
    text = relation_prompt().format(**PAPERS[0])
    pieces = list(llm.stream(text))
    assert len(pieces) > 2
    assert "".join(pieces) == llm.invoke(text)


async def test_a_question():
    llm = BioGPTLLM(task="pubmedqa", max_new_tokens=20)
    asked = {
        "question": "Does lithium cause tremor?",
        "context": "Tremor was seen in 31 of 84 patients with lithium and in 2 without it.",
    }
    completion = await (question_prompt() | llm).ainvoke(asked)
    with contextlib.suppress(OutputParserException):  # so small a model cannot always be read
        assert AnswerOutputParser().parse(completion).label in {"yes", "no", "maybe"}


def test_tokens():
    llm = BioGPTLLM(task="bc5cdr")
    ids = llm.get_token_ids("COVID-19 is")
    assert len(ids) == llm.get_num_tokens("COVID-19 is")
    assert all(isinstance(token, int) for token in ids)
