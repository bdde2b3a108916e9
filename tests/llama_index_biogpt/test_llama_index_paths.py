"""BioGPTPathExtractor: paths of nodes, and what indices and graph stores make of them."""

import itertools
import json
import pickle
import re
from math import exp
from zlib import crc32

import pytest
from held import Held, cancelling_stops
from llama_index.core import PropertyGraphIndex, StorageContext
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import (
    KG_NODES_KEY,
    KG_RELATIONS_KEY,
    TRIPLET_SOURCE_KEY,
    ChunkNode,
    EntityNode,
    Relation,
)
from llama_index.core.indices.property_graph import ImplicitPathExtractor, VectorContextRetriever
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import Document, MetadataMode, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from shared_data import shared

from biogpt_plugins import EntityDictionary, Pipeline
from biogpt_plugins.corpus.gold import is_named, read_solved
from biogpt_plugins.engine import Completion, TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.errors import (
    EngineError,
    InputError,
    ModelNotFoundError,
    ParseError,
    TruncationWarning,
)
from llama_index_biogpt.paths import BioGPTPathExtractor

FOUND = "the relation between lithium and tremor exists."
NOTHING = "there is no relation."
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
TEXT = "A case report. Lithium caused tremor. It went."
MORE = "Tremor came of lithium."
GENE = EntityNode(name="BRCA1", label="Gene")
NEXT = Relation(label="NEXT", source_id="1", target_id="2")

pytestmark = pytest.mark.usefixtures("host_loop")


def extractor(*completions, task="bc5cdr", **options) -> BioGPTPathExtractor:
    pipeline = Pipeline(task, ScriptedEngine(completions), card=CARD)
    return BioGPTPathExtractor.from_pipeline(pipeline, **options)


def calls(reader: BioGPTPathExtractor) -> list[int]:
    return [len(call) for call in reader.pipeline.engine.calls]


def papers(*texts: str) -> list[Document]:
    return [Document(text=text, metadata={"pmid": str(i)}) for i, text in enumerate(texts)]


def node(text=TEXT, **metadata) -> TextNode:
    return TextNode(text=text, metadata=metadata)


def read(*pairs: tuple[str, str], task="bc5cdr", **options) -> list[TextNode]:
    """Nodes with the paths of (text, completion) pairs."""
    reader = extractor(*(completion for _, completion in pairs), task=task, **options)
    return reader([node(text, pmid=str(i)) for i, (text, _) in enumerate(pairs)])


def entities(node) -> list[EntityNode]:
    return node.metadata[KG_NODES_KEY]


def relations(node) -> list[Relation]:
    return node.metadata[KG_RELATIONS_KEY]


def triples(store) -> set[str]:
    """What a store says, as its retrievers put it."""
    names = [one.id for one in store.get() if isinstance(one, EntityNode)]
    return {" -> ".join(part.id for part in one) for one in store.get_triplets(entity_names=names)}


def index(nodes, reader, store=None, **options) -> PropertyGraphIndex:
    options = {"embed_kg_nodes": False, **options}
    return PropertyGraphIndex(
        nodes=nodes, kg_extractors=[reader], property_graph_store=store, **options
    )


class Words(BaseEmbedding):
    """Counts words: texts are near that share some."""

    def _get_text_embedding(self, text):
        counts = [0.0] * 256
        for word in re.findall(r"\w+", text.lower()):
            counts[crc32(word.encode()) % 256] += 1
        return counts

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, query):
        return self._get_text_embedding(query)


class TestPaths:
    def test_all_of_it(self):
        (found,) = extractor(FOUND)([node(pmid="7")], show_progress=True)
        head = EntityNode(
            name="chemical:lithium",
            label="Chemical",
            properties={"mention": "Lithium", "type": "chemical"},
        )
        tail = EntityNode(
            name="disease:tremor",
            label="Disease",
            properties={"mention": "tremor", "type": "disease"},
        )
        properties = {
            "type": "CID",
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
            "pmid": "7",
            "task": "bc5cdr",
            "model": "scripted",
        }
        (relation,) = relations(found)
        assert entities(found) == [head, tail]
        assert (relation.label, relation.source_id, relation.target_id) == ("CID", head.id, tail.id)
        assert relation.properties == properties
        assert (found.text[15:22], found.text[30:36]) == ("Lithium", "tremor")

    def test_the_model_reads_the_text_without_the_metadata(self):
        reader = extractor(FOUND)
        reader([node("Lithium caused TREMOR.", journal="Not to be read")])
        assert [p.text for p in reader.pipeline.engine.history] == ["lithium caused tremor."]
        assert not reader.pipeline.decoding.logprobs

    @pytest.mark.parametrize(
        "name",
        [
            "BRCA1",
            "mTOR",
            "1,2-dichloroethane",
            "interferon (alpha)",
            "5'-AMP",
            "β-CCT",
            "[3H]-x;y",
        ],
    )
    def test_names_survive(self, name):
        completion = f"the relation between {name.lower()} and tremor exists."
        (found,) = read((f"Given {name}, tremor came.", completion))
        assert entities(found)[0].id == relations(found)[0].source_id
        assert entities(found)[0].properties["mention"] == name

    def test_double_quotes(self):
        completion = 'the relation between so-called "ice" and tremor exists.'
        (found,) = read(('Given so-called "ice", tremor came.', completion))
        head, _ = entities(found)
        assert head.properties["mention"] == 'so-called "ice"'
        assert head.name == head.id == relations(found)[0].source_id == "chemical:so called ice"

    def test_papers_agree_on_names(self):
        found = read(
            ("Lithium caused it: tremor.", FOUND),
            ("Tremor came of lithium.", FOUND),
            ("CAT did. Cat, too.", "the relation between cat and tremor exists."),
            ("A cat. Tremor.", "the relation between cat and tremor exists."),
            ("Iron, rash.", "the relation between iron and rash exists."),
            ("Zinc, iron.", "the relation between zinc and iron exists."),
        )
        ends = [(one.source_id, one.target_id) for paper in found for one in relations(paper)]
        assert ends == [
            ("chemical:lithium", "disease:tremor"),
            ("chemical:lithium", "disease:tremor"),
            ("chemical:cat", "disease:tremor"),
            ("chemical:cat", "disease:tremor"),
            ("chemical:iron", "disease:rash"),
            ("chemical:zinc", "disease:iron"),
        ]
        first, second = (entities(paper)[0] for paper in found[:2])
        assert [one.properties["mention"] for one in (first, second)] == ["Lithium", "Lithium"]

    def test_an_end_that_is_not_in_the_text(self):
        (found,) = read(("No drug. Only tremor.", FOUND))
        (relation,) = relations(found)
        assert relation.properties["sentence"] == "Only tremor."
        assert not relation.properties["grounded"]
        assert not {"head_start", "head_end"} & set(relation.properties)

    @pytest.mark.parametrize(
        ("metadata", "id_", "pmid"),
        [({"pmid": "7"}, "d", "7"), ({"uid": 7}, "d", "7"), ({"pmid": ""}, "d", "d")],
        ids=str,
    )
    def test_the_paper(self, metadata, id_, pmid):
        document = Document(text=TEXT, metadata=metadata, id_=id_)
        reader = extractor(FOUND, FOUND)
        (chunk,) = IngestionPipeline(transformations=[SentenceSplitter(), reader]).run(
            documents=[document]
        )
        assert chunk.node_id != "d"
        assert relations(chunk)[0].properties["pmid"] == pmid
        assert relations(*reader([document]))[0].properties["pmid"] == pmid

    def test_what_other_extractors_found_is_kept(self):
        given = node(**{KG_NODES_KEY: [GENE], KG_RELATIONS_KEY: [NEXT]})
        (found,) = extractor(FOUND)([given])
        assert [one.label for one in entities(found)] == ["Gene", "Chemical", "Disease"]
        assert [one.label for one in relations(found)] == ["NEXT", "CID"]

    def test_the_nodes_given_are_not_changed(self):
        given = node(**{KG_NODES_KEY: [GENE], KG_RELATIONS_KEY: [NEXT]})
        before = given.model_copy(deep=True)
        extractor(FOUND)([given])
        assert given == before

    def test_something_else_in_their_place(self):
        reader = extractor(FOUND)
        nodes = [
            node(),
            TextNode(id_="n", text=TEXT, metadata={"relations": [{"head": "lithium"}]}),
        ]
        with pytest.raises(InputError, match="the metadata 'relations' of node n must hold"):
            reader(nodes)
        assert calls(reader) == []

    def test_nothing_of_it_is_shown_to_embedding_models_and_llms(self):
        found = read((TEXT, FOUND), (TEXT, "rubbish"))
        for one, mode in itertools.product(found, (MetadataMode.EMBED, MetadataMode.LLM)):
            shown = one.get_content(metadata_mode=mode)
            assert shown == f"pmid: {one.metadata['pmid']}\n\n{TEXT}"

    def test_a_text_that_was_cut(self):
        class Cutting(ScriptedEngine):
            def complete(self, *_):
                return [Completion(text=FOUND, finish_reason="stop", truncated_tokens=7)]

        reader = BioGPTPathExtractor.from_pipeline(Pipeline("bc5cdr", Cutting()))
        with pytest.warns(TruncationWarning):
            (found,) = reader([node()])
        assert "7 tokens" in found.metadata["biogpt_paths_bc5cdr_warnings"]
        assert relations(found)


class TestPossible:
    TWO = "the interaction between a and b is mechanism; the interaction between c and b is effect."

    @pytest.mark.parametrize(
        ("possible", "names", "labels"),
        [
            ({}, "abc", ["MECHANISM", "EFFECT"]),
            ({"possible_relations": ["effect"]}, "cb", ["EFFECT"]),
            ({"possible_relations": [("Drug", "MECHANISM", "drug")]}, "ab", ["MECHANISM"]),
            ({"possible_relations": ["int"]}, "", []),
            ({"possible_entities": ["drug"]}, "abc", ["MECHANISM", "EFFECT"]),
        ],
        ids=str,
    )
    def test_relations(self, possible, names, labels):
        (found,) = read(("a b c", self.TWO), task="ddi", **possible)
        assert [one.name for one in entities(found)] == [f"drug:{name}" for name in names]
        assert [one.label for one in relations(found)] == labels

    @pytest.mark.parametrize("label", ["Chemical", "Disease"])
    def test_entities(self, label):
        (found,) = read((TEXT, FOUND), possible_entities=[label])
        assert [one.label for one in entities(found)] == [label]
        assert relations(found) == []

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"possible_entities": ["Gene"]}, "finds no 'Gene': use Chemical or Disease"),
            ({"possible_entities": "Chemical"}, "should be a valid tuple"),
            ({"possible_relations": [("Drug", "CID", "Disease")]}, "finds no 'Drug'"),
            ({"possible_relations": [("Chemical", "CID")]}, "Field required"),
        ],
        ids=str,
    )
    def test_what_cannot_be_meant(self, options, says):
        with pytest.raises(ValueError, match=says):
            BioGPTPathExtractor(task="bc5cdr", **options)

    def test_the_models_own_task_is_looked_for_when_it_is_used(self):
        reader = BioGPTPathExtractor(possible_entities=["Gene"])
        with pytest.raises(InputError, match="task bc5cdr finds no 'Gene'"):
            reader([node()])


class TestFailures:
    def test_one_costs_the_others_nothing_and_is_no_empty_node(self, caplog):
        reader = extractor(FOUND, "rubbish", EngineError("no"), NOTHING)
        found = reader([node(text) for text in (TEXT, TEXT, TEXT, TEXT, " ")])
        assert [len(relations(one)) for one in found] == [1, 0, 0, 0, 0]
        assert [len(entities(one)) for one in found] == [2, 0, 0, 0, 0]
        faults = [one.metadata.get("biogpt_paths_bc5cdr_error", "").split(":")[0] for one in found]
        assert faults == ["", "ParseError", "EngineError", "", "InputError"]
        assert calls(reader) == [4]
        assert [record.getMessage().split(": ")[:2] for record in caplog.records] == [
            [f"no paths for node {found[at].node_id}", faults[at]] for at in (1, 2, 4)
        ]

    def test_nodes_that_failed_in_the_engine_are_read_again(self):
        reader = extractor("rubbish", EngineError("no"), FOUND)
        failed = reader([node(), node(), node(" ")])
        assert all("biogpt_paths_bc5cdr_error" in one.metadata for one in failed)
        found = reader(failed)
        assert ["biogpt_paths_bc5cdr_error" in one.metadata for one in found] == [True, False, True]
        assert [len(relations(one)) for one in found] == [0, 1, 0]
        assert calls(reader) == [2, 1]

    def test_the_hosts_options(self):
        options = {"max_retries": 1, "retry_backoff": 0, "raise_on_error": True, "in_place": True}
        reader = extractor(EngineError("no"), FOUND, "rubbish", **options)
        given = node()
        assert reader([given]) == [given]
        assert relations(given)
        other = node(MORE)
        with pytest.raises(ParseError, match=f"node {other.node_id}: no relation"):
            reader([given, other])

    def test_errors_of_others_are_kept(self):
        failed = extractor("rubbish", task="ddi")([node(biogpt_relations_bc5cdr_error="no")])
        (found,) = extractor(FOUND)(failed)
        assert found.metadata["biogpt_relations_bc5cdr_error"] == "no"
        told = found.metadata["biogpt_paths_ddi_error"]
        assert told.startswith("ParseError: no relation can be read")
        assert "biogpt_paths_bc5cdr_error" not in found.metadata

    def test_an_extractor_that_could_read_it(self):
        failed = extractor("rubbish")([node()])
        (found,) = extractor(FOUND, possible_relations=["CID"])(failed)
        assert "biogpt_paths_bc5cdr_error" not in found.metadata

    def test_a_missing_model(self):
        with pytest.raises(ModelNotFoundError):
            BioGPTPathExtractor(model="./nowhere")([node()])


class TestReadOnce:
    """What has been read is not read again, whatever the host did with it in between."""

    def once_more(self, nodes, *completions, **options) -> tuple[list[TextNode], list[int]]:
        reader = extractor(*completions, **options)
        return reader(nodes), calls(reader)

    def test_the_same_nodes(self):
        nodes = read((TEXT, FOUND), (TEXT, NOTHING))
        assert self.once_more(nodes) == (nodes, [])
        assert [len(relations(one)) for one in nodes] == [1, 0]

    def test_what_was_written_down(self):
        nodes = read((TEXT, FOUND), (TEXT, NOTHING))
        written = [TextNode.from_json(one.to_json()) for one in nodes]
        assert entities(written[0])[0]["name"] == "chemical:lithium"
        assert self.once_more(written) == (nodes, [])

    def test_of_other_extractors_too(self):
        paths = {KG_NODES_KEY: [GENE, ChunkNode(text="x", id_="c")], KG_RELATIONS_KEY: [NEXT]}
        (found,) = extractor(NOTHING)([TextNode.from_json(node(**paths).to_json())])
        assert {key: found.metadata[key] for key in paths} == paths

    def test_paths_that_an_index_took(self):
        nodes = read((TEXT, FOUND), (TEXT, NOTHING))
        index(nodes, ImplicitPathExtractor())
        assert KG_NODES_KEY not in nodes[0].metadata
        ImplicitPathExtractor()(nodes)
        found, asked = self.once_more(nodes, FOUND)
        assert asked == [1]
        assert [len(relations(one)) for one in found] == [1, 0]

    @pytest.mark.parametrize(
        "change", [{"task": "ddi"}, {"possible_relations": ["CID"]}, {"dtype": "float32"}], ids=str
    )
    def test_another_extractor(self, change):
        _, asked = self.once_more(read((TEXT, FOUND)), NOTHING, **change)
        assert asked == [1]

    def test_a_dictionary_is_known_by_its_fingerprint(self):
        class Large(EntityDictionary):
            def rows(self):
                raise AssertionError("its rows are not to be written for each node")

        rows = [("lithium", "D008094"), ("tremor", "D014202")]
        nodes = extractor(FOUND, dictionary=Large(rows))([node(TEXT)])
        assert self.once_more(nodes, dictionary=Large(rows)) == (nodes, [])
        _, asked = self.once_more(nodes, FOUND, dictionary=Large(rows[:1]))
        assert asked == [1]

    def test_another_device(self):
        _, asked = self.once_more(read((TEXT, FOUND)), device="cpu")
        assert asked == []

    def test_two_extractors(self):
        drugs = "the interaction between lithium and tremor is effect."
        nodes = extractor(drugs, task="ddi")(read((TEXT, FOUND)))
        assert self.once_more(nodes) == self.once_more(nodes, task="ddi") == (nodes, [])
        assert [one.label for one in relations(nodes[0])] == ["CID", "EFFECT"]

    def test_two_models(self):
        """The graph has what both found; neither reads again what it has read."""

        class Other(ScriptedEngine):
            model_name = "other"

        card = TaskCard()
        other = BioGPTPathExtractor.from_pipeline(Pipeline("bc5cdr", Other([FOUND] * 9), card=card))
        one = extractor(*[FOUND] * 9)
        nodes = [node(TEXT)]
        for reader in (one, other, one, other):
            nodes = reader(nodes)
        models = [relation.properties["model"] for relation in relations(nodes[0])]
        assert models == ["scripted", "other"]
        assert [name.name for name in entities(nodes[0])] == ["chemical:lithium", "disease:tremor"]
        assert calls(one) == calls(other) == [1]

    def test_what_a_changed_extractor_finds_stands_in_place_of_what_it_found(self):
        nodes = read((TEXT, FOUND))
        for change in ({"dtype": "float32"}, {"possible_relations": ["CID"]}, {}):
            nodes, _ = self.once_more(nodes, FOUND, **change)
            assert len(relations(nodes[0])) == 1
            assert len(entities(nodes[0])) == 2

    def test_chunks_that_have_their_papers_metadata(self):
        (paper,) = extractor(FOUND)([Document(text=f"{TEXT} {MORE}")])
        chunks = SentenceSplitter(chunk_size=10, chunk_overlap=0)([paper])
        assert all("biogpt_paths_bc5cdr" in chunk.metadata for chunk in chunks)
        _, asked = self.once_more(chunks, *[NOTHING] * len(chunks))
        assert asked == [len(chunks)]


class TestIngestion:
    def test_a_cached_pipeline_into_an_index(self, tmp_path):
        texts = (TEXT, "Nothing.", "Unread.")
        reader = extractor(FOUND, NOTHING, "rubbish")
        first = IngestionPipeline(transformations=[SentenceSplitter(), reader])
        first.run(documents=papers(*texts))
        first.persist(str(tmp_path))

        again = IngestionPipeline(transformations=[SentenceSplitter(), reader])
        again.load(str(tmp_path))
        nodes = again.run(documents=papers(*texts))
        store = index(nodes[:2], reader).property_graph_store
        assert triples(store) == {"chemical:lithium -> CID -> disease:tremor"}
        assert calls(reader) == [3]
        assert "biogpt_paths_bc5cdr_error" in nodes[2].metadata
        (cached, *_) = again.run(documents=papers(*texts))
        assert [one["name"] for one in entities(cached)] == ["chemical:lithium", "disease:tremor"]
        assert TRIPLET_SOURCE_KEY not in entities(cached)[0]["properties"]

    def test_an_index_on_disk(self, tmp_path):
        reader = extractor(FOUND, FOUND)
        by_index = PropertyGraphIndex.from_documents(
            papers(TEXT), kg_extractors=[reader], embed_kg_nodes=False
        )
        by_index.storage_context.persist(tmp_path)
        by_pipeline = index(reader(SentenceSplitter()(papers(TEXT))), reader)
        with pytest.raises(TypeError, match="EntityNode is not JSON serializable"):
            by_pipeline.storage_context.persist(tmp_path / "other")
        by_pipeline.property_graph_store.persist(str(tmp_path / "graph.json"))
        for store in (
            StorageContext.from_defaults(persist_dir=tmp_path).property_graph_store,
            SimplePropertyGraphStore.from_persist_path(str(tmp_path / "graph.json")),
        ):
            assert triples(store) == {"chemical:lithium -> CID -> disease:tremor"}

    def test_a_document_store(self, tmp_path):
        store = SimpleDocumentStore()
        store.add_documents(read((TEXT, FOUND), (MORE, FOUND)))
        store.persist(str(tmp_path / "docstore.json"))
        store = SimpleDocumentStore.from_persist_path(str(tmp_path / "docstore.json"))
        reader = extractor()
        made = index(list(store.docs.values()), reader)
        assert calls(reader) == []
        assert triples(made.property_graph_store) == {"chemical:lithium -> CID -> disease:tremor"}

    def test_chunks_of_a_paper(self):
        completions = [FOUND, "the relation between gold and nausea exists."]
        made = PropertyGraphIndex.from_documents(
            [Document(text="Given lithium: tremor. Given gold: nausea.", id_="d")],
            transformations=[SentenceSplitter(chunk_size=8, chunk_overlap=0)],
            kg_extractors=[extractor(*completions)],
            embed_kg_nodes=False,
        )
        store = made.property_graph_store
        found = store.get_triplets(relation_names=["CID"])
        assert len(found) == len(completions)
        for _, relation, _ in found:
            (chunk,) = store.get_llama_nodes([relation.properties[TRIPLET_SOURCE_KEY]])
            assert (chunk.ref_doc_id, relation.properties["pmid"]) == ("d", "d")
            at = slice(relation.properties["tail_start"], relation.properties["tail_end"])
            assert f"disease:{chunk.text[at]}" == relation.target_id

    async def test_in_a_running_loop(self):
        reader = extractor(*[FOUND] * 6)
        pipeline = IngestionPipeline(transformations=[reader], disable_cache=True)
        waited = await pipeline.arun(documents=papers(TEXT, TEXT))
        direct = pipeline.run(documents=papers(TEXT, TEXT))
        assert [one.metadata for one in waited] == [one.metadata for one in direct]
        made = index(papers(TEXT, MORE), reader, use_async=False)
        assert len(triples(made.property_graph_store)) == 1
        assert calls(reader) == [2, 2, 2]

    async def test_the_event_loop_goes_on_and_cancelling_stops_the_engine(self):
        engine = Held([FOUND])
        reader = BioGPTPathExtractor.from_pipeline(Pipeline("bc5cdr", engine))
        given = node()
        await cancelling_stops(reader.acall([given]), engine)
        assert given.metadata == {}

    def test_no_nodes(self):
        assert BioGPTPathExtractor(model="./nowhere", task="bc5cdr")([]) == []


class TestComponent:
    @pytest.mark.parametrize(
        "change",
        [
            {"model": "m"},
            {"revision": "r"},
            {"dtype": "float32"},
            {"task": "ddi"},
            {"possible_entities": ["Chemical"]},
            {"possible_relations": ["CID"]},
        ],
        ids=str,
    )
    def test_what_changes_the_result_changes_the_caches_key(self, change):
        assert BioGPTPathExtractor(**change).to_dict() != BioGPTPathExtractor().to_dict()

    def test_a_device_does_not(self):
        assert BioGPTPathExtractor(device="cpu").to_dict() == BioGPTPathExtractor().to_dict()

    def test_the_models_own_task(self):
        assert BioGPTPathExtractor().to_dict() == BioGPTPathExtractor(task="bc5cdr").to_dict()

    def test_round_trip(self):
        possible = {"possible_relations": ["effect", ("Drug", "int", "Drug")]}
        reader = BioGPTPathExtractor(model="microsoft/biogpt", task="DDI", **possible)
        assert reader.task == "ddi"
        assert BioGPTPathExtractor.from_dict(reader.to_dict()) == reader
        assert BioGPTPathExtractor.from_dict(json.loads(json.dumps(reader.to_dict()))) == reader

    def test_a_pickle_holds_no_model_and_takes_none_away(self, caplog):
        reader = extractor(FOUND)
        again = pickle.loads(pickle.dumps(reader))
        assert (again.model, again.task, again.pipeline) == ("scripted", "bc5cdr", None)
        assert relations(*reader([node()]))
        assert not caplog.records

    def test_a_task_without_relations(self):
        with pytest.raises(ValueError, match="'pubmedqa' does not find relations"):
            BioGPTPathExtractor(task="pubmedqa")


class TestSimpleStore:
    @pytest.mark.filterwarnings("ignore:`langchain-community`:DeprecationWarning")
    def test_kept_on_disk_and_queried(self, tmp_path):
        reader = extractor(FOUND, "the relation between gold and nausea exists.", NOTHING, FOUND)
        nodes = [
            node(TEXT, pmid="0"),
            node("Gold caused nausea.", pmid="1"),
            node("A garden.", pmid="2"),
        ]
        made = index(nodes, reader, embed_kg_nodes=True, embed_model=Words())
        made.storage_context.persist(tmp_path)

        context = StorageContext.from_defaults(persist_dir=tmp_path)
        store = context.property_graph_store
        assert triples(store) == {
            "chemical:lithium -> CID -> disease:tremor",
            "chemical:gold -> CID -> disease:nausea",
        }
        ((head, relation, _),) = store.get_triplets(properties={"pmid": "1"})
        assert head.properties["mention"] == "Gold"
        assert relation.properties["sentence"] == "Gold caused nausea."
        assert relation.properties["score"] == pytest.approx(exp(-3.5))
        (chunk,) = store.get_llama_nodes([relation.properties[TRIPLET_SOURCE_KEY]])
        assert (chunk.text, chunk.metadata["pmid"]) == ("Gold caused nausea.", "1")
        assert len(store.get_rel_map(store.get(ids=["chemical:gold"]), depth=1)) == 1

        opened = PropertyGraphIndex.from_existing(
            store, context.vector_store, kg_extractors=[reader], embed_model=Words()
        )
        retriever = opened.as_retriever(
            sub_retrievers=[
                VectorContextRetriever(
                    store,
                    vector_store=opened.vector_store,
                    embed_model=Words(),
                    similarity_top_k=1,
                )
            ]
        )
        (hit,) = retriever.retrieve("What does lithium cause?")
        assert "chemical:lithium -> CID -> disease:tremor" in hit.text
        assert hit.text.endswith(TEXT)
        engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM())
        assert "chemical:gold -> CID -> disease:nausea" in str(engine.query("And gold?"))

        opened.insert(Document(text=MORE, metadata={"pmid": "3"}))
        assert calls(reader) == [3, 1]
        assert len(triples(store)) == 2

    def test_a_relation_of_two_papers_is_the_first_ones(self):
        store = index(papers(TEXT, MORE), extractor(FOUND, FOUND)).property_graph_store
        ((_, relation, _),) = store.get_triplets(relation_names=["CID"])
        assert relation.properties["pmid"] == "0"


@pytest.fixture
def database(tmp_path):
    """Opens the embedded graph database of this test, as often as one likes."""
    host = pytest.importorskip("llama_index.graph_stores.ladybug")
    ladybug = pytest.importorskip("ladybug")
    opened = []

    def close():
        while opened:
            opened.pop().close()

    def store(*schema):
        close()
        opened.append(ladybug.Database(tmp_path / "graph"))
        return host.LadybugPropertyGraphStore(
            opened[0],
            relationship_schema=list(schema) or None,
            has_structured_schema=bool(schema),
            use_vector_index=False,
            sanitize_query_output=False,  # it leaves out whatever has more than 127 rows
        )

    yield store
    close()


class TestLadybug:
    SCHEMA = ("Chemical", "CID", "Disease")

    def test_kept_on_disk_and_queried(self, database):
        odd = '1,2-"x" (β)'
        reader = extractor(FOUND, FOUND, FOUND.replace("lithium", odd), NOTHING, "rubbish")
        texts = [TEXT, MORE, f"Given {odd}, tremor came.", "Nothing.", "Unread."]
        documents = papers(*texts)
        for document in documents:
            document.id_ = document.metadata["pmid"]
        PropertyGraphIndex.from_documents(
            documents,
            kg_extractors=[reader],
            property_graph_store=database(self.SCHEMA),
            embed_kg_nodes=False,
        )

        store = database(self.SCHEMA)
        rows = store.structured_query(
            "MATCH (c:Chemical)-[:CID]->(d:Disease) RETURN c.id, d.id ORDER BY c.id"
        )
        assert [tuple(row.values()) for row in rows] == [
            ("chemical:1,2 x beta", "disease:tremor"),
            ("chemical:lithium", "disease:tremor"),
        ]
        rows = store.structured_query(
            "MATCH (p:Chunk)-[:MENTIONS]->(:Chemical {id: $id}) "
            "RETURN p.ref_doc_id, p.text ORDER BY p.ref_doc_id",
            {"id": "chemical:lithium"},
        )
        assert [tuple(row.values()) for row in rows] == [("0", TEXT), ("1", MORE)]
        assert store.structured_query("MATCH (p:Chunk) RETURN count(*) AS n") == [{"n": 5}]
        opened = PropertyGraphIndex.from_existing(
            store, kg_extractors=[extractor(FOUND)], embed_kg_nodes=False
        )
        opened.insert(Document(text="Once more: lithium, tremor."))
        found = store.get_rel_map(store.get(ids=["chemical:lithium"]))
        assert {(head.id, one.id, tail.id) for head, one, tail in found} == {
            ("chemical:lithium", "CID", "disease:tremor")
        }

    def test_without_a_schema(self, database):
        index(papers(TEXT, MORE), extractor(FOUND, FOUND), database())
        rows = database().structured_query(
            "MATCH (a)-[r:LINKS]->(b) RETURN a.id, a.label, r.label, b.id"
        )
        assert [list(row.values()) for row in rows] == [
            ["chemical:lithium", "Chemical", "CID", "disease:tremor"]
        ]

    def test_whatever_the_model_calls_a_relation(self, database):
        kinds = ["inhibitor", "partial agonist", "5-ht agonist", "order", "target", "→", "in"]
        said = "; ".join(f"the interaction between a and b is {kind}" for kind in kinds) + "."
        nodes = read(("a b", said), task="kd_dti")
        labels = [one.label for one in relations(nodes[0])]
        index(nodes, extractor(task="kd_dti"), database(("Drug", "INHIBITOR", "Target")))
        store = database(("Drug", "INHIBITOR", "Target"))
        for label in labels:
            rows = store.structured_query(f"MATCH (:Drug)-[r:{label}]->(t:Target) RETURN t.id")
            assert rows == [{"t.id": "target:b"}], label


WRITTEN = {
    "1": (
        "Lithium caused tremor. 1,2-dichloroethane did, too.",
        [("lithium", "tremor"), ("1,2-dichloroethane", "tremor")],
    ),
    "2": (
        "Tremor after interferon (alpha). Nausea came of lithium.",
        [("interferon (alpha)", "tremor"), ("lithium", "nausea")],
    ),
    "3": ("Lithium, once more: tremor.", [("lithium", "tremor")]),
    "4": ("A survey of gardens.", []),
}


@pytest.fixture(params=["written", pytest.param("bc5cdr", marks=pytest.mark.slow)])
def solved(request) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Texts by PMID, and the pairs of names that are right."""
    if request.param == "written":
        return WRITTEN
    return {
        one.id: (
            f"{one.input['title']} {one.input['abstract']}",
            [(r.head.name, r.tail.name) for r in one.result if is_named(r.head)],
        )
        for one in read_solved(shared("bc5cdr/valid.json"), ["bc5cdr"])
    }


class TestManyPapers:
    """All are one call of the model; what it says of each is what is right."""

    def test_into_graphs_on_disk(self, solved, database, tmp_path):
        right = {
            pmid: dict.fromkeys((head.lower(), tail.lower()) for head, tail in pairs)
            for pmid, (_, pairs) in solved.items()
        }
        completions = [
            "; ".join(f"the relation between {head} and {tail} exists" for head, tail in pairs)
            for pairs in right.values()
        ]
        reader = extractor(*(f"{clauses}." if clauses else NOTHING for clauses in completions))
        documents = [Document(text=text, id_=pmid) for pmid, (text, _) in solved.items()]
        pipeline = IngestionPipeline(transformations=[SentenceSplitter(), reader])
        nodes = pipeline.run(documents=documents)
        pipeline.persist(str(tmp_path / "pipeline"))
        assert [paper.ref_doc_id for paper in nodes] == list(solved)
        assert not any("biogpt_paths_bc5cdr_error" in paper.metadata for paper in nodes)
        found = {
            paper.ref_doc_id: {(one.source_id, one.target_id) for one in relations(paper)}
            for paper in nodes
        }
        same = [
            pmid
            for pmid in solved
            if set(map(self.bare, found[pmid])) == set(map(self.bare, right[pmid]))
        ]
        # Of others the paper says "optic and peripheral neuropathy", and the model one of the two.
        assert len(same) >= 0.97 * len(solved)
        edges = set().union(*found.values())
        names = {name for edge in edges for name in edge}

        path = str(tmp_path / "graph.json")
        index(nodes, reader).property_graph_store.persist(path)
        store = SimplePropertyGraphStore.from_persist_path(path)
        assert triples(store) == {f"{head} -> CID -> {tail}" for head, tail in edges}
        assert {one.id for one in store.get() if isinstance(one, EntityNode)} == names
        for head, relation, tail in store.get_triplets(relation_names=["CID"]):
            paper = relation.properties["pmid"]
            assert (head.id, tail.id) in found[paper]
            assert relation.properties.get("sentence", "") in solved[paper][0]

        again = IngestionPipeline(transformations=[SentenceSplitter(), reader])
        again.load(str(tmp_path / "pipeline"))
        index(again.run(documents=documents), reader, database(TestLadybug.SCHEMA))
        assert calls(reader) == [len(solved)]
        store = database(TestLadybug.SCHEMA)
        asked = "MATCH (c:Chemical)-[:CID]->(d:Disease) RETURN c.id, d.id"
        assert sorted(tuple(row.values()) for row in store.structured_query(asked)) == sorted(edges)
        asked = "MATCH (p:Chunk)-[:MENTIONS]->(c:Chemical) RETURN p.ref_doc_id, c.id"
        mentions = {tuple(row.values()) for row in store.structured_query(asked)}
        assert mentions == {(pmid, head) for pmid in found for head, _ in found[pmid]}
        for label, kind in (("Chunk", ""), ("Chemical", "chemical:"), ("Disease", "disease:")):
            (row,) = store.structured_query(f"MATCH (n:{label}) RETURN count(*) AS n")
            counted = [name for name in names if name.startswith(kind)] if kind else solved
            assert row["n"] == len(counted), label

    def bare(self, pair: tuple[str, str]) -> tuple[str, ...]:
        """A pair of names in normal form, without their types."""
        return tuple(fold(re.sub("^(chemical|disease):", "", name)) for name in pair)


class TestBundledModel:
    def test_real_abstracts(self, database, tmp_path):
        """From papers to a graph on disk, whose answers are checked against the nodes."""
        abstracts = json.loads(shared("bc5cdr/valid.json").read_text())
        documents = [
            Document(text=f"{paper['title']} {paper['abstract']}", id_=pmid)
            for pmid, paper in itertools.islice(abstracts.items(), 8)
        ]
        reader = BioGPTPathExtractor()
        pipeline = IngestionPipeline(transformations=[SentenceSplitter(), reader])
        pipeline.run(documents=documents)
        pipeline.persist(str(tmp_path / "pipeline"))
        pipeline.load(str(tmp_path / "pipeline"))
        nodes = reader(pipeline.run(documents=documents))
        assert len(nodes) == len(documents)
        assert all(isinstance(one, Relation) for paper in nodes for one in relations(paper))
        for paper in nodes:
            for one in relations(paper):
                told = one.properties
                assert told["pmid"] == paper.ref_doc_id
                assert 0 < told["score"] <= 1
                assert told.get("sentence", "") in paper.text

        stores = [SimplePropertyGraphStore(), database(TestLadybug.SCHEMA)]
        for store in stores:
            index(nodes, reader, store)
        found = {(one.source_id, one.target_id) for paper in nodes for one in relations(paper)}
        assert found
        assert triples(stores[0]) == {f"{head} -> CID -> {tail}" for head, tail in found}
        asked = "MATCH (c:Chemical)-[:CID]->(d:Disease {id: $id}) RETURN c.id"
        store = database(TestLadybug.SCHEMA)
        for disease in {tail for _, tail in found}:
            rows = store.structured_query(asked, {"id": disease})
            assert {row["c.id"] for row in rows} == {head for head, at in found if at == disease}
