"""Titles that documents have in their metadata or in columns of their text, in both hosts."""

import json

import pytest
from langchain_core.documents import Document
from llama_index.core.schema import TextNode

import langchain_biogpt
import llama_index_biogpt
from biogpt_plugins import Pipeline, Relation
from biogpt_plugins.hosts.titles import TitledText
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.inputs import Paper
from biogpt_plugins.values.inputs import read as read_input

FOUND = "the relation between lithium and tremor exists."
TITLE = "Lithium and the hand"
TEXT = "A tremor followed. It was mild."
ASKED = f"Abstract: {TITLE}. {TEXT} Conclusion:"


def engine(*completions):
    return ScriptedEngine(completions)


def place(relation, text, title):
    """What stands where the ends of a relation are said to be."""
    return [
        (title if end.part else text)[end.start : end.end] for end in (relation.head, relation.tail)
    ]


def langchain(text, metadata, *completions, way="invoke"):
    llm = langchain_biogpt.BioGPTLLM.from_engine(engine(*completions or [FOUND]))
    chain = langchain_biogpt.create_relation_chain(llm, task="bc5cdr")
    found = getattr(chain, way)(Document(text, metadata=metadata))
    return llm.pipeline.engine, list(found)[-1] if way == "stream" else found


def llama_index(text, metadata, *completions):
    pipeline = Pipeline("bc5cdr", engine(*completions or [FOUND]))
    extractor = llama_index_biogpt.BioGPTRelationExtractor.from_pipeline(pipeline, task="bc5cdr")
    (node,) = extractor.process_nodes([TextNode(text=text, metadata=metadata)])
    return pipeline.engine, llama_index_biogpt.relations_of(node)


HOSTS = [langchain, llama_index]


@pytest.mark.parametrize("read", HOSTS)
@pytest.mark.parametrize("key", ["Title", "title"])
def test_a_title_in_the_metadata_is_read_before_the_text(read, key):
    engine, (relation,) = read(TEXT, {key: TITLE})
    assert engine.history[0].source.endswith(ASKED)
    assert place(relation, TEXT, TITLE) == ["Lithium", "tremor"]
    assert (relation.head.part, relation.tail.part) == ("title", None)
    assert [(one.part, one.text) for one in relation.evidence] == [
        ("title", TITLE),
        (None, "A tremor followed."),
    ]
    assert TEXT[slice(relation.evidence[1].start, relation.evidence[1].end)] == "A tremor followed."
    assert Relation.model_validate_json(relation.model_dump_json()) == relation


def test_streams():
    _, (relation,) = langchain(TEXT, {"title": TITLE}, way="stream")
    assert place(relation, TEXT, TITLE) == ["Lithium", "tremor"]


@pytest.mark.parametrize("read", HOSTS)
@pytest.mark.parametrize(
    "title", [None, "", float("nan"), "A tremor followed", "a TREMOR followed."]
)
def test_texts_without_another_title_are_read_as_they_are(read, title):
    engine, (relation,) = read(
        TEXT, {"title": title}, "the relation between mild and tremor exists."
    )
    assert engine.history[0].source.endswith(f"Abstract: {TEXT} Conclusion:")
    assert place(relation, TEXT, "") == ["mild", "tremor"]
    assert "part" not in json.dumps(relation.model_dump())


@pytest.mark.parametrize("read", HOSTS)
def test_csv_loaders_columns(read):
    """CSVLoader writes one line for each column."""
    text = f"pmid: 7\ntitle: {TITLE}\nabstract: {TEXT}\nRESULTS: Mild.\nyear: 2020"
    engine, (relation,) = read(text, {"source": "papers.csv", "row": 0})
    assert engine.history[0].source.endswith(
        f"Abstract: {TITLE}. {TEXT}\nRESULTS: Mild. Conclusion:"
    )
    assert place(relation, text, "") == ["Lithium", "tremor"]
    assert relation.head.part is None
    for one in relation.evidence:
        assert text[one.start : one.end] == one.text


def test_a_name_does_not_go_on_from_the_title_to_the_text():
    paper = TitledText.of("cancer grew.", "Lung")
    (relation,) = Pipeline("bc5cdr", engine("the relation between lung cancer and x exists.")).run(
        [paper.input(None)]
    )[0].relations  # fmt: skip
    (relation,) = paper.placed([relation])
    assert not relation.head.grounded


@pytest.mark.parametrize(
    ("text", "title", "read"),
    [
        ("Lithium and the hand. It shook.", "Lithium and the hand.", ""),
        ("  Lithium\n and the hand: it shook.", "lithium and the hand", ""),
        ("It shook.", " Lithium  and the hand ", "Lithium and the hand"),
        ("It shook.", None, ""),
        (" ", "Lithium", ""),
    ],
)
def test_a_title_that_the_text_begins_with_is_not_read_twice(text, title, read):
    assert TitledText.of(text, title).title == read
    assert paper(Document(text, metadata={"title": title})).title == read


def paper(document):
    """A Document as a pipeline reads it; a blank text is refused."""
    return read_input(Paper, document) if document.page_content.strip() else Paper()


def test_graphs_and_metadata_of_titled_documents():
    llm = langchain_biogpt.BioGPTLLM.from_engine(engine(FOUND, FOUND))
    document = Document(TEXT, metadata={"title": TITLE, "pmid": 7})
    graphs = langchain_biogpt.BioGPTGraphTransformer(llm, task="bc5cdr")
    ((edge,),) = [one.relationships for one in graphs.convert_to_graph_documents([document])]
    assert edge.source.id == "chemical:lithium"
    assert edge.properties["sentence"] == f"{TITLE} A tremor followed."
    assert "head_start" not in edge.properties
    assert TEXT[edge.properties["tail_start"] : edge.properties["tail_end"]] == "tremor"
    transformer = langchain_biogpt.BioGPTRelationTransformer(llm, task="bc5cdr")
    (told,) = transformer.transform_documents([document])
    assert told.page_content == TEXT
    assert told.metadata["biogpt_chemicals"] == ["lithium"]
    (relation,) = langchain_biogpt.relations_of(told)
    assert place(relation, TEXT, TITLE) == ["Lithium", "tremor"]


def test_a_chunks_relations_in_the_whole_paper():
    paper = TextNode(text=f"Before. {TEXT}", metadata={"title": TITLE})
    extractor = llama_index_biogpt.BioGPTRelationExtractor.from_pipeline(
        Pipeline("bc5cdr", engine(FOUND)), task="bc5cdr"
    )
    (node,) = extractor.process_nodes([TextNode(text=TEXT, metadata={"title": TITLE})])
    (relation,) = llama_index_biogpt.relations_of(node, document=paper)
    assert place(relation, paper.text, TITLE) == ["Lithium", "tremor"]
    assert relation.tail.start == 10
