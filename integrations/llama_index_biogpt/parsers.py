"""LlamaIndex output parsers from BioGPT completions to relations, answers and hallmarks.

`LLM.predict` always returns text, even with an output parser. Parse this text, or use the host's
`LLMTextCompletionProgram`, with `output_cls=list` for relations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from llama_index.core.output_parsers.base import OutputParserException
from llama_index.core.types import BaseOutputParser

from biogpt_plugins import TASKS, Answer, Hallmarks, Relation
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.layouts import CUE
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError, ParseError

ResultT = TypeVar("ResultT")


class UnreadableCompletionError(ParseError, OutputParserException):
    """A completion that cannot be read; both this package's and the host's error type."""


@dataclass(frozen=True, kw_only=True)
class _TaskOutputParser(BaseOutputParser, Generic[ResultT]):
    task: str
    source: str | None = None
    few_shot: bool = False

    def __post_init__(self) -> None:
        if not self._reads(get_task(self.task)):
            fit = " or ".join(task.name for task in TASKS.values() if self._reads(task))
            raise InputError(f"{type(self).__name__} cannot parse task {self.task!r}: use {fit}")

    def parse(self, output: str) -> ResultT:
        """Parse a completion.

        Raises:
            UnreadableCompletionError: The completion cannot be read; `completion` contains it.
        """
        return self._read(output, self.source)

    def format(self, query: str) -> str:
        """The unchanged query or, with `few_shot`, solved examples of the task and the query.

        BioGPT does not follow instructions. A model that was trained for the task needs only the
        text; a pretrained model needs solved examples (`few_shot`). A query that already begins
        with the examples is not changed.
        """
        task = get_task(self.task)
        if not self.few_shot or query.startswith(task.demonstrations):
            return query
        return task.prompt(query).source

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        raise NotImplementedError

    def _read(self, completion: str, source: str | None) -> ResultT:
        # After solved examples, a model continues with invented texts.
        own = completion.partition(CUE)[0] if self.few_shot else completion
        try:
            return cast("ResultT", get_task(self.task).interpret(own, source).result)
        except ParseError as error:
            raise UnreadableCompletionError(str(error), completion) from error


@dataclass(frozen=True, kw_only=True)
class RelationOutputParser(_TaskOutputParser[list[Relation]]):
    """Parses relations. An empty list means that the model found none.

    Attributes:
        task: A task whose result is relations.
        source: The text that the model read; relations get offsets in it. For many texts use
            `parse_with_source`.
        few_shot: Whether `format` adds solved examples before a query.
    """

    task: str = "bc5cdr"

    def parse_with_source(self, output: str, source: str) -> list[Relation]:
        """Parse a completion and find the ends of its relations in the source text.

        Raises:
            UnreadableCompletionError: The completion cannot be read; `completion` contains it.
        """
        return self._read(output, source)

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "relations"


@dataclass(frozen=True, kw_only=True)
class AnswerOutputParser(_TaskOutputParser[Answer]):
    """Parses a yes/no/maybe answer.

    Attributes:
        task: A task whose result is an answer.
        few_shot: Whether `format` adds solved examples before a query.
    """

    task: str = "pubmedqa"

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "answer"


@dataclass(frozen=True, kw_only=True)
class HallmarksOutputParser(_TaskOutputParser[Hallmarks]):
    """Parses hallmarks of cancer. No labels means that the model found none.

    Attributes:
        task: A task whose result is hallmarks.
        few_shot: Whether `format` adds solved examples before a query.
    """

    task: str = "hoc"

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "labels"
