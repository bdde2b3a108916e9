"""Texts that do not fit the model: relations are read in windows, whatever else is cut is told."""

from dataclasses import replace

import pytest
from doubles import Ruled
from llama_index.core.schema import NodeWithScore, TextNode

from biogpt_plugins import Pipeline, TruncationWarning
from biogpt_plugins.testing import ScriptedEngine
from llama_index_biogpt import (
    BioGPTAnswerExtractor,
    BioGPTLLM,
    BioGPTPaperSynthesizer,
    BioGPTPathExtractor,
    BioGPTRelationExtractor,
    BioGPTRelevancePostprocessor,
    BioGPTToolSpec,
    paper_answer_of,
    relations_of,
)

LONG = " ".join(f"In it drug{n} caused illness{n}. Nothing else was seen." for n in range(60))
SHARES = (0.7, 0.2, 0.1)


class Cutting(ScriptedEngine):
    """Cuts seven tokens of each prompt."""

    def complete(self, prompts, *options):
        found = super().complete(prompts, *options)
        return [replace(one, truncated_tokens=7) for one in found]

    def choose(self, prompts, choices, **options):
        found = super().choose(prompts, choices, **options)
        return [replace(one, truncated_tokens=7) for one in found]


def ruled():
    return Pipeline("bc5cdr", Ruled(165))


def answering(times=1):
    return Pipeline("pubmedqa", Cutting(probabilities=[SHARES] * times))


@pytest.fixture
def whole():
    (found,) = Pipeline("bc5cdr", Ruled()).run([LONG])
    assert len(found.result) == 60
    return [str(relation) for relation in found.result]


class TestRelations:
    async def test_extractors(self, whole):
        pipeline = ruled()
        reader = BioGPTRelationExtractor.from_pipeline(pipeline)
        for nodes in (reader([TextNode(text=LONG)] * 2), await reader.acall([TextNode(text=LONG)])):
            for node in nodes:
                assert [str(one) for one in relations_of(node)] == whole
                assert "windows" in node.metadata["biogpt_relations_bc5cdr_warnings"]
        assert len(pipeline.engine.calls) == 2

    def test_paths(self):
        (node,) = BioGPTPathExtractor.from_pipeline(ruled())([TextNode(text=LONG)])
        assert len(node.metadata["relations"]) == 60
        assert "windows" in node.metadata["biogpt_paths_bc5cdr_warnings"]

    def test_tools(self, whole):
        spec = BioGPTToolSpec.from_pipeline(ruled())
        assert [str(one) for one in spec.extract_relations(LONG)] == whole
        (tool,) = spec.to_tool_list(["extract_relations"])
        assert "windows" in tool(LONG).content


class TestWhatIsCut:
    async def test_an_llm_tells_by_a_warning_and_in_its_response(self):
        llm = BioGPTLLM.from_engine(Cutting(["one", "two", "three"]))
        with pytest.warns(TruncationWarning, match="7 of its tokens were cut") as told:
            found = llm.complete("a")
        assert len(told) == 1
        assert found.additional_kwargs["truncated_tokens"] == found.raw["truncated_tokens"] == 7
        with pytest.warns(TruncationWarning):
            *_, last = llm.stream_complete("a")
        assert last.additional_kwargs["truncated_tokens"] == 7
        with pytest.warns(TruncationWarning):
            assert (await llm.acomplete("a")).additional_kwargs["truncated_tokens"] == 7

    def test_an_extractor_tells_in_the_metadata(self):
        reader = BioGPTAnswerExtractor.from_pipeline(
            answering(2), task="pubmedqa", questions={"rct": "Is it?"}
        )
        with pytest.warns(TruncationWarning, match="2 of 2 texts do not fit") as told:
            nodes = reader([TextNode(text="It is."), TextNode(text="No.")])
        assert len(told) == 1
        assert all("7 tokens" in node.metadata["biogpt_answer_rct_warnings"] for node in nodes)

    def test_a_tool_tells_the_chat_model(self):
        spec = BioGPTToolSpec.from_pipeline(answering())
        (tool,) = spec.to_tool_list(["answer_question"])
        with pytest.warns(TruncationWarning):
            told = tool("Is it?", "It is.")
        assert "its last 7 tokens did not fit" in told.content

    def test_a_postprocessor_tells_in_the_metadata(self):
        keeper = BioGPTRelevancePostprocessor.from_pipeline(answering())
        node = NodeWithScore(node=TextNode(text="It is lithium."))
        with pytest.warns(TruncationWarning):
            (kept,) = keeper.postprocess_nodes([node], query_str="Is it lithium?")
        assert "7 tokens" in kept.node.metadata["biogpt_answer_warnings"]

    def test_a_synthesizer_tells_of_each_paper(self):
        answerer = BioGPTPaperSynthesizer.from_pipeline(answering())
        with pytest.warns(TruncationWarning):
            response = answerer.synthesize("Is it?", [NodeWithScore(node=TextNode(text="It is."))])
        (paper,) = paper_answer_of(response).citations
        assert "7 tokens" in paper.warnings[0]
