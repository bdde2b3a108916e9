"""BioGPTGraphStore: every paper on an edge, and papers that are deleted again."""

import re
from types import SimpleNamespace

import pytest
from llama_index.core import Document, PropertyGraphIndex, StorageContext
from llama_index.core.graph_stores.types import (
    TRIPLET_SOURCE_KEY,
    EntityNode,
    Relation,
)
from llama_index.core.indices.property_graph import ImplicitPathExtractor
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import TextNode

from biogpt_plugins import Pipeline
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt import BioGPTGraphStore, BioGPTPathExtractor, statements_of
from llama_index_biogpt.graph_edges import Key, edges_in

pytestmark = pytest.mark.usefixtures("host_loop")


def found(*pairs: tuple[str, str]) -> str:
    return "; ".join(f"the relation between {a} and {b} exists" for a, b in pairs) + "."


TREMOR, NAUSEA = ("lithium", "tremor"), ("lithium", "nausea")
READ = (
    ("Lithium caused tremor and nausea.", found(TREMOR, NAUSEA)),
    ("Lithium: tremor.", found(TREMOR)),
    ("Tremor came of lithium.", found(TREMOR)),
    ("Nausea by gold.", found(("gold", "nausea"))),
)
EDGES = {
    ("lithium", "tremor"): ["0", "1", "2"],
    ("lithium", "nausea"): ["0"],
    ("gold", "nausea"): ["3"],
}


class CypherDouble(BioGPTGraphStore):
    """Answers the queries of BioGPTGraphStore as Neo4j's store does: the first properties stay."""

    def __init__(self):
        super().__init__()
        self.supports_structured_queries = True

    def upsert_relations(self, relations):
        self.store.upsert_relations(relations)

    def get_schema(self, refresh=False):
        del refresh

    def structured_query(self, query, param_map=None):
        given = SimpleNamespace(**(param_map or {}))
        graph = self.store.graph
        nodes = graph.nodes
        if "UNWIND r.statements" in query:
            by_text = "id IN r.sources" in query
            return [
                {"head": one.source_id, "label": one.label, "tail": one.target_id, "statement": x}
                for one in graph.relations.values()
                if not {*given.ids}.isdisjoint(
                    one.properties["sources"] if by_text else [one.source_id]
                )
                for x in one.properties.get("statements", ())
            ]
        if "count(r) AS edges" in query:
            ends = {end for head, _, tail in graph.triplets for end in (head, tail)}
            for id_ in set(given.ids) - ends:
                nodes.pop(id_, None)
        elif TRIPLET_SOURCE_KEY in query:
            for row in given.rows:
                if nodes[row["id"]].properties[TRIPLET_SOURCE_KEY] in given.gone:
                    nodes[row["id"]].properties[TRIPLET_SOURCE_KEY] = row["source"]
        else:
            (label,) = re.findall(r"\[r:`(\w+)`\]", query)
            for row in given.rows:
                key = f"{row['head']}_{label}_{row['tail']}"
                if query.endswith("SET r = row.properties"):
                    graph.relations[key].properties = row["properties"]
                else:
                    assert query.endswith("DELETE r")
                    del graph.relations[key]
                    graph.triplets.remove((row["head"], label, row["tail"]))
        return []

    def delete(self, entity_names=None, relation_names=None, properties=None, ids=None):
        assert (entity_names, relation_names, properties) == (None, None, None)
        for id_ in ids:
            self.store.graph.nodes.pop(id_, None)


@pytest.fixture(params=["simple", "cypher", "ladybug", "ladybug_without_a_schema"])
def store(request, tmp_path):
    if request.param == "simple":
        yield BioGPTGraphStore()
    elif request.param == "cypher":
        yield BioGPTGraphStore(CypherDouble())
    else:
        host = pytest.importorskip("llama_index.graph_stores.ladybug")
        schema = [("Chemical", "CID", "Disease")] if request.param == "ladybug" else None
        with pytest.importorskip("ladybug").Database(tmp_path / "graph") as database:
            yield BioGPTGraphStore(
                host.LadybugPropertyGraphStore(
                    database, schema, has_structured_schema=bool(schema), use_vector_index=False
                )
            )


def reader(*completions) -> BioGPTPathExtractor:
    pipeline = Pipeline("bc5cdr", ScriptedEngine(completions), card=TaskCard())
    return BioGPTPathExtractor.from_pipeline(pipeline)


def documents(*numbers) -> list[Document]:
    return [Document(text=READ[at][0], id_=f"d{at}", metadata={"pmid": str(at)}) for at in numbers]


def filled(store, order=(0, 1, 2, 3), at_once=2) -> PropertyGraphIndex:
    """The papers in an index: the first ones at once, the others one by one."""
    made = PropertyGraphIndex.from_documents(
        documents(*order[:at_once]),
        kg_extractors=[reader(*(READ[at][1] for at in order))],
        property_graph_store=store,
        embed_kg_nodes=False,
    )
    for document in documents(*order[at_once:]):
        made.insert(document)
    return made


def edges(store) -> dict[tuple[str, str], list[dict]]:
    """The statements of each edge, as they are in the store."""
    names = [node.id for node in store.get() if ":" in node.id]
    known = edges_in(store.store).known(
        [Key(head, "CID", tail) for head in names for tail in names]
    )
    return {
        tuple(end.partition(":")[2] for end in (key.source, key.target)): statements_of(
            Relation(label="CID", source_id=key.source, target_id=key.target, properties=told)
        )
        for key, told in known.items()
    }


def pmids(store) -> dict[tuple[str, str], list[str]]:
    return {key: sorted(one["pmid"] for one in told) for key, told in edges(store).items()}


def entities(store) -> set[str]:
    return {node.id for node in store.get() if ":" in node.id}


@pytest.mark.parametrize(
    ("order", "at_once"), [((0, 1, 2, 3), 1), ((3, 2, 1, 0), 4)], ids=["one_by_one", "at_once"]
)
def test_every_paper_is_kept(store, order, at_once):
    """Issue 18, number 30."""
    filled(store, order, at_once)
    assert pmids(store) == EDGES
    told = edges(store)["lithium", "tremor"]
    assert {one["pmid"]: one["sentence"] for one in told} == {
        str(at): READ[at][0] for at in (0, 1, 2)
    }
    assert all(0 < one["score"] <= 1 for one in told)


def test_relations_without_a_place_in_the_text_are_kept(store):
    """They have other properties: offsets and a sentence are missing."""
    pairs = (TREMOR, ("lithium", "rash"), ("zinc", "rash"))
    PropertyGraphIndex.from_documents(
        documents(1),
        kg_extractors=[reader(found(*pairs))],
        property_graph_store=store,
        embed_kg_nodes=False,
    )
    assert pmids(store) == {pair: ["1"] for pair in pairs}


def test_a_deleted_paper_is_gone_and_so_is_what_only_it_states(store):
    """Issue 18, number 30."""
    made = filled(store)
    made.delete_ref_doc("d0")
    assert pmids(store) == {("lithium", "tremor"): ["1", "2"], ("gold", "nausea"): ["3"]}
    assert entities(store) == {
        "chemical:lithium",
        "chemical:gold",
        "disease:tremor",
        "disease:nausea",
    }
    made.delete_ref_doc("d2")
    made.delete_ref_doc("d1")
    assert pmids(store) == {("gold", "nausea"): ["3"]}
    assert entities(store) == {"chemical:gold", "disease:nausea"}
    made.delete_ref_doc("d3")
    assert store.get() == []


def test_papers_that_come_back(store):
    made = filled(store)
    made.delete_ref_doc("d0", delete_from_docstore=True)
    again = reader(READ[0][1], READ[1][1])
    made = PropertyGraphIndex.from_existing(store, kg_extractors=[again], embed_kg_nodes=False)
    made.insert(documents(0)[0])
    assert pmids(store) == EDGES
    made.update_ref_doc(
        documents(0)[0].model_copy(update={"text_resource": documents(1)[0].text_resource})
    )
    assert pmids(store) == {key: EDGES[key] for key in (TREMOR, ("gold", "nausea"))}


@pytest.mark.slow  # Ladybug takes seconds
def test_more_statements_than_stores_answer_with(store):
    """Neo4j's and Ladybug's stores drop lists of 128 items and more from their answers."""
    many = 130
    nodes = [TextNode(text="Lithium: tremor.", metadata={"pmid": str(at)}) for at in range(many)]
    PropertyGraphIndex(
        nodes,
        kg_extractors=[reader(*[found(TREMOR)] * many)],
        property_graph_store=store,
        embed_kg_nodes=False,
    )
    store.delete(ids=[nodes[0].node_id])
    key = Key("chemical:lithium", "CID", "disease:tremor")
    assert len(edges_in(store.store).known([key])[key]["statements"]) == many - 1


class TestProperties:
    def test_the_statement_with_the_highest_score_and_lists_of_all(self):
        store = filled(BioGPTGraphStore()).property_graph_store
        ((_, relation, _),) = [
            triplet
            for triplet in store.get_triplets(relation_names=["CID"])
            if triplet[2].id == "disease:tremor"
        ]
        told = relation.properties
        best, *_ = statements_of(relation)
        assert best.items() <= told.items()
        assert told["papers"] == 3
        assert told["pmids"] == [one["pmid"] for one in statements_of(relation)]
        assert told["sentences"] == [READ[int(pmid)][0] for pmid in told["pmids"]]
        assert told["scores"] == [one["score"] for one in statements_of(relation)]
        texts = store.get_llama_nodes(told["sources"])
        assert {text.metadata["pmid"] for text in texts} == {"0", "1", "2"}

    def test_the_source_of_an_entity_is_a_text_that_is_there(self):
        made = filled(BioGPTGraphStore())
        made.delete_ref_doc("d0")
        store = made.property_graph_store
        (lithium,) = store.get(ids=["chemical:lithium"])
        (text,) = store.get_llama_nodes([lithium.properties[TRIPLET_SOURCE_KEY]])
        assert text.metadata["pmid"] in ("1", "2")

    def test_on_disk(self, tmp_path):
        filled(BioGPTGraphStore()).storage_context.persist(tmp_path)
        context = StorageContext.from_defaults(persist_dir=tmp_path)
        store = BioGPTGraphStore(context.property_graph_store)
        assert pmids(store) == EDGES
        store.delete_llama_nodes(ref_doc_ids=["d0"])
        assert pmids(store)["lithium", "tremor"] == ["1", "2"]

    def test_chunks_of_a_paper(self):
        made = PropertyGraphIndex.from_documents(
            [Document(text="Given lithium: tremor. Then lithium, so tremor.", id_="d")],
            transformations=[SentenceSplitter(chunk_size=8, chunk_overlap=0)],
            kg_extractors=[reader(found(TREMOR), found(TREMOR))],
            property_graph_store=BioGPTGraphStore(),
            embed_kg_nodes=False,
        )
        ((_, relation, _),) = made.property_graph_store.get_triplets(relation_names=["CID"])
        assert (relation.properties["pmids"], relation.properties["papers"]) == (["d", "d"], 1)


class TestStores:
    def test_relations_of_others_are_the_stores(self):
        store = BioGPTGraphStore()
        store.upsert_nodes([EntityNode(name="a"), EntityNode(name="b")])
        one = Relation(label="NEXT", source_id="a", target_id="b", properties={"pmid": "1"})
        store.upsert_relations([one, one.model_copy(update={"properties": {"pmid": "2"}})])
        ((_, relation, _),) = store.get_triplets(ids=["a"])
        assert relation.properties == {"pmid": "1"}
        assert statements_of(relation) == []

    def test_chunks_with_edges_of_other_extractors(self):
        made = PropertyGraphIndex.from_documents(
            documents(0, 1),
            kg_extractors=[reader(READ[0][1], READ[1][1]), ImplicitPathExtractor()],
            property_graph_store=BioGPTGraphStore(),
            embed_kg_nodes=False,
        )
        made.delete_ref_doc("d0")
        store = made.property_graph_store
        (text,) = [node for node in store.get() if node.label == "text_chunk"]
        assert {one.label for _, one, _ in store.get_triplets(ids=[text.id])} == {"SOURCE"}
        assert pmids(store) == {("lithium", "tremor"): ["1"]}

    def test_a_paper_by_its_properties(self):
        store = filled(BioGPTGraphStore()).property_graph_store
        store.delete(properties={"pmid": "0"})
        assert pmids(store) == {("lithium", "tremor"): ["1", "2"], ("gold", "nausea"): ["3"]}

    def test_a_store_whose_edges_cannot_be_changed(self):
        other = CypherDouble()
        other.supports_structured_queries = False
        with pytest.raises(InputError, match="CypherDouble has no queries, so that"):
            BioGPTGraphStore(other)
