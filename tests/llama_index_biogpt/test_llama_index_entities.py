"""Entities in the metadata of nodes, whole and in chunks."""

import json

import pytest
from llama_index.core import Document
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import TextNode

from biogpt_plugins import Pipeline
from biogpt_plugins.testing import ScriptedEngine
from llama_index_biogpt import BioGPTPathExtractor, BioGPTRelationExtractor, relations_of

TEXT = "Lithium caused tremor. Aspirin caused an ulcer."
NAMES = {"Lithium": "Chemical", "tremor": "Disease", "Aspirin": "Chemical", "ulcer": "Disease"}
ENTITIES = [
    {"text": name, "type": type_, "offset": TEXT.index(name), "length": len(name), "id": f"#{name}"}
    for name, type_ in NAMES.items()
]
FIRST = "the relation between lithium and tremor exists."
SECOND = "the relation between aspirin and ulcer exists."

pytestmark = pytest.mark.usefixtures("host_loop")


def extractor(*completions, kind=BioGPTRelationExtractor, **settings):
    pipeline = Pipeline("bc5cdr", ScriptedEngine(completions), decoding="entities", **settings)
    return kind.from_pipeline(pipeline, task="bc5cdr")


def ends(node):
    return [(e.text, e.start, e.id) for r in relations_of(node) for e in (r.head, r.tail)]


@pytest.mark.parametrize("entities", [ENTITIES, json.dumps(ENTITIES)])
def test_offsets_count_in_the_node(entities):
    node = TextNode(text=TEXT, metadata={"entities": entities, "title": "A title"})
    (told,) = extractor(FIRST)([node])
    assert ends(told) == [("Lithium", 0, "#Lithium"), ("tremor", 15, "#tremor")]


def test_chunks_have_the_entities_that_are_in_them():
    hidden = ["entities"]  # or the splitter counts them, as it counts all metadata
    document = Document(
        text=TEXT,
        metadata={"entities": ENTITIES},
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
    )
    splitter = SentenceSplitter(chunk_size=8, chunk_overlap=0)
    chunks = splitter([document])
    assert [chunk.text for chunk in chunks] == [
        "Lithium caused tremor.",
        "Aspirin caused an ulcer.",
    ]
    first, second = extractor(FIRST, SECOND)(chunks)
    assert [id_ for _, _, id_ in ends(first)] == ["#Lithium", "#tremor"]
    assert ends(second) == [("Aspirin", 0, "#Aspirin"), ("ulcer", 18, "#ulcer")]
    told = second.metadata["biogpt_relations_bc5cdr_warnings"]
    assert "left out 2 of 4 entities: outside this chunk" in told


def test_paths_are_of_the_entities():
    (told,) = extractor(FIRST, kind=BioGPTPathExtractor)(
        [TextNode(text=TEXT, metadata={"entities": ENTITIES})]
    )
    assert [node.label for node in told.metadata["nodes"]] == ["Chemical", "Disease"]


def test_a_source_of_the_program_s_own():
    found = Pipeline("bc5cdr", ScriptedEngine([])).task.read_input(
        {"text": TEXT, "entities": ENTITIES}
    )
    (told,) = extractor(FIRST, entities=lambda _: found.entities)([TextNode(text=TEXT)])
    assert ends(told)[0] == ("Lithium", 0, "#Lithium")
