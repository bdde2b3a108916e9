"""Agent tools: what a BioGPT can do for a chat model that calls tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from textwrap import shorten
from typing import Any, Literal

from langchain_core.messages import ToolCall
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import ArgsSchema, BaseTool, BaseToolkit, ToolException
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from typing_extensions import Self

from biogpt_plugins import Prediction, Relation
from biogpt_plugins.binding import relation_task
from biogpt_plugins.engine import in_thread
from biogpt_plugins.errors import BioGPTError, InputError, ModelError
from biogpt_plugins.mentions import sentence_of
from biogpt_plugins.results import Failure
from biogpt_plugins.tasks import get_task
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.runnables import BioGPTTask

_FOR_A_FAULT = {
    "InputError": "",
    "ContextOverflowError": "",
    "ParseError": " This is a failure of the tool and no finding: try once more with a shorter "
    "text, or go on without it.",
}
_FOR_ANY_OTHER = " Calling this tool again does not help: go on without it."
_ENTRY = 400  # characters of one relation and its sentence
_NOTE = 200
_LEAST = 800  # room for the first relation, whatever its length, and all that stands around it


class _BioGPTTool(BaseTool):
    """A task as a tool; `BioGPTToolkit` says what holds for all.

    Attributes:
        llm: The model, and how it writes.
        max_characters: Most characters of the content.
        handle_tool_error: As the host has it; None tells chat models, and raises for programs.
    """

    model_config = ConfigDict(extra="forbid")

    llm: BioGPTLLM = Field(default_factory=BioGPTLLM)
    max_characters: int = Field(default=2000, ge=_LEAST)
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
            raise _tool_exception(prediction.error)
        head, entries = self._tell(asked, prediction)
        remarks = "; ".join(prediction.warnings)
        notes = [shorten(f"Note: {remarks}", _NOTE)] if remarks else []
        return _within(self.max_characters, head, entries, notes), prediction.result

    def _task(self) -> BioGPTTask:
        raise NotImplementedError

    def _tell(self, asked: dict[str, str], prediction: Prediction[Any]) -> tuple[str, list[str]]:
        """The result in words: what stands first, and a list if there is one."""
        raise NotImplementedError


class _Passage(BaseModel):
    text: str = Field(
        description="The passage to read, word for word: a title and abstract, or a few sentences. "
        "No summary, no question, no search terms."
    )


class BioGPTRelationTool(_BioGPTTool):
    """Extracts relations from a text; the artifact is the list of them, with offsets and scores.

    Attributes:
        task: "bc5cdr", "ddi" or "kd_dti". None for the LLM's own task if it finds relations, or
            the first such task that the model was taught, or else "bc5cdr": a model that was
            taught none is shown solved examples.
    """

    name: str = "extract_relations"
    description: str = ""  # says what the task finds
    args_schema: ArgsSchema | None = Field(default=_Passage, exclude=True)
    task: str | None = None

    @field_validator("task")
    @classmethod
    def _finds_relations(cls, name: str | None) -> str | None:
        return name and relation_task(name)

    @model_validator(mode="after")
    def _described(self) -> Self:
        if not self.description:
            try:
                finds = get_task(self._task_name(local_files_only=True)).summary
            except ModelError:  # it is not on this machine yet
                finds = "which relations its model was taught to find"
            self.description = (
                f"Extract relations from a biomedical text: {finds}. Use it when you have a "
                "passage of a paper and need to know which of these relations it states; call it "
                "once for each paper. It reads the passage that you pass and nothing else, does "
                "not search for papers, and finds no other kind of relation. It is a small local "
                "model that misses some and mistakes others: each relation comes with the "
                "sentence that it stands in, so that you can check it."
            )
        return self

    def _task_name(self, *, local_files_only: bool | None = None) -> str:
        with suppress(InputError):
            return relation_task(self.task or self.llm.task or "")
        with suppress(InputError):
            return self.llm.own_relation_task(local_files_only=local_files_only)
        return "bc5cdr"

    def _task(self) -> BioGPTTask:
        options = {"logprobs": True}
        return BioGPTTask(llm=self.llm, task=self._task_name(), options=options, predictions=True)

    def _tell(self, asked: dict[str, str], prediction: Prediction[Any]) -> tuple[str, list[str]]:
        finds = get_task(prediction.task).summary
        if not prediction.result:
            return f"No relation was found in this text. Looked for: {finds}.", []
        entries = [_relation(relation, asked["text"]) for relation in prediction.result]
        return f"Relations found ({finds}):", entries


class _QuestionAndContext(BaseModel):
    question: str = Field(description="A question that can be answered by yes, no or maybe.")
    context: str = Field(
        description="The passage to answer it from, word for word: an abstract, or its findings."
    )


class BioGPTAnswerTool(_BioGPTTool):
    """Answers a yes/no question from a passage; the artifact is an Answer with probabilities."""

    name: str = "answer_question"
    description: str = (
        "Answer a biomedical yes/no question from a passage: yes, no or maybe, with the "
        "probability of each. Use it when you have an abstract and need to know whether it "
        "supports a claim; call it once for each paper. It reads the passage that you pass and "
        "nothing else, and does not search for papers. Not for questions that ask what, which or "
        "how many. It is a small local model: where the probabilities are close, read the passage "
        "yourself."
    )
    args_schema: ArgsSchema | None = Field(default=_QuestionAndContext, exclude=True)

    def _task(self) -> BioGPTTask:
        return BioGPTTask(llm=self.llm, task="pubmedqa", predictions=True)

    def _tell(self, asked: dict[str, str], prediction: Prediction[Any]) -> tuple[str, list[str]]:  # noqa: ARG002
        answer: Any = prediction.result
        if not answer.probabilities:  # the pipeline at hand writes its answers
            return answer.label, []
        shares = (f"{label} {share:.1%}" for label, share in answer.probabilities.items())
        return f"{answer.label} (probabilities: {', '.join(shares)})", []


class _Term(BaseModel):
    term: str = Field(description="The term alone: a gene, protein, drug, disease or method.")


class BioGPTDescribeTool(_BioGPTTool):
    """Describes a term; the artifact is what the model wrote behind "{term} is"."""

    name: str = "describe_term"
    description: str = (
        "Describe a biomedical term, such as a gene, protein, drug, disease or method, in a "
        "sentence or two. Use it for a term that you do not know and have no text about. Not for "
        "questions and not for passages. It is a small local model that writes from memory and "
        "may be wrong: never give what it says as a fact without another source."
    )
    args_schema: ArgsSchema | None = Field(default=_Term, exclude=True)

    def _task(self) -> BioGPTTask:
        return _writing(self.llm, "describe")

    def _tell(self, asked: dict[str, str], prediction: Prediction[Any]) -> tuple[str, list[str]]:
        return f"{asked['term'].strip()} is {prediction.result}", []


class _Beginning(BaseModel):
    text: str = Field(
        description="The beginning of a scientific sentence or paragraph, in the style of a "
        "PubMed abstract. No instruction, no question."
    )


class BioGPTCompleteTool(_BioGPTTool):
    """Continues a text; the artifact is the continuation, without the text."""

    name: str = "complete_text"
    description: str = (
        "Continue a biomedical text in the style of a PubMed abstract; gives the continuation "
        "alone. Use it to draft wording. It follows no instructions and answers no questions. It "
        "is a small local model that makes up facts and figures: never cite what it writes."
    )
    args_schema: ArgsSchema | None = Field(default=_Beginning, exclude=True)

    def _task(self) -> BioGPTTask:
        return _writing(self.llm, "generate")

    def _tell(self, asked: dict[str, str], prediction: Prediction[Any]) -> tuple[str, list[str]]:  # noqa: ARG002
        return str(prediction.result), []


class BioGPTToolkit(BaseToolkit):
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
    max_characters: int = Field(default=2000, ge=_LEAST)

    def get_tools(self) -> list[BaseTool]:
        """The tools: relations, answers, descriptions, continuations."""
        kinds = (BioGPTRelationTool, BioGPTAnswerTool, BioGPTDescribeTool, BioGPTCompleteTool)
        return [kind(llm=self.llm, max_characters=self.max_characters) for kind in kinds]


def _writing(llm: BioGPTLLM, task: str) -> BioGPTTask:
    # Nothing can be made of a text that goes on where its end was cut off.
    return BioGPTTask(llm=llm, task=task, options={"truncate": False}, predictions=True)


@contextmanager
def _tool_exceptions() -> Iterator[None]:
    try:
        yield
    except BioGPTError as error:
        raise _tool_exception(Failure.of(error)) from error


def _tool_exception(failure: Failure) -> ToolException:
    advice = _FOR_A_FAULT.get(failure.type, _FOR_ANY_OTHER)
    return ToolException(f"{failure.message.rstrip('.')}.{advice}")


def _relation(relation: Relation, text: str) -> str:
    ends = (relation.head, relation.tail)
    head, tail = (f"{end.text} ({end.type})" for end in ends)
    line = f"- {head} -[{relation.type}]-> {tail}"
    strange = [repr(end.name) for end in ends if not end.grounded]
    if strange:
        return shorten(f"{line} (not in this text: {', '.join(strange)})", _ENTRY)
    sentence = sentence_of(relation, text)
    return shorten(f'{line}: "{text[slice(*sentence)]}"' if sentence else line, _ENTRY)


def _within(most: int, head: str, entries: Sequence[str], notes: Sequence[str]) -> str:
    """As many entries as fit, and how many more there are; a head that is too long loses its end.

    The notes are always there.
    """
    for shown in range(len(entries), -1, -1):
        left = [f"... and {len(entries) - shown} more"] if shown < len(entries) else []
        text = "\n".join([head, *entries[:shown], *left, *notes])
        if len(text) <= most:
            return text
    excess = len(text) - most + len(f"... and {len(head)} more characters")
    kept = head[: len(head) - excess].rstrip()
    return "\n".join([f"{kept}... and {len(head) - len(kept)} more characters", *notes])
