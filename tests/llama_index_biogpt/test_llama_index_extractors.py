"""BioGPTRelationExtractor in real ingestion pipelines."""

import asyncio
import json
import pickle
import shutil
import time

import pytest
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.ingestion.pipeline import get_transformation_hash
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, MetadataMode, TextNode

from biogpt_plugins import Pipeline
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.engine import Completion
from biogpt_plugins.errors import EngineError, InputError, ModelNotFoundError
from biogpt_plugins.prompts import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from llama_index_biogpt import BioGPTRelationExtractor

FOUND = "the relation between lithium and tremor exists."
NOTHING = "there is no relation."
pytestmark = pytest.mark.usefixtures("host_loop")

CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
TEXTS = ["Lithium caused tremor.", "Nothing is said here.", "Tremor came with LITHIUM."]


def extractor(*completions, task="bc5cdr", **options) -> BioGPTRelationExtractor:
    pipeline = Pipeline(task, ScriptedEngine(completions), card=CARD)
    return BioGPTRelationExtractor.from_pipeline(pipeline, **options)


def calls(extractor: BioGPTRelationExtractor) -> list[int]:
    return [len(call) for call in extractor.pipeline.engine.calls]


class TestMetadata:
    def test_relations_with_offsets_into_the_nodes_text(self):
        (found,) = extractor(FOUND).extract([TextNode(text=TEXTS[2], metadata={"pmid": "1"})])
        assert found == {
            "biogpt_relations": [
                {
                    "head": "LITHIUM",
                    "type": "CID",
                    "tail": "Tremor",
                    "head_type": "chemical",
                    "tail_type": "disease",
                    "head_start": 17,
                    "head_end": 24,
                    "tail_start": 0,
                    "tail_end": 6,
                    "grounded": True,
                }
            ],
            "biogpt_chemicals": ["LITHIUM"],
            "biogpt_diseases": ["Tremor"],
        }
        assert TEXTS[2][17:24] == "LITHIUM"
        assert json.loads(json.dumps(found)) == found

    def test_the_model_reads_the_text_without_the_metadata(self):
        reader = extractor(FOUND)
        reader.extract([TextNode(text=TEXTS[0], metadata={"title": "Not to be read"})])
        assert [p.text for p in reader.pipeline.engine.history] == ["lithium caused tremor."]

    def test_a_name_that_is_not_in_the_text(self):
        (found,) = extractor(FOUND).extract([TextNode(text="Only tremor.")])
        (relation,) = found["biogpt_relations"]
        assert (relation["head"], relation["head_start"]) == ("lithium", None)
        assert relation["tail_start"] == 5
        assert not relation["grounded"]

    def test_names_are_listed_once(self):
        completion = f"{FOUND[:-1]}; the relation between lithium and nausea exists."
        (found,) = extractor(completion).extract([TextNode(text=TEXTS[0])])
        assert found["biogpt_chemicals"] == ["Lithium"]
        assert found["biogpt_diseases"] == ["tremor", "nausea"]

    def test_nothing_found_is_told_from_an_error(self):
        nodes = [TextNode(text=text) for text in [*TEXTS, " "]]
        reader = extractor(NOTHING, "rubbish", EngineError("no"))
        nothing, unread, failed, empty = reader.extract(nodes)
        assert nothing == {"biogpt_relations": []}
        assert list(unread) == list(failed) == list(empty) == ["biogpt_error"]
        assert unread["biogpt_error"].startswith("ParseError: no relation can be read")
        assert failed["biogpt_error"] == "EngineError: no"
        assert empty["biogpt_error"].startswith("InputError: ")
        assert calls(reader) == [3]

    def test_a_text_that_was_cut(self):
        class Cutting(ScriptedEngine):
            def complete(self, *_):
                return [Completion(text=FOUND, finish_reason="stop", truncated_tokens=7)]

        reader = BioGPTRelationExtractor.from_pipeline(Pipeline("bc5cdr", Cutting()))
        (found,) = reader.extract([TextNode(text=TEXTS[0])])
        assert found["biogpt_relations"]
        (warning,) = found["biogpt_warnings"]
        assert "7 tokens" in warning

    def test_another_task(self):
        reader = extractor("the interaction between a and b is inhibitor.", task="kd_dti")
        (found,) = reader.extract([TextNode(text="a b")])
        assert (found["biogpt_drugs"], found["biogpt_targets"]) == (["a"], ["b"])

    def test_no_nodes(self):
        assert extractor().extract([]) == []


class TestIngestion:
    def documents(self) -> list[Document]:
        return [Document(text=text, metadata={"pmid": str(i)}) for i, text in enumerate(TEXTS)]

    def test_one_call_for_all_nodes_and_one_failure_costs_no_other(self):
        reader = extractor(FOUND, "rubbish", FOUND)
        pipeline = IngestionPipeline(transformations=[SentenceSplitter(), reader])
        nodes = pipeline.run(documents=self.documents())
        assert ["biogpt_error" in node.metadata for node in nodes] == [False, True, False]
        assert [node.metadata["pmid"] for node in nodes] == ["0", "1", "2"]
        assert calls(reader) == [3]

    async def test_in_a_running_loop(self):
        reader = extractor(*[FOUND] * 6)
        pipeline = IngestionPipeline(transformations=[reader], disable_cache=True)
        waited = await pipeline.arun(documents=self.documents())
        direct = pipeline.run(documents=self.documents())
        assert [node.metadata for node in waited] == [node.metadata for node in direct]
        assert calls(reader) == [3, 3]

    def test_a_second_run_asks_nothing(self):
        reader = extractor(FOUND, NOTHING, FOUND)
        pipeline = IngestionPipeline(transformations=[SentenceSplitter(), reader])
        first = pipeline.run(documents=self.documents())
        again = pipeline.run(documents=self.documents())
        assert [node.metadata for node in again] == [node.metadata for node in first]
        assert calls(reader) == [3]

    def test_what_is_shown_to_embedding_models_and_llms(self):
        (node,) = extractor(FOUND)([TextNode(text=TEXTS[0])])
        for mode in (MetadataMode.EMBED, MetadataMode.LLM):
            shown = node.get_content(metadata_mode=mode)
            assert "biogpt_chemicals: ['Lithium']" in shown
            assert "biogpt_relations" not in shown

    def test_more_keys_may_be_excluded(self):
        (node,) = extractor(FOUND).process_nodes(
            [TextNode(text=TEXTS[0])], excluded_llm_metadata_keys=["biogpt_chemicals"]
        )
        assert "chemicals" not in node.get_content(metadata_mode=MetadataMode.LLM)
        assert "chemicals" in node.get_content(metadata_mode=MetadataMode.EMBED)

    async def test_the_event_loop_goes_on(self):
        class Slow(ScriptedEngine):
            def complete(self, prompts, *_):
                time.sleep(0.5)
                return super().complete(prompts)

        reader = BioGPTRelationExtractor.from_pipeline(Pipeline("bc5cdr", Slow([FOUND])))
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticker = asyncio.create_task(tick())
        await reader.acall([TextNode(text=TEXTS[0])])
        ticker.cancel()
        assert ticks > 10

    def test_a_missing_model_is_an_exception(self):
        with pytest.raises(ModelNotFoundError):
            BioGPTRelationExtractor(model="./nowhere")([TextNode(text=TEXTS[0])])


class TestComponent:
    @pytest.mark.parametrize(
        "knob",
        [
            {"device": "cpu"},
            {"num_workers": 9},
            {"show_progress": False},
            {"max_retries": 3},
            {"retry_backoff": 9.0},
            {"raise_on_error": False},
            {"in_place": False},
        ],
        ids=str,
    )
    def test_a_knob_leaves_the_caches_key_alone(self, knob):
        assert BioGPTRelationExtractor(**knob).to_dict() == BioGPTRelationExtractor().to_dict()

    @pytest.mark.parametrize(
        "change",
        [{"model": "m"}, {"revision": "r"}, {"dtype": "float32"}, {"task": "ddi"}],
        ids=str,
    )
    def test_what_changes_the_result_changes_it(self, change):
        assert BioGPTRelationExtractor(**change).to_dict() != BioGPTRelationExtractor().to_dict()

    def test_the_models_own_task(self, tiny_biogpt, tmp_path):
        assert (
            BioGPTRelationExtractor().to_dict() == BioGPTRelationExtractor(task="bc5cdr").to_dict()
        )
        folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
        keys = []
        for task in ("ddi", "kd_dti"):
            ModelCard(tasks=dict.fromkeys(("hoc", task), TaskCard())).save(folder)
            reader = pickle.loads(pickle.dumps(BioGPTRelationExtractor(model=str(folder))))
            assert (reader.task, reader.to_dict()["task"]) == (None, task)
            (found,) = reader.extract([TextNode(text="aspirin")])
            assert found["biogpt_error"].startswith("ParseError: "), (
                "a random model writes nonsense"
            )
            keys.append(get_transformation_hash([TextNode(id_="1", text="aspirin")], reader))
        assert len(set(keys)) == 2

    @pytest.mark.parametrize(
        ("tasks", "says"),
        [
            (
                ("hoc", "pubmedqa"),
                "was taught hoc, pubmedqa, which finds no relations: name a task",
            ),
            ((), "was taught no task"),
        ],
    )
    def test_a_model_that_was_taught_no_relations(self, tiny_biogpt, tmp_path, tasks, says):
        folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
        ModelCard(tasks=dict.fromkeys(tasks, TaskCard())).save(folder)
        reader = BioGPTRelationExtractor(model=str(folder))
        assert reader.to_dict()["task"] is None
        with pytest.raises(InputError, match=says):
            reader.extract([TextNode(text=TEXTS[0])])

    def test_round_trip(self):
        reader = BioGPTRelationExtractor(model="microsoft/biogpt", task="DDI", revision="r")
        assert reader.task == "ddi"
        assert BioGPTRelationExtractor.from_dict(reader.to_dict()) == reader

    def test_a_pickle_holds_no_model_and_takes_none_away(self, caplog):
        reader = extractor(FOUND, num_workers=2)
        again = pickle.loads(pickle.dumps(reader))
        assert (again.model, again.num_workers, again.pipeline) == ("scripted", 2, None)
        assert reader.extract([TextNode(text=TEXTS[0])])[0]["biogpt_relations"]
        assert not caplog.records

    def test_a_task_without_relations(self):
        with pytest.raises(ValueError, match="'pubmedqa' finds no relations"):
            BioGPTRelationExtractor(task="pubmedqa")
        with pytest.raises(ValueError, match="no task is called"):
            BioGPTRelationExtractor(task="nope")
