"""BioGPTRelationTransformer: documents and their relations in real vector stores."""

import json
from copy import deepcopy

import bundled
import pytest
from held import Held, cancelling_stops
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.runnables import RunnableLambda
from langchain_core.vectorstores import InMemoryVectorStore

from biogpt_plugins import Pipeline, Relation
from biogpt_plugins.engine import Completion, TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import (
    EngineError,
    InputError,
    ModelNotFoundError,
    TruncationWarning,
)
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.transformers import BioGPTRelationTransformer, relations_of

FOUND = "the relation between lithium and tremor exists."
DDI = "the interaction between lithium and nausea is effect."
TWO = f"{FOUND[:-1]}; the relation between lithium and nausea exists."
NOTHING = "there is no relation."
RELATIONS = "biogpt_relations_bc5cdr"
ERROR, WARNINGS, MODEL = (f"{RELATIONS}_{end}" for end in ("error", "warnings", "model"))
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
TEXTS = ["Lithium caused tremor and nausea.", "Nothing is said here.", "Tremor came with lithium."]
DOCUMENTS = [
    Document(text, id=f"d{i}", metadata={"pmid": str(i), "tags": ["a"]})
    for i, text in enumerate(TEXTS)
]


def llm(*completions, task="bc5cdr", engine=None, **options) -> BioGPTLLM:
    pipeline = Pipeline(task, engine or ScriptedEngine(completions), card=CARD)
    return BioGPTLLM.from_pipeline(pipeline, **options)


def transformer(*completions, **options) -> BioGPTRelationTransformer:
    return BioGPTRelationTransformer(llm(*completions, **options))


def calls(model: BioGPTLLM) -> list[int]:
    return [len(call) for call in model.pipeline.engine.calls]


class TestMetadata:
    def test_the_keys(self):
        (found,) = transformer(TWO).transform_documents(DOCUMENTS[:1])
        relations = json.loads(found.metadata.pop(RELATIONS))
        assert found.metadata == {
            "pmid": "0",
            "tags": ["a"],
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
        (document,) = transformer(TWO, **options).transform_documents(DOCUMENTS[:1])
        pipeline = llm(TWO, **options).bind_with_options("bc5cdr")
        found = relations_of(document)
        assert found == pipeline.run([TEXTS[0]])[0].result
        assert [TEXTS[0][r.tail.start : r.tail.end] for r in found] == ["tremor", "nausea"]
        assert all((r.score is not None) == bool(options) for r in found)

    def test_evidence_and_long_forms_are_there(self):
        text = "Cyclosporine A (CsA). CsA did not cause tremor."
        told = transformer("the relation between csa and tremor exists.")
        (document,) = told.transform_documents([Document(page_content=text)])
        (relation,) = relations_of(document)
        (sentence,) = relation.evidence
        assert sentence.text == "CsA did not cause tremor."
        assert relation.negated
        assert relation.head.canonical == "Cyclosporine A"
        assert document.metadata["biogpt_chemicals"] == ["cyclosporine A"]

    def test_the_documents_given_are_not_changed(self):
        given = deepcopy(DOCUMENTS)
        found = transformer(FOUND, NOTHING, FOUND).transform_documents(given)
        for document in found:
            document.metadata["tags"].append("changed")
        assert given == DOCUMENTS
        assert [(d.id, d.page_content) for d in found] == [
            (d.id, d.page_content) for d in DOCUMENTS
        ]

    def test_nothing_found_is_told_from_a_failure(self):
        documents = [*DOCUMENTS, Document(" ")]
        found = transformer(NOTHING, "rubbish", EngineError("no")).transform_documents(documents)
        assert [relations_of(found[0])] == [[]]
        assert not any("chemicals" in key for key in found[0].metadata)
        faults = [document.metadata[ERROR].partition(":")[0] for document in found[1:]]
        assert faults == ["ParseError", "EngineError", "InputError"]
        assert not any(RELATIONS in document.metadata for document in found[1:])

    def test_an_earlier_run_is_replaced(self):
        (failed,) = transformer("rubbish").transform_documents(DOCUMENTS[:1])
        (found,) = transformer(FOUND).transform_documents([failed])
        assert ERROR not in found.metadata
        (other,) = transformer(FOUND.replace("lithium", "gold")).transform_documents([found])
        assert other.metadata["biogpt_chemicals"] == ["gold"]
        (failed,) = transformer("rubbish").transform_documents([other])
        assert set(failed.metadata) == {"pmid", "tags", MODEL, ERROR}

    def test_a_text_that_was_cut(self):
        class Cutting(ScriptedEngine):
            def complete(self, *_):
                return [Completion(text=FOUND, finish_reason="stop", truncated_tokens=7)]

        with pytest.warns(TruncationWarning):
            (found,) = transformer(engine=Cutting()).transform_documents(DOCUMENTS[:1])
        assert relations_of(found)
        assert "7 tokens" in found.metadata[WARNINGS]

    def test_why_there_are_no_relations(self):
        with pytest.raises(
            InputError, match=r"document 0 has no relations: BioGPT.*not processed it"
        ):
            relations_of(DOCUMENTS[0])
        (failed,) = transformer("rubbish").transform_documents(DOCUMENTS[:1])
        with pytest.raises(
            InputError, match=r"document 0 has no bc5cdr relations: ParseError: .*rub"
        ):
            relations_of(failed)

    def test_15_a_failed_document_ends_no_comprehension(self):
        found = transformer(FOUND, "rubbish", FOUND).transform_documents(DOCUMENTS)
        told = [len(relations_of(document, errors="skip")) for document in found]
        assert told == [1, 0, 1]
        assert relations_of(found[1], task="bc5cdr", errors="skip") == []
        with pytest.raises(InputError, match=r"document 0 has no relations: .* not processed it"):
            relations_of(DOCUMENTS[0], errors="skip")
        with pytest.raises(InputError, match="errors must be 'raise' or 'skip', not 'ignore'"):
            relations_of(found[0], errors="ignore")
        damaged = found[0].model_copy(update={"metadata": {**found[0].metadata, RELATIONS: "[1"}})
        with pytest.raises(InputError, match="of document 0 are not relations: run the task again"):
            relations_of(damaged, errors="skip")


class TestSeveralTasks:
    def test_both_results_are_kept(self):
        models = llm(TWO, NOTHING, FOUND), llm(DDI, DDI, NOTHING, task="ddi")
        first = BioGPTRelationTransformer(models[0]).transform_documents(DOCUMENTS)
        both = BioGPTRelationTransformer(models[1]).transform_documents(first)
        for old, new in zip(first, both, strict=True):
            assert old.metadata.items() <= new.metadata.items()
            assert relations_of(new, task="bc5cdr") == relations_of(old)
        kinds = [[relation.type for relation in relations_of(document)] for document in both]
        assert kinds == [["CID", "CID", "effect"], ["effect"], ["CID"]]
        found = [[r.type for r in relations_of(document, task="DDI")] for document in both]
        assert found == [["effect"], ["effect"], []]
        assert both[0].metadata["biogpt_chemicals"] == ["lithium"]
        assert both[0].metadata["biogpt_drugs"] == ["lithium", "nausea"]
        assert [calls(model) for model in models] == [[3], [3]]

    def test_a_second_that_failed_leaves_the_firsts(self):
        first = transformer(FOUND).transform_documents(DOCUMENTS[:1])
        (both,) = transformer("rubbish", task="ddi").transform_documents(first)
        assert first[0].metadata.items() <= both.metadata.items()
        assert relations_of(both, task="bc5cdr") == relations_of(first[0])
        with pytest.raises(InputError, match="document 0 has no ddi relations: ParseError: "):
            relations_of(both)
        with pytest.raises(InputError, match=r"no kd_dti relations: BioGPT.* not processed it"):
            relations_of(both, task="kd_dti")
        with pytest.raises(InputError, match="'hoc' does not find relations"):
            relations_of(both, task="hoc")

    def test_a_name_that_two_found_outlives_one(self):
        dti = "the interaction between lithium and tremor is inhibitor."
        (found,) = transformer(DDI, task="ddi").transform_documents(DOCUMENTS[:1])
        (found,) = transformer(dti, task="kd_dti").transform_documents([found])
        assert found.metadata["biogpt_drugs"] == ["lithium", "nausea"]
        (failed,) = transformer("rubbish", task="ddi").transform_documents([found])
        assert failed.metadata["biogpt_drugs"] == ["lithium"]
        assert failed.metadata["biogpt_targets"] == ["tremor"]

    def test_the_keys_of_others_are_left_alone(self):
        mine = {"biogpt_mine": 1, "biogpt_answer_rct": "yes", f"{RELATIONS}_reviewed": True, 7: 8}
        given = Document(TEXTS[0], metadata=dict(mine))
        (found,) = transformer(FOUND).transform_documents([given])
        assert mine.items() <= found.metadata.items()


def test_a_name_that_is_not_in_the_text():
    (found,) = transformer(FOUND).transform_documents([Document("Only tremor.")])
    assert found.metadata["biogpt_chemicals"] == ["lithium"]
    (relation,) = relations_of(found)
    assert (relation.head.grounded, relation.tail.start) == (False, 5)


class TestTask:
    @pytest.mark.parametrize(
        ("own", "named", "asked"),
        [("ddi", None, "ddi"), ("bc5cdr", "DDI", "ddi"), (None, "kd_dti", "kd_dti")],
    )
    def test_which(self, own, named, asked):
        engine = ScriptedEngine([DDI])
        model = BioGPTLLM.from_engine(engine, task=own)
        (found,) = BioGPTRelationTransformer(model, task=named).transform_documents(DOCUMENTS[:1])
        assert relations_of(found, task=asked)[0].type == "effect"

    def test_none_that_finds_relations(self):
        with pytest.raises(InputError, match="'hoc' does not find relations"):
            BioGPTRelationTransformer(task="hoc")
        with pytest.raises(InputError, match="'pubmedqa' does not find relations"):
            BioGPTRelationTransformer(BioGPTLLM(task="pubmedqa"))
        with pytest.raises(InputError, match="'scripted' was trained for generate"):
            BioGPTRelationTransformer(BioGPTLLM.from_engine(ScriptedEngine()))

    def test_a_missing_model_is_an_exception(self):
        missing = BioGPTRelationTransformer(BioGPTLLM(model="./nowhere", task="bc5cdr"))
        with pytest.raises(ModelNotFoundError):
            missing.transform_documents(DOCUMENTS)


class TestCalls:
    def test_one_for_all_documents(self):
        model = llm(FOUND, NOTHING, FOUND)
        BioGPTRelationTransformer(model).transform_documents([*DOCUMENTS, Document("")])
        assert calls(model) == [3]
        assert [p.text for p in model.pipeline.engine.history] == [text.lower() for text in TEXTS]

    async def test_none_for_no_documents(self):
        model = llm()
        reader = BioGPTRelationTransformer(model)
        assert reader.transform_documents([]) == await reader.atransform_documents([]) == []
        assert calls(model) == []

    async def test_async(self):
        model = llm(*[FOUND, "rubbish", NOTHING] * 2)
        reader = BioGPTRelationTransformer(model)
        awaited = await reader.atransform_documents(iter(DOCUMENTS))
        assert awaited == reader.transform_documents(iter(DOCUMENTS))
        assert calls(model) == [3, 3]

    async def test_as_a_step_of_a_chain(self):
        seen = []

        class Handler(BaseCallbackHandler):
            def on_chain_end(self, outputs, **_):
                seen.append(outputs)

        model = llm(*[FOUND] * 4)
        reader = BioGPTRelationTransformer(model)
        step = RunnableLambda(reader.transform_documents, reader.atransform_documents)
        chain = step | (lambda documents: [relations_of(document) for document in documents])
        found = chain.invoke(DOCUMENTS[::2], {"callbacks": [Handler()]})
        assert found == await chain.ainvoke(DOCUMENTS[::2])
        assert [relation.type for relations in found for relation in relations] == ["CID", "CID"]
        assert [one.result[0].type for one in seen if hasattr(one, "result")] == ["CID", "CID"]
        assert calls(model) == [2, 2]

    async def test_the_loop_goes_on_and_cancelling_stops_the_engine(self):
        engine = Held([FOUND])
        reader = transformer(engine=engine)
        await cancelling_stops(reader.atransform_documents(DOCUMENTS[:1]), engine)


class TestStores:
    @pytest.fixture
    def documents(self):
        gene = "the relation between brca1 inhibitor and tremor exists."
        texts = [*TEXTS, "The BRCA1 inhibitor caused tremor.", "Unread."]
        documents = [Document(t, metadata={"pmid": str(i)}) for i, t in enumerate(texts)]
        reader = transformer(TWO, NOTHING, FOUND, gene, "rubbish")
        return reader.transform_documents(documents)

    def test_chroma(self, documents, tmp_path):
        chroma = pytest.importorskip("langchain_chroma")

        def store():
            return chroma.Chroma(
                "papers",
                DeterministicFakeEmbedding(size=8),
                persist_directory=str(tmp_path),
            )

        def search(name):
            found = store().similarity_search(
                "?", k=9, filter={"biogpt_chemicals": {"$contains": name}}
            )
            return sorted(document.metadata["pmid"] for document in found)

        store().add_documents(documents)
        assert search("lithium") == ["0", "2"]
        assert search("BRCA1 inhibitor") == ["3"]
        assert search("gold") == []
        back = store().similarity_search("?", k=9)
        assert {d.metadata["pmid"]: d.metadata for d in back} == {
            d.metadata["pmid"]: d.metadata for d in documents
        }
        first = next(d for d in back if d.metadata["pmid"] == "0")
        assert relations_of(first) == relations_of(documents[0])
        asked = store().similarity_search("?", k=9, filter={RELATIONS: {"$ne": "[]"}})
        assert "1" not in [document.metadata["pmid"] for document in asked]

    def test_a_second_task_on_what_chroma_gives_back(self, documents, tmp_path):
        chroma = pytest.importorskip("langchain_chroma")
        store = chroma.Chroma(
            "papers", DeterministicFakeEmbedding(size=8), persist_directory=str(tmp_path)
        )
        ids = store.add_documents(documents)
        (paper,) = store.get_by_ids(ids[:1])
        (both,) = transformer(DDI, task="ddi").transform_documents([paper])
        store.update_document(ids[0], both)
        (back,) = store.similarity_search(
            "?",
            filter={
                "$and": [
                    {"biogpt_chemicals": {"$contains": "lithium"}},
                    {"biogpt_drugs": {"$contains": "nausea"}},
                ]
            },
        )
        assert [r.type for r in relations_of(back)] == ["CID", "CID", "effect"]

    def test_in_memory(self, documents):
        store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
        store.add_documents(documents)
        found = store.similarity_search(
            "?", k=9, filter=lambda d: "tremor" in d.metadata.get("biogpt_diseases", ())
        )
        assert sorted(document.metadata["pmid"] for document in found) == ["0", "2", "3"]

    def test_an_index_skips_what_it_has(self):
        store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
        records = InMemoryRecordManager("papers")
        records.create_schema()
        reader = transformer(*[TWO, NOTHING, FOUND] * 2)
        runs = [
            index(
                reader.transform_documents(DOCUMENTS),
                records,
                store,
                cleanup="incremental",
                source_id_key="pmid",
                key_encoder="sha256",
            )
            for _ in range(2)
        ]
        assert [(run["num_added"], run["num_skipped"]) for run in runs] == [(3, 0), (0, 3)]


def test_the_bundled_model():
    documents = [Document(bundled.case_text()), Document(" ")]
    model = BioGPTLLM(max_new_tokens=40)
    found, empty = BioGPTRelationTransformer(model).transform_documents(documents)
    assert empty.metadata["biogpt_relations_bc5cdr_error"].startswith("InputError")
    assert found.metadata["biogpt_relations_bc5cdr_model"] == "demo"
    assert relations_of(found)
    for relation in relations_of(found):
        assert isinstance(relation, Relation)
        for end in (relation.head, relation.tail):
            assert not end.grounded or found.page_content[end.start : end.end] == end.text
