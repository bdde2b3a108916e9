"""A FunctionAgent that reads a paper with BioGPT's tools, on the bundled model.

    python examples/09_llama_index_agent.py

The chat model plays a script here, so that the example runs offline. Any LLM that can call tools
goes in its place, a local one too: `FunctionAgent(tools=tools, llm=Ollama(model="qwen3"))`. Such a
model decides itself what to call, by what the tools say of themselves.

The bundled BioGPT is for trying the software. For medicine, name one trained for your task.
"""

import asyncio
from collections.abc import Sequence

from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM

from llama_index_biogpt import BioGPTToolSpec

QUESTION = "Does lithium cause tremor?"
PAPER = (
    "Tremor in a patient on lithium. A 54-year-old man who took lithium for two years developed a "
    "coarse tremor. The tremor vanished when lithium was withdrawn."
)
SCRIPT = [
    ("extract_relations", {"text": PAPER}),
    ("answer_question", {"question": QUESTION, "context": ""}),  # a slip, as models make them
    ("answer_question", {"question": QUESTION, "context": PAPER}),
]


def play(messages: Sequence[ChatMessage], **_: object) -> ChatMessage:
    """Call tools as the script says, then put together what they told."""
    told = [message.content for message in messages if message.role == MessageRole.TOOL]
    if len(told) < len(SCRIPT):
        name, arguments = SCRIPT[len(told)]
        call = ToolCallBlock(
            tool_call_id=f"call-{len(told)}", tool_name=name, tool_kwargs=arguments
        )
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=[call])
    relations, _, answer = told
    summary = f"To {QUESTION!r} the paper says: {answer}\n{relations}"
    return ChatMessage(role=MessageRole.ASSISTANT, content=summary)


async def main() -> None:
    """Run the agent, and show what each tool tells."""
    chat = MockFunctionCallingLLM(response_generator=play)
    tools = BioGPTToolSpec(max_new_tokens=60).to_tool_list()
    run = FunctionAgent(tools=tools, llm=chat).run(QUESTION)
    async for event in run.stream_events():
        if isinstance(event, ToolCallResult):
            output = event.tool_output
            print(f"{event.tool_name}({event.tool_kwargs})")
            print(f"{'error' if output.is_error else 'success'}, for the chat model:\n{output}")
            print(f"for the program: {output.raw_output!r}\n")
    print(f"The agent says:\n{await run}")


asyncio.run(main())
