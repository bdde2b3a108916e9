"""BioGPT tools for agents, that is, for chat models that call tools."""

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
    """A task as a tool; see `BioGPTToolkit` for what all tools have in common.

    Attributes:
        llm: The model and its decoding options.
        max_characters: Maximum length of the content.
        handle_tool_error: As in the host; None reports errors to chat models and raises them for
            programs.
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
            task = await in_thread(self._task)  # may search the hub for the model
            return self._reply(asked, await task.ainvoke(asked))

    def _answering(self, call: object) -> Self:
        """This tool, configured to answer a tool call even if it fails."""
        called = isinstance(call, dict) and call.get("type") == "tool_call"
        if not called or self.handle_tool_error is not None:
            return self
        return self.model_copy(update={"handle_tool_error": True})

    def _named(self, text: Sequence[str], arguments: dict[str, str]) -> dict[str, str]:
        # The host passes a tool's only argument without its name if the caller did.
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
    """Extracts relations from a text; the artifact is their list, with offsets and scores.

    Attributes:
        task: A relation task: its name or its TOML file. None uses the LLM's own task if it finds
            relations, or else the first relation task that the model was trained for, or else
            "bc5cdr" with solved examples in the prompt.
    """

    _text = EXTRACT_RELATIONS

    name: str = EXTRACT_RELATIONS.name
    description: str = ""  # filled in with the relations that the task finds
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
    """Describes a term; the artifact is the model's continuation of "{term} is"."""

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
    """All tools on one model, which is loaded at the first call of a tool.

    A tool's content is a short text for the chat model and says how much of the result it leaves
    out. The artifact is the complete result for the program. LangGraph checkpoints return the
    artifact's dump, which pydantic can read: `Answer.model_validate(dump)`.

    A tool that fails raises a ToolException that says what to do. With plain arguments the
    exception reaches the caller. A tool call is answered with a ToolMessage with the status
    "error", so that the agent continues; an exception would end the run of LangGraph's ToolNode.

    A tool also works with a model that was not trained for its task; a warning says so when the
    model is loaded. Fine-tuned models are poor at describing terms and continuing texts. Make the
    tools separately to leave these two out, or to give them a pretrained model.

    Attributes:
        llm: The model and its decoding options. If its task finds relations, the relation tool
            uses that task.
        max_characters: Maximum length of a tool's content.
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
