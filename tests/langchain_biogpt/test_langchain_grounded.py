"""Grounded decoding, asked for by the LLM's option or with a call."""

import bundled
import pytest
from doubles import unscored

from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from langchain_biogpt import BioGPTLLM, BioGPTToolkit, create_relation_chain

PAPER = bundled.case_text()


def grounded(relations):
    return relations and all(
        PAPER[end.start : end.end] == end.text for r in relations for end in (r.head, r.tail)
    )


def test_chains_and_llms_on_the_bundled_model():
    llm = BioGPTLLM(task="bc5cdr", decoding="grounded")
    (relations,) = create_relation_chain(llm).batch([PAPER])
    assert grounded(relations)
    assert grounded(create_relation_chain(task="bc5cdr", decoding="grounded").invoke(PAPER))
    text = llm.invoke(PAPER)
    assert text.startswith("the relation between ")
    assert BioGPTLLM(task="bc5cdr").invoke(PAPER, decoding="grounded") == text
    *_, last = create_relation_chain(llm).stream(PAPER)
    assert unscored(last) == unscored(relations)


def test_it_counts_for_caches():
    assert (
        BioGPTLLM(task="bc5cdr", decoding="grounded")._identifying_params["decoding"] == "grounded"
    )
    assert "decoding" not in BioGPTLLM(task="bc5cdr")._identifying_params


def test_without_a_form_there_is_an_error():
    with pytest.raises(InputError, match=r"task .* has no grammar"):
        BioGPTLLM.from_engine(ScriptedEngine(["."]), decoding="grounded").invoke("Aspirin")


def test_tools_of_tasks_without_a_form_write_freely():
    engine = ScriptedEngine(["the relation between aspirin and nausea exists.", "a drug."])
    llm = BioGPTLLM.from_engine(engine, task="bc5cdr", decoding="grounded")
    tools = {tool.name: tool for tool in BioGPTToolkit(llm=llm).get_tools()}
    extract = next(tool for name, tool in tools.items() if "extract" in name)
    describe = next(tool for name, tool in tools.items() if "describe" in name)
    extract.invoke({"text": "Aspirin and nausea."})
    describe.invoke({"term": "aspirin"})
    assert [decoding.form for decoding in engine.decodings] == ["grounded", "free"]
