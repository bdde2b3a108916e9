"""Agent tools: what a BioGPT can do for a chat model that calls tools."""

from __future__ import annotations

from typing import Any, ClassVar

from llama_index.core.tools import FunctionTool, ToolMetadata, ToolOutput
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from pydantic import Field, field_validator

from biogpt_plugins.engine import in_thread
from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.hosts.tool_texts import (
    ANSWER_QUESTION,
    COMPLETE_TEXT,
    DESCRIBE_TERM,
    EXTRACT_RELATIONS,
    LEAST,
    ToolAnswer,
    ToolText,
    describe_relations,
    explain,
    wanted_relations,
)
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import BioGPTError
from biogpt_plugins.values.results import Failure

_TEXTS = (EXTRACT_RELATIONS, ANSWER_QUESTION, DESCRIBE_TERM, COMPLETE_TEXT)


class BioGPTToolSpec(LLMFields, BaseToolSpec):
    """Tools on one model, which is loaded by the first that is called.

        FunctionAgent(tools=BioGPTToolSpec(model="path/to/model").to_tool_list(), llm=...)

    A tool's `content` is a short text for the chat model, and says how much of the result it leaves
    out; `raw_output` is the whole result for the program: a list of Relations with offsets and
    scores, an Answer with probabilities, a text. All are asynchronous too: the event loop goes on,
    and cancelling stops the model.

    What a tool cannot do is a BioGPTError that says what to do about it. The host's agents tell the
    chat model and go on; whoever calls a tool gets it raised.

    A model that was not taught a tool's task is asked all the same, and a warning says so when it
    is loaded. Fine-tuned models hardly describe or continue texts: choose the tools by
    `to_tool_list(["extract_relations", ...])` to leave those two out, or to take them from a spec
    with a pretrained model.

    Attributes:
        task: The relation task, by its name or its TOML file; of None, and of any other, the first
            such task that the model was taught, or else "bc5cdr".
        max_characters: Most characters of a tool's content.

    The other fields are those of `biogpt_plugins.hosts.fields.LLMFields`.
    """

    spec_functions: ClassVar[list[SPEC_FUNCTION_TYPE]] = [  # type: ignore[misc] # the host's own way
        (text.name, f"a{text.name}") for text in _TEXTS
    ]

    max_characters: int = Field(default=2000, ge=LEAST)

    @field_validator("task")
    @classmethod
    def _is_known(cls, task: str | None) -> str | None:
        return task and get_task(task).name

    def to_tool_list(
        self,
        spec_functions: list[SPEC_FUNCTION_TYPE] | None = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """The tools: relations, answers, descriptions, continuations, or those that are named."""
        own = {text.name: self._metadata(text) for text in _TEXTS}
        pairs: list[SPEC_FUNCTION_TYPE] = [
            (name, f"a{name}") if isinstance(name, str) and name in own else name
            for name in spec_functions or self.spec_functions
        ]
        tools = super().to_tool_list(pairs, {**own, **(func_to_metadata_mapping or {})})
        return [_Tool(tool.fn, tool.metadata, tool.async_fn) for tool in tools]

    def extract_relations(self, text: str) -> ToolAnswer:
        """The relations that a passage states."""
        return self._call(EXTRACT_RELATIONS, {"text": text})

    async def aextract_relations(self, text: str) -> ToolAnswer:
        return await in_thread(self._call, EXTRACT_RELATIONS, {"text": text})

    def answer_question(self, question: str, context: str) -> ToolAnswer:
        """Yes, no or maybe, from a passage."""
        return self._call(ANSWER_QUESTION, {"question": question, "context": context})

    async def aanswer_question(self, question: str, context: str) -> ToolAnswer:
        asked = {"question": question, "context": context}
        return await in_thread(self._call, ANSWER_QUESTION, asked)

    def describe_term(self, term: str) -> ToolAnswer:
        """What a term is."""
        return self._call(DESCRIBE_TERM, {"term": term})

    async def adescribe_term(self, term: str) -> ToolAnswer:
        return await in_thread(self._call, DESCRIBE_TERM, {"term": term})

    def complete_text(self, text: str) -> ToolAnswer:
        """How a text goes on."""
        return self._call(COMPLETE_TEXT, {"text": text})

    async def acomplete_text(self, text: str) -> ToolAnswer:
        return await in_thread(self._call, COMPLETE_TEXT, {"text": text})

    def _call(self, text: ToolText, asked: dict[str, str]) -> ToolAnswer:
        try:
            task = text.task or wanted_relations(self)
            (prediction,) = self.bind_with_options(task, **text.options).run([asked])
        except BioGPTError as error:
            raise BioGPTError(explain(Failure.of(error))) from error
        if prediction.error:
            raise BioGPTError(explain(prediction.error))
        return text.tell(asked, prediction, self.max_characters)

    def _metadata(self, text: ToolText) -> ToolMetadata:
        finds = text is EXTRACT_RELATIONS
        description = describe_relations(self) if finds else text.description
        return ToolMetadata(description, text.name, text.arguments)


class _ResultAlone:
    """Gives the program the result alone; the host has read its words already.

    Apart from the tool, as the host traces what a tool's own class overrides once more.
    """

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:  # noqa: ANN401
        return _result_alone(super().call(*args, **kwargs))  # type: ignore[misc]

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:  # noqa: ANN401
        return _result_alone(await super().acall(*args, **kwargs))  # type: ignore[misc]


class _Tool(_ResultAlone, FunctionTool):
    """A tool of a BioGPT."""


def _result_alone(output: ToolOutput) -> ToolOutput:
    if isinstance(output.raw_output, ToolAnswer):
        output.raw_output = output.raw_output.result
    return output
