"""The tools, alone and in agents: what they ask, what they tell, and how they fail."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from math import exp
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from held import PATIENCE, Held, cancelling_stops
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, TypeAdapter, ValidationError

import biogpt_plugins
from biogpt_plugins import Answer, Pipeline, Relation
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ContextOverflowError, EngineError, OptionError
from langchain_biogpt import BioGPTLLM
from langchain_biogpt.tools import (
    BioGPTAnswerTool,
    BioGPTCompleteTool,
    BioGPTDescribeTool,
    BioGPTRelationTool,
    BioGPTToolkit,
)

agents = pytest.importorskip("langchain.agents")
integration_tests = pytest.importorskip("langchain_tests.integration_tests")
unit_tests = pytest.importorskip("langchain_tests.unit_tests")
graph = pytest.importorskip("langgraph.graph")
prebuilt = pytest.importorskip("langgraph.prebuilt")
memory = pytest.importorskip("langgraph.checkpoint.memory")
jsonplus = pytest.importorskip("langgraph.checkpoint.serde.jsonplus")

WEIGHTS = Path(biogpt_plugins.__file__).parent / "checkpoints/demo/model.safetensors"
UNTAUGHT = pytest.mark.filterwarnings("ignore:model 'demo' was trained for")
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
TEXT = "Lithium was given to 84 adults. A tremor followed in 31 of those on lithium."
SENTENCE = "A tremor followed in 31 of those on lithium."
FOUND = "the relation between lithium and tremor exists."
NOT_THERE = "the relation between aspirin and tremor exists."
QUESTION = {"question": "Does lithium cause tremor?", "context": TEXT}
FINDS = "which chemical induces which disease, from a title and abstract"
RELATIONS = TypeAdapter(list[Relation])

TOOLS: dict[Any, dict[str, str]] = {
    BioGPTRelationTool: {"text": TEXT},
    BioGPTAnswerTool: QUESTION,
    BioGPTDescribeTool: {"term": "BRCA1"},
    BioGPTCompleteTool: {"text": "Metformin acts by"},
}


def call(name: str, id_: str = "1", /, **arguments: object) -> dict[str, Any]:
    return {"name": name, "args": arguments, "id": id_, "type": "tool_call"}


class Scripted:
    """A tool on a scripted engine."""

    def __init__(self, kind, *completions, probabilities=(), llm=None, **options):
        self.engine = ScriptedEngine(completions, probabilities)
        self.tool = kind(llm=BioGPTLLM.from_engine(self.engine, **(llm or {})), **options)

    def ask(self, **arguments: object) -> ToolMessage:
        return self.tool.invoke(call(self.tool.name, **arguments))


# --- the host's own suites ------------------------------------------------------------------


class EveryTool:
    @pytest.fixture(autouse=True, params=["bundled", "scripted"])
    def _model(self, request: pytest.FixtureRequest) -> None:
        self.model = request.param
        if self.model == "bundled" and not WEIGHTS.exists():
            pytest.skip("the bundled model is not built yet")

    @pytest.fixture(autouse=True, params=TOOLS, ids=lambda kind: kind.__name__)
    def _kind(self, request: pytest.FixtureRequest) -> None:
        self.kind = request.param

    @property
    def tool_constructor(self):
        return self.kind

    @property
    def tool_constructor_params(self):
        if self.model == "bundled":
            return {"llm": BioGPTLLM(max_new_tokens=60)}
        return {"llm": BioGPTLLM.from_engine(ScriptedEngine([FOUND], [(0.5, 0.25, 0.25)]))}

    @property
    def tool_invoke_params_example(self):
        return TOOLS[self.kind]


class TestUnitSuite(EveryTool, unit_tests.ToolsUnitTests):
    pass


@UNTAUGHT
class TestIntegrationSuite(EveryTool, integration_tests.ToolsIntegrationTests):
    pass


# --- for the chat model ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "arguments", "says"),
    [
        (BioGPTRelationTool, "extract_relations", ["text"], "does not search for papers"),
        (
            BioGPTAnswerTool,
            "answer_question",
            ["question", "context"],
            "for questions that ask what",
        ),
        (BioGPTDescribeTool, "describe_term", ["term"], "never state what it says as a fact"),
        (BioGPTCompleteTool, "complete_text", ["text"], "does not follow instructions"),
    ],
)
def test_what_a_chat_model_is_told(kind, name, arguments, says):
    told = convert_to_openai_tool(kind())["function"]
    assert told["name"] == name
    assert told["parameters"]["required"] == list(told["parameters"]["properties"]) == arguments
    for argument in told["parameters"]["properties"].values():
        assert argument["type"] == "string"
        assert len(argument["description"]) > 30
    assert "Use this tool" in told["description"]
    assert "small local model" in told["description"]
    assert says in told["description"]


@pytest.mark.parametrize(
    ("options", "finds"),
    [
        ({}, FINDS),
        ({"task": "DDI"}, "drug-drug interactions"),
        ({"llm": BioGPTLLM(task="kd-dti")}, "which drug acts on which target"),
        ({"llm": BioGPTLLM(task="pubmedqa")}, FINDS),
        ({"llm": BioGPTLLM.from_pipeline(Pipeline("ddi", ScriptedEngine()))}, "drug-drug"),
        ({"llm": BioGPTLLM(model="no/such-model-at-hand")}, "its model was trained to find"),
        ({"llm": BioGPTLLM(model="no/such-model-at-hand"), "task": "bc5cdr"}, FINDS),
        ({"description": "Mine."}, "Mine."),
    ],
    ids=str,
)
def test_the_description_says_which_relations(options, finds):
    assert finds in BioGPTRelationTool(**options).description


def test_a_toolkit_has_every_tool_on_one_model():
    llm = BioGPTLLM(model="no/such-model", task="ddi", max_new_tokens=9)
    tools = BioGPTToolkit(llm=llm, max_characters=900).get_tools()
    assert [type(tool) for tool in tools] == list(TOOLS)
    assert all(tool.llm is llm and tool.max_characters == 900 for tool in tools)
    assert "drug-drug" in tools[0].description
    assert [tool.llm.model for tool in BioGPTToolkit().get_tools()] == ["demo"] * 4


def test_making_tools_loads_nothing():
    code = (
        "import sys; from langchain_biogpt.tools import BioGPTToolkit; BioGPTToolkit().get_tools();"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", [*TOOLS, BioGPTToolkit])
def test_options_that_are_wrong(kind):
    with pytest.raises(ValidationError, match="max_characters"):
        kind(max_characters=799)
    with pytest.raises(OptionError, match=r"no option 'max_chars'. Did you mean 'max_characters'"):
        kind(max_chars=900)


@pytest.mark.parametrize("task", ["pubmedqa", "cdr"])
def test_a_task_that_finds_no_relations(task):
    with pytest.raises(ValidationError, match=f"{task}.*bc5cdr"):
        BioGPTRelationTool(task=task)


# --- what is asked, what is told ------------------------------------------------------------


class TestRelations:
    def test_a_relation_stands_in_its_sentence(self):
        scripted = Scripted(BioGPTRelationTool, FOUND)
        message = scripted.ask(text=TEXT)
        assert message.content == (
            f"Relations found ({FINDS}):\n"
            f'- lithium (chemical) -[CID]-> tremor (disease): "{SENTENCE}"'
        )
        (relation,) = message.artifact
        assert TEXT[relation.head.start : relation.head.end] == "lithium"
        assert relation.score == pytest.approx(exp(-3.5))  # seven words
        assert message.status == "success"
        assert len(scripted.engine.calls) == 1

    def test_a_relation_across_sentences_stands_in_all_of_them(self):
        text = "It was short. Lithium was given. A tremor followed. It went away."
        message = Scripted(BioGPTRelationTool, FOUND).ask(text=text)
        assert message.content.endswith(': "Lithium was given. A tremor followed."')

    @pytest.mark.parametrize(
        ("text", "doubt"),
        [
            ("Lithium may cause tremor.", " (perhaps speculated by 'may')"),
            ("Lithium did not cause tremor.", " (perhaps negated by 'did not')"),
            ("Lithium may not cause tremor.", " (perhaps negated and speculated by 'may', 'not')"),
            ("Lithium may cause tremor. So lithium caused tremor.", ""),
        ],
    )
    def test_a_doubtful_relation_is_told_as_such(self, text, doubt):
        message = Scripted(BioGPTRelationTool, FOUND).ask(text=text)
        assert f"-[CID]-> tremor (disease){doubt}: " in message.content

    @pytest.mark.parametrize(
        ("llm", "options", "head"),
        [
            ({}, {}, "Abstract: Reversible deafness"),
            ({}, {"task": "kd_dti"}, "Abstract: Effects of captopril"),
            ({"task": "ddi"}, {}, "Abstract: Plasma levels"),
            ({"task": "ddi"}, {"task": "bc5cdr"}, "Abstract: Reversible deafness"),
            ({"task": "pubmedqa"}, {}, "Abstract: Reversible deafness"),
        ],
    )
    def test_which_task_is_asked(self, llm, options, head):
        found = "the interaction between lithium and tremor is effect."
        scripted = Scripted(BioGPTRelationTool, f"{FOUND} {found}", llm=llm, **options)
        scripted.ask(text=TEXT)
        (prompt,) = scripted.engine.history
        assert prompt.head.startswith(head)
        assert prompt.text == TEXT

    def test_what_the_model_was_taught_is_asked_in_its_layout(self):
        engine = ScriptedEngine([FOUND])
        pipeline = Pipeline("pubmedqa", engine, cards={"bc5cdr": CARD})
        BioGPTRelationTool(llm=BioGPTLLM.from_pipeline(pipeline)).invoke(TEXT)
        (prompt,) = engine.history
        assert (prompt.source, prompt.suffix_tokens) == (TEXT.lower(), ("learned1",))

    def test_no_relation_is_a_finding(self):
        message = Scripted(BioGPTRelationTool, "there is no relation.").ask(text=TEXT)
        assert message.content == f"No relations were found in this text. Searched for: {FINDS}."
        assert message.artifact == []
        assert message.status == "success"

    def test_a_name_that_the_text_does_not_have_is_told(self):
        message = Scripted(BioGPTRelationTool, NOT_THERE).ask(text=TEXT)
        line = "- aspirin (chemical) -[CID]-> tremor (disease) (not in this text: 'aspirin')"
        assert message.content.splitlines()[1:] == [line]
        assert not message.artifact[0].grounded

    def test_remarks_are_told(self):
        completion = f"{FOUND[:-1]}; the relation between x exists."
        message = Scripted(BioGPTRelationTool, completion).ask(text=TEXT)
        assert message.content.splitlines()[-1].startswith("Note: a clause could not be read")

    @pytest.mark.parametrize("most", [800, 1500, 2500])
    def test_the_content_is_bounded_and_the_artifact_is_whole(self, most):
        names = [f"compound number {i}" for i in range(40)]
        text = f"A tremor followed with {', '.join(names)}."
        clauses = [f"the relation between {name} and tremor exists" for name in names]
        completion = "; ".join([*clauses, "the relation between x exists"]) + "."
        message = Scripted(BioGPTRelationTool, completion, max_characters=most).ask(text=text)
        assert len(message.artifact) == 40
        assert len(message.content) <= most
        head, *entries, more, note = message.content.splitlines()
        assert head == f"Relations found ({FINDS}):"
        assert entries
        assert all(entry.startswith("- compound number") for entry in entries)
        assert more == f"... and {40 - len(entries)} more"
        assert note.startswith("Note: ")


class TestAnswers:
    def test_the_labels_are_scored(self):
        scripted = Scripted(BioGPTAnswerTool, probabilities=[(0.2, 0.7, 0.1)])
        message = scripted.ask(**QUESTION)
        assert message.content == "no (probabilities: yes 20.0%, no 70.0%, maybe 10.0%)"
        shares = {"yes": 0.2, "no": 0.7, "maybe": 0.1}
        assert message.artifact == Answer(label="no", probabilities=shares)
        (prompt,) = scripted.engine.history
        assert prompt.tail == f" Question: {QUESTION['question']} Conclusion:"
        assert prompt.text.strip() == TEXT

    def test_one_that_is_withheld_says_why(self):
        engine = ScriptedEngine(probabilities=[(0.4, 0.35, 0.25)])
        pipeline = Pipeline("pubmedqa", engine, abstain_below=0.5)
        tool = BioGPTAnswerTool(llm=BioGPTLLM.from_pipeline(pipeline))
        message = tool.invoke(call("answer_question", **QUESTION))
        assert message.content == (
            "No answer: the most probable answer, yes, has a probability of 0.400, below 0.5 "
            "(probabilities: yes 40.0%, no 35.0%, maybe 25.0%)"
        )
        assert (message.status, message.artifact.label) == ("success", None)

    def test_an_answer_that_is_written_has_no_probabilities(self):
        engine = ScriptedEngine(["the answer to the question given the context is maybe."])
        pipeline = Pipeline("pubmedqa", engine, method="complete")
        tool = BioGPTAnswerTool(llm=BioGPTLLM.from_pipeline(pipeline))
        message = tool.invoke(call("answer_question", **QUESTION))
        assert (message.content, message.artifact) == ("maybe", Answer(label="maybe"))


class TestTexts:
    def test_a_description(self):
        scripted = Scripted(BioGPTDescribeTool, "a gene of DNA repair. And so")
        message = scripted.ask(term=" BRCA1 ")
        assert message.content == "BRCA1 is a gene of DNA repair."
        assert message.artifact == "a gene of DNA repair."
        assert [prompt.source for prompt in scripted.engine.history] == ["BRCA1 is"]

    def test_a_continuation(self):
        scripted = Scripted(BioGPTCompleteTool, " lowering glucose. ", llm={"max_new_tokens": 7})
        message = scripted.ask(text="Metformin acts by")
        assert message.content == message.artifact == "lowering glucose."
        assert [prompt.source for prompt in scripted.engine.history] == ["Metformin acts by"]
        assert scripted.engine.decodings[0].max_new_tokens == 7
        assert not scripted.engine.decodings[0].truncate

    def test_the_content_is_bounded_and_the_artifact_is_whole(self):
        message = Scripted(BioGPTCompleteTool, "word " * 300, max_characters=800).ask(text="A")
        assert len(message.artifact) == 1499
        assert len(message.content) <= 800
        kept, _, left = message.content.partition("... and ")
        assert left == f"{1499 - len(kept)} more characters"
        assert message.artifact.startswith(kept)


# --- failures -------------------------------------------------------------------------------

NO_USE = "Calling this tool again will not help: continue without it."
FAILURES = [
    (BioGPTRelationTool, (), {"text": " "}, "is empty: give at least one word."),
    (BioGPTAnswerTool, (), {"question": "", "context": "x"}, "question .* is empty"),
    (BioGPTDescribeTool, (), {"term": ""}, "is empty"),
    (BioGPTCompleteTool, (), {"text": "\n"}, "is empty"),
    (BioGPTCompleteTool, ("",), {"text": "x"}, "wrote nothing.* The tool failed"),
    (BioGPTRelationTool, ("prose",), {"text": "x"}, "'prose'.* not a finding. Try once more"),
    (BioGPTRelationTool, (ContextOverflowError("9: shorten the text"),), {"text": "x"}, "shorten"),
    (BioGPTRelationTool, (EngineError("out of memory"),), {"text": "x"}, f"memory. {NO_USE}"),
    (BioGPTAnswerTool, (), QUESTION, f"no probabilities left.*{NO_USE}"),
]
FAIL = pytest.mark.parametrize(("kind", "completions", "arguments", "told"), FAILURES)


class TestFailures:
    @FAIL
    def test_a_program_gets_it_raised(self, kind, completions, arguments, told):
        with pytest.raises(ToolException, match=told):
            Scripted(kind, *completions).tool.invoke(arguments)

    @FAIL
    async def test_a_chat_model_is_told(self, kind, completions, arguments, told):
        tool = Scripted(kind, *completions).tool
        message = await tool.ainvoke(call(tool.name, **arguments))
        assert isinstance(message, ToolMessage)
        assert message.status == "error"
        with pytest.raises(ToolException, match=told):
            raise ToolException(message.content)

    def test_who_is_told_can_be_decided(self):
        with pytest.raises(ToolException, match="is empty"):
            Scripted(BioGPTCompleteTool, handle_tool_error=False).ask(text="")
        telling = Scripted(BioGPTCompleteTool, handle_tool_error=True)
        assert "is empty" in telling.tool.invoke({"text": ""})
        mine = Scripted(BioGPTCompleteTool, handle_tool_error="Mine.")
        assert mine.ask(text="").content == "Mine."

    @pytest.mark.parametrize("kind", TOOLS)
    async def test_a_model_that_is_not_there(self, kind, tmp_path):
        tool = kind(llm=BioGPTLLM(model=str(tmp_path / "missing")))
        for message in (
            tool.invoke(call(tool.name, **TOOLS[kind])),
            await tool.ainvoke(call(tool.name, **TOOLS[kind])),
        ):
            assert message.status == "error"
            assert "missing" in message.content
            assert message.content.endswith(NO_USE)

    def test_the_cause_is_kept(self, tmp_path):
        tool = BioGPTCompleteTool(llm=BioGPTLLM(model=str(tmp_path / "missing")))
        with pytest.raises(ToolException) as caught:
            tool.invoke("A")
        assert isinstance(caught.value.__cause__, biogpt_plugins.BioGPTError)

    def test_a_mistake_of_ours_is_not_dressed_up(self):
        class Broken(ScriptedEngine):
            @property
            def model_name(self):
                raise ZeroDivisionError

        engine = Broken(["x"])
        pipeline = Pipeline("generate", engine)
        with pytest.raises(ZeroDivisionError):
            BioGPTCompleteTool(llm=BioGPTLLM(pipeline=pipeline)).invoke(call("x", text="A"))


# --- under the host's entry points ----------------------------------------------------------


class Seen(BaseCallbackHandler):
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def on_tool_start(self, serialized, _, *, run_id, **__):
        self.events.append(("tool", serialized["name"]))
        self.tool = run_id

    def on_tool_end(self, output, **_):
        self.events.append(("end", output.content))

    def on_tool_error(self, error, **_):
        self.events.append(("error", str(error)))

    def on_chain_start(self, *_, name, parent_run_id, **__):
        self.events.append(("task", name))
        assert parent_run_id == self.tool


class AsyncSeen(AsyncCallbackHandler):
    loop = None

    async def on_chain_start(self, *_: object, **__: object) -> None:
        self.loop = asyncio.get_running_loop()


class TestEntryPoints:
    async def test_traces(self):
        scripted = Scripted(BioGPTCompleteTool, "x", "y")
        wanted = [("tool", "complete_text"), ("task", "biogpt_generate")]
        seen = Seen()
        scripted.tool.invoke(call("complete_text", text="A"), {"callbacks": [seen]})
        assert seen.events == [*wanted, ("end", "x")]
        seen, on_loop = Seen(), AsyncSeen()
        config = {"callbacks": [seen, on_loop]}
        await scripted.tool.ainvoke(call("complete_text", text="A"), config)
        assert seen.events == [*wanted, ("end", "y")]
        assert on_loop.loop is asyncio.get_running_loop()

    def test_the_trace_of_a_failure(self):
        seen = Seen()
        with pytest.raises(ToolException):
            Scripted(BioGPTRelationTool, "prose").tool.invoke(TEXT, {"callbacks": [seen]})
        assert [kind for kind, _ in seen.events] == ["tool", "task", "error"]

    def test_a_string_is_the_only_argument(self):
        scripted = Scripted(BioGPTDescribeTool, "a gene.")
        assert scripted.tool.invoke("BRCA1") == "BRCA1 is a gene."

    async def test_many_at_once(self):
        scripted = Scripted(BioGPTRelationTool, *[FOUND] * 6)
        calls = [call("extract_relations", str(i), text=TEXT) for i in range(3)]
        gathered = await asyncio.gather(*map(scripted.tool.ainvoke, calls))
        batched = scripted.tool.batch([*calls[:2], call("extract_relations", text="")])
        assert [message.tool_call_id for message in gathered] == ["0", "1", "2"]
        assert [message.status for message in batched] == ["success", "success", "error"]
        assert [len(asked) for asked in scripted.engine.calls] == [1] * 5

    def test_wrong_arguments_are_the_hosts_matter(self):
        scripted = Scripted(BioGPTAnswerTool)
        with pytest.raises(ValidationError, match="context"):
            scripted.ask(question="Why?")
        assert not scripted.engine.calls

    @pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
    @pytest.mark.parametrize("kind", TOOLS)
    def test_dumps_and_loads(self, kind):
        tool = kind(llm=BioGPTLLM(max_new_tokens=7), max_characters=900, handle_tool_error=False)
        known = [kind, BioGPTLLM]
        again = loads(dumps(tool), allowed_objects=known, valid_namespaces=["langchain_biogpt"])
        assert again == tool
        assert convert_to_openai_tool(again) == convert_to_openai_tool(tool)

    async def test_the_event_loop_goes_on_and_cancelling_stops_the_engine(self):
        class Far(BioGPTLLM):
            def own_relation_task(self, *, local_files_only=None):
                looked.append(local_files_only)
                if not local_files_only:
                    engine.asked.set()
                    assert engine.answered.wait(PATIENCE)  # as long as the hub takes
                return super().own_relation_task(local_files_only=local_files_only)

        looked: list[bool | None] = []
        engine = Held()
        engine.asked, engine.answered = Event(), Event()
        tool = BioGPTRelationTool(llm=Far.from_engine(engine))
        assert looked == [True], "making a tool does not ask the hub"
        asked = asyncio.create_task(tool.ainvoke(call("extract_relations", text=TEXT)))
        assert await asyncio.to_thread(engine.asked.wait, PATIENCE)
        engine.answered.set()
        await cancelling_stops(asked, engine)


# --- in agents ------------------------------------------------------------------------------


class ScriptedChat(BaseChatModel):
    """Plays a script: what it says at each of its turns."""

    script: list[Callable[[list[BaseMessage]], AIMessage]]
    bound: list[str] = Field(default_factory=list)

    def bind_tools(self, tools, **_):
        self.bound[:] = [tool.name for tool in tools]
        return self

    def _generate(self, messages, *_, **__):
        turn = sum(isinstance(message, AIMessage) for message in messages)
        reply = self.script[turn](messages)
        return ChatResult(generations=[ChatGeneration(message=reply)])

    @property
    def _llm_type(self) -> str:
        return "scripted-chat"


def says(*calls: dict[str, Any]) -> Callable[[list[BaseMessage]], AIMessage]:
    return lambda _: AIMessage(content="", tool_calls=list(calls))


def concludes(messages: list[BaseMessage]) -> AIMessage:
    told = (m for m in messages if isinstance(m, ToolMessage))
    return AIMessage(content="\n".join(f"{m.name} {m.status}: {m.content}" for m in told))


SCRIPT = [
    says(call("extract_relations", "a", text="")),
    says(call("extract_relations", "b", text=TEXT)),
    says(call("answer_question", "c", **QUESTION), call("describe_term", "d", term="BRCA1")),
    concludes,
    concludes,
]
CONCLUSION = f"""\
extract_relations error: the text of {{'text': ''}} is empty: give at least one word.
extract_relations success: Relations found ({FINDS}):
- lithium (chemical) -[CID]-> tremor (disease): "{SENTENCE}"
answer_question success: yes (probabilities: yes 60.0%, no 30.0%, maybe 10.0%)
describe_term success: BRCA1 is a gene."""
ASKED = {"messages": [("user", "Does lithium cause tremor?")]}
THREAD: dict[str, Any] = {"configurable": {"thread_id": "1"}}


def by_create_agent(chat, tools, saver):
    return agents.create_agent(chat, tools, checkpointer=saver)


def by_state_graph(chat, tools, saver):
    model = chat.bind_tools(tools)

    def think(state):
        return {"messages": [model.invoke(state["messages"])]}

    builder = graph.StateGraph(graph.MessagesState)
    builder.add_node("model", think)
    builder.add_node("tools", prebuilt.ToolNode(tools))
    builder.add_edge(graph.START, "model")
    builder.add_conditional_edges("model", prebuilt.tools_condition)
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=saver)


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine([FOUND, "a gene."], [(0.6, 0.3, 0.1)])


@pytest.fixture
def chat() -> ScriptedChat:
    return ScriptedChat(script=SCRIPT)


@pytest.fixture(params=[by_create_agent, by_state_graph])
def agent(request, engine, chat):
    tools = BioGPTToolkit(llm=BioGPTLLM.from_engine(engine)).get_tools()
    # Strict, as LangGraph announces: only its own types come back out of a checkpoint.
    serde = jsonplus.JsonPlusSerializer(allowed_msgpack_modules=None)
    return request.param(chat, tools, memory.InMemorySaver(serde=serde))


def artifacts(messages: list[BaseMessage]) -> dict[str | None, Any]:
    return {m.name: m.artifact for m in messages if isinstance(m, ToolMessage)}


class TestAgents:
    def test_invoke(self, agent, chat, engine):
        messages = agent.invoke(ASKED, THREAD)["messages"]
        assert messages[-1].content == CONCLUSION
        assert chat.bound == [tool.name for tool in BioGPTToolkit().get_tools()]
        assert [len(asked) for asked in engine.calls] == [1, 1, 1], "an empty text asks nothing"
        (relation,) = artifacts(messages)["extract_relations"]
        assert str(relation) == "lithium -[CID]-> tremor"

    async def test_ainvoke(self, agent, engine):
        messages = (await agent.ainvoke(ASKED, THREAD))["messages"]
        assert messages[-1].content == CONCLUSION
        assert len(engine.calls) == 3

    async def test_astream(self, agent):
        steps = [step async for step in agent.astream(ASKED, THREAD, stream_mode="updates")]
        messages = [m for step in steps for update in step.values() for m in update["messages"]]
        names = [m.name for m in messages if isinstance(m, ToolMessage)]
        assert names[:2] == ["extract_relations"] * 2
        assert sorted(names[2:]) == ["answer_question", "describe_term"]
        assert messages[-1].content == CONCLUSION

    async def test_a_conversation_goes_on_from_its_checkpoint(self, agent, engine):
        live = artifacts((await agent.ainvoke(ASKED, THREAD))["messages"])
        kept = artifacts((await agent.aget_state(THREAD)).values["messages"])
        assert RELATIONS.validate_python(kept["extract_relations"]) == live["extract_relations"]
        assert Answer.model_validate(kept["answer_question"]) == live["answer_question"]
        assert kept["describe_term"] == live["describe_term"] == "a gene."
        again = await agent.ainvoke({"messages": [("user", "Say it again.")]}, THREAD)
        assert again["messages"][-1].content == CONCLUSION
        assert len(engine.calls) == 3
