"""The tools, alone and in agents: what they ask, what they tell, and how they fail."""

import json
import subprocess
import sys
from math import exp
from pathlib import Path

import pytest
from held import Held, cancelling_stops
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.calling import call_tool
from llama_index.core.workflow import Context
from pydantic import ValidationError

import biogpt_plugins
from biogpt_plugins import Answer, Pipeline
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import BioGPTError, ContextOverflowError, EngineError, OptionError
from llama_index_biogpt.tools import BioGPTToolSpec

WEIGHTS = Path(biogpt_plugins.__file__).parent / "checkpoints/demo/model.safetensors"
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
TEXT = "Lithium was given to 84 adults. A tremor followed in 31 of those on lithium."
SENTENCE = "A tremor followed in 31 of those on lithium."
FOUND = "the relation between lithium and tremor exists."
QUESTION = {"question": "Does lithium cause tremor?", "context": TEXT}
FINDS = "which chemical induces which disease, from a title and abstract"
SHARES = {"yes": 0.2, "no": 0.7, "maybe": 0.1}
ARGUMENTS = [{"text": TEXT}, QUESTION, {"term": "BRCA1"}, {"text": "Metformin acts by"}]
NAMES = ["extract_relations", "answer_question", "describe_term", "complete_text"]


class Scripted:
    """The tools on a scripted engine, by their names."""

    def __init__(self, *completions, probabilities=(), **options):
        self.engine = ScriptedEngine(completions, probabilities)
        spec = BioGPTToolSpec.from_engine(self.engine, **options)
        self.tools = {tool.metadata.name: tool for tool in spec.to_tool_list()}


# --- for the chat model ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("extract_relations", ["text"], "does not search for papers"),
        ("answer_question", ["question", "context"], "Do not use it for questions that"),
        ("describe_term", ["term"], "never state what it says as a fact"),
        ("complete_text", ["text"], "does not follow instructions"),
    ],
)
def test_what_a_chat_model_is_told(name, arguments, says):
    (tool,) = BioGPTToolSpec().to_tool_list([name])
    told = tool.metadata.to_openai_tool()["function"]
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
        ({"task": "pubmedqa"}, FINDS),
        ({"model": "no/such-model-at-hand"}, "its model was trained to find"),
        ({"model": "no/such-model-at-hand", "task": "kd-dti"}, "which drug acts on which target"),
    ],
    ids=str,
)
def test_the_description_says_which_relations(options, finds):
    assert finds in BioGPTToolSpec(**options).to_tool_list()[0].metadata.description


def test_every_tool_is_there_and_can_be_chosen_and_renamed():
    spec = BioGPTToolSpec()
    assert [tool.metadata.name for tool in spec.to_tool_list()] == NAMES
    mine = ToolMetadata("Mine.", "relations")
    first, second = spec.to_tool_list(NAMES[2::-2], {"extract_relations": mine})
    assert first.metadata.name == "describe_term"
    assert second.metadata is mine


def test_making_tools_loads_nothing():
    code = (
        "import sys; from llama_index_biogpt.tools import BioGPTToolSpec;"
        "BioGPTToolSpec().to_tool_list();"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"max_chars": 900}, OptionError),
        ({"max_characters": 799}, ValidationError),
        ({"task": "cdr"}, ValidationError),
    ],
)
def test_options_that_are_wrong(options, error):
    with pytest.raises(error, match=next(iter(options))):
        BioGPTToolSpec(**options)


# --- what is asked, what is told ------------------------------------------------------------


class TestTools:
    async def test_relations(self):
        scripted = Scripted(FOUND, FOUND)
        tool = scripted.tools["extract_relations"]
        output = tool.call(text=TEXT)
        assert (
            output.content
            == str(output)
            == (
                f"Relations found ({FINDS}):\n"
                f'- lithium (chemical) -[CID]-> tremor (disease): "{SENTENCE}"'
            )
        )
        (relation,) = output.raw_output
        assert TEXT[relation.head.start : relation.head.end] == "lithium"
        assert relation.score == pytest.approx(exp(-3.5))  # seven words
        assert (output.tool_name, output.is_error) == ("extract_relations", False)
        assert output.raw_input["kwargs"] == {"text": TEXT}
        assert await tool.acall(text=TEXT) == output
        assert [len(call) for call in scripted.engine.calls] == [1, 1]

    async def test_answers(self):
        scripted = Scripted(probabilities=[(0.2, 0.7, 0.1)] * 2)
        tool = scripted.tools["answer_question"]
        output = tool.call(**QUESTION)
        assert output.content == "no (probabilities: yes 20.0%, no 70.0%, maybe 10.0%)"
        assert output.raw_output == Answer(label="no", probabilities=SHARES)
        assert await tool.acall(**QUESTION) == output
        tail = f" Question: {QUESTION['question']} Conclusion:"
        assert scripted.engine.history[0].tail == tail

    async def test_descriptions(self):
        scripted = Scripted("a gene of DNA repair. And so", "a gene of DNA repair.")
        tool = scripted.tools["describe_term"]
        output = tool.call(term=" BRCA1 ")
        assert output.content == "BRCA1 is a gene of DNA repair."
        assert output.raw_output == "a gene of DNA repair."
        assert await tool.acall(term=" BRCA1 ") == output
        assert [prompt.source for prompt in scripted.engine.history] == ["BRCA1 is"] * 2

    async def test_continuations(self):
        scripted = Scripted(" lowering glucose. ", " lowering glucose.", max_new_tokens=7)
        tool = scripted.tools["complete_text"]
        output = tool.call(text="Metformin acts by")
        assert output.content == output.raw_output == "lowering glucose."
        assert await tool.acall(text="Metformin acts by") == output
        assert scripted.engine.decodings[0].max_new_tokens == 7
        assert not scripted.engine.decodings[0].truncate

    @pytest.mark.parametrize(
        ("task", "head"),
        [
            (None, "Abstract: Reversible deafness"),
            ("kd_dti", "Abstract: Effects of captopril"),
            ("pubmedqa", "Abstract: Reversible deafness"),
        ],
    )
    def test_which_relation_task_is_asked(self, task, head):
        scripted = Scripted(FOUND, task=task)
        call_tool(scripted.tools["extract_relations"], {"text": TEXT})
        assert scripted.engine.history[0].head.startswith(head)

    def test_what_the_model_was_taught_is_asked_in_its_layout(self):
        engine = ScriptedEngine([FOUND])
        pipeline = Pipeline("pubmedqa", engine, cards={"bc5cdr": CARD})
        BioGPTToolSpec.from_pipeline(pipeline).to_tool_list()[0].call(text=TEXT)
        (prompt,) = engine.history
        assert (prompt.source, prompt.suffix_tokens) == (TEXT.lower(), ("learned1",))

    def test_no_relation_is_a_finding(self):
        output = Scripted("there is no relation.").tools["extract_relations"].call(text=TEXT)
        assert output.content == f"No relations were found in this text. Searched for: {FINDS}."
        assert output.raw_output == []

    @pytest.mark.parametrize("most", [800, 1500])
    def test_the_content_is_bounded_and_the_result_is_whole(self, most):
        names = [f"compound number {i}" for i in range(40)]
        text = f"A tremor followed with {', '.join(names)}."
        completion = "; ".join(f"the relation between {name} and tremor exists" for name in names)
        tool = Scripted(f"{completion}.", max_characters=most).tools["extract_relations"]
        output = tool.call(text=text)
        assert len(output.raw_output) == 40
        assert len(output.content) <= most
        *_, more = output.content.splitlines()
        assert more == f"... and {40 - output.content.count('- compound')} more"

    async def test_a_call_is_traced_once(self, monkeypatch):
        spans = SimpleSpanHandler()
        monkeypatch.setattr(get_dispatcher(), "span_handlers", [spans])
        tool = Scripted("a gene.", "a gene.").tools["describe_term"]
        await tool.acall(term="BRCA1")
        tool.call(term="BRCA1")
        assert [span.id_.split("-")[0] for span in spans.completed_spans] == [
            "_Tool.acall",
            "_Tool.call",
        ]

    def test_a_method_by_itself_and_as_a_tool_of_ones_own(self):
        spec = BioGPTToolSpec.from_engine(ScriptedEngine(["a gene."] * 2))
        told = spec.describe_term("BRCA1")
        assert told == "a gene."
        assert FunctionTool.from_defaults(spec.describe_term).call("BRCA1").content == told

    async def test_methods_hand_results_to_plain_callers(self):
        engine = ScriptedEngine([FOUND, FOUND, "more", "more"], [(0.7, 0.2, 0.1)] * 2)
        spec = BioGPTToolSpec.from_engine(engine, task="bc5cdr")
        text = "Lithium caused tremor."
        for found in (spec.extract_relations(text), await spec.aextract_relations(text)):
            assert [str(one) for one in found] == ["Lithium -[CID]-> tremor"]
        for answer in (spec.answer_question(**QUESTION), await spec.aanswer_question(**QUESTION)):
            assert answer.label == "yes"
        assert spec.complete_text("x") == await spec.acomplete_text("x") == "more"

    def test_tools_take_positional_arguments(self):
        assert Scripted("a gene.").tools["describe_term"].call("BRCA1").raw_output == "a gene."


# --- failures -------------------------------------------------------------------------------

NO_USE = "Calling this tool again will not help: continue without it."
FAILURES = [
    ("extract_relations", (), {"text": " "}, "is empty: give at least one word."),
    ("extract_relations", (), {"text": 5}, "text: input should be a valid string."),
    ("answer_question", (), {"question": "", "context": "x"}, "question .* is empty"),
    ("describe_term", (), {"term": ""}, "is empty"),
    ("complete_text", (), {"text": "\n"}, "is empty"),
    ("complete_text", ("",), {"text": "x"}, "wrote nothing.* The tool failed"),
    ("extract_relations", ("prose",), {"text": "x"}, "'prose'.* not a finding. Try once more"),
    ("extract_relations", (ContextOverflowError("9: shorten"),), {"text": "x"}, "shorten"),
    ("extract_relations", (EngineError("no memory"),), {"text": "x"}, f"memory. {NO_USE}"),
    ("answer_question", (), QUESTION, f"no probabilities left.*{NO_USE}"),
]


@pytest.mark.parametrize(("name", "completions", "arguments", "told"), FAILURES)
async def test_what_fails_is_raised_and_says_what_to_do(name, completions, arguments, told):
    tool = Scripted(*completions * 3).tools[name] if completions else Scripted().tools[name]
    with pytest.raises(BioGPTError, match=told):
        tool.call(**arguments)
    with pytest.raises(BioGPTError, match=told):
        await tool.acall(**arguments)
    output = call_tool(tool, arguments)
    assert output.is_error
    with pytest.raises(BioGPTError, match=told):
        raise output.exception


def test_a_model_that_is_not_there():
    spec = BioGPTToolSpec(model="./no-such-folder")
    with pytest.raises(BioGPTError, match=f"no-such-folder.*{NO_USE}"):
        spec.describe_term("BRCA1")


async def test_the_event_loop_goes_on_and_cancelling_stops_the_engine():
    for name, arguments in zip(NAMES, ARGUMENTS, strict=True):
        engine = Held(probabilities=[list(SHARES.values())])
        (tool,) = BioGPTToolSpec.from_engine(engine).to_tool_list([name])
        await cancelling_stops(tool.acall(**arguments), engine)


# --- in agents ------------------------------------------------------------------------------


def says(*calls):
    """A turn of the chat model in which it calls tools."""
    blocks = [
        ToolCallBlock(tool_call_id=f"{name}-{number}", tool_name=name, tool_kwargs=arguments)
        for number, (name, arguments) in enumerate(calls)
    ]
    return ChatMessage(role="assistant", blocks=blocks)


SCRIPT = [
    says(("extract_relations", {"text": ""})),
    says(("extract_relations", {"passage": TEXT})),
    says(("extract_relations", {"text": TEXT})),
    says(("answer_question", QUESTION), ("describe_term", {"term": "BRCA1"})),
]


def play(messages, **_):
    """Play the script; at its end say what the tools told."""
    turn = sum(message.role == "assistant" for message in messages)
    if turn < len(SCRIPT):
        return SCRIPT[turn]
    told = (message.content for message in messages if message.role == "tool")
    return ChatMessage(role="assistant", content="\n".join(told))


@pytest.fixture(params=["FunctionAgent", "without streams", "AgentWorkflow"])
def agent(request):
    tools = list(Scripted(FOUND, "a gene.", probabilities=[(0.6, 0.3, 0.1)]).tools.values())
    chat = MockFunctionCallingLLM(response_generator=play)
    made = FunctionAgent(tools=tools, llm=chat, streaming=request.param != "without streams")
    return AgentWorkflow(agents=[made]) if request.param == "AgentWorkflow" else made


@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning")  # the host's own
@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key. memory")
async def test_an_agent(agent):
    context = Context(agent)
    handler = agent.run("Does lithium cause tremor?", ctx=context)
    outputs = [e.tool_output async for e in handler.stream_events() if type(e) is ToolCallResult]
    conclusion = str(await handler).splitlines()
    assert conclusion[0].endswith("is empty: give at least one word.")
    assert "unexpected keyword argument 'passage'" in conclusion[1]
    assert conclusion[2:4] == [
        f"Relations found ({FINDS}):",
        f'- lithium (chemical) -[CID]-> tremor (disease): "{SENTENCE}"',
    ]
    assert sorted(conclusion[4:]) == [
        "BRCA1 is a gene.",
        "yes (probabilities: yes 60.0%, no 30.0%, maybe 10.0%)",
    ]
    assert [output.is_error for output in outputs] == [True, True, False, False, False]
    results = {output.tool_name: output.raw_output for output in outputs}
    assert [str(relation) for relation in results["extract_relations"]] == [
        "lithium -[CID]-> tremor"
    ]
    assert results["answer_question"].label == "yes"
    assert json.loads(json.dumps(context.to_dict()))


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the bundled model is not built yet")
@pytest.mark.filterwarnings("ignore:model 'demo' was trained for")
async def test_on_the_bundled_model():
    tools = BioGPTToolSpec(max_new_tokens=40, num_beams=1).to_tool_list()
    outputs = [await tool.acall(**own) for tool, own in zip(tools, ARGUMENTS, strict=True)]
    relations, answer, description, continuation = outputs
    assert isinstance(relations.raw_output, list)
    assert sum(answer.raw_output.probabilities.values()) == pytest.approx(1)
    assert description.content == f"BRCA1 is {description.raw_output}"
    assert continuation.content == continuation.raw_output
