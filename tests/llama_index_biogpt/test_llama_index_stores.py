"""Filters by found names in vector stores, as docs/vector_stores.md has them.

Stores that are not installed skip, and name the package.
"""

from uuid import UUID

import pytest
from llama_index.core.schema import MetadataMode, TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)

from biogpt_plugins import Pipeline
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.relations import BioGPTRelationExtractor, relations_of


def found(*pairs: tuple[str, str]) -> str:
    return "; ".join(f"the relation between {a} and {b} exists" for a, b in pairs) + "."


READ = (
    ("Lithium: tremor, nausea.", found(("lithium", "tremor"), ("lithium", "nausea"))),
    ("Lithium carbonate: tremor.", found(("lithium carbonate", "tremor"))),
    ("Nothing.", "there is no relation."),
    ("Unread.", "rubbish"),
    ("Gold: Parkinson's disease.", found(("gold", "parkinson's disease"))),
)


def nodes(flat) -> list[TextNode]:
    engine = ScriptedEngine([completion for _, completion in READ])
    pipeline = Pipeline("bc5cdr", engine, card=TaskCard())
    given = [
        TextNode(id_=str(UUID(int=at)), text=text, embedding=[1.0, float(at)])
        for at, (text, _) in enumerate(READ)
    ]
    return BioGPTRelationExtractor.from_pipeline(pipeline, flat=flat)(given)


def filled(store, flat):
    """A store to which the nodes were added in two calls."""
    given = nodes(flat)
    store.add(given[:1])
    store.add(given[1:])
    return store


def ask(store, key, value, operator) -> list[int]:
    filters = MetadataFilters(filters=[MetadataFilter(key=key, value=value, operator=operator)])
    query = VectorStoreQuery(query_embedding=[1.0, 1.0], similarity_top_k=9, filters=filters)
    result = store.query(query)
    ids = [node.node_id for node in result.nodes] if result.nodes else result.ids
    return sorted(UUID(id_).int for id_ in ids)


def chroma(_):
    chromadb = pytest.importorskip("chromadb")
    host = pytest.importorskip("llama_index.vector_stores.chroma")
    client = chromadb.EphemeralClient()
    return host.ChromaVectorStore(chroma_collection=client.get_or_create_collection("stores"))


def lancedb(folder):
    return pytest.importorskip("llama_index.vector_stores.lancedb").LanceDBVectorStore(str(folder))


def qdrant(_):
    client = pytest.importorskip("qdrant_client")
    host = pytest.importorskip("llama_index.vector_stores.qdrant")
    return host.QdrantVectorStore("papers", client=client.QdrantClient(":memory:"))


def duckdb(_):
    return pytest.importorskip("llama_index.vector_stores.duckdb").DuckDBVectorStore(embed_dim=2)


CONTAINS, EQ, TEXT = FilterOperator.CONTAINS, FilterOperator.EQ, FilterOperator.TEXT_MATCH


@pytest.mark.filterwarnings("ignore")  # of the stores
@pytest.mark.parametrize(
    ("make", "flat", "chemical", "disease"),
    [
        (
            lambda _: SimpleVectorStore(),
            False,
            ("biogpt_chemicals", "lithium", CONTAINS),
            ("biogpt_diseases", "parkinson's disease", CONTAINS),
        ),
        (
            lambda _: SimpleVectorStore(),
            "text",
            ("biogpt_chemicals", "|lithium|", TEXT),
            ("biogpt_diseases", "|parkinson's disease|", TEXT),
        ),
        (
            chroma,
            True,
            ("biogpt_chemical:lithium", 1, EQ),
            ("biogpt_disease:parkinson's disease", 1, EQ),
        ),
        (
            lancedb,
            "text",
            ("biogpt_chemicals", "|lithium|", TEXT),
            ("biogpt_diseases", "|parkinson''s disease|", TEXT),
        ),
        (
            qdrant,
            False,
            ("biogpt_chemicals", "lithium", EQ),
            ("biogpt_diseases", ["parkinson's disease"], FilterOperator.IN),
        ),
        (
            duckdb,
            "text",
            ("biogpt_chemicals", "|lithium|", TEXT),
            ("biogpt_diseases", "|parkinson's disease|", TEXT),
        ),
    ],
    ids=["simple", "simple_text", "chroma", "lancedb", "qdrant", "duckdb"],
)
def test_the_table(make, flat, chemical, disease, tmp_path):
    """Issue 18, number 34: what the documentation says of each store."""
    store = filled(make(tmp_path), flat)
    assert ask(store, *chemical) == [0]
    assert ask(store, *disease) == [4]


def test_the_keys_do_not_depend_on_what_was_found():
    """LanceDB takes no key later that the first nodes do not have."""
    keys = [list(node.metadata) for node in nodes("text")]
    assert all(sorted(one) == sorted(keys[0]) for one in keys)
    assert all(isinstance(fact, str) for node in nodes("text") for fact in node.metadata.values())
    assert [node.metadata["biogpt_diseases"] for node in nodes("text")[:3]] == [
        "|tremor|nausea|",
        "|tremor|",
        "",
    ]


def test_what_was_found_is_read_back():
    read = nodes("text")
    assert [len(relations_of(node)) for node in read[:3]] == [2, 1, 0]
    with pytest.raises(InputError, match="no bc5cdr relations: ParseError: no relation"):
        relations_of(read[3])


@pytest.mark.parametrize("flat", [True, "text"])
def test_models_do_not_see_them(flat):
    for node in nodes(flat):
        for mode in (MetadataMode.LLM, MetadataMode.EMBED):
            assert "biogpt" not in node.get_content(metadata_mode=mode)


def test_a_bar_in_a_name():
    engine = ScriptedEngine([found(("a|b", "tremor"))])
    reader = BioGPTRelationExtractor.from_pipeline(
        Pipeline("bc5cdr", engine, card=TaskCard()), flat="text"
    )
    (node,) = reader([TextNode(text="Given a|b: tremor.")])
    assert node.metadata["biogpt_chemicals"] == "|a b|"


@pytest.mark.parametrize("flat", ["list", "keys", 2])
def test_an_unknown_form(flat):
    with pytest.raises(ValueError, match="flat"):
        BioGPTRelationExtractor(task="bc5cdr", flat=flat)
