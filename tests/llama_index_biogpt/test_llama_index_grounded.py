"""Grounded decoding in extractors: asked for by a field that counts for caches."""

import bundled
import pytest
from llama_index.core.schema import TextNode

from llama_index_biogpt import (
    BioGPTLLM,
    BioGPTPathExtractor,
    BioGPTRelationExtractor,
    relations_of,
)

PAPER = bundled.case_text()

pytestmark = pytest.mark.usefixtures("host_loop")


def test_relations_on_the_bundled_model():
    (node,) = BioGPTRelationExtractor(task="bc5cdr", decoding="grounded")([TextNode(text=PAPER)])
    relations = relations_of(node, task="bc5cdr")
    assert relations
    assert all(
        PAPER[end.start : end.end] == end.text for r in relations for end in (r.head, r.tail)
    )


def test_paths_on_the_bundled_model():
    (node,) = BioGPTPathExtractor(task="bc5cdr", decoding="grounded")([TextNode(text=PAPER)])
    assert node.metadata["relations"]
    assert all(relation.properties["grounded"] for relation in node.metadata["relations"])


@pytest.mark.parametrize("kind", [BioGPTRelationExtractor, BioGPTPathExtractor])
def test_it_is_written_down_only_where_it_is_chosen(kind):
    free, grounded = kind(task="bc5cdr"), kind(task="bc5cdr", decoding="grounded")
    assert "decoding" not in free.to_dict()
    assert grounded.to_dict()["decoding"] == "grounded"
    assert kind.from_dict(grounded.to_dict()).decoding == "grounded"
    assert kind.from_dict(free.to_dict()).decoding is None


def test_llms_take_it_as_an_option():
    text = BioGPTLLM(task="bc5cdr", decoding="grounded").complete(PAPER).text
    assert text.startswith("the relation between ")
    assert BioGPTLLM(task="bc5cdr").complete(PAPER, decoding="grounded").text == text
