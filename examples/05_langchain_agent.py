"""A LangGraph agent that reads a paper with BioGPT's tools, on the bundled model.

    python examples/05_langchain_agent.py      # needs the package langchain

The chat model plays a script here, so that the example runs offline. Any chat model that can call
tools goes in its place, a local one too: `create_agent(ChatOllama(model="qwen3"), tools)`. Such a
model decides itself what to call, by what the tools say of themselves.

The bundled BioGPT is for trying the software. For medicine, name one trained for your task.
"""

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver

from langchain_biogpt import BioGPTLLM, BioGPTToolkit

QUESTION = "Does lithium cause tremor?"
PAPER = (
    "Tremor in a patient on lithium. A 54-year-old man who took lithium for two years developed a "
    "coarse tremor. The tremor vanished when lithium was withdrawn."
)


class ScriptedChatModel(BaseChatModel):
    """Calls tools as the script says, then puts together what they told it."""

    script: list[tuple[str, dict[str, str]]]

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


chat = ScriptedChatModel(
    script=[
        ("extract_relations", {"text": PAPER}),
        ("answer_question", {"question": QUESTION, "context": ""}),  # a slip, as models make them
        ("answer_question", {"question": QUESTION, "context": PAPER}),
    ]
)
tools = BioGPTToolkit(llm=BioGPTLLM(max_new_tokens=60)).get_tools()
agent = create_agent(chat, tools, checkpointer=InMemorySaver())

thread = {"configurable": {"thread_id": "1"}}
for step in agent.stream({"messages": [("user", QUESTION)]}, thread, stream_mode="updates"):
    for message in [message for update in step.values() for message in update["messages"]]:
        if isinstance(message, ToolMessage):
            print(f"{message.status}, for the chat model:\n{message.content}")
            print(f"for the program: {message.artifact!r}\n")
        elif message.tool_calls:
            print(f"{message.tool_calls[0]['name']}({message.tool_calls[0]['args']})")
        else:
            print(f"The agent says:\n{message.content}")
