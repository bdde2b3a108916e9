"""BioGPTRelationExtractor and BioGPTAnswerExtractor: what they ask, and what they write."""

import asyncio
import json
import pickle
import shutil
import threading
import time
from copy import deepcopy
from dataclasses import replace

import pytest
from held import Held, cancelling_stops
from llama_index.core import MockEmbedding, StorageContext, VectorStoreIndex
from llama_index.core.ingestion.pipeline import get_transformation_hash
from llama_index.core.schema import Document, MetadataMode, TextNode
from llama_index.core.vector_stores import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from biogpt_plugins import Pipeline
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.engine import Completion, Decoding, TaskCard
from biogpt_plugins.tasks import TASKS, register_task
from biogpt_plugins.testing import ScriptedEngine, registered
from biogpt_plugins.values.errors import (
    EngineError,
    InputError,
    ModelNotFoundError,
    ParseError,
    TruncationWarning,
)
from llama_index_biogpt.answers import BioGPTAnswerExtractor
from llama_index_biogpt.relations import BioGPTRelationExtractor, relations_of

RELATIONS = "biogpt_relations_bc5cdr"
ERROR, WARNINGS, MODEL = (f"{RELATIONS}_{end}" for end in ("error", "warnings", "model"))
FOUND = "the relation between lithium and tremor exists."
TWO = f"{FOUND[:-1]}; the relation between lithium and nausea exists."
NOTHING = "there is no relation."
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
TEXTS = ["Lithium caused tremor and nausea.", "Nothing is said here.", "Tremor came with LITHIUM."]
QUESTIONS = {"rct": "Is this a randomised trial?", "new": "Is it new?"}
SHARES = [(0.7, 0.2, 0.1), (0.1, 0.3, 0.6)]


def nodes(*texts) -> list[TextNode]:
    return [TextNode(id_=f"n{i}", text=t, metadata={"pmid": str(i)}) for i, t in enumerate(texts)]


def extractor(*completions, task="bc5cdr", engine=None, **options) -> BioGPTRelationExtractor:
    pipeline = Pipeline(task, engine or ScriptedEngine(completions), card=CARD)
    return BioGPTRelationExtractor.from_pipeline(pipeline, **options)


def asker(*shares, engine=None, questions=QUESTIONS, **options) -> BioGPTAnswerExtractor:
    pipeline = Pipeline("pubmedqa", engine or ScriptedEngine(probabilities=shares), card=CARD)
    return BioGPTAnswerExtractor.from_pipeline(pipeline, questions=questions, **options)


def calls(reader) -> list[int]:
    return [len(call) for call in reader.pipeline.engine.calls]


class TestRelations:
    def test_the_keys(self):
        (found,) = extractor(TWO).extract(nodes(TEXTS[0]))
        relations = json.loads(found.pop(RELATIONS))
        assert found == {
            MODEL: "scripted",
            "biogpt_chemicals": ["lithium"],
            "biogpt_chemicals_folded": ["lithium"],
            "biogpt_diseases": ["tremor", "nausea"],
            "biogpt_diseases_folded": ["tremor", "nausea"],
        }
        assert relations[0]["head"] == {
            "text": "Lithium",
            "type": "chemical",
            "start": 0,
            "end": 7,
            "name": "lithium",
        }

    @pytest.mark.parametrize("options", [{}, {"logprobs": True}], ids=str)
    def test_relations_are_read_back_as_they_were(self, options):
        (node,) = extractor(TWO, **options)(nodes(TEXTS[0]))
        pipeline = extractor(TWO).pipeline.with_decoding(Decoding(**options))
        found = relations_of(node)
        assert found == pipeline.run([TEXTS[0]])[0].result
        assert [TEXTS[0][r.tail.start : r.tail.end] for r in found] == ["tremor", "nausea"]
        assert all((r.score is not None) == bool(options) for r in found)

    def test_the_model_reads_the_text_without_the_metadata(self):
        reader = extractor(FOUND, NOTHING)
        reader.extract(nodes(*TEXTS[:2]))
        assert [p.text for p in reader.pipeline.engine.history] == [t.lower() for t in TEXTS[:2]]
        assert calls(reader) == [2]

    @pytest.mark.parametrize("name", ["BRCA1", "mTOR inhibitor", "1,2-dichloroethane", "IFN (a)"])
    def test_names_keep_case_and_signs(self, name):
        (found,) = extractor(f"the relation between {name.lower()} and tremor exists.").extract(
            nodes(f"Tremor came with {name} alone.")
        )
        assert found["biogpt_chemicals"] == [name]
        assert found["biogpt_diseases"] == ["tremor"]

    def test_a_name_that_is_not_in_the_text(self):
        (node,) = extractor(FOUND)(nodes("Only tremor."))
        (relation,) = relations_of(node)
        assert (relation.head.text, relation.head.start) == ("lithium", None)
        assert relation.tail.start == 5
        assert not relation.grounded

    def test_nothing_found_is_told_from_an_error(self):
        reader = extractor(NOTHING, "rubbish", EngineError("no"))
        nothing, *failed = reader(nodes(*TEXTS, " "))
        assert relations_of(nothing) == []
        assert nothing.metadata[RELATIONS] == "[]"
        assert not any("chemicals" in key for key in nothing.metadata)
        told = [node.metadata[ERROR] for node in failed]
        assert told[0].startswith("ParseError: no relation can be read")
        assert told[1] == "EngineError: no"
        assert told[2].startswith("InputError: ")
        assert not any(RELATIONS in node.metadata for node in failed)
        assert calls(reader) == [3]

    def test_why_there_are_no_relations(self):
        (node,) = nodes(TEXTS[0])
        with pytest.raises(InputError, match="node n0 has no relations: BioGPTRelationExtractor"):
            relations_of(node)
        (failed,) = extractor("rubbish")([node])
        with pytest.raises(
            InputError, match=r"node n0 has no bc5cdr relations: ParseError: .*rubbish"
        ):
            relations_of(failed)

    def test_15_a_failed_node_ends_no_comprehension(self):
        found = extractor(FOUND, "rubbish", FOUND)(nodes(*TEXTS))
        assert [len(relations_of(node, errors="skip")) for node in found] == [1, 0, 1]
        assert relations_of(found[1], document=found[1], errors="skip") == []
        (node,) = nodes(TEXTS[0])
        with pytest.raises(InputError, match="node n0 has no relations"):
            relations_of(node, errors="skip")

    def test_a_text_that_was_cut(self):
        class Cutting(ScriptedEngine):
            def complete(self, *_):
                return [Completion(text=FOUND, finish_reason="length", truncated_tokens=7)]

        with pytest.warns(TruncationWarning):
            (node,) = extractor(engine=Cutting())(nodes(TEXTS[0]))
        assert relations_of(node)
        told = node.metadata[WARNINGS]
        assert "7 tokens" in told
        assert "cut off at the length limit" in told

    def test_another_task(self):
        reader = extractor("the interaction between a and b is inhibitor.", task="kd_dti")
        (found,) = reader.extract(nodes("a b"))
        assert (found["biogpt_drugs"], found["biogpt_targets"]) == (["a"], ["b"])

    def test_no_nodes_need_no_model(self):
        assert BioGPTRelationExtractor(model="./nowhere", task="ddi")([]) == []


class TestAnswers:
    def test_all_questions_of_all_nodes_are_one_call(self):
        reader = asker(*SHARES, *SHARES[::-1])
        first, second = reader.extract(nodes(*TEXTS[:2]))
        assert first == {
            "biogpt_answer_rct_model": "scripted",
            "biogpt_answer_rct": "yes",
            "biogpt_answer_rct_yes": 0.7,
            "biogpt_answer_rct_no": 0.2,
            "biogpt_answer_rct_maybe": 0.1,
            "biogpt_answer_new_model": "scripted",
            "biogpt_answer_new": "maybe",
            "biogpt_answer_new_yes": 0.1,
            "biogpt_answer_new_no": 0.3,
            "biogpt_answer_new_maybe": 0.6,
        }
        assert (second["biogpt_answer_rct"], second["biogpt_answer_new"]) == ("maybe", "yes")
        assert calls(reader) == [4]
        asked = [prompt.source for prompt in reader.pipeline.engine.history]
        assert asked == [
            f"question: {question} context: {text} "
            for text in TEXTS[:2]
            for question in QUESTIONS.values()
        ]

    def test_a_list_of_questions(self):
        reader = asker(questions=["Is it new?", "Does α-IFN (2b) help in 10 %?"])
        assert reader.questions == {
            "is_it_new": "Is it new?",
            "does_α_ifn_2b_help_in_10": "Does α-IFN (2b) help in 10 %?",
        }

    @pytest.mark.parametrize(
        ("questions", "says"),
        [
            ("Is it new?", "must be a list"),
            (None, "must be a list"),
            ([], "questions is empty"),
            ({}, "questions is empty"),
            (["Is it new?", "Is it, new"], "two questions have the same words"),
            (["?"], "questions must not have an empty name or question"),
            ({"a": " "}, "questions must not have an empty name or question"),
            ({"a": "?", "a_yes": "?"}, "two questions share the metadata key biogpt_answer_a_yes"),
            (
                {"a": "?", "a_error": "?"},
                "two questions share the metadata key biogpt_answer_a_error",
            ),
            ({"a": 3}, "valid string"),
        ],
        ids=str,
    )
    def test_questions_that_are_none(self, questions, says):
        with pytest.raises(ValueError, match=says):
            asker(questions=questions)

    def test_each_question_fails_by_itself(self):
        class Failing(ScriptedEngine):
            def choose(self, prompts, choices, **_):
                found = super().choose(prompts, choices)
                found[1] = replace(found[1], error=EngineError("no"))
                found[2] = replace(found[2], truncated_tokens=7)
                return found

        reader = asker(engine=Failing(probabilities=SHARES * 2))
        with pytest.warns(TruncationWarning, match="1 of 4 texts does not fit"):
            first, second, empty = reader.extract(nodes(*TEXTS[:2], ""))
        assert first["biogpt_answer_rct"] == "yes"
        assert first["biogpt_answer_new_error"] == "EngineError: no"
        assert not {"biogpt_answer_new", "biogpt_answer_new_yes"} & set(first)
        assert "7 tokens" in second["biogpt_answer_rct_warnings"]
        assert set(empty) == {
            "biogpt_answer_rct_model",
            "biogpt_answer_rct_error",
            "biogpt_answer_new_model",
            "biogpt_answer_new_error",
        }
        assert calls(reader) == [4]

    def test_answers_that_are_written(self):
        engine = ScriptedEngine(["the answer to the question given the context is no.", "rubbish"])
        pipeline = Pipeline("pubmedqa", engine, card=CARD, method="complete")
        reader = BioGPTAnswerExtractor.from_pipeline(pipeline, questions=QUESTIONS)
        (found,) = reader.extract(nodes(TEXTS[0]))
        assert found["biogpt_answer_rct"] == "no"
        assert "biogpt_answer_rct_no" not in found
        assert found["biogpt_answer_new_error"].startswith("ParseError")
        assert reader.to_dict() != asker().to_dict()

    def test_a_task_that_answers_none(self):
        with pytest.raises(ValueError, match="'hoc' does not answer questions: use pubmedqa or"):
            BioGPTAnswerExtractor(questions=QUESTIONS, task="hoc")

    def test_on_a_model_at_hand_for_another_task(self):
        pipeline = Pipeline("bc5cdr", ScriptedEngine(probabilities=SHARES), card=CARD)
        reader = BioGPTAnswerExtractor.from_pipeline(pipeline, questions=QUESTIONS, task="pubmedqa")
        assert reader.extract(nodes(TEXTS[0]))[0]["biogpt_answer_rct"] == "yes"


class TestNodes:
    def test_the_nodes_given_are_not_changed(self):
        given = nodes(*TEXTS)
        before = deepcopy(given)
        for reader in (extractor(*[FOUND] * 3), asker(*SHARES * 3)):
            told = reader(given)
            assert given == before
            assert [node.id_ for node in told] == [node.id_ for node in given]
            assert all(node.metadata["pmid"] == str(i) for i, node in enumerate(told))

    def test_unless_one_wants_it(self):
        given = nodes(*TEXTS)
        told = extractor(*[FOUND] * 3, in_place=True)(given)
        assert all(one is other for one, other in zip(told, given, strict=True))
        assert all(RELATIONS in node.metadata for node in given)

    def test_what_cannot_be_copied_costs_no_work(self):
        (node,) = nodes(TEXTS[0])
        node.metadata["lock"] = threading.Lock()
        reader = extractor(FOUND)
        with pytest.raises(TypeError, match="lock"):
            reader([node])
        assert calls(reader) == []

    def test_an_earlier_run_is_replaced(self):
        (failed,) = extractor("rubbish")(nodes(TEXTS[0]))
        (flat,) = extractor(FOUND, flat=True)([failed])
        (found,) = extractor(FOUND)([flat])
        (nothing,) = extractor(NOTHING)([found])
        assert ERROR not in flat.metadata
        assert "biogpt_chemical:lithium" not in found.metadata
        assert found.metadata["biogpt_chemicals"] == ["lithium"]
        assert not {"biogpt_chemicals", "biogpt_diseases"} & set(nothing.metadata)

    @pytest.mark.parametrize("flat", [False, True])
    def test_several_tasks_follow_each_other(self, flat):
        ddi = "the interaction between lithium and aspirin is effect."
        dti = "the interaction between lithium and gsk3b is inhibitor."
        (node,) = nodes("Lithium, aspirin, GSK3B: tremor.")
        for completion, task in ((FOUND, "bc5cdr"), (ddi, "ddi"), (dti, "kd_dti")):
            (node,) = extractor(completion, task=task, flat=flat)([node])
        names = {
            "chemical": ["lithium"],
            "disease": ["tremor"],
            "drug": ["lithium", "aspirin"],
            "target": ["GSK3B"],
        }
        for kind, own in names.items():
            if flat:
                assert [k for k in node.metadata if k.startswith(f"biogpt_{kind}:")] == [
                    f"biogpt_{kind}:{name}" for name in own
                ]
            else:
                assert node.metadata[f"biogpt_{kind}s"] == own
        assert [r.type for r in relations_of(node)] == ["CID", "effect", "inhibitor"]
        assert [r.type for r in relations_of(node, task="DDI")] == ["effect"]
        (again,) = extractor(NOTHING, task="ddi", flat=flat)([node])
        assert [r.type for r in relations_of(again)] == ["CID", "inhibitor"]
        assert again.metadata.get("biogpt_drugs", ["lithium"]) == ["lithium"]
        assert "biogpt_drug:aspirin" not in again.metadata

    def test_one_of_several_tasks_that_failed(self):
        (node,) = extractor("rubbish", task="ddi")(extractor(FOUND)(nodes(TEXTS[0])))
        with pytest.raises(InputError, match="node n0 has no ddi relations: ParseError: "):
            relations_of(node)
        assert len(relations_of(node, task="bc5cdr")) == 1
        with pytest.raises(InputError, match="no kd_dti relations: BioGPTRelationExtractor has"):
            relations_of(node, task="kd_dti")
        with pytest.raises(InputError, match="'hoc' does not find relations"):
            relations_of(node, task="hoc")

    def test_two_models_that_answer(self):
        (node,) = asker(SHARES[0], questions={"rct": "Is this a trial?"})(nodes(TEXTS[0]))
        engine = ScriptedEngine(probabilities=SHARES)
        engine.model_name = "other"
        (node,) = asker(engine=engine, questions={"new": "Is it new?"})([node])
        models = [node.metadata[f"biogpt_answer_{name}_model"] for name in ("rct", "new")]
        assert models == ["scripted", "other"]

    def test_an_answer_that_is_withheld_says_why(self):
        engine = ScriptedEngine(probabilities=[(0.4, 0.35, 0.25), (0.7, 0.2, 0.1)])
        pipeline = Pipeline("pubmedqa", engine, card=CARD, abstain_below=0.5)
        reader = BioGPTAnswerExtractor.from_pipeline(pipeline, questions={"new": "Is it new?"})
        (node,) = reader(nodes(TEXTS[0]))
        told = node.metadata
        assert "biogpt_answer_new" not in told
        assert "biogpt_answer_new_error" not in told
        assert told["biogpt_answer_new_abstained"] == (
            "the most probable answer, yes, has a probability of 0.400, below 0.5"
        )
        assert told["biogpt_answer_new_yes"] == 0.4
        (again,) = reader([node])
        assert again.metadata["biogpt_answer_new"] == "yes"
        assert "biogpt_answer_new_abstained" not in again.metadata

    def test_an_earlier_failure_to_answer_is_replaced(self):
        (failed,) = asker(questions=["Is it new?"])(nodes(TEXTS[0]))
        assert "biogpt_answer_is_it_new_error" in failed.metadata
        (found,) = asker(SHARES[0], questions=["Is it new?"])([failed])
        assert "biogpt_answer_is_it_new_error" not in found.metadata

    def test_each_leaves_the_others_keys(self):
        (node,) = nodes(TEXTS[0])
        node.metadata |= {"relations": [1], "biogpt_paths_ddi": "x", "biogpt_mine": 2}
        readers = [
            extractor(FOUND),
            asker(*SHARES),
            asker(SHARES[0], questions=["Is it old?"]),
            extractor(NOTHING),
        ]
        for reader in readers:
            (node,) = reader([node])
        kept = node.metadata
        assert (kept["relations"], kept["biogpt_paths_ddi"], kept["biogpt_mine"]) == ([1], "x", 2)
        assert (kept["biogpt_answer_rct"], kept["biogpt_answer_is_it_old"]) == ("yes", "yes")
        assert kept[RELATIONS] == "[]"

    def test_no_key_is_the_one_of_the_hosts_graphs(self):
        (node,) = asker(*SHARES)(extractor(FOUND)([TextNode(text=TEXTS[0])]))
        assert not {"relations", "nodes"} & set(node.metadata)
        assert all(key.startswith("biogpt_") for key in node.metadata)

    def test_what_is_shown_to_embedding_models_and_llms(self):
        node = extractor(FOUND, logprobs=True)(nodes(TEXTS[0]))
        (node,) = asker(*SHARES)(node)
        names = "biogpt_chemicals: ['lithium']\nbiogpt_diseases: ['tremor']"
        answers = "biogpt_answer_rct: yes\nbiogpt_answer_new: maybe"
        for mode, told in ((MetadataMode.EMBED, ""), (MetadataMode.LLM, f"\n{answers}")):
            shown = f"[Excerpt from document]\npmid: 0\n{names}{told}\n"
            shown += f"Excerpt:\n-----\n{TEXTS[0]}\n-----"
            assert node.get_content(metadata_mode=mode) == shown
        for reader in (extractor("rubbish"), extractor(FOUND, flat=True), asker()):
            (bare,) = reader(nodes(TEXTS[0]))
            assert bare.get_metadata_str(MetadataMode.EMBED) == "pmid: 0"
            assert bare.get_metadata_str(MetadataMode.LLM) == "pmid: 0"

    def test_more_keys_may_be_hidden_and_none_is_named_twice(self):
        (node,) = nodes(TEXTS[0])
        reader = extractor(*[FOUND] * 2)
        for _ in range(2):
            (node,) = reader.process_nodes([node], None, ["biogpt_chemicals"])
        assert "chemicals" not in node.get_content(metadata_mode=MetadataMode.LLM)
        assert "chemicals" in node.get_content(metadata_mode=MetadataMode.EMBED)
        for keys in (node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys):
            assert len(keys) == len(set(keys))

    def test_the_hosts_template_may_be_left_alone(self):
        (node,) = extractor(NOTHING, disable_template_rewrite=True)(nodes(TEXTS[0]))
        assert node.get_content(metadata_mode=MetadataMode.LLM) == f"pmid: 0\n\n{TEXTS[0]}"

    def test_documents_too(self):
        (document,) = extractor(FOUND)([Document(text=TEXTS[0])])
        assert isinstance(document, Document)
        assert relations_of(document)[0].head.text == "Lithium"


def where(key, value, operator=FilterOperator.EQ) -> MetadataFilter:
    return MetadataFilter(key=key, value=value, operator=operator)


@pytest.mark.filterwarnings("ignore:.*langchain-community.*:DeprecationWarning")
class TestStores:
    def nodes(self, **options):
        gene = "the relation between brca1 inhibitor and tremor exists."
        given = nodes(*TEXTS, "The BRCA1 inhibitor caused tremor.", "Unread.")
        found = extractor(TWO, NOTHING, FOUND, gene, "rubbish", **options)(given)
        shares = [(7, 2, 1), (1, 9, 0), (5, 4, 1), (2, 2, 6), (0, 8, 2)]
        tenths = [tuple(share / 10 for share in three) for three in shares]
        return asker(*tenths, questions={"rct": "Is this a randomised trial?"})(found)

    def index(self, found, store=None):
        context = StorageContext.from_defaults(vector_store=store) if store else None
        embedding = MockEmbedding(embed_dim=4)
        return VectorStoreIndex(found, storage_context=context, embed_model=embedding)

    def search(self, index, *filters, condition=FilterCondition.AND):
        chosen = MetadataFilters(filters=list(filters), condition=condition)
        retriever = index.as_retriever(similarity_top_k=9, filters=chosen)
        return sorted(found.node.metadata["pmid"] for found in retriever.retrieve("?"))

    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            (where("biogpt_chemicals", "lithium", FilterOperator.CONTAINS), ["0"]),
            (where("biogpt_chemicals", "LITHIUM", FilterOperator.CONTAINS), ["2"]),
            (where("biogpt_chemicals", "inhibitor", FilterOperator.CONTAINS), []),
            (where("biogpt_diseases", ["nausea", "tremor"], FilterOperator.ANY), ["0", "2", "3"]),
            (where("biogpt_diseases", ["nausea", "tremor"], FilterOperator.ALL), ["0"]),
            (
                where(MODEL, ["scripted", "demo"], FilterOperator.IN),
                list("01234"),
            ),
            (where(ERROR, None, FilterOperator.IS_EMPTY), list("0123")),
            (where("biogpt_answer_rct", "yes"), ["0", "2"]),
            (where("biogpt_answer_rct", ["yes", "maybe"], FilterOperator.IN), ["0", "2", "3"]),
            (where("biogpt_answer_rct_yes", 0.6, FilterOperator.GTE), ["0"]),
        ],
        ids=lambda value: getattr(value, "operator", None),
    )
    def test_simple(self, chosen, found):
        assert self.search(self.index(self.nodes()), chosen) == found

    def test_chroma_takes_no_lists(self, tmp_path):
        chromadb = pytest.importorskip("chromadb")
        chroma = pytest.importorskip("llama_index.vector_stores.chroma")
        client = chromadb.PersistentClient(path=str(tmp_path))
        store = chroma.ChromaVectorStore(client.create_collection("papers"))
        given = self.nodes(flat=True, logprobs=True)
        index = self.index(given, store)
        assert self.search(index, where("biogpt_chemical:lithium", 1)) == ["0"]
        assert self.search(index, where("biogpt_chemical:BRCA1 inhibitor", 1)) == ["3"]
        both = [where("biogpt_disease:nausea", 1), where("biogpt_disease:tremor", 1)]
        assert self.search(index, *both) == ["0"]
        assert self.search(index, *both, condition=FilterCondition.OR) == ["0", "2", "3"]
        assert self.search(index, where("biogpt_answer_rct", "yes")) == ["0", "2"]
        enough = where("biogpt_answer_rct_yes", 0.6, FilterOperator.GTE)
        assert self.search(index, enough) == ["0"]
        for back in index.as_retriever(similarity_top_k=9).retrieve("?"):
            (known,) = [node for node in given if node.id_ == back.node.id_]
            assert back.node.metadata == known.metadata
            if RELATIONS in known.metadata:
                assert relations_of(back.node) == relations_of(known)
        with pytest.raises(ValueError, match="biogpt_chemicals"):
            self.index(self.nodes(), store)


class Failing(ScriptedEngine):
    """Fails with prompts of these texts, so many times each."""

    def __init__(self, completions, **times):
        super().__init__(completions)
        self.times = times

    def complete(self, prompts, decoding=Decoding()):
        found = super().complete(prompts, decoding)
        for at, prompt in enumerate(prompts):
            word = prompt.text.split()[0]
            if self.times.get(word, 0):
                self.times[word] -= 1
                found[at] = Completion(error=EngineError(f"no {word}"))
        return found


@pytest.mark.usefixtures("host_loop")
class TestFailures:
    def test_the_first_node_that_failed_raises_its_own_error(self):
        given = nodes(*TEXTS, "")
        with pytest.raises(EngineError, match=r"^node n1: no$"):
            extractor(FOUND, EngineError("no"), "rubbish", raise_on_error=True)(given)
        with pytest.raises(ParseError, match=r"^node n2: no relation") as caught:
            extractor(FOUND, NOTHING, "rubbish", raise_on_error=True)(given)
        assert caught.value.completion == "rubbish"
        with pytest.raises(InputError, match=r"^node n3: "):
            extractor(*[FOUND] * 3, raise_on_error=True).extract(given)
        with pytest.raises(InputError, match=r"^node n3: "):
            asker(*SHARES * 3, raise_on_error=True).extract(given)

    async def test_also_in_a_running_loop(self):
        reader = extractor(*[EngineError("no")] * 2, raise_on_error=True)
        with pytest.raises(EngineError, match=r"^node n0: no$"):
            await reader.acall(nodes(TEXTS[0]))
        with pytest.raises(EngineError, match=r"^node n0: no$"):
            reader(nodes(TEXTS[0]))

    async def test_only_what_failed_in_the_engine_is_asked_again(self):
        options = {"max_retries": 3, "retry_backoff": 0}
        engine = Failing([FOUND, "rubbish", *[FOUND] * 4], lithium=1, tremor=2)
        reader = extractor(engine=engine, **options)
        found = await reader.aextract(nodes(*TEXTS))
        assert [(ERROR in facts) for facts in found] == [
            False,
            True,
            False,
        ]
        assert found[2]["biogpt_chemicals"] == ["LITHIUM"]
        assert calls(reader) == [3, 2, 1]
        assert [p.text.split()[0] for p in engine.calls[1]] == ["lithium", "tremor"]

    def test_in_the_end_it_has_failed(self):
        reader = extractor(engine=Failing([FOUND] * 9, lithium=9), max_retries=2, retry_backoff=0)
        first, second = reader.extract(nodes(*TEXTS[:2]))
        assert first[ERROR] == "EngineError: no lithium"
        assert RELATIONS in second
        assert calls(reader) == [2, 1, 1]

    def test_it_waits_longer_each_time(self):
        engine = Failing([FOUND] * 9, lithium=9)
        before = time.monotonic()
        extractor(engine=engine, max_retries=2, retry_backoff=0.1).extract(nodes(TEXTS[0]))
        assert time.monotonic() - before >= 0.3

    def test_a_missing_model_is_an_exception(self):
        for options in ({}, {"raise_on_error": True}, {"max_retries": 2, "retry_backoff": 9}):
            missing = BioGPTRelationExtractor(model="./nowhere", **options)
            with pytest.raises(ModelNotFoundError):
                missing(nodes(TEXTS[0]))


class TestAsync:
    async def test_it_gives_the_same(self):
        reader = extractor(*[FOUND, "rubbish", NOTHING] * 3)
        awaited = await reader.acall(nodes(*TEXTS))
        assert awaited == reader(nodes(*TEXTS)) == await reader.aprocess_nodes(nodes(*TEXTS))
        assert calls(reader) == [3, 3, 3]

    def test_without_any_loop(self):
        (found,) = extractor(FOUND)(nodes(TEXTS[0]))
        assert relations_of(found)

    async def test_the_loop_goes_on_and_cancelling_stops_the_engine(self):
        engine = Held([FOUND])
        given = nodes(TEXTS[0])
        before = deepcopy(given)
        await cancelling_stops(extractor(engine=engine, in_place=True).acall(given), engine)
        await asyncio.sleep(0.1)
        assert given == before, "what was broken off is told to nobody"


KNOBS = [
    {"device": "cpu"},
    {"allow_pickle": True},
    {"num_workers": 9},
    {"show_progress": False},
    {"max_retries": 3},
    {"retry_backoff": 9.0},
    {"raise_on_error": True},
    {"in_place": True},
]


class TestComponent:
    @pytest.mark.parametrize("knob", KNOBS, ids=str)
    def test_a_knob_leaves_the_caches_key_alone(self, knob):
        assert BioGPTRelationExtractor(**knob).to_dict() == BioGPTRelationExtractor().to_dict()
        usual = BioGPTAnswerExtractor(questions=QUESTIONS)
        assert BioGPTAnswerExtractor(questions=QUESTIONS, **knob).to_dict() == usual.to_dict()

    @pytest.mark.parametrize(
        "change",
        [
            {"model": "./m"},
            {"revision": "r"},
            {"dtype": "float32"},
            {"task": "ddi"},
            {"logprobs": True},
            {"flat": True},
            {"node_text_template": "{content}"},
        ],
        ids=str,
    )
    def test_what_changes_the_result_changes_it(self, change):
        assert BioGPTRelationExtractor(**change).to_dict() != BioGPTRelationExtractor().to_dict()

    @pytest.mark.parametrize(
        "change",
        [
            {"questions": {**QUESTIONS, "rct": "Is it one?"}},
            {"questions": list(QUESTIONS.values())},
            {"task": "pubmedqa_reasoning_free"},
            {"revision": "r"},
        ],
        ids=str,
    )
    def test_what_changes_the_answers_changes_it(self, change):
        usual = {"questions": QUESTIONS}
        changed = BioGPTAnswerExtractor(**{**usual, **change})
        assert changed.to_dict() != BioGPTAnswerExtractor(**usual).to_dict()

    def test_a_changed_prompt_changes_it(self):
        task = replace(TASKS["bc5cdr"], name="mine")
        with registered(task):
            reader = BioGPTRelationExtractor(task="mine")
            usual = reader.to_dict()
            register_task(replace(task, shots=task.shots[:1]), replace=True)
            assert reader.to_dict() != usual

    def test_so_do_a_pipelines_own_ways(self):
        engine = ScriptedEngine()
        task = TASKS["bc5cdr"]
        pipelines = [
            Pipeline(task, engine),
            Pipeline(task, engine, card=CARD),
            Pipeline(task, engine, decoding=Decoding(num_beams=2)),
            Pipeline(replace(task, lowercase=False), engine),
        ]
        keys = [str(BioGPTRelationExtractor.from_pipeline(p).to_dict()) for p in pipelines]
        assert len(set(keys)) == len(keys)

    def test_the_models_own_task(self, tiny_biogpt, tmp_path):
        named = BioGPTRelationExtractor(task="bc5cdr")
        assert BioGPTRelationExtractor().to_dict() == named.to_dict()
        folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
        keys = []
        for task in ("ddi", "kd_dti"):
            ModelCard(tasks=dict.fromkeys(("hoc", task), TaskCard())).save(folder)
            reader = pickle.loads(pickle.dumps(BioGPTRelationExtractor(model=str(folder))))
            assert (reader.task, reader.to_dict()["task"]) == (None, task)
            (found,) = reader.extract([TextNode(text="aspirin")])
            told = found[f"biogpt_relations_{task}_error"]
            assert told.startswith("ParseError: "), "a random model writes nonsense"
            keys.append(get_transformation_hash([TextNode(id_="1", text="aspirin")], reader))
        assert len(set(keys)) == 2

    @pytest.mark.parametrize(
        ("tasks", "says"),
        [
            (
                ("hoc", "pubmedqa"),
                "was trained for hoc, pubmedqa, which does not find relations: set task",
            ),
            ((), "was trained for no task"),
        ],
    )
    def test_a_model_that_was_taught_no_relations(self, tiny_biogpt, tmp_path, tasks, says):
        folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
        ModelCard(tasks=dict.fromkeys(tasks, TaskCard())).save(folder)
        reader = BioGPTRelationExtractor(model=str(folder))
        assert reader.to_dict()["task"] is None
        with pytest.raises(InputError, match=says):
            reader.extract([TextNode(text=TEXTS[0])])

    @pytest.mark.parametrize(
        "reader",
        [
            BioGPTRelationExtractor(model="microsoft/biogpt", task="DDI", revision="r", flat=True),
            BioGPTAnswerExtractor(model="microsoft/biogpt", questions=QUESTIONS),
        ],
        ids=lambda reader: reader.class_name(),
    )
    def test_round_trip(self, reader):
        written = reader.to_dict()
        kept = deepcopy(written)
        assert type(reader).from_dict(written) == reader
        assert written == kept
        assert type(reader).from_json(reader.to_json()) == reader

    def test_a_pickle_holds_no_model_and_takes_none_away(self, caplog):
        for reader in (extractor(FOUND, num_workers=2), asker(*SHARES, num_workers=2)):
            again = pickle.loads(pickle.dumps(reader))
            assert (again.model, again.num_workers, again.pipeline) == ("scripted", 2, None)
            assert type(again) is type(reader)
            assert not any("error" in key for key in reader.extract(nodes(TEXTS[0]))[0])
        assert not caplog.records

    def test_a_task_without_relations(self):
        with pytest.raises(ValueError, match="'pubmedqa' does not find relations"):
            BioGPTRelationExtractor(task="pubmedqa")
        with pytest.raises(ValueError, match="no task is called"):
            BioGPTRelationExtractor(task="nope")
