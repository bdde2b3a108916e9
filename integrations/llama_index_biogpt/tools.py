"""BioGPT tools for agents, that is, for chat models that call tools."""

from __future__ import annotations

from typing import Any, ClassVar

from llama_index.core.tools import FunctionTool, ToolMetadata, ToolOutput
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from pydantic import Field, PrivateAttr, field_validator

from biogpt_plugins import Answer, Relation
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
    """Tools on one model, which is loaded at the first call of a tool.

        FunctionAgent(tools=BioGPTToolSpec(model="path/to/model").to_tool_list(), llm=...)

    The methods return results: Relations, an Answer or a text. `to_tool_list` makes the tools for
    chat models.

    A tool's `content` is a short text for the chat model and says how much of the result it leaves
    out. `raw_output` is the complete result for the program: a list of Relations with offsets and
    scores, an Answer with probabilities, or a text. Each tool also has an asynchronous version,
    which keeps the event loop free; cancelling it stops the model.

    A tool that fails raises a BioGPTError that says what to do. The host's agents report it to the
    chat model and continue; other callers get the exception.

    A tool also works with a model that was not trained for its task; a warning says so when the
    model is loaded. Fine-tuned models are poor at describing terms and continuing texts. Select
    tools with `to_tool_list(["extract_relations", ...])` to leave these two out, or to take them
    from a spec with a pretrained model.

    Attributes:
        task: The relation task: its name or its TOML file. None or another task uses the first
            relation task that the model was trained for, or else "bc5cdr".
        max_characters: Maximum length of a tool's content.

    The other fields are those of `biogpt_plugins.hosts.fields.LLMFields`.
    """

    spec_functions: ClassVar[list[SPEC_FUNCTION_TYPE]] = [  # type: ignore[misc] # the host's own way
        (text.name, f"a{text.name}") for text in _TEXTS
    ]

    max_characters: int = Field(default=2000, ge=LEAST)

    _tells: bool = PrivateAttr(default=False)  # whether methods return the text, too, for tools

    @field_validator("task")
    @classmethod
    def _is_known(cls, task: str | None) -> str | None:
        return task and get_task(task).name

    def to_tool_list(
        self,
        spec_functions: list[SPEC_FUNCTION_TYPE] | None = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """The named tools, by default all: relations, answers, descriptions, continuations."""
        own = {text.name: self._metadata(text) for text in _TEXTS}
        pairs: list[SPEC_FUNCTION_TYPE] = [
            (name, f"a{name}") if isinstance(name, str) and name in own else name
            for name in spec_functions or self.spec_functions
        ]
        metadata = {**own, **(func_to_metadata_mapping or {})}
        teller = self.model_copy()
        teller._tells = True
        tools = super(BioGPTToolSpec, teller).to_tool_list(pairs, metadata)
        return [_Tool(tool.fn, tool.metadata, tool.async_fn) for tool in tools]

    def extract_relations(self, text: str) -> list[Relation]:
        """The relations that a passage states."""
        found: list[Relation] = self._result(EXTRACT_RELATIONS, text=text)
        return found

    async def aextract_relations(self, text: str) -> list[Relation]:
        return await in_thread(self.extract_relations, text)

    def answer_question(self, question: str, context: str) -> Answer:
        """The answer yes, no or maybe from a passage."""
        found: Answer = self._result(ANSWER_QUESTION, question=question, context=context)
        return found

    async def aanswer_question(self, question: str, context: str) -> Answer:
        return await in_thread(self.answer_question, question, context)

    def describe_term(self, term: str) -> str:
        """The description of a term, without the term."""
        found: str = self._result(DESCRIBE_TERM, term=term)
        return found

    async def adescribe_term(self, term: str) -> str:
        return await in_thread(self.describe_term, term)

    def complete_text(self, text: str) -> str:
        """The continuation of a text, without the text."""
        found: str = self._result(COMPLETE_TEXT, text=text)
        return found

    async def acomplete_text(self, text: str) -> str:
        return await in_thread(self.complete_text, text)

    def _result(self, tool: ToolText, /, **asked: str) -> Any:  # noqa: ANN401 - as the task
        told = self._call(tool, asked)
        return told if self._tells else told.result

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
    """Replaces a tool's output by its result after the host has read the text.

    This is a separate class because the host traces the methods that a tool class overrides twice.
    """

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:  # noqa: ANN401
        return _result_alone(super().call(*args, **kwargs))  # type: ignore[misc]

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:  # noqa: ANN401
        return _result_alone(await super().acall(*args, **kwargs))  # type: ignore[misc]


class _Tool(_ResultAlone, FunctionTool):
    """A BioGPT tool."""


def _result_alone(output: ToolOutput) -> ToolOutput:
    if isinstance(output.raw_output, ToolAnswer):
        output.raw_output = output.raw_output.result
    return output
