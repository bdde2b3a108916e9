"""A LangGraph agent that uses `biogpt mcp` by the Model Context Protocol, on the bundled model.

    python examples/15_mcp_agent.py      # needs the packages mcp and langchain

The agent starts the server, asks it for its tools, and reads a paper with them. The chat model
plays a script here, so that the example runs offline; any chat model that can call tools goes in
its place. With the SDK's line 1.x, langchain-mcp-adapters makes the tools instead of `as_tool`.

The bundled BioGPT is for trying the software. For medicine, name one trained for your task.
"""

import asyncio
import os
import sys
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from mcp import ClientSession, StdioServerParameters, stdio_client

QUESTION = "Does lithium cause tremor?"
PAPER = {
    "id": "7",
    "title": "Tremor in a patient on lithium.",
    "text": "A 54-year-old man who took lithium for two years developed a coarse tremor. The "
    "tremor vanished when lithium was withdrawn.",
}
SERVER = StdioServerParameters(
    command=sys.executable, args=["-m", "biogpt_plugins", "mcp"], env=dict(os.environ)
)


class ScriptedChatModel(BaseChatModel):
    """Calls tools as the script says, then puts together what they told it."""

    script: list[tuple[str, dict[str, Any]]]

    def bind_tools(self, *_: object, **__: object) -> "ScriptedChatModel":
        return self

    def _generate(self, messages: list[BaseMessage], *_: object, **__: object) -> ChatResult:
        told = [message for message in messages if isinstance(message, ToolMessage)]
        if len(told) < len(self.script):
            name, arguments = self.script[len(told)]
            call = {"name": name, "args": arguments, "id": f"call-{len(told)}"}
            reply = AIMessage(content="", tool_calls=[call])
        else:
            relations, _, answer = told
            summary = f"To {QUESTION!r} the paper says: {answer.content}\n{relations.content}"
            reply = AIMessage(content=summary)
        return ChatResult(generations=[ChatGeneration(message=reply)])

    @property
    def _llm_type(self) -> str:
        return "scripted"


def as_tool(session: ClientSession, about: dict[str, Any]) -> BaseTool:
    """A tool of the server for LangChain; its artifact is the structured result."""

    async def call(**arguments: object) -> tuple[str, object]:
        told = await session.call_tool(about["name"], arguments)
        answer = told.model_dump(by_alias=True)  # the same in both lines of the SDK
        content = "\n".join(part["text"] for part in answer["content"])
        if answer["isError"]:
            raise ToolException(content)
        return content, answer["structuredContent"]

    return StructuredTool(
        name=about["name"],
        description=about["description"],
        args_schema=about["inputSchema"],
        coroutine=call,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


async def main() -> None:
    """Run the agent, and show what each tool tells."""
    chat = ScriptedChatModel(
        script=[
            ("extract_relations", {"papers": [PAPER]}),
            ("answer_question", {"question": QUESTION}),  # a slip, as models make them
            ("answer_question", {"question": QUESTION, "papers": [PAPER]}),
        ]
    )
    server = stdio_client(SERVER, errlog=sys.__stderr__)
    async with server as streams, ClientSession(*streams[:2]) as session:
        await session.initialize()
        listed = (await session.list_tools()).model_dump(by_alias=True)["tools"]
        agent = create_agent(chat, [as_tool(session, about) for about in listed])
        async for step in agent.astream({"messages": [("user", QUESTION)]}, stream_mode="updates"):
            for message in [one for update in step.values() for one in update["messages"]]:
                if isinstance(message, ToolMessage):
                    print(f"{message.status}, for the chat model:\n{message.content}")
                    print(f"for the program: {message.artifact!r}\n")
                elif message.tool_calls:
                    print(f"{message.tool_calls[0]['name']}({message.tool_calls[0]['args']})")
                else:
                    print(f"The agent says:\n{message.content}")


asyncio.run(main())
