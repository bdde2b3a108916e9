"""BioGPTGraphTransformer: graphs of papers, and what graph stores make of them."""

import json
import re
import warnings
from copy import deepcopy
from dataclasses import replace
from hashlib import md5
from math import exp

import bundled
import pytest
from held import Held, cancelling_stops
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.exceptions import OutputParserException

from biogpt_plugins import Entity, Pipeline, Relation
from biogpt_plugins.engine import Completion, TaskCard
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import (
    EngineError,
    InputError,
    ModelNotFoundError,
    TruncationWarning,
)
from langchain_biogpt.graphs import (
    BioGPTGraphTransformer,
    GraphDocument,
    Node,
    Relationship,
    merge_graph_documents,
)
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.transformers import BioGPTRelationTransformer, relations_of

FOUND = "the relation between lithium and tremor exists."
NOTHING = "there is no relation."
ERROR = "biogpt_graph_bc5cdr_error"
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
TEXT = "A case report. Lithium caused tremor. It went."
DOCUMENT = Document(TEXT, metadata={"pmid": "7", "tags": ["a"]})


def llm(*completions, task="bc5cdr", engine=None) -> BioGPTLLM:
    return BioGPTLLM.from_pipeline(Pipeline(task, engine or ScriptedEngine(completions), card=CARD))


def transformer(*completions, **options) -> BioGPTGraphTransformer:
    asked = {name: options.pop(name) for name in ("task", "engine") if name in options}
    return BioGPTGraphTransformer(llm(*completions, **asked), **options)


def interactions(*kinds: str) -> str:
    return "; ".join(f"the interaction between a and b is {kind}" for kind in kinds) + "."


def papers(*texts: str) -> list[Document]:
    return [Document(text, metadata={"pmid": str(i)}) for i, text in enumerate(texts)]


def graphs(*pairs: tuple[str, str], task="bc5cdr") -> list[GraphDocument]:
    """The graphs of (text, completion) pairs."""
    reader = transformer(*(completion for _, completion in pairs), task=task)
    return reader.convert_to_graph_documents(papers(*(text for text, _ in pairs)))


class TestGraph:
    def test_all_of_it(self):
        graph = transformer(FOUND).process_response(DOCUMENT)
        head = Node(
            id="chemical:lithium",
            type="Chemical",
            properties={"name": "Lithium", "type": "chemical"},
        )
        tail = Node(
            id="disease:tremor", type="Disease", properties={"name": "tremor", "type": "disease"}
        )
        properties = {
            "type": "CID",
            "pmid": "7",
            "sentence": "Lithium caused tremor.",
            "evidence": "Lithium caused tremor.",
            "negated": False,
            "speculated": False,
            "score": pytest.approx(exp(-3.5)),
            "grounded": True,
            "head_start": 15,
            "head_end": 22,
            "tail_start": 30,
            "tail_end": 36,
            "task": "bc5cdr",
            "model": "scripted",
        }
        (edge,) = graph.relationships
        assert graph.nodes == [head, tail]
        assert (edge.source, edge.target, edge.type) == (head, tail, "CID")
        assert edge.properties == properties
        assert (graph.source.page_content, graph.source.metadata["id"]) == (TEXT, "7")
        assert GraphDocument.model_validate_json(graph.model_dump_json()) == graph

    def test_the_fields_are_those_of_langchain(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # langchain-community is sunset
            theirs = pytest.importorskip("langchain_community.graphs.graph_document")
        for ours in (Node, Relationship, GraphDocument):
            assert list(ours.model_fields) == list(getattr(theirs, ours.__name__).model_fields)

    def test_the_sentences_of_ends_far_apart(self):
        text = "Lithium was given. It went well. Then tremor came. It went."
        ((edge,),) = (graph.relationships for graph in graphs((text, FOUND)))
        assert edge.properties["sentence"] == text.removesuffix(" It went.")

    def test_an_end_that_is_not_in_the_text(self):
        (graph,) = graphs(("No drug. Only tremor.", FOUND))
        (edge,) = graph.relationships
        assert edge.source.id == "chemical:lithium"
        assert edge.properties["sentence"] == "Only tremor."
        assert not edge.properties["grounded"]
        assert not {"head_start", "head_end"} & set(edge.properties)
        ((edge,),) = (graph.relationships for graph in graphs(("Neither.", FOUND)))
        assert "sentence" not in edge.properties

    def test_types_keep_entities_apart(self):
        two = (
            "the relation between iron and rash exists; the relation between zinc and iron exists."
        )
        (graph,) = graphs(("Iron, rash, zinc.", two))
        ends = [(edge.source.id, edge.target.id) for edge in graph.relationships]
        assert ends == [("chemical:iron", "disease:rash"), ("chemical:zinc", "disease:iron")]

    def test_papers_agree_on_names(self):
        found = graphs(
            ("Lithium caused it: tremor.", FOUND),
            ("Tremor came of lithium.", FOUND),
            ("CAT did. Cat, too.", "the relation between cat and tremor exists."),
            ("A cat. Tremor.", "the relation between cat and tremor exists."),
        )
        heads = [edge.source.id for graph in found for edge in graph.relationships]
        assert heads == ["chemical:lithium", "chemical:lithium", "chemical:cat", "chemical:cat"]
        assert {graph.nodes[1].id for graph in found} == {"disease:tremor"}
        assert [graph.nodes[0].properties["name"] for graph in found] == [
            *("Lithium", "Lithium", "CAT", "CAT")
        ]

    @pytest.mark.parametrize(
        "name", ["BRCA1", "mTOR", "2,3-dimercapto (DMSA)", 'so-called "ice"', "5'-AMP", "β-CCT"]
    )
    def test_names_survive(self, name):
        text = f"Given {name}, tremor came."
        completion = f"the relation between {name.lower()} and tremor exists."
        (graph,) = graphs((text, completion))
        assert graph.nodes[0].properties["name"] == name

    def test_what_is_the_same_is_there_once(self):
        text = "Lithium carbonate. Renal failure."
        both = "; ".join(
            f"the relation between lithium carbonate and renal {end} exists"
            for end in ("failure", "failures")
        )
        (graph,) = graphs((text, f"{both}."))
        assert [len(graph.nodes), len(graph.relationships)] == [2, 1]

    def test_identifiers(self):
        def read(*_):
            head = Entity(text="lithium", type="chemical", id="D008094")
            tail = Entity(text="tremor", type="disease")
            return Reading([Relation(head=head, type="CID", tail=tail)])

        task = replace(get_task("bc5cdr"), read=read)
        graph = transformer("?", task=task).process_response(DOCUMENT)
        assert graph.nodes[0].id == graph.nodes[0].properties["identifier"] == "MESH:D008094"
        assert "identifier" not in graph.nodes[1].properties

    @pytest.mark.parametrize(
        ("kind", "label"),
        [
            ("inhibitor", "INHIBITOR"),
            ("partial agonist", "PARTIAL_AGONIST"),
            ("other/unknown", "OTHER_UNKNOWN"),
            ("α2-antagonist", "_2_ANTAGONIST"),
            ("5-ht agonist", "_5_HT_AGONIST"),
            ("order", "_ORDER"),
            ("target", "_TARGET"),
            ("→", "_"),
        ],
    )
    def test_labels(self, kind, label):
        (graph,) = graphs(("a b", interactions(kind)), task="kd_dti")
        (edge,) = graph.relationships
        assert (edge.type, edge.properties["type"]) == (label, kind)
        assert [node.type for node in graph.nodes] == ["Drug", "Target"]


class TestAllowed:
    TWO = interactions("mechanism", "effect")

    @pytest.mark.parametrize(
        ("options", "nodes", "labels"),
        [
            ({}, 2, ["MECHANISM", "EFFECT"]),
            ({"allowed_relationships": ["effect"]}, 2, ["EFFECT"]),
            ({"allowed_relationships": [("Drug", "MECHANISM", "drug")]}, 2, ["MECHANISM"]),
            ({"allowed_relationships": ["int"]}, 2, []),
            ({"allowed_nodes": ["drug"]}, 2, ["MECHANISM", "EFFECT"]),
        ],
        ids=str,
    )
    def test_relationships(self, options, nodes, labels):
        graph = transformer(self.TWO, task="ddi", **options).process_response(Document("a b"))
        assert len(graph.nodes) == nodes
        assert [edge.type for edge in graph.relationships] == labels

    @pytest.mark.parametrize("label", ["Chemical", "Disease"])
    def test_nodes(self, label):
        graph = transformer(FOUND, allowed_nodes=[label]).process_response(DOCUMENT)
        assert [node.type for node in graph.nodes] == [label]
        assert graph.relationships == []

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"allowed_nodes": ["Gene"]}, "task bc5cdr finds no 'Gene': use Chemical or Disease"),
            ({"allowed_nodes": "Chemical"}, "finds no 'C': use"),
            ({"allowed_relationships": [("Drug", "CID", "Disease")]}, "finds no 'Drug'"),
            (
                {"allowed_relationships": [("Chemical", "CID")]},
                r"must be a type or (source type, type, target type), not ('Chemical', 'CID')",
            ),
        ],
        ids=str,
    )
    def test_what_cannot_be_meant(self, options, says):
        with pytest.raises(InputError, match=re.escape(says)):
            transformer(**options)


class TestSource:
    @pytest.mark.parametrize(
        ("metadata", "id_", "known_by"),
        [
            ({"pmid": "7"}, None, "7"),
            ({"uid": 7}, "u", "7"),
            ({"pmid": "7", "id": "mine"}, "u", "mine"),
            ({"id": ""}, "u", "u"),
            ({}, None, None),
        ],
        ids=str,
    )
    def test_what_stores_know_it_by(self, metadata, id_, known_by):
        document = Document(TEXT, id=id_, metadata=metadata)
        reader = transformer(FOUND, FOUND)
        (graph,) = reader.convert_to_graph_documents([document])
        assert graph.source.metadata.get("id") == known_by
        assert reader.process_response(document).source == graph.source
        assert graph.source.id == (id_ or known_by)

    def test_chunks_of_a_paper_are_left_to_the_store(self):
        chunks = [DOCUMENT, Document("More.", metadata={"pmid": "7", "id": "7b"}), *papers("x")]
        found = transformer(*[NOTHING] * 3).convert_to_graph_documents(chunks)
        assert [graph.source.metadata.get("id") for graph in found] == [None, "7b", "0"]
        assert [graph.source.id for graph in found] == [None, "7b", "0"]

    def test_the_documents_given_are_not_changed(self):
        given = deepcopy(DOCUMENT)
        graph = transformer(FOUND).process_response(given)
        graph.source.metadata["tags"].append("changed")
        assert given == DOCUMENT


class TestFailures:
    def test_one_costs_the_others_nothing_and_is_no_empty_graph(self, caplog):
        texts = papers(TEXT, TEXT, TEXT, TEXT, " ")
        reader = transformer(FOUND, "rubbish", EngineError("no"), NOTHING)
        found = reader.convert_to_graph_documents(texts)
        assert [len(graph.nodes) for graph in found] == [2, 0, 0, 0, 0]
        faults = [graph.source.metadata.get(ERROR, "").split(":")[0] for graph in found]
        assert faults == ["", "ParseError", "EngineError", "", "InputError"]
        assert [graph.source.metadata["id"] for graph in found] == list("01234")
        assert [record.getMessage().split(": ")[:2] for record in caplog.records] == [
            ["no graph for document 1", "ParseError"],
            ["no graph for document 2", "EngineError"],
            ["no graph for document 4", "InputError"],
        ]

    def test_a_later_success_is_none(self):
        (failed,) = transformer("rubbish").convert_to_graph_documents([DOCUMENT])
        (found,) = transformer(FOUND).convert_to_graph_documents([failed.source])
        assert ERROR not in found.source.metadata

    def test_that_of_another_task_stays_and_so_do_relations(self):
        (read,) = BioGPTRelationTransformer(llm(FOUND)).transform_documents([DOCUMENT])
        (first,) = transformer("rubbish").convert_to_graph_documents([read])
        (second,) = transformer("rubbish", task="ddi").convert_to_graph_documents([first.source])
        faults = [key for key in second.source.metadata if key.endswith("_error")]
        assert faults == [ERROR, "biogpt_graph_ddi_error"]
        assert relations_of(second.source) == relations_of(read)
        assert read.metadata.items() <= second.source.metadata.items()
        found = transformer(FOUND).process_response(second.source)
        assert set(second.source.metadata) - set(found.source.metadata) == {ERROR}

    def test_what_was_cut_is_told(self):
        class Cutting(ScriptedEngine):
            def complete(self, *_):
                return [Completion(text=FOUND, finish_reason="stop", truncated_tokens=7)]

        with pytest.warns(TruncationWarning):
            (graph,) = transformer(engine=Cutting()).convert_to_graph_documents([DOCUMENT])
        assert "7 tokens" in graph.source.metadata["biogpt_graph_bc5cdr_warnings"]

    async def test_a_single_document_raises(self):
        reader = transformer("rubbish", "rubbish", EngineError("no"))
        with pytest.raises(OutputParserException) as caught:
            reader.process_response(DOCUMENT)
        assert caught.value.llm_output == "rubbish"
        with pytest.raises(OutputParserException):
            await reader.aprocess_response(DOCUMENT)
        with pytest.raises(EngineError):
            reader.process_response(DOCUMENT)
        with pytest.raises(InputError):
            reader.process_response(Document(""))

    def test_a_missing_model(self):
        missing = BioGPTGraphTransformer(BioGPTLLM(model="./nowhere", task="bc5cdr"))
        with pytest.raises(ModelNotFoundError):
            missing.convert_to_graph_documents([DOCUMENT])

    def test_a_task_without_relations(self):
        with pytest.raises(InputError, match="'hoc' does not find relations"):
            BioGPTGraphTransformer(task="hoc")


class TestCalls:
    async def test_one_for_all_documents(self):
        engine = ScriptedEngine([*[FOUND, "rubbish", NOTHING] * 2, FOUND, FOUND])
        reader = BioGPTGraphTransformer(llm(engine=engine))
        texts = papers(*[TEXT] * 3)
        found = reader.convert_to_graph_documents(iter(texts))
        assert await reader.aconvert_to_graph_documents(iter(texts)) == found
        assert await reader.aprocess_response(texts[0]) == reader.process_response(texts[0])
        assert reader.convert_to_graph_documents([]) == []
        assert await reader.aconvert_to_graph_documents([]) == []
        assert [len(call) for call in engine.calls] == [3, 3, 1, 1]

    def test_callbacks(self):
        started = []

        class Handler(BaseCallbackHandler):
            def on_chain_start(self, _, inputs, **options):
                started.append((options["name"], inputs))

        reader = transformer(FOUND, FOUND)
        reader.convert_to_graph_documents(papers(TEXT, TEXT), {"callbacks": [Handler()]})
        assert [name for name, _ in started] == ["biogpt_bc5cdr"] * 2

    async def test_cancelling_stops_the_engine(self):
        engine = Held([FOUND])
        reader = BioGPTGraphTransformer(llm(engine=engine))
        await cancelling_stops(reader.aconvert_to_graph_documents([DOCUMENT]), engine)


class Neo4jDouble:
    """Takes graph documents as Neo4jGraph does, and keeps what Neo4j would."""

    def __init__(self):
        self.nodes, self.documents, self.relationships = {}, {}, {}
        self.mentions = set()

    def add_graph_documents(self, graph_documents, include_source=False):
        for graph in graph_documents:
            rows = [node.__dict__ for node in graph.nodes]
            if include_source:
                metadata = graph.source.metadata
                if not metadata.get("id"):
                    metadata["id"] = md5(graph.source.page_content.encode()).hexdigest()
                source = graph.source.__dict__
                document = self.documents.setdefault(source["metadata"]["id"], {})
                document |= {"text": source["page_content"], **self._stored(source["metadata"])}
                self.mentions |= {(metadata["id"], row["id"]) for row in rows}
            for node in graph.nodes:
                node.type = node.type.replace("`", "")
            for row in rows:
                node = self.nodes.setdefault(row["id"], {"id": row["id"], "labels": set()})
                node["labels"].add(row["type"])
                node |= self._stored(row["properties"])
            for edge in graph.relationships:
                label = edge.type.replace(" ", "_").upper().replace("`", "")
                key = (edge.source.id, label, edge.target.id)
                self.relationships.setdefault(key, self._stored(edge.properties))

    def _stored(self, properties):
        for value in properties.values():
            values = value if isinstance(value, list) else [value]
            assert len({type(one) for one in values}) <= 1
            assert all(isinstance(one, str | int | float | bool) for one in values)
        return dict(properties)


class TestMerged:
    """A relationship holds what every paper says of it (issue 18, number 30)."""

    TEXTS = (TEXT, "Tremor came of lithium.", "Nothing.", "Lithium: tremor.")

    def found(self):
        return graphs(*((text, NOTHING if "Nothing" in text else FOUND) for text in self.TEXTS))

    def test_each_relationship_is_there_once(self):
        given = self.found()
        merged = merge_graph_documents(iter(given))
        assert [len(graph.relationships) for graph in merged] == [1, 0, 0, 0]
        assert [graph.nodes for graph in merged] == [graph.nodes for graph in given]
        assert [graph.source for graph in merged] == [graph.source for graph in given]
        told = merged[0].relationships[0].properties
        assert sorted(told["pmids"]) == ["0", "1", "3"]
        assert told["papers"] == 3
        assert told["sources"] == told["pmids"]
        assert dict(zip(told["pmids"], told["sentences"], strict=True)) == {
            "0": "Lithium caused tremor.",
            "1": self.TEXTS[1],
            "3": self.TEXTS[3],
        }
        statements = [json.loads(one) for one in told["statements"]]
        assert [one["score"] for one in statements] == told["scores"]
        for one in statements:
            (edge,) = given[int(one.pop("document"))].relationships
            assert one == edge.properties
        assert GraphDocument.model_validate_json(merged[0].model_dump_json()) == merged[0]
        assert given == self.found(), "the graphs given are not changed"

    def test_stores_keep_them_all(self):
        store = Neo4jDouble()
        store.add_graph_documents(merge_graph_documents(self.found()), include_source=True)
        (properties,) = store.relationships.values()
        assert sorted(properties["pmids"]) == ["0", "1", "3"]
        assert store.mentions == {
            (pmid, end) for pmid in "013" for end in ("chemical:lithium", "disease:tremor")
        }

    def test_a_part_at_a_time(self):
        given = self.found()
        whole = merge_graph_documents(given)
        earlier = merge_graph_documents(given[:2])
        assert merge_graph_documents([*earlier, *given[2:]]) == whole
        assert merge_graph_documents([*given[2:], *earlier])[1].relationships[0].properties == (
            whole[0].relationships[0].properties
        )
        assert merge_graph_documents([]) == []

    def test_parts_of_a_paper_are_statements_of_their_own(self):
        chunks = [Document(text, metadata={"pmid": "7"}) for text in self.TEXTS[:2]]
        found = transformer(FOUND, FOUND).convert_to_graph_documents(chunks)
        told = merge_graph_documents(found)[0].relationships[0].properties
        assert (told["pmids"], told["papers"]) == (["7", "7"], 1)
        assert len(set(told["sources"])) == 2

    def test_relationships_of_others_stay(self):
        (graph,) = graphs((TEXT, FOUND))
        (edge,) = graph.relationships
        other = edge.model_copy(update={"type": "NEXT", "properties": {"x": 1}})
        graph = graph.model_copy(update={"relationships": [other]})
        assert merge_graph_documents([graph]) == [graph]


class TestNeo4j:
    def test_what_it_keeps(self):
        found = graphs((TEXT, FOUND), ("Tremor came of lithium.", FOUND), ("Nothing.", NOTHING))
        store = Neo4jDouble()
        for _ in range(2):  # a second time changes nothing
            store.add_graph_documents(found, include_source=True)
        assert {id_: node["labels"] for id_, node in store.nodes.items()} == {
            "chemical:lithium": {"Chemical"},
            "disease:tremor": {"Disease"},
        }
        assert all(node["id"] == id_ for id_, node in store.nodes.items())
        (properties,) = store.relationships.values()
        assert (properties["pmid"], properties["sentence"]) == ("0", "Lithium caused tremor.")
        assert list(store.documents) == ["0", "1", "2"]
        assert store.documents["1"]["text"] == "Tremor came of lithium."
        assert [graph.source.id for graph in found] == ["0", "1", "2"], "FalkorDBGraph reads this"
        assert store.mentions == {(p, id_) for p in "01" for id_ in store.nodes}

    def test_documents_without_an_id(self):
        document = Document(TEXT)
        found = transformer(FOUND).convert_to_graph_documents([document])
        store = Neo4jDouble()
        store.add_graph_documents(found, include_source=True)
        assert list(store.documents) == [md5(TEXT.encode()).hexdigest()]
        assert document.metadata == {}, "the store's id goes into the copy"


@pytest.fixture
def database(tmp_path):
    """Opens the embedded graph database of this test, as often as one likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # langchain-community is sunset
        host = pytest.importorskip("langchain_ladybug")
    ladybug = pytest.importorskip("ladybug")
    opened = []

    def close():
        while opened:
            opened.pop().close()

    def store():
        close()
        opened.append(ladybug.Database(tmp_path / "graph"))
        return host.LadybugGraph(opened[0], allow_dangerous_requests=True)

    yield store
    close()


class TestLadybug:
    ALLOWED = (("Chemical", "CID", "Disease"),)

    def test_nodes_relationships_and_papers(self, database):
        texts = [
            (TEXT, FOUND),
            ("Tremor came of lithium.", FOUND),
            ('Given 2,3-"x" (β), tremor came.', FOUND.replace("lithium", '2,3-"x" (β)')),
            ("Nothing.", NOTHING),
            ("Unread.", "rubbish"),
        ]
        database().add_graph_documents(graphs(*texts), self.ALLOWED, include_source=True)

        store = database()
        rows = store.query("MATCH (c:Chemical)-[:CID]->(d:Disease) RETURN c.id, d.id ORDER BY c.id")
        assert [tuple(row.values()) for row in rows] == [
            ("chemical:2,3 x beta", "disease:tremor"),
            ("chemical:lithium", "disease:tremor"),
        ]
        rows = store.query(
            "MATCH (p:Chunk)-[:MENTIONS]->(:Chemical {id: $id}) RETURN p.id, p.text ORDER BY p.id",
            {"id": "chemical:lithium"},
        )
        assert [tuple(row.values()) for row in rows] == [("0", TEXT), ("1", texts[1][0])]
        assert store.query("MATCH (p:Chunk) RETURN count(*) AS n") == [{"n": len(texts)}]

    def test_properties_of_every_paper(self, database):
        found = graphs((TEXT, FOUND), ("Tremor came of lithium.", FOUND))
        store = database()
        store.add_graph_documents(found, self.ALLOWED)
        store.query("ALTER TABLE Chemical ADD name STRING")
        store.query(
            "CREATE REL TABLE EVIDENCE (FROM Chemical TO Disease, "
            "pmid STRING, sentence STRING, score DOUBLE, grounded BOOLEAN, head_start INT64)"
        )
        for graph in found:
            for node in graph.nodes[:1]:
                store.query(
                    "MATCH (c:Chemical {id: $id}) SET c.name = $name",
                    {"id": node.id, "name": node.properties["name"]},
                )
            rows = [
                {"source": edge.source.id, "target": edge.target.id, **edge.properties}
                for edge in graph.relationships
            ]
            store.query(
                "UNWIND $rows AS row "
                "MATCH (c:Chemical {id: row.source}), (d:Disease {id: row.target}) "
                "CREATE (c)-[:EVIDENCE {pmid: row.pmid, sentence: row.sentence, "
                "score: row.score, grounded: row.grounded, head_start: row.head_start}]->(d)",
                {"rows": rows},
            )

        rows = database().query(
            "MATCH (c:Chemical)-[e:EVIDENCE]->(:Disease {id: 'disease:tremor'}) "
            "RETURN c.name, e.pmid, e.sentence, e.score, e.grounded, e.head_start ORDER BY e.pmid"
        )
        score = pytest.approx(exp(-3.5))
        assert [list(row.values()) for row in rows] == [
            ["Lithium", "0", "Lithium caused tremor.", score, True, 15],
            ["Lithium", "1", "Tremor came of lithium.", score, True, 15],
        ]

    def test_whatever_the_model_calls_a_relation(self, database):
        kinds = [
            "inhibitor",
            "partial agonist",
            "5-ht agonist",
            "order",
            "target",
            "drug",
            "→",
            "in",
        ]
        found = graphs(("a b", interactions(*kinds)), task="kd_dti")
        (graph,) = found
        assert len(graph.relationships) == len(kinds)
        database().add_graph_documents(found, [], include_source=True)
        for edge in graph.relationships:
            rows = database().query(f"MATCH (:Drug)-[r:{edge.type}]->(t:Target) RETURN t.id")
            assert rows == [{"t.id": "target:b"}]

    def test_annotated_papers_are_known_by_their_ids(self, database):
        def document(pmid, drug, disease):
            text = f"{drug} caused {disease}."
            given = [(drug, "Chemical", "D016642"), (disease, "Disease", "D012640")]
            entities = [
                {
                    "text": name,
                    "type": type_,
                    "offset": text.index(name),
                    "length": len(name),
                    "id": f"MESH:{id_}",
                }
                for name, type_, id_ in given
            ]
            return Document(text, metadata={"pmid": pmid, "entities": entities})

        documents = [document("1", "Bupropion", "seizures"), document("2", "Zyban", "convulsions")]
        engine = ScriptedEngine(
            [
                "the relation between bupropion and seizures exists.",
                "the relation between zyban and convulsions exists.",
            ]
        )
        pipeline = Pipeline("bc5cdr", engine, decoding="entities")
        reader = BioGPTGraphTransformer(BioGPTLLM.from_pipeline(pipeline))
        found = merge_graph_documents(reader.convert_to_graph_documents(documents))
        store = database()
        store.add_graph_documents(found, self.ALLOWED, include_source=True)
        rows = store.query(
            "MATCH (p:Chunk)-[:MENTIONS]->(c:Chemical)-[:CID]->(:Disease {id: $id}) "
            "RETURN c.id, p.id ORDER BY p.id",
            {"id": "MESH:D012640"},
        )
        assert [tuple(row.values()) for row in rows] == [
            ("MESH:D016642", "1"),
            ("MESH:D016642", "2"),
        ]
        (edge,) = [edge for graph in found for edge in graph.relationships]
        assert sorted(edge.properties["pmids"]) == ["1", "2"]

    def test_the_bundled_model(self, database):
        document = Document(bundled.case_text(), metadata={"pmid": "7"})
        reader = BioGPTGraphTransformer(BioGPTLLM(max_new_tokens=60))
        found = reader.convert_to_graph_documents([document, Document(" ")])
        store = database()
        store.add_graph_documents(found, self.ALLOWED, include_source=True)
        (graph, failed) = found
        assert failed.source.metadata[ERROR].startswith("InputError")
        assert ERROR not in graph.source.metadata
        rows = store.query("MATCH (c:Chemical)-[:CID]->(d:Disease) RETURN c.id, d.id")
        pairs = {(edge.source.id, edge.target.id) for edge in graph.relationships}
        assert pairs
        assert {tuple(row.values()) for row in rows} == pairs
        for edge in graph.relationships:
            assert 0 < edge.properties["score"] <= 1
            assert edge.properties["sentence"] in document.page_content
