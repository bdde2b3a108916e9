"""Both adapters in one program: names in common, and hosts that want an LLM to fill a schema."""

import pytest
from langchain_core.documents import Document
from llama_index.core.schema import TextNode
from pydantic import BaseModel

import langchain_biogpt
import llama_index_biogpt
from biogpt_plugins import Answer
from biogpt_plugins.values.errors import InputError

CHAINS = [
    langchain_biogpt.create_relation_chain,
    langchain_biogpt.create_description_chain,
    langchain_biogpt.BioGPTRelationTransformer,
    langchain_biogpt.BioGPTGraphTransformer,
]


@pytest.mark.parametrize("make", CHAINS, ids=lambda make: make.__name__)
def test_an_llm_of_the_other_host_is_refused_by_name(make):
    with pytest.raises(InputError, match=r"llm must be langchain_biogpt\.BioGPTLLM, not llama_ind"):
        make(llama_index_biogpt.BioGPTLLM())


@pytest.mark.parametrize(
    "make",
    [
        lambda llm: langchain_biogpt.BioGPTTask(llm=llm, task="hoc"),
        lambda llm: langchain_biogpt.BioGPTToolkit(llm=llm),
        lambda llm: langchain_biogpt.BioGPTAnswerTool(llm=llm),
    ],
    ids=["task", "toolkit", "tool"],
)
def test_so_is_it_as_a_field(make):
    with pytest.raises(ValueError, match="BioGPTLLM"):
        make(llama_index_biogpt.BioGPTLLM())


def test_relations_are_read_from_the_own_hosts_texts():
    with pytest.raises(InputError, match=r"be langchain_core\.Document, not llama_index\.Text"):
        langchain_biogpt.relations_of(TextNode(text="x"))
    with pytest.raises(InputError, match=r"must be llama_index\.BaseNode, not langchain_core\.Doc"):
        llama_index_biogpt.relations_of(Document("x"))


class Schema(BaseModel):
    drug: str


async def test_schemas_are_refused_with_what_to_use():
    """LangChain's graph transformer and others ask for NotImplementedError."""
    with pytest.raises(NotImplementedError, match=r"schema Schema: .* create_relation_chain"):
        langchain_biogpt.BioGPTLLM().with_structured_output(Schema)
    with pytest.raises(NotImplementedError, match="BioGPTTask"):
        langchain_biogpt.BioGPTLLM().with_structured_output(Answer, include_raw=True)
    llm = llama_index_biogpt.BioGPTLLM()
    for ask in (llm.as_structured_llm, llm.structured_predict, llm.stream_structured_predict):
        with pytest.raises(NotImplementedError, match=r"schema Schema: .* BioGPTToolSpec"):
            ask(Schema)
    for ask in (llm.astructured_predict, llm.astream_structured_predict):
        with pytest.raises(NotImplementedError, match="BioGPTRelationExtractor"):
            await ask(Schema)
