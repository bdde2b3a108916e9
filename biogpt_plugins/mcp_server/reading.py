"""The tools that read texts with the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

from biogpt_plugins.engine import in_thread
from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.hosts.tool_texts import (
    ANSWER_QUESTION,
    DESCRIBE_TERM,
    EXTRACT_RELATIONS,
    LEAST,
    ONCE,
    ToolText,
    describe_relations,
    explain,
    wanted_relations,
)
from biogpt_plugins.mcp_server import bounds
from biogpt_plugins.mcp_server.kit import Progress, Told, Tool
from biogpt_plugins.mcp_server.values import (
    AnswerArguments,
    AnswerResult,
    DescribeArguments,
    DescribeResult,
    End,
    ExtractArguments,
    ExtractResult,
    FoundRelation,
    GivenPaper,
    PaperAnswer,
    PaperRelations,
)
from biogpt_plugins.tasks import get_task
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.text.spelling import sentence_of
from biogpt_plugins.values.inputs import Paper, Question, Text
from biogpt_plugins.values.results import Prediction, Relation, Usage

_SEVERAL = "Call it once for all papers that you have."

Admit = Callable[[int], AbstractContextManager[Callable[[Usage], None]]]
"""Takes places for a number of texts, or raises a BioGPTError; gives what counts their tokens."""


@contextmanager
def admit_all(_: int) -> Iterator[Callable[[Usage], None]]:
    """Admit every call, and count nothing."""
    yield lambda _: None


class Reader:
    """Reads texts with one model, which is loaded at the first call unless it is loaded.

    All calls share its engine, and with it its queue; a call that is cancelled stops its work.
    """

    def __init__(self, llm: LLMFields, task: str | None = None, admit: Admit = admit_all) -> None:
        """Set up.

        Args:
            llm: The model, and how it is used.
            task: The relation task; None for the model's own.
            admit: Admits the texts of a call.
        """
        self._llm, self._task, self._admit = llm, task, admit
        # The name of a folder tells nothing of the machine's other folders.
        self._name = Path(llm.model).name if Path(llm.model).is_absolute() else llm.model

    def tools(self) -> list[Tool]:
        """All tools."""
        return [
            Tool(
                name=EXTRACT_RELATIONS.name,
                title="Extract relations from papers",
                description=describe_relations(self._llm, self._task).replace(ONCE, _SEVERAL),
                arguments=ExtractArguments,
                result=ExtractResult,
                call=self.extract,
            ),
            Tool(
                name=ANSWER_QUESTION.name,
                title="Answer a yes/no question from papers",
                description=ANSWER_QUESTION.description.replace(ONCE, _SEVERAL),
                arguments=AnswerArguments,
                result=AnswerResult,
                call=self.answer,
            ),
            Tool(
                name=DESCRIBE_TERM.name,
                title="Describe a biomedical term",
                description=DESCRIBE_TERM.description,
                arguments=DescribeArguments,
                result=DescribeResult,
                call=self.describe,
            ),
        ]

    async def extract(self, asked: ExtractArguments, progress: Progress) -> Told:
        """Find the relations of papers."""
        task = await in_thread(wanted_relations, self._llm, self._task)
        papers = [_paper(one) for one in asked.papers]
        found = await self._read(EXTRACT_RELATIONS, task, papers, progress)
        if failed := _failed(found):
            return failed
        asks = [{"text": paper.source} for paper in papers]
        result = ExtractResult(
            model=self._name,
            task=task,
            searched_for=get_task(task).summary,
            papers=[
                _relations(name, SourceText(one.source), prediction)
                for name, one, prediction in zip(_names(asked.papers), papers, found, strict=True)
            ],
        )
        return Told(_content(EXTRACT_RELATIONS, asked.papers, asks, found), result)

    async def answer(self, asked: AnswerArguments, progress: Progress) -> Told:
        """Answer a question from papers."""
        question = asked.question
        asks = [
            {"question": question, "context": _paper(one).source.strip()} for one in asked.papers
        ]
        inputs = [Question(question=question, text=one["context"]) for one in asks]
        found = await self._read(ANSWER_QUESTION, str(ANSWER_QUESTION.task), inputs, progress)
        if failed := _failed(found):
            return failed
        result = AnswerResult(
            model=self._name,
            question=question,
            papers=[_answer(*pair) for pair in zip(_names(asked.papers), found, strict=True)],
        )
        return Told(_content(ANSWER_QUESTION, asked.papers, asks, found), result)

    async def describe(self, asked: DescribeArguments, progress: Progress) -> Told:
        """Describe a term."""
        asks = {"term": asked.term}
        inputs = [Text(text=asked.term)]
        found = await self._read(DESCRIBE_TERM, str(DESCRIBE_TERM.task), inputs, progress)
        if failed := _failed(found):
            return failed
        result = DescribeResult(
            model=self._name,
            term=asked.term,
            description=str(found[0].result),
            notes=list(found[0].warnings),
        )
        return Told(_told(DESCRIBE_TERM, asks, found[0], bounds.CONTENT), result)

    async def _read(
        self, tool: ToolText, task: str, inputs: Sequence[Text], progress: Progress
    ) -> list[Prediction[Any]]:
        """The predictions for inputs, some at a time.

        Raises:
            BioGPTError: The model cannot be used.
        """
        every, done = len(inputs), list[Prediction[Any]]()
        with self._admit(every) as note:
            await progress(0, every, f"asking the model {self._name}")
            bind = partial(self._llm.bind_with_options, task, **tool.options)
            pipeline = await in_thread(bind)  # loads the model
            while len(done) < every:
                chunk = inputs[len(done) : len(done) + bounds.TOGETHER]
                done += await in_thread(pipeline.run, chunk)
                await progress(len(done), every, f"read {len(done)} of {every}")
            for one in done:
                note(one.usage)
        return done


def _failed(predictions: Sequence[Prediction[Any]]) -> Told | None:
    """What is told if no input could be read."""
    errors = [one.error for one in predictions if one.error]
    return Told(explain(errors[0])) if len(errors) == len(predictions) else None


def _paper(given: GivenPaper) -> Paper:
    return Paper(id=given.id or None, title=given.title, text=given.text)


def _names(papers: Sequence[GivenPaper]) -> list[str]:
    return [paper.id or str(number) for number, paper in enumerate(papers, start=1)]


def _told(tool: ToolText, asked: dict[str, str], prediction: Prediction[Any], most: int) -> str:
    return tool.tell(asked, prediction, most).content


def _content(
    tool: ToolText,
    papers: Sequence[GivenPaper],
    asks: Sequence[dict[str, str]],
    found: Sequence[Prediction[Any]],
) -> str:
    """What is told the chat model: of one paper as by the tools of other hosts."""
    if len(found) == 1:
        return _told(tool, asks[0], found[0], bounds.CONTENT)
    most = max(LEAST, min(bounds.CONTENT, bounds.ALL_CONTENT // len(found)))
    return "\n\n".join(
        f"Paper {name}: " + (explain(one.error) if one.error else _told(tool, asked, one, most))
        for name, asked, one in zip(_names(papers), asks, found, strict=True)
    )


def _common(name: str, prediction: Prediction[Any]) -> dict[str, Any]:
    error = prediction.error and explain(prediction.error)
    return {"paper": name, "error": error, "notes": list(prediction.warnings)}


def _relations(name: str, text: SourceText, prediction: Prediction[Any]) -> PaperRelations:
    every = prediction.relations
    return PaperRelations(
        **_common(name, prediction),
        relations=[found_relation(one, text) for one in every[: bounds.RELATIONS]],
        left_out=max(0, len(every) - bounds.RELATIONS),
    )


def found_relation(relation: Relation, text: SourceText) -> FoundRelation:
    """A relation as a tool answers it."""
    place = sentence_of(relation, text)
    return FoundRelation(
        head=End.of(relation.head),
        type=relation.type,
        tail=End.of(relation.tail),
        score=relation.score,
        negated=relation.negated,
        speculated=relation.speculated,
        sentence=shorten(text[slice(*place)], bounds.SENTENCE) if place else None,
    )


def _answer(name: str, prediction: Prediction[Any]) -> PaperAnswer:
    answer = prediction.result
    if answer is None:
        return PaperAnswer(**_common(name, prediction))
    return PaperAnswer(
        **_common(name, prediction),
        answer=answer.label,
        probabilities=answer.probabilities,
        abstained=answer.abstained,
    )
