"""Agents of LangGraph and of LlamaIndex that use the server by the adapters of their hosts."""

import sys
from typing import Any

import pytest
from small_run import TEXTS, small_run
from tool_client import ROOT

TEXT = "drug1 caused illness1."
SCRIPT = [
    ("extract_relations", {"text": TEXT}),
    ("answer_question", {"question": "Does it?"}),  # a slip, as models make them
    ("search_relations", {"head": "drug2"}),
]
FITS = "{0} is not installed, or does not fit the installed line of the SDK; see docs/mcp.md"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture
def command(tmp_path):
    """The command of a server with a run, its arguments and its environment."""
    folder = small_run(tmp_path / "corpus", TEXTS)
    paths = [str(ROOT), str(ROOT / "integrations"), str(ROOT / "tests")]
    return (
        sys.executable,
        [str(ROOT / "tests/tool_driver.py"), "ruled", str(folder)],
        {"PYTHONPATH": ":".join(paths)},
    )


async def test_an_agent_of_langgraph(command):
    for name in ("langchain_mcp_adapters.client", "langgraph", "langchain"):
        pytest.importorskip(name, reason=FITS.format(name), exc_type=ImportError)
    from langchain.agents import create_agent
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_mcp_adapters.client import MultiServerMCPClient

    class Scripted(BaseChatModel):
        def bind_tools(self, *_: Any, **__: Any):
            return self

        def _generate(self, messages, *_: Any, **__: Any):
            told = [one for one in messages if isinstance(one, ToolMessage)]
            reply = AIMessage(content="done")
            if len(told) < len(SCRIPT):
                name, arguments = SCRIPT[len(told)]
                call = {"name": name, "args": arguments, "id": f"call-{len(told)}"}
                reply = AIMessage(content="", tool_calls=[call])
            return ChatResult(generations=[ChatGeneration(message=reply)])

        @property
        def _llm_type(self):
            return "scripted"

    program, arguments, environment = command
    connection = {
        "transport": "stdio",
        "command": program,
        "args": arguments,
        "env": environment,
    }
    client = MultiServerMCPClient({"biogpt": connection})
    tools = await client.get_tools()
    assert len(tools) == 4
    asked = {"messages": [("user", "Does it?")]}
    told = await create_agent(Scripted(), tools).ainvoke(asked)
    found, slip, searched = [one for one in told["messages"] if isinstance(one, ToolMessage)]
    assert "drug1 (chemical) -[CID]-> illness1" in str(found.content)
    assert found.artifact["structured_content"]["papers"][0]["relations"]
    assert slip.status == "error"
    assert "exactly one of the two" in str(slip.content)
    assert "101 states it" in str(searched.content)
    (blob,) = await client.get_resources("biogpt", uris="biogpt://runs/corpus/edges")
    assert '"total": 3' in blob.as_string()


async def test_an_agent_of_llama_index(command):
    for name in ("llama_index.tools.mcp", "llama_index.core.llms.mock"):
        pytest.importorskip(name, reason=FITS.format(name), exc_type=ImportError)
    from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
    from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock
    from llama_index.core.llms.mock import MockFunctionCallingLLM
    from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

    def play(messages, **_):
        told = [one for one in messages if one.role == MessageRole.TOOL]
        if len(told) == len(SCRIPT):
            return ChatMessage(role=MessageRole.ASSISTANT, content="done")
        name, arguments = SCRIPT[len(told)]
        call = ToolCallBlock(tool_call_id=f"{len(told)}", tool_name=name, tool_kwargs=arguments)
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=[call])

    program, arguments, environment = command
    client = BasicMCPClient(program, args=arguments, env=environment)
    tools = await McpToolSpec(client=client).to_tool_list_async()
    assert {tool.metadata.name for tool in tools} > {"extract_relations", "search_relations"}
    chat = MockFunctionCallingLLM(response_generator=play)
    run = FunctionAgent(tools=tools, llm=chat).run("Does it?")
    told = [
        str(event.tool_output)
        async for event in run.stream_events()
        if isinstance(event, ToolCallResult)
    ]
    assert str(await run) == "done"
    assert "drug1 (chemical) -[CID]-> illness1" in told[0]
    assert "exactly one of the two" in told[1]
    assert "101 states it" in told[2]
