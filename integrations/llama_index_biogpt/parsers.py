"""LlamaIndex output parsers: from a BioGPT's completion to relations, answers and hallmarks.

`LLM.predict` gives text, whatever a parser makes of it: parse what it gives, or have the host's
`LLMTextCompletionProgram` do both, with `output_cls=list` for relations.
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
    """A completion that cannot be read, as this package's error and as the host's."""


@dataclass(frozen=True, kw_only=True)
class _TaskOutputParser(BaseOutputParser, Generic[ResultT]):
    task: str
    source: str | None = None
    few_shot: bool = False

    def __post_init__(self) -> None:
        if not self._reads(get_task(self.task)):
            fit = " or ".join(task.name for task in TASKS.values() if self._reads(task))
            raise InputError(f"{type(self).__name__} does not read task {self.task!r}: use {fit}")

    def parse(self, output: str) -> ResultT:
        """Read a completion.

        Raises:
            UnreadableCompletionError: It cannot be read; `completion` holds it.
        """
        return self._read(output, self.source)

    def format(self, query: str) -> str:
        """The query as it stands, or framed behind solved examples of the task.

        BioGPT follows no instructions. A model that was taught the task wants its text alone; a
        pretrained one goes on with examples, which `few_shot` asks for. A query that begins with
        them already stays as it is.
        """
        task = get_task(self.task)
        if not self.few_shot or query.startswith(task.demonstrations):
            return query
        return task.prompt(query).source

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        raise NotImplementedError

    def _read(self, completion: str, source: str | None) -> ResultT:
        # A model that was shown examples goes on with texts of its own making.
        own = completion.partition(CUE)[0] if self.few_shot else completion
        try:
            return cast("ResultT", get_task(self.task).interpret(own, source).result)
        except ParseError as error:
            raise UnreadableCompletionError(str(error), completion) from error


@dataclass(frozen=True, kw_only=True)
class RelationOutputParser(_TaskOutputParser[list[Relation]]):
    """Reads relations. An empty list means that the model says there are none.

    Attributes:
        task: A task whose result is relations.
        source: The text that was read: ends of relations get their offsets in it. For many texts
            use `parse_with_source`.
        few_shot: Whether `format` puts solved examples before a query.
    """

    task: str = "bc5cdr"

    def parse_with_source(self, output: str, source: str) -> list[Relation]:
        """Read a completion and find the ends of its relations in the text that was read.

        Raises:
            UnreadableCompletionError: It cannot be read; `completion` holds it.
        """
        return self._read(output, source)

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "relations"


@dataclass(frozen=True, kw_only=True)
class AnswerOutputParser(_TaskOutputParser[Answer]):
    """Reads a yes/no/maybe answer.

    Attributes:
        task: A task whose result is an answer.
        few_shot: Whether `format` puts solved examples before a query.
    """

    task: str = "pubmedqa"

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "answer"


@dataclass(frozen=True, kw_only=True)
class HallmarksOutputParser(_TaskOutputParser[Hallmarks]):
    """Reads hallmarks of cancer. No labels mean that the model says there are none.

    Attributes:
        task: A task whose result is hallmarks.
        few_shot: Whether `format` puts solved examples before a query.
    """

    task: str = "hoc"

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "labels"
