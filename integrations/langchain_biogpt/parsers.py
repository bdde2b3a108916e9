"""LangChain output parsers: from a BioGPT's completion to relations and answers."""

from __future__ import annotations

from typing import Generic, TypeVar, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.output_parsers import BaseOutputParser
from langchain_core.outputs import Generation

from biogpt_plugins import Answer, Relation
from biogpt_plugins.errors import ParseError
from biogpt_plugins.grounding import ground
from biogpt_plugins.tasks import get_task

ResultT = TypeVar("ResultT")


class _TaskOutputParser(BaseOutputParser[ResultT], Generic[ResultT]):
    task: str
    source: str | None = None

    def parse(self, text: str) -> ResultT:
        """Read a completion.

        Raises:
            OutputParserException: It cannot be read; `llm_output` is the completion.
        """
        return self._read(text, self.source)

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> ResultT:
        """Read the first generation, heeding that it was cut off if its info says so."""
        first = result[0]
        cut = (first.generation_info or {}).get("finish_reason", "stop") != "stop"
        return self._read(first.text, self.source, cut=cut or partial)

    def get_format_instructions(self) -> str:
        """The task's demonstrations, one a line: all that BioGPT understands of instructions."""
        return "\n".join(target for _, target in get_task(self.task).shots)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    @property
    def _type(self) -> str:
        return f"biogpt_{self.task}"

    def _read(self, completion: str, source: str | None, *, cut: bool = False) -> ResultT:
        task = get_task(self.task)
        try:
            result = task.parse(completion, source, cut=cut)
        except ParseError as error:
            raise OutputParserException(
                str(error),
                observation=f"{error} Write: {self.get_format_instructions()}",
                llm_output=completion,
                send_to_llm=True,
            ) from error
        found = ground(result, source) if task.grounded and source else result
        return cast(ResultT, found)


class RelationOutputParser(_TaskOutputParser[list[Relation]]):
    """Reads relations. An empty list means that the model says there are none.

    Attributes:
        task: A task whose result is relations.
        source: The text that was read: ends of relations get their offsets in it. In a chain
            with many texts use `create_relation_chain`, or `parse_with_source`.
    """

    task: str = "bc5cdr"

    def parse_with_source(self, completion: str, source: str) -> list[Relation]:
        """Read a completion and find the ends of its relations in the text that was read.

        Raises:
            OutputParserException: It cannot be read; `llm_output` is the completion.
        """
        return self._read(completion, source)


class AnswerOutputParser(_TaskOutputParser[Answer]):
    """Reads a yes/no/maybe answer.

    Attributes:
        task: A task whose result is an answer.
    """

    task: str = "pubmedqa"
