"""Texts that do not fit the model: relations are read in windows, whatever else is cut is told."""

from dataclasses import replace

import pytest
from doubles import Ruled
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from biogpt_plugins import Pipeline, TruncationWarning
from biogpt_plugins.testing import ScriptedEngine
from langchain_biogpt import (
    BioGPTAnswerTool,
    BioGPTGraphTransformer,
    BioGPTLLM,
    BioGPTRelationTool,
    BioGPTRelationTransformer,
    create_description_chain,
    create_paper_qa_chain,
    create_relation_chain,
    relations_of,
)

LONG = " ".join(f"In it drug{n} caused illness{n}. Nothing else was seen." for n in range(60))
SHORT = "In it drug1 caused illness1."


class Cutting(ScriptedEngine):
    """Cuts seven tokens of each prompt."""

    def complete(self, prompts, *options):
        found = super().complete(prompts, *options)
        return [replace(one, truncated_tokens=7) for one in found]

    def choose(self, prompts, choices, **options):
        found = super().choose(prompts, choices, **options)
        return [replace(one, truncated_tokens=7) for one in found]


def ruled(**options):
    return BioGPTLLM.from_engine(Ruled(165), **options)


def cutting(*completions, shares=(), **options):
    return BioGPTLLM.from_engine(Cutting(completions, shares), **options)


@pytest.fixture
def whole():
    (found,) = Pipeline("bc5cdr", Ruled()).run([LONG])
    assert len(found.result) == 60
    return found.result


class TestRelations:
    def test_a_chain_reads_the_whole(self, whole):
        llm = ruled()
        found = create_relation_chain(llm, task="bc5cdr").batch([SHORT, LONG, Document(LONG)])
        assert found == [found[0], whole, whole]
        assert len(llm.pipeline.engine.calls) == 1

    async def test_a_chain_in_an_event_loop(self, whole):
        assert await create_relation_chain(ruled(), task="bc5cdr").ainvoke(LONG) == whole

    async def test_a_stream_ends_with_the_whole(self, whole):
        chain = create_relation_chain(ruled(), task="bc5cdr")
        lists = list(chain.stream(LONG))
        assert lists[-1] == whole
        assert len(lists) > 3
        assert [one async for one in chain.astream(LONG)][-1] == whole

    def test_predictions_say_how_it_was_read(self):
        chain = create_relation_chain(ruled(), task="bc5cdr", predictions=True)
        assert "windows of whole sentences" in chain.invoke(LONG).warnings[0]

    def test_documents(self, whole):
        reader = BioGPTRelationTransformer(ruled(), task="bc5cdr")
        (document,) = reader.transform_documents([Document(LONG)])
        assert relations_of(document) == whole
        assert "windows" in document.metadata["biogpt_relations_bc5cdr_warnings"]

    def test_graphs(self):
        reader = BioGPTGraphTransformer(ruled(), task="bc5cdr")
        (graph,) = reader.convert_to_graph_documents([Document(LONG)])
        assert len(graph.relationships) == 60
        assert "windows" in graph.source.metadata["biogpt_graph_bc5cdr_warnings"]

    def test_tools(self, whole):
        tool = BioGPTRelationTool(llm=ruled(), task="bc5cdr")
        message = tool.invoke({"type": "tool_call", "id": "1", "name": "x", "args": {"text": LONG}})
        assert [str(one) for one in message.artifact] == [str(one) for one in whole]
        assert "windows" in message.content


class TestWhatIsCut:
    def test_an_llm_tells_by_one_warning_a_call_and_each_generation(self):
        llm = cutting("one", "two")
        with pytest.warns(TruncationWarning, match="2 of 2 texts do not fit") as told:
            found = llm.generate(["a", "b"])
        assert len(told) == 1
        assert [one[0].generation_info["truncated_tokens"] for one in found.generations] == [7, 7]

    async def test_an_llm_in_an_event_loop_and_as_a_stream(self):
        llm = cutting("one", "two", "three")
        with pytest.warns(TruncationWarning):
            assert await llm.ainvoke("a") == "one"
        with pytest.warns(TruncationWarning, match="7 of its tokens were cut"):
            assert "".join(llm.stream("a")) == "two"
        with pytest.warns(TruncationWarning):
            assert "".join([piece async for piece in llm.astream("a")]) == "three"

    def test_a_tool_tells_the_chat_model(self):
        tool = BioGPTAnswerTool(llm=cutting(shares=[(0.7, 0.2, 0.1)]))
        with pytest.warns(TruncationWarning):
            content = tool.invoke({"question": "Is it?", "context": "It is."})
        assert "its last 7 tokens did not fit" in str(content)

    def test_answers_from_papers_tell_of_each_paper(self):
        retriever = RunnableLambda(lambda _: [Document("It is.", id="1"), Document("No.", id="2")])
        llm = cutting(shares=[(0.7, 0.2, 0.1)] * 2)
        with pytest.warns(TruncationWarning) as told:
            answer = create_paper_qa_chain(retriever, llm).invoke("Is it?")
        assert len(told) == 1
        assert all("7 tokens" in paper.warnings[0] for paper in answer.citations)

    def test_descriptions(self):
        with pytest.warns(TruncationWarning):
            found = create_description_chain(cutting("a gene. It")).invoke("TP53")
        assert found == "a gene."
