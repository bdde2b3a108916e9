"""Entities in the metadata of Documents, whole and in chunks."""

import json

import pytest
from langchain_core.documents import Document
from langchain_text_splitters import RecursiveCharacterTextSplitter

from biogpt_plugins import Pipeline
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from langchain_biogpt import (
    BioGPTLLM,
    BioGPTRelationTransformer,
    create_relation_chain,
    relations_of,
)

TEXT = "Lithium caused tremor. Aspirin caused an ulcer."
NAMES = {"Lithium": "Chemical", "tremor": "Disease", "Aspirin": "Chemical", "ulcer": "Disease"}
ENTITIES = [
    {
        "text": name,
        "type": type_,
        "start": TEXT.index(name),
        "end": TEXT.index(name) + len(name),
        "id": f"#{name}",
    }
    for name, type_ in NAMES.items()
]
FIRST = "the relation between lithium and tremor exists."
SECOND = "the relation between aspirin and ulcer exists."


def document(entities=ENTITIES, **metadata):
    return Document(TEXT, metadata={"pmid": "1", "entities": entities, **metadata})


def chain(*completions, **options):
    pipeline = Pipeline("bc5cdr", ScriptedEngine(completions), decoding="entities")
    return create_relation_chain(BioGPTLLM.from_pipeline(pipeline), **options)


def ends(relations):
    return [(e.text, e.start, e.id, e.part) for r in relations for e in (r.head, r.tail)]


@pytest.mark.parametrize("title", [None, "A study of lithium"])
@pytest.mark.parametrize("entities", [ENTITIES, json.dumps(ENTITIES)])
def test_offsets_count_in_the_document(title, entities):
    given = document(entities, title=title)
    found = chain(FIRST).invoke(given)
    assert ends(found) == [("Lithium", 0, "#Lithium", None), ("tremor", 15, "#tremor", None)]
    *_, streamed = chain(FIRST).stream(given)
    assert ends(streamed) == ends(found)
    assert all(TEXT[e.start : e.end] == e.text for r in found for e in (r.head, r.tail))


def test_texts_with_columns_have_entities_too():
    text = f"title: On lithium\nabstract: {TEXT}"
    at = len(text) - len(TEXT)
    moved = [{**e, "start": e["start"] + at, "end": e["end"] + at} for e in ENTITIES]
    found = chain(SECOND).invoke(Document(text, metadata={"entities": moved}))
    assert ends(found) == [
        ("Aspirin", at + 23, "#Aspirin", None),
        ("ulcer", text.index("ulcer"), "#ulcer", None),
    ]


def test_chunks_have_the_entities_that_are_in_them():
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=30, chunk_overlap=0, separators=[". "], add_start_index=True
    )
    chunks = splitter.split_documents([document(title="A title")])
    assert len(chunks) == 2
    first, second = chain(FIRST, SECOND, predictions=True).batch(chunks)
    assert [e[2] for e in ends(first.result)] == ["#Lithium", "#tremor"]
    assert [e[2] for e in ends(second.result)] == ["#Aspirin", "#ulcer"]
    chunk = chunks[1].page_content
    assert all(chunk[start:].startswith(text) for text, start, _, _ in ends(second.result))
    assert first.warnings == ("left out 2 of 4 entities: outside this chunk",)


def test_a_chunk_that_does_not_say_where_it_begins_is_refused():
    chunk = Document(TEXT[23:], metadata={"pmid": "1", "entities": ENTITIES})
    with pytest.raises(InputError, match=r"'Lithium' of document 1 is not at 0:7.*start_index"):
        chain(SECOND).invoke(chunk)


def test_mappings_and_metadata():
    given = {"text": TEXT, "entities": ENTITIES}
    assert ends(chain(FIRST).invoke(given))[0] == ("Lithium", 0, "#Lithium", None)
    pipeline = Pipeline("bc5cdr", ScriptedEngine([FIRST]), decoding="entities")
    transformer = BioGPTRelationTransformer(BioGPTLLM.from_pipeline(pipeline), task="bc5cdr")
    (told,) = transformer.transform_documents([document()])
    assert ends(relations_of(told))[0] == ("Lithium", 0, "#Lithium", None)
    assert told.metadata["biogpt_chemicals"] == ["lithium"]
    (none,) = transformer.transform_documents([document([])])
    assert "the text has no entities" in none.metadata["biogpt_relations_bc5cdr_warnings"]


def test_an_llm_has_no_entities():
    llm = BioGPTLLM(task="bc5cdr", decoding="entities")
    with pytest.raises(InputError, match="needs entities, and a prompt has none"):
        llm.invoke(TEXT)
