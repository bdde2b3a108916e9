"""What tracers, LangGraph and saved traces see of a task's runs."""

import asyncio
from operator import itemgetter
from typing import Any, TypedDict

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.exceptions import OutputParserException
from langchain_core.load import dumpd, dumps, loads
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tracers.context import collect_runs

from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, InputError
from langchain_biogpt import (
    BioGPTLLM,
    BioGPTTask,
    BioGPTToolkit,
    create_description_chain,
    create_paper_qa_chain,
    create_relation_chain,
)

FOUND = "the relation between lithium and tremor exists."
PAPER = "Lithium caused tremor."
QUESTION = {"question": "Does lithium cause tremor?", "context": PAPER}


def llm(*completions, probabilities=(), **options):
    return BioGPTLLM.from_engine(ScriptedEngine(completions, probabilities), **options)


def chain(*completions, **options):
    return create_relation_chain(llm(*completions), task="bc5cdr", **options)


def llm_runs(runs):
    """The LLM's runs among runs and their children."""
    for run in runs:
        if run.run_type == "llm":
            yield run
        yield from llm_runs(run.child_runs)


class Heard(BaseCallbackHandler):
    """Notes the events of LLMs, in order."""

    def __init__(self):
        self.events = []

    def on_llm_start(self, _, prompts, **__):
        self.events.append(("start", prompts[0].splitlines()[-1]))

    def on_llm_new_token(self, token, **_):
        self.events.append(("token", token))

    def on_llm_end(self, response, **_):
        self.events.append(("end", response.generations[0][0].text))

    def on_llm_error(self, error, **_):
        self.events.append(("error", type(error).__name__))


class HeardInLoop(AsyncCallbackHandler):
    """As Heard, where each event is awaited on the program's event loop."""

    def __init__(self):
        self.heard, self.loop = Heard(), asyncio.get_running_loop()

    async def _note(self, event, *told, **more):
        assert asyncio.get_running_loop() is self.loop
        getattr(self.heard, event)(*told, **more)

    async def on_llm_start(self, *told, **more):
        await self._note("on_llm_start", *told, **more)

    async def on_llm_new_token(self, *told, **more):
        await self._note("on_llm_new_token", *told, **more)

    async def on_llm_end(self, *told, **more):
        await self._note("on_llm_end", *told, **more)

    async def on_llm_error(self, *told, **more):
        await self._note("on_llm_error", *told, **more)


def whole(events):
    """The events without tokens, and the text of the tokens."""
    tokens = "".join(text for kind, text in events if kind == "token")
    return [event for event in events if event[0] != "token"], tokens


class TestTracers:
    def test_a_task_is_a_run_of_the_llm(self):
        with collect_runs() as told:
            chain(FOUND).invoke(PAPER)
        (root,) = told.traced_runs
        (run,) = root.child_runs
        assert (root.run_type, run.run_type) == ("chain", "llm")
        assert run.name == "BioGPTLLM"
        assert run.inputs["prompts"][0].endswith(f"Abstract: {PAPER} Conclusion:")
        (written,) = run.outputs["generations"][0]
        assert written["text"] == FOUND
        assert written["generation_info"]["finish_reason"] == "stop"
        assert run.outputs["llm_output"]["model_name"] == "scripted"
        usage = run.outputs["llm_output"]["token_usage"]
        assert usage["completion_tokens"] == 7
        assert usage["total_tokens"] == usage["prompt_tokens"] + 7
        assert run.extra["metadata"]["ls_model_type"] == "llm"
        assert run.extra["invocation_params"]["task"] == "bc5cdr"

    def test_it_says_the_same_as_the_llm_itself(self):
        model = llm(FOUND, FOUND, task="bc5cdr")
        with collect_runs() as told:
            model.invoke(PAPER)
            create_relation_chain(model).invoke(PAPER)
        alone, child = llm_runs(told.traced_runs)
        assert alone.outputs["llm_output"] == child.outputs["llm_output"]
        assert alone.serialized == child.serialized
        same = itemgetter("text", "generation_info")
        assert same(alone.outputs["generations"][0][0]) == same(child.outputs["generations"][0][0])

    async def test_each_input_has_its_own(self):
        with collect_runs() as told:
            chain(FOUND, "rubbish", EngineError("no")).batch(
                [PAPER, " ", PAPER, PAPER], return_exceptions=True
            )
            await chain(FOUND, "rubbish", EngineError("no")).abatch(
                [PAPER, " ", PAPER, PAPER], return_exceptions=True
            )
        for roots in (told.traced_runs[:4], told.traced_runs[4:]):
            told_of = [[(run.outputs, run.error) for run in root.child_runs] for root in roots]
            ((good, none),), invalid, ((unread, unread_error),), ((_, failed),) = told_of
            assert good["generations"][0][0]["text"] == FOUND
            assert invalid == []  # the model was not asked
            assert unread["generations"][0][0]["text"] == "rubbish"
            assert none is unread_error is None  # the model's run is fine, the task's is not
            assert "EngineError('no')" in failed

    def test_labels(self):
        task = BioGPTTask(llm=llm(probabilities=[(0.7, 0.2, 0.1)]), task="pubmedqa")
        with collect_runs() as told:
            task.invoke(QUESTION)
        (run,) = llm_runs(told.traced_runs)
        (written,) = run.outputs["generations"][0]
        assert written["text"] == "yes"
        assert written["generation_info"]["probabilities"]["yes"] == pytest.approx(0.7)

    def test_tools_and_chains_of_papers(self):
        papers = RunnableLambda(lambda _: [Document(PAPER, metadata={"pmid": 1})])
        with collect_runs() as told:
            BioGPTToolkit(llm=llm(FOUND)).get_tools()[0].invoke({"text": PAPER})
            qa = create_paper_qa_chain(papers, llm(probabilities=[(0.7, 0.2, 0.1)]))
            qa.invoke(QUESTION["question"])
        runs = list(llm_runs(told.traced_runs))
        assert [run.outputs["generations"][0][0]["text"] for run in runs] == [FOUND, "yes"]

    def test_callbacks_of_the_llm_itself(self):
        heard = Heard()
        chain_ = create_relation_chain(llm(FOUND, callbacks=[heard]), task="bc5cdr")
        chain_.invoke(PAPER)
        assert [kind for kind, _ in heard.events] == ["start", "end"]

    async def test_streams_tell_their_tokens(self):
        heard, in_loop = Heard(), HeardInLoop()
        list(chain(FOUND).stream(PAPER, {"callbacks": [heard]}))
        async for _ in chain(FOUND).astream(PAPER, {"callbacks": [in_loop]}):
            pass
        for events in (heard.events, in_loop.heard.events):
            others, tokens = whole(events)
            assert [kind for kind, _ in others] == ["start", "end"]
            assert others[-1] == ("end", FOUND)
            assert tokens == FOUND

    def test_streams_of_descriptions(self):
        heard = Heard()
        described = create_description_chain(llm("a salt. It is used."))
        assert "".join(described.stream("lithium", {"callbacks": [heard]})) == "a salt. It is used."
        assert whole(heard.events) == (
            [("start", "lithium is"), ("end", "a salt. It is used.")],
            "a salt. It is used.",
        )

    async def test_failed_streams(self):
        for failure, events in (
            ("rubbish", ["start", "token", "end"]),
            (EngineError("no"), ["start", "error"]),
        ):
            heard, in_loop = Heard(), HeardInLoop()
            with pytest.raises((OutputParserException, EngineError)):
                list(chain(failure).stream(PAPER, {"callbacks": [heard]}))
            with pytest.raises((OutputParserException, EngineError)):
                async for _ in chain(failure).astream(PAPER, {"callbacks": [in_loop]}):
                    pass
            assert [kind for kind, _ in heard.events] == events
            assert in_loop.heard.events == heard.events

    def test_a_closed_stream_ends_its_run(self):
        heard = Heard()
        told = f"{FOUND[:-1]}; {FOUND.replace('lithium', 'hand')}"
        stream = chain(told).stream(PAPER, {"callbacks": [heard]})
        next(stream)
        stream.close()
        assert heard.events[-1] == ("error", "GeneratorExit")

    async def test_events(self):
        events = [one async for one in chain(FOUND).astream_events(PAPER, version="v2")]
        kinds = [event["event"] for event in events if event["name"] == "BioGPTLLM"]
        assert kinds[0] == "on_llm_start"
        assert kinds[-1] == "on_llm_end"
        assert set(kinds[1:-1]) == {"on_llm_stream"}


class TestLangGraph:
    """`stream_mode="messages"`, as a graph has it, and the handler it is made of."""

    def graph(self, node):
        graph = pytest.importorskip("langgraph.graph", reason="LangGraph is not installed")

        class State(TypedDict):
            text: str
            found: Any

        built = graph.StateGraph(State)
        built.add_node("read", node)
        built.set_entry_point("read")
        return built.compile()

    @pytest.mark.parametrize("way", ["invoke", "stream", "llm", "llm stream", "beams"])
    def test_messages_are_the_tokens(self, way):
        def node(state):
            text = state["text"]
            if way.startswith("llm"):
                model = llm(FOUND)
                found = model.invoke(text) if way == "llm" else "".join(model.stream(text))
            elif way == "beams":
                found = create_relation_chain(llm(FOUND, num_beams=2), task="bc5cdr").invoke(text)
            else:
                found = getattr(chain(FOUND), way)(text)
                found = list(found)[-1] if way == "stream" else found
            return {"found": found}

        graph = self.graph(node)
        said = list(graph.stream({"text": PAPER}, stream_mode="messages"))
        assert all(isinstance(message, AIMessageChunk) for message, _ in said)
        assert {told["langgraph_node"] for _, told in said} == {"read"}
        assert "".join(message.content for message, _ in said) == FOUND
        assert len(said) == (1 if way == "beams" else 7)
        assert len({message.id for message, _ in said}) == 1

    @pytest.mark.parametrize("way", ["ainvoke", "astream", "llm"])
    async def test_asynchronous_graphs(self, way):
        async def node(state):
            if way == "llm":
                return {"found": await llm(FOUND).ainvoke(state["text"])}
            if way == "ainvoke":
                return {"found": await chain(FOUND).ainvoke(state["text"])}
            found = [one async for one in chain(FOUND).astream(state["text"])]
            return {"found": found[-1]}

        graph = self.graph(node)
        said = [one async for one in graph.astream({"text": PAPER}, stream_mode="messages")]
        assert "".join(message.content for message, _ in said) == FOUND
        assert len(said) == 7

    def test_labels_are_one_message(self):
        task = BioGPTTask(llm=llm(probabilities=[(0.7, 0.2, 0.1)]), task="pubmedqa")
        graph = self.graph(lambda _: {"found": task.invoke(QUESTION)})
        said = list(graph.stream({"text": PAPER}, stream_mode="messages"))
        assert [message.content for message, _ in said] == ["yes"]


class TestConcurrency:
    @pytest.mark.parametrize("most", [None, 1, 2, 9])
    async def test_it_divides_batches(self, most):
        for way in ("batch", "abatch"):
            chain_ = chain(*[FOUND] * 5)
            limited = chain_.with_config(max_concurrency=most) if most else chain_
            found = getattr(limited, way)([PAPER] * 5)
            found = await found if way == "abatch" else found
            assert [str(one[0]) for one in found] == ["Lithium -[CID]-> tremor"] * 5
            sizes = [len(call) for call in chain_.llm.pipeline.engine.calls]
            assert sizes == {None: [5], 1: [1] * 5, 2: [2, 2, 1], 9: [5]}[most]

    def test_failures_stay_in_place(self):
        found = chain(FOUND, "rubbish", FOUND).batch(
            [PAPER, " ", PAPER, PAPER], {"max_concurrency": 2}, return_exceptions=True
        )
        assert [type(one) for one in found] == [list, InputError, OutputParserException, list]

    def test_papers_of_questions(self):
        papers = RunnableLambda(
            lambda _: [Document(str(n), metadata={"pmid": n}) for n in range(3)]
        )
        qa = create_paper_qa_chain(papers, llm(probabilities=[(0.8, 0.1, 0.1)] * 6))
        answers = qa.with_config(max_concurrency=2).batch(["Is it?", "Was it?"])
        assert [answer.support.yes for answer in answers] == [3, 3]

    def test_no_inputs(self):
        assert chain().batch([]) == []


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_dumps_of_chains_of_papers():

    qa = create_paper_qa_chain(RunnableLambda(lambda _: []), BioGPTLLM())
    told = dumpd(qa)
    assert told["type"] == "constructor"
    finder, judge = told["kwargs"]["first"], told["kwargs"]["last"]
    assert [finder["type"], judge["type"]] == ["constructor"] * 2
    assert judge["kwargs"]["task"]["kwargs"]["llm"]["kwargs"]["model"] == "demo"
    assert finder["kwargs"]["retriever"]["type"] == "not_implemented"  # a function

    saved = create_paper_qa_chain(RunnablePassthrough(), BioGPTLLM(max_new_tokens=9))
    classes = [RunnablePassthrough, BioGPTLLM, BioGPTTask, *map(type, (saved, *saved.steps))]
    ours = {"valid_namespaces": ["langchain_biogpt"], "allowed_objects": classes}
    assert loads(dumps(saved), **ours).last.task.llm.max_new_tokens == 9
