"""LlamaIndex on the bundled model."""

import json
from pathlib import Path

import pytest
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document

import biogpt_plugins
from llama_index_biogpt import BioGPTLLM, BioGPTRelationExtractor
from llama_index_biogpt.relations import relations_of

WEIGHTS = Path(biogpt_plugins.__file__).parent / "checkpoints/demo/model.safetensors"
pytestmark = pytest.mark.skipif(not WEIGHTS.exists(), reason="the bundled model is not built yet")
TEXTS = [
    "Lithium-induced tremor. A patient who took lithium had a severe tremor.",
    "Deafness after tobramycin. Tobramycin caused deafness in two men.",
]


async def test_ingestion():
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), BioGPTRelationExtractor()])
    nodes = await pipeline.arun(documents=[Document(text=text) for text in TEXTS])
    assert len(nodes) == len(TEXTS)
    for node in nodes:
        assert ("biogpt_relations_bc5cdr" in node.metadata) != (
            "biogpt_relations_bc5cdr_error" in node.metadata
        )
        assert json.loads(json.dumps(node.metadata)) == node.metadata
        if "biogpt_relations_bc5cdr" in node.metadata:
            for relation in relations_of(node):
                for end in (relation.head, relation.tail):
                    assert not end.grounded or node.text[end.start : end.end] == end.text


def test_a_stream_writes_what_a_call_does():
    llm = BioGPTLLM(task="bc5cdr", max_new_tokens=12)
    response = llm.complete(TEXTS[0])
    *_, last = llm.stream_complete(TEXTS[0])
    assert last.text == response.text
    assert last.raw == response.raw
    assert response.raw["usage"]["completion_tokens"] <= 12


def test_metadata():
    metadata = BioGPTLLM(task="bc5cdr", max_new_tokens=50).metadata
    pipeline = biogpt_plugins.load("demo", "bc5cdr")
    positions, limit = pipeline.engine.context_size, pipeline.card.max_source_tokens
    assert metadata.context_window == min(positions, limit + 50)
    assert metadata.num_output == 50
