"""Agent tools: what a BioGPT can do for a chat model that calls tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

from langchain_core.messages import ToolCall
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import ArgsSchema, BaseTool, BaseToolkit, ToolException
from pydantic import ConfigDict, Field, field_validator, model_validator
from typing_extensions import Self

from biogpt_plugins import Prediction
from biogpt_plugins.engine import in_thread
from biogpt_plugins.hosts.fields import Options, relation_task
from biogpt_plugins.hosts.tool_texts import (
    ANSWER_QUESTION,
    COMPLETE_TEXT,
    DESCRIBE_TERM,
    EXTRACT_RELATIONS,
    LEAST,
    ToolText,
    describe_relations,
    explain,
    wanted_relations,
)
from biogpt_plugins.values.errors import BioGPTError
from biogpt_plugins.values.results import Failure
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.runnables import BioGPTTask


class _BioGPTTool(Options, BaseTool):
    """A task as a tool; `BioGPTToolkit` says what holds for all.

    Attributes:
        llm: The model, and how it writes.
        max_characters: Most characters of the content.
        handle_tool_error: As the host has it; None tells chat models, and raises for programs.
    """

    model_config = ConfigDict(extra="forbid")

    _text: ClassVar[ToolText]

    llm: BioGPTLLM = Field(default_factory=BioGPTLLM)
    max_characters: int = Field(default=2000, ge=LEAST)
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: bool | str | Callable[[ToolException], Any] | None = None

    def invoke(
        self,
        input: str | dict[str, Any] | ToolCall,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        return BaseTool.invoke(self._answering(input), input, config, **kwargs)

    async def ainvoke(
        self,
        input: str | dict[str, Any] | ToolCall,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        return await BaseTool.ainvoke(self._answering(input), input, config, **kwargs)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    def _run(self, *text: str, **arguments: str) -> tuple[str, Any]:
        asked = self._named(text, arguments)
        with _tool_exceptions():
            return self._reply(asked, self._task().invoke(asked))

    async def _arun(self, *text: str, **arguments: str) -> tuple[str, Any]:
        asked = self._named(text, arguments)
        with _tool_exceptions():
            task = await in_thread(self._task)  # which may have to look for the model on the hub
            return self._reply(asked, await task.ainvoke(asked))

    def _answering(self, call: object) -> Self:
        """This tool, made to answer a tool call also where it fails."""
        called = isinstance(call, dict) and call.get("type") == "tool_call"
        if not called or self.handle_tool_error is not None:
            return self
        return self.model_copy(update={"handle_tool_error": True})

    def _named(self, text: Sequence[str], arguments: dict[str, str]) -> dict[str, str]:
        # The host hands a tool's only argument over without its name if it was given without.
        return {**dict(zip(self.args, text, strict=False)), **arguments}

    def _reply(self, asked: dict[str, str], prediction: Prediction[Any]) -> tuple[str, Any]:
        if prediction.error:
            raise ToolException(explain(prediction.error))
        return self._text.tell(asked, prediction, self.max_characters)

    def _task(self) -> BioGPTTask:
        options = dict(self._text.options)
        return BioGPTTask(llm=self.llm, task=self._task_name(), options=options, predictions=True)

    def _task_name(self) -> str:
        return self._text.task or wanted_relations(self.llm)


class BioGPTRelationTool(_BioGPTTool):
    """Extracts relations from a text; the artifact is the list of them, with offsets and scores.

    Attributes:
        task: A relation task, by its name or its TOML file. None for the LLM's own task if it
            finds relations, or the first such task that the model was taught, or else "bc5cdr": a
            model that was taught none is shown solved examples.
    """

    _text = EXTRACT_RELATIONS

    name: str = EXTRACT_RELATIONS.name
    description: str = ""  # says what the task finds
    args_schema: ArgsSchema | None = Field(default=EXTRACT_RELATIONS.arguments, exclude=True)
    task: str | None = None

    @field_validator("task")
    @classmethod
    def _finds_relations(cls, name: str | None) -> str | None:
        return name and relation_task(name)

    @model_validator(mode="after")
    def _described(self) -> Self:
        self.description = self.description or describe_relations(self.llm, self.task)
        return self

    def _task_name(self) -> str:
        return wanted_relations(self.llm, self.task)


class BioGPTAnswerTool(_BioGPTTool):
    """Answers a yes/no question from a passage; the artifact is an Answer with probabilities."""

    _text = ANSWER_QUESTION

    name: str = ANSWER_QUESTION.name
    description: str = ANSWER_QUESTION.description
    args_schema: ArgsSchema | None = Field(default=ANSWER_QUESTION.arguments, exclude=True)


class BioGPTDescribeTool(_BioGPTTool):
    """Describes a term; the artifact is what the model wrote behind "{term} is"."""

    _text = DESCRIBE_TERM

    name: str = DESCRIBE_TERM.name
    description: str = DESCRIBE_TERM.description
    args_schema: ArgsSchema | None = Field(default=DESCRIBE_TERM.arguments, exclude=True)


class BioGPTCompleteTool(_BioGPTTool):
    """Continues a text; the artifact is the continuation, without the text."""

    _text = COMPLETE_TEXT

    name: str = COMPLETE_TEXT.name
    description: str = COMPLETE_TEXT.description
    args_schema: ArgsSchema | None = Field(default=COMPLETE_TEXT.arguments, exclude=True)


class BioGPTToolkit(Options, BaseToolkit):
    """All tools on one model, which is loaded by the first that is called.

    A tool's content is a short text for the chat model, and says how much of the result it leaves
    out; the artifact is the whole result for the program. What comes back out of a LangGraph
    checkpoint is the artifact's dump, which pydantic reads: `Answer.model_validate(dump)`.

    What a tool cannot do is a ToolException that says what to do about it. Whoever passes plain
    arguments gets it raised. The maker of a tool call is told, in a ToolMessage with the status
    "error", so that an agent goes on: LangGraph's ToolNode would end its run.

    A model that was not taught a tool's task is asked all the same, and a warning says so when it
    is loaded. Fine-tuned models hardly describe or continue texts: make the tools one by one to
    leave those two out, or to put a pretrained model behind them.

    Attributes:
        llm: The model, and how it writes. A relation task of its own is that of the relation tool.
        max_characters: Most characters of a tool's content.
    """

    model_config = ConfigDict(extra="forbid")

    llm: BioGPTLLM = Field(default_factory=BioGPTLLM)
    max_characters: int = Field(default=2000, ge=LEAST)

    def get_tools(self) -> list[BaseTool]:
        """The tools: relations, answers, descriptions, continuations."""
        kinds = (BioGPTRelationTool, BioGPTAnswerTool, BioGPTDescribeTool, BioGPTCompleteTool)
        return [kind(llm=self.llm, max_characters=self.max_characters) for kind in kinds]


@contextmanager
def _tool_exceptions() -> Iterator[None]:
    try:
        yield
    except BioGPTError as error:
        raise ToolException(explain(Failure.of(error))) from error
