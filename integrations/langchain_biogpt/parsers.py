"""LangChain output parsers from BioGPT completions to relations, answers and hallmarks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import BaseCumulativeTransformOutputParser, BaseOutputParser
from langchain_core.outputs import Generation
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import run_in_executor
from pydantic import field_validator

from biogpt_plugins import TASKS, Answer, Hallmarks, Relation
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.text.evidence import identity
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.errors import InputError, ParseError

ResultT = TypeVar("ResultT")


def unreadable(task: str, reason: str, completion: str | None) -> OutputParserException:
    """The host's error for a completion that cannot be parsed as a task's result."""
    targets = "\n".join(target for _, target in get_task(task).shots)
    return OutputParserException(
        reason,
        observation=f"{reason}\nUse this format:\n{targets}",
        llm_output=completion,
        send_to_llm=True,
    )


class _TaskOutputParser(BaseOutputParser[ResultT], Generic[ResultT]):
    task: str
    source: str | None = None

    def parse(self, text: str) -> ResultT:
        """Parse a completion.

        Raises:
            OutputParserException: The completion cannot be read; `llm_output` contains it.
        """
        return self._read(text, self.source)

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> ResultT:
        """Parse the first generation; its info says whether it was cut off."""
        first = result[0]
        cut = (first.generation_info or {}).get("finish_reason", "stop") != "stop"
        return self._read(first.text, self.source, cut=cut or partial)

    def get_format_instructions(self) -> str:
        """The task's solved examples; BioGPT does not follow instructions but continues examples.

        For papers, `"{format_instructions}Abstract: {abstract} Conclusion:"` gives the prompt of
        `few_shot_prompt`.
        """
        return get_task(self.task).demonstrations

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    @property
    def _type(self) -> str:
        return f"biogpt_{self.task}"

    @field_validator("task")
    @classmethod
    def _writes_what_is_read_here(cls, name: str) -> str:
        task = get_task(name)
        if not cls._reads(task):
            fit = " or ".join(task.name for task in TASKS.values() if cls._reads(task))
            raise InputError(f"{cls.__name__} cannot parse task {name!r}: use {fit}")
        return task.name

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        raise NotImplementedError

    def _read(
        self,
        completion: str,
        source: str | None,
        *,
        cut: bool = False,
        task: Task[Any] | None = None,
    ) -> ResultT:
        task = task or get_task(self.task)
        try:
            return cast(ResultT, task.interpret(completion, source, cut=cut).result)
        except ParseError as error:
            raise unreadable(self.task, str(error), completion) from error


class RelationOutputParser(
    _TaskOutputParser[list[Relation]], BaseCumulativeTransformOutputParser[list[Relation]]
):
    """Parses relations. An empty list means that the model found none.

    A stream yields a longer list after each complete clause and never takes back a relation. The
    last list is the one that `invoke` returns for the whole completion. If the completion cannot be
    read, the stream raises at its end. Closing the stream of a chain stops the LLM before it.

    Attributes:
        task: A task whose result is relations.
        source: The text that the model read; relations get offsets in it. In a chain with many
            texts use `create_relation_chain` or `parse_with_source`.
        diff: Stream only the new relations each time.
    """

    task: str = "bc5cdr"

    def parse_with_source(self, completion: str, source: str) -> list[Relation]:
        """Parse a completion and find the ends of its relations in the source text.

        Raises:
            OutputParserException: The completion cannot be read; `llm_output` contains it.
        """
        return self._read(completion, source)

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> list[Relation]:
        """Parse the first generation; its info says whether it was cut off.

        If `partial`, return only the relations that the rest of the text cannot change.
        """
        if not partial:
            return super().parse_result(result)
        try:
            return self.parse(get_task(self.task).settled(result[0].text))
        except OutputParserException:
            return []

    def transform(
        self,
        input: Iterator[str | BaseMessage],
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[list[Relation]]:
        closed = False

        def while_open() -> Iterator[str | BaseMessage]:
            for chunk in input:
                yield chunk
                if closed:
                    return

        stream = super().transform(while_open(), config, **kwargs)
        try:
            for found in stream:  # noqa: UP028 - `yield from` would close the stream first
                yield found
        finally:
            closed = True  # the host reads the input to the end when its stream is closed

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[list[Relation]]:
        stream = RelationStream(self)
        for chunk in input:
            yield from stream.add(chunk)
        yield from stream.end()

    async def _atransform(
        self,
        input: AsyncIterator[str | BaseMessage],
    ) -> AsyncIterator[list[Relation]]:
        stream = RelationStream(self)
        async for chunk in input:
            for found in await run_in_executor(None, stream.add, chunk):
                yield found
        for found in await run_in_executor(None, stream.end):
            yield found

    def _diff(self, prev: list[Relation] | None, next: list[Relation]) -> list[Relation]:
        return [relation for relation in next if relation not in (prev or [])]

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "relations"


class RelationStream:
    """Parses a stream of pieces and decides which lists of relations to yield."""

    def __init__(
        self,
        parser: RelationOutputParser,
        placed: Callable[[list[Relation]], list[Relation]] | None = None,
        task: Task[Any] | None = None,
    ) -> None:
        """Parse with a parser.

        Args:
            parser: The parser.
            placed: Converts the offsets of what is yielded.
            task: The task that reads completions; None for the parser's own.
        """
        self._placed = placed or list
        self._task = task or get_task(parser.task)
        # All clauses are read with the same source text.
        source = SourceText(parser.source) if parser.source else None
        self._parser = parser.model_copy(update={"source": source})
        self._pieces: list[str] = []
        self._unsettled = self._task.unsettled()
        self._known: set[tuple[str, str, str]] = set()
        self._found: list[Relation] | None = None

    def add(self, chunk: str | BaseMessage) -> list[list[Relation]]:
        """The relations so far, if this piece completes a clause."""
        piece = chunk if isinstance(chunk, str) else chunk.text
        self._pieces.append(piece)
        part = self._unsettled.add(piece) if self._unsettled else ""
        try:
            found = self._parser._read(part, self._parser.source, task=self._task) if part else []
        except OutputParserException:  # the end may say that there is no relation
            return []
        new = [relation for relation in found if identity(relation) not in self._known]
        self._known.update(map(identity, new))
        return self._next([*(self._found or ()), *new]) if new else []

    def end(self, found: list[Relation] | None = None) -> list[list[Relation]]:
        """The relations of the whole completion, unless they were already yielded.

        Args:
            found: The relations; None parses the completion.

        Raises:
            OutputParserException: The completion cannot be read.
        """
        found = self._parser.parse("".join(self._pieces)) if found is None else found
        return self._next(found) if found != self._found else []

    def _next(self, found: list[Relation]) -> list[list[Relation]]:
        before, self._found = self._found, found
        shown = self._parser._diff(before, found) if self._parser.diff else found
        shown = self._placed(shown)
        return [shown if self._parser.diff else _SoFar(shown, self)]


class _SoFar(list[Relation]):
    """A list that contains the lists before it in its stream, so that the last one is their sum.

    Hosts add up the chunks of a stream.
    """

    def __init__(self, found: list[Relation], stream: RelationStream) -> None:
        super().__init__(found)
        self._stream = stream

    def __add__(self, other: list[Relation]) -> list[Relation]:  # type: ignore[override]
        if isinstance(other, _SoFar) and other._stream is self._stream:
            return other
        return [*self, *other]

    __iadd__ = __add__  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[list[Relation]], tuple[list[Relation]]]:
        return list, ([*self],)


class AnswerOutputParser(_TaskOutputParser[Answer]):
    """Parses a yes/no/maybe answer.

    Attributes:
        task: A task whose result is an answer.
    """

    task: str = "pubmedqa"

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "answer"


class HallmarksOutputParser(_TaskOutputParser[Hallmarks]):
    """Parses hallmarks of cancer. No labels means that the model found none.

    Attributes:
        task: A task whose result is hallmarks.
    """

    task: str = "hoc"

    @staticmethod
    def _reads(task: Task[Any]) -> bool:
        return task.kind == "labels"
