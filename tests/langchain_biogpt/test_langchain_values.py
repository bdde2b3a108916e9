"""What programs do with our objects: copy, pickle, add up, hand wrong things over."""

import asyncio
import copy
import pickle
import threading

import pytest
from langchain_core.documents import Document
from langchain_core.exceptions import ContextOverflowError as HostContextOverflowError

from biogpt_plugins import Decoding, Pipeline, load
from biogpt_plugins.engine import in_thread
from biogpt_plugins.tasks.layouts import CUE
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ContextOverflowError, EngineError, InputError, ParseError
from biogpt_plugins.values.inputs import paper_id
from langchain_biogpt import (
    BioGPTGraphTransformer,
    BioGPTLLM,
    BioGPTRelationTransformer,
    BioGPTTask,
    BioGPTToolkit,
    create_description_chain,
    create_paper_qa_chain,
    create_relation_chain,
)

FOUND = "the relation between lithium and tremor exists."
TWO = f"{FOUND[:-1]}; the relation between lithium and nausea exists."


def scripted(*completions, **options):
    return BioGPTLLM.from_engine(ScriptedEngine(completions), task="bc5cdr", **options)


def test_streams_add_up_to_their_last_lists():
    chain = create_relation_chain(scripted(TWO, TWO, TWO))
    one, other = (list(chain.stream("Lithium, tremor, nausea")) for _ in range(2))
    assert one[0] + one[1] == one[1]
    assert len(one[0]) == 1
    assert [str(r) for r in one[-1]] == [str(r) for r in chain.invoke("Lithium, tremor, nausea")]
    assert len(one[-1] + other[-1]) == 4
    assert type(copy.deepcopy(one[-1])) is type(pickle.loads(pickle.dumps(one[-1]))) is list


class Wrong(ScriptedEngine):
    """Gives another number of completions than was asked for."""

    def complete(self, prompts, decoding=Decoding()):
        return super().complete([*prompts, "more"], decoding)


def test_an_engine_that_cannot_count():
    with pytest.raises(EngineError, match="returned 3 completions for 2 prompts"):
        BioGPTLLM.from_engine(Wrong("abc")).batch(["x", "y"])


def test_pickled_weights_are_for_those_who_say_so(tmp_path):
    import tiny

    folder = tiny.build(tmp_path / "model", safe=False)
    with pytest.raises(Exception, match="pass allow_pickle=True"):
        BioGPTLLM.from_model_id(str(folder))
    llm = BioGPTLLM.from_model_id(str(folder), allow_pickle=True, max_new_tokens=2)
    assert llm.get_num_tokens("lithium") == 1
    assert "allow_pickle" not in llm.model_dump()


@pytest.mark.parametrize("engine", ["scripted", "demo"])
def test_copies_share_the_model_and_pickles_name_it(engine):
    given = (
        Pipeline("bc5cdr", ScriptedEngine([FOUND]))
        if engine == "scripted"
        else load("demo", "bc5cdr")
    )
    llm = BioGPTLLM.from_pipeline(given)
    for ours in (
        llm,
        create_relation_chain(llm),
        create_description_chain(llm),
        BioGPTRelationTransformer(llm),
        BioGPTGraphTransformer(llm),
        BioGPTToolkit(llm=llm),
        *BioGPTToolkit(llm=llm).get_tools(),
    ):
        again = pickle.loads(pickle.dumps(ours))
        assert type(again) is type(ours)
        assert "_thread" not in repr(again)
        twin = copy.deepcopy(ours)
        if isinstance(twin, BioGPTTask):
            assert twin.llm.pipeline is given
            assert again.llm.pipeline is None
            assert again.llm.model == llm.model


def test_stop_strings_and_options_of_chains():
    llm = scripted(FOUND, FOUND, FOUND, n=3, temperature=1.0)
    engine = llm.pipeline.engine
    create_relation_chain(llm, stop=["END"]).invoke("x")
    assert engine.decodings[0].stop == (CUE, "END")
    assert engine.decodings[0].n == 1  # a result is of one completion
    create_relation_chain(llm).bind(max_new_tokens=3).invoke("x")
    assert engine.decodings[1].max_new_tokens == 3
    list(create_relation_chain(llm).stream("x", seed=4))
    assert engine.decodings[2].seed == 4


async def test_options_of_asynchronous_calls():
    llm = scripted(FOUND, FOUND)
    await create_relation_chain(llm).ainvoke("x", seed=4)
    _ = [piece async for piece in create_relation_chain(llm).astream("x", seed=5)]
    assert [decoding.seed for decoding in llm.pipeline.engine.decodings] == [4, 5]


def test_a_misspelt_task_is_told_at_once():
    with pytest.raises(ValueError, match="no task is called 'dddi'"):
        BioGPTLLM(task="dddi")
    assert BioGPTLLM(task="PubMedQA").task == "pubmedqa"


def test_a_chains_overflow_is_the_hosts_too():
    llm = BioGPTLLM.from_engine(ScriptedEngine([ContextOverflowError("long")]))
    with pytest.raises(HostContextOverflowError, match="long"):
        create_relation_chain(llm, task="bc5cdr").invoke("x")


def test_an_engines_parse_error_comes_through():
    with pytest.raises(ParseError, match="odd"):
        BioGPTLLM.from_engine(ScriptedEngine([ParseError("odd", "c")])).invoke("x")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (123, "123"),
        (123.0, "123"),
        (" 123 ", "123"),
        ("PMID:123", "123"),
        ("pmid 123", "123"),
        ("PMC55", "PMC55"),
        (float("nan"), None),
        (None, None),
        ("", None),
    ],
)
def test_one_pmid_is_one_paper(written, read):
    assert paper_id({"pmid": written}) == read


def test_one_documents_odd_metadata_cost_the_others_nothing():
    documents = [Document("Lithium, tremor.", metadata={"x": threading.Lock()}), Document("x")]
    found = BioGPTRelationTransformer(scripted(FOUND, FOUND)).transform_documents(documents)
    assert [bool(d.metadata["biogpt_relations_bc5cdr"]) for d in found] == [True, True]


async def test_nobody_elses_threads_are_taken():
    freed, begun = threading.Event(), threading.Semaphore(0)

    def work():
        begun.release()
        return freed.wait(60)

    waiting = [asyncio.create_task(in_thread(work)) for _ in range(40)]
    while not begun.acquire(blocking=False):
        await asyncio.sleep(0.01)
    assert await asyncio.to_thread(int) == 0
    freed.set()
    assert all(await asyncio.gather(*waiting)), "a thread of the loop's came free after ours"


def test_a_question_chain_says_what_it_takes():
    with pytest.raises(InputError, match="no question"):
        create_paper_qa_chain(create_relation_chain(scripted()), scripted()).invoke({})
