"""The extractors in ingestion pipelines: caches, docstores, processes, Ray."""

import pickle
from dataclasses import replace

import pytest
from llama_index.core import MockEmbedding
from llama_index.core.ingestion import DocstoreStrategy, IngestionCache, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import SimpleVectorStore
from local_ray import local_ray

from biogpt_plugins import Pipeline
from biogpt_plugins.engine import Decoding, TaskCard
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.testing import ScriptedEngine
from llama_index_biogpt.answers import BioGPTAnswerExtractor
from llama_index_biogpt.relations import BioGPTRelationExtractor, relations_of
from llama_index_biogpt.sections import BioGPTSectionParser

RELATIONS = "biogpt_relations_bc5cdr"
ERROR, MODEL = (f"{RELATIONS}_{end}" for end in ("error", "model"))
FOUND = "the relation between lithium and tremor exists."
QUESTIONS = ["Is it new?", "Is it a trial?"]
TEXTS = ["Lithium caused tremor.", "Nothing is said here.", "Tremor came with lithium."]
EVERY_PARSER = pytest.mark.parametrize(
    "parsers",
    [[], [SentenceSplitter()], [BioGPTSectionParser()]],
    ids=["whole papers", "chunks", "sections"],
)
pytestmark = pytest.mark.usefixtures("host_loop")


def documents(*texts) -> list[Document]:
    return [
        Document(text=text, id_=f"d{i}", metadata={"pmid": str(i)}) for i, text in enumerate(texts)
    ]


def readers(engine, **options):
    """Both extractors on one engine."""
    relations = Pipeline("bc5cdr", engine, card=TaskCard())
    answers = Pipeline("pubmedqa", engine, card=TaskCard())
    return [
        BioGPTRelationExtractor.from_pipeline(relations, **options),
        BioGPTAnswerExtractor.from_pipeline(answers, questions=QUESTIONS, **options),
    ]


def scripted(texts=9) -> ScriptedEngine:
    return ScriptedEngine([FOUND] * texts, [(0.6, 0.3, 0.1)] * 2 * texts)


def calls(engine) -> list[int]:
    return [len(call) for call in engine.calls]


@EVERY_PARSER
class TestCache:
    def test_a_second_run_asks_nothing(self, parsers):
        engine = scripted()
        pipeline = IngestionPipeline(transformations=[*parsers, *readers(engine)])
        given = documents(*TEXTS)
        first = pipeline.run(documents=given)
        assert calls(engine) == [3, 6]
        again = pipeline.run(documents=given)
        other = pipeline.run(documents=documents(*TEXTS))
        assert calls(engine) == [3, 6]
        for nodes in (again, other):
            assert [node.metadata for node in nodes] == [node.metadata for node in first]
            assert [relations_of(node) for node in nodes] == [relations_of(node) for node in first]

    async def test_in_a_running_loop(self, parsers):
        engine = scripted()
        pipeline = IngestionPipeline(transformations=[*parsers, *readers(engine)])
        first = await pipeline.arun(documents=documents(*TEXTS))
        again = pipeline.run(documents=documents(*TEXTS))
        assert [node.metadata for node in again] == [node.metadata for node in first]
        assert calls(engine) == [3, 6]

    def test_persisted_and_reloaded(self, parsers, tmp_path):
        pipeline = IngestionPipeline(transformations=[*parsers, *readers(scripted())])
        first = pipeline.run(documents=documents(*TEXTS))
        pipeline.persist(str(tmp_path))
        engine = ScriptedEngine()
        other = IngestionPipeline(transformations=[*parsers, *readers(engine)])
        other.load(str(tmp_path))
        again = other.run(documents=documents(*TEXTS))
        assert [node.metadata for node in again] == [node.metadata for node in first]
        assert calls(engine) == []


class TestCacheKey:
    def asked(self, first, second) -> list[int]:
        """What the second extractor asks where the first has been."""
        cache = IngestionCache()
        for reader in (first, second):
            pipeline = IngestionPipeline(transformations=[reader], cache=cache)
            pipeline.run(documents=documents(*TEXTS))
        return calls(second.pipeline.engine)

    @pytest.mark.parametrize(
        "knob",
        [
            {"device": "cpu"},
            {"num_workers": 9},
            {"show_progress": False},
            {"max_retries": 3},
            {"raise_on_error": True},
            {"in_place": True},
        ],
        ids=str,
    )
    def test_knobs_leave_it_alone(self, knob):
        for first, second in zip(readers(scripted()), readers(scripted(), **knob), strict=True):
            assert self.asked(first, second) == []

    @pytest.mark.parametrize(
        "change",
        [{"revision": "r"}, {"dtype": "float16"}, {"logprobs": True}, {"flat": True}],
        ids=str,
    )
    def test_options_change_it(self, change):
        first, _ = readers(scripted())
        second = BioGPTRelationExtractor.from_pipeline(
            Pipeline("bc5cdr", scripted(), card=TaskCard()), **change
        )
        assert self.asked(first, second) == [3]

    def test_another_model_changes_it(self):
        class Other(ScriptedEngine):
            model_name = "other"

        for first, second in zip(readers(scripted()), readers(Other()), strict=True):
            assert self.asked(first, second) != []

    def test_another_task_or_prompt_or_decoding_changes_it(self):
        first, _ = readers(scripted())
        task = TASKS["bc5cdr"]
        for pipeline in (
            Pipeline("ddi", scripted(), card=TaskCard()),
            Pipeline(replace(task, lowercase=False), scripted(), card=TaskCard()),
            Pipeline(task, scripted(), card=TaskCard(lowercase=False)),
            Pipeline(task, scripted(), card=TaskCard(), decoding=Decoding(num_beams=2)),
        ):
            assert self.asked(first, BioGPTRelationExtractor.from_pipeline(pipeline)) == [3]

    def test_other_questions_change_it(self):
        _, first = readers(scripted())
        second = BioGPTAnswerExtractor.from_pipeline(
            Pipeline("pubmedqa", scripted(), card=TaskCard()), questions=QUESTIONS[:1]
        )
        assert self.asked(first, second) == [3]


@EVERY_PARSER
class TestDocstore:
    def pipeline(self, parsers, engine, strategy):
        return IngestionPipeline(
            transformations=[*parsers, *readers(engine), MockEmbedding(embed_dim=2)],
            docstore=SimpleDocumentStore(),
            docstore_strategy=strategy,
            vector_store=SimpleVectorStore(),
            disable_cache=True,
        )

    @pytest.mark.parametrize("strategy", DocstoreStrategy)
    def test_only_what_changed_is_asked_again(self, parsers, strategy):
        engine = scripted()
        pipeline = self.pipeline(parsers, engine, strategy)
        given = documents(*TEXTS)
        pipeline.run(documents=given)
        assert calls(engine) == [3, 6]
        assert pipeline.run(documents=given) == []
        assert pipeline.run(documents=documents(*TEXTS)) == []
        assert calls(engine) == [3, 6]
        (node,) = pipeline.run(documents=documents("Lithium again.", *TEXTS[1:]))
        assert node.metadata["pmid"] == "0"
        assert calls(engine) == [3, 6, 1, 2]
        if strategy != DocstoreStrategy.DUPLICATES_ONLY:
            held = pipeline.vector_store.data.metadata_dict.values()
            assert sorted(metadata["pmid"] for metadata in held) == ["0", "1", "2"]

    async def test_async(self, parsers):
        engine = scripted()
        pipeline = self.pipeline(parsers, engine, DocstoreStrategy.UPSERTS)
        for texts in (TEXTS, TEXTS, [*TEXTS, "Tremor."]):
            await pipeline.arun(documents=documents(*texts))
        assert calls(engine) == [3, 6, 1, 2]


def test_one_failure_costs_no_other():
    engine = ScriptedEngine([FOUND, "rubbish", FOUND])
    reader, _ = readers(engine)
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), reader])
    nodes = pipeline.run(documents=documents(*TEXTS))
    assert [ERROR in node.metadata for node in nodes] == [
        False,
        True,
        False,
    ]
    assert calls(engine) == [3]


BUNDLED = "Deafness after tobramycin. Tobramycin caused deafness in two men."


class TestProcesses:
    @pytest.mark.slow
    def test_two_of_them(self):
        extractor = BioGPTRelationExtractor()
        given = documents(BUNDLED, BUNDLED.replace("two", "three"))
        pipeline = IngestionPipeline(transformations=[extractor])
        nodes = pipeline.run(documents=given, num_workers=2)
        assert [node.id_ for node in nodes] == ["d0", "d1"]
        alone = [extractor([document])[0].metadata for document in given]
        assert [node.metadata for node in nodes] == alone
        assert all(node.metadata[MODEL] == "demo" for node in nodes)
        assert len(pipeline.cache.cache.get_all(pipeline.cache.collection)) == 2

    def test_what_travels_there_has_no_model(self):
        for reader in readers(scripted()):
            there = pickle.loads(pickle.dumps(reader))
            assert there.pipeline is None
            assert there.to_dict().keys() == reader.to_dict().keys()
            assert len(pickle.dumps(reader)) < 5000


class TestRay:
    """As llama-index-ingestion-ray does it, in this process; and once for real."""

    MADE = (
        (BioGPTSectionParser, {"max_chars": 500}),
        (BioGPTRelationExtractor, {"task": "bc5cdr", "flat": True}),
        (BioGPTAnswerExtractor, {"questions": QUESTIONS}),
    )

    def test_its_actors_can_make_them(self):
        transform = pytest.importorskip("llama_index.ingestion.ray.transform")
        utils = pytest.importorskip("llama_index.ingestion.ray.utils")
        table = utils.ray_serialize_node_batch(documents(BUNDLED))
        for kind, options in self.MADE:
            component = transform.RayTransformComponent(kind, transform_kwargs=options)
            sent = pickle.dumps((component.transform_class, component.transform_kwargs))
            table = transform.TransformActor(*pickle.loads(sent))(table)
        (node,) = utils.ray_deserialize_node_batch(table)
        self.check(node)

    @pytest.mark.enable_socket
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.slow
    def test_a_local_cluster(self):
        pipelines = pytest.importorskip("llama_index.ingestion.ray")
        with local_ray():
            made = [
                pipelines.RayTransformComponent(kind, {"concurrency": 1}, options)
                for kind, options in self.MADE[:2]
            ]
            pipeline = pipelines.RayIngestionPipeline(transformations=made)
            (node,) = pipeline.run(documents=documents(BUNDLED))
        self.check_relations(node)

    def check(self, node):
        self.check_relations(node)
        assert node.metadata["biogpt_answer_is_it_new_model"] == "demo"
        assert node.metadata["biogpt_answer_is_it_new"] in ("yes", "no", "maybe")

    def check_relations(self, node):
        assert isinstance(node, TextNode)
        assert node.ref_doc_id == "d0"
        assert node.text == BUNDLED
        assert (node.metadata["pmid"], node.metadata["section"]) == ("0", "abstract")
        assert node.metadata[MODEL] == "demo"
        assert (RELATIONS in node.metadata) != (ERROR in node.metadata)
