"""Questions answered from papers that a retriever finds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableLambda,
    RunnableSequence,
    RunnableSerializable,
)
from pydantic import ConfigDict

from biogpt_plugins import Prediction
from biogpt_plugins.engine import in_thread
from biogpt_plugins.findings.synthesis import PaperAnswer, Passage, distinct, synthesize
from biogpt_plugins.values.errors import InputError
from langchain_biogpt.documents import paper_id, paper_title
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.runnables import BioGPTTask, with_settings

_Found = dict[str, Any]  # "question" and "documents", as the host's retrieval chains hand them on


def create_paper_qa_chain(
    retriever: Runnable[str, list[Document]],
    llm: BioGPTLLM | None = None,
    **options: Any,  # noqa: ANN401 - settings of the LLM
) -> Runnable[str | Mapping[str, Any], PaperAnswer]:
    """A question in; the papers that a retriever finds are judged and put together to one answer.

    A text is judged once, however often it was found, and the parts of a paper, known by its id,
    make one vote. That no paper was found is an answer too, and asks no model; so is that papers
    could not be judged, each with its reason. What the retriever raises is raised.

    All papers of a question, and of a batch of questions, are judged by one call of the engine.
    A stream gives two answers: what was found, and then the whole. With `return_exceptions=True` a
    question that fails costs the others nothing.

    Args:
        retriever: Finds papers for a question; all of them vote, so let it leave out what is off
            the subject (`search_type="similarity_score_threshold"`). A Document's `page_content`
            is judged, and offsets count in it; `pmid` and `title` in its metadata name the paper.
        llm: The model, best one that was taught PubMedQA; its own task plays no part. None for
            the bundled model.
        options: Settings of the LLM, such as `abstain_below=0.6`.

    Returns:
        A runnable from a question, or a mapping with `question` or `input`, to a PaperAnswer.

    Raises:
        InputError: The retriever is none.
    """
    if not isinstance(retriever, Runnable):
        raise InputError(
            f"a retriever finds Documents for a question, but {type(retriever).__name__} does not: "
            "give store.as_retriever() of a vector store, RunnableLambda(function) of a function"
        )

    llm, asked = with_settings(llm, options)
    named: dict[str, Any] = {"predictions": True, "name": "judge_paper"}
    task = BioGPTTask(llm=llm, task="pubmedqa", options=asked, **named)
    return RunnableSequence(
        _PaperFinder(retriever=retriever), _PaperJudge(task=task), name="paper_qa"
    )


class _PaperFinder(RunnableSerializable[str | Mapping[str, Any], _Found]):
    """Finds the papers of a question."""

    name: str | None = "find_papers"
    retriever: Runnable[str, list[Document]]

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def invoke(
        self,
        input: str | Mapping[str, Any],
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> _Found:
        work: Any = self._find  # the host gives it what it asks for by name
        found: _Found = self._call_with_config(work, input, config, **kwargs)
        return found

    async def ainvoke(
        self,
        input: str | Mapping[str, Any],
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> _Found:
        work: Any = self._afind
        found: _Found = await self._acall_with_config(work, input, config, **kwargs)
        return found

    def _find(self, asked: str | Mapping[str, Any], config: RunnableConfig) -> _Found:
        question = _question(asked)
        return _found(question, self.retriever.invoke(question, config))

    async def _afind(self, asked: str | Mapping[str, Any], config: RunnableConfig) -> _Found:
        question = _question(asked)
        return _found(question, await self.retriever.ainvoke(question, config))


class _PaperJudge(RunnableSerializable[_Found, PaperAnswer]):
    """Answers questions from the papers found, those of a whole batch by one call of the engine."""

    name: str | None = "judge_papers"
    task: BioGPTTask

    def invoke(
        self,
        input: _Found,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> PaperAnswer:
        return self.batch([input], config, **kwargs)[0]

    async def ainvoke(
        self,
        input: _Found,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> PaperAnswer:
        return (await self.abatch([input], config, **kwargs))[0]

    # The host gives the functions below what they ask for by name, though its types say less.

    def batch(
        self,
        inputs: list[_Found],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[PaperAnswer]:
        work: Any = self._answers
        return self._batch_with_config(
            work, inputs, config, return_exceptions=return_exceptions, **kwargs
        )

    async def abatch(
        self,
        inputs: list[_Found],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[PaperAnswer]:
        work: Any = self._aanswers
        return await self._abatch_with_config(
            work, inputs, config, return_exceptions=return_exceptions, **kwargs
        )

    def transform(
        self,
        input: Iterator[_Found],
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[PaperAnswer]:
        work: Any = self._growing
        yield from self._transform_stream_with_config(input, work, config, **kwargs)

    async def atransform(
        self,
        input: AsyncIterator[_Found],
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[PaperAnswer]:
        work: Any = self._agrowing
        stream = self._atransform_stream_with_config(input, work, config, **kwargs)
        async for answer in stream:
            yield answer

    # The aggregate belongs to this step, and is not one behind it: a closed stream of the host's
    # reads its input to the end, and would have the papers judged for nobody.

    def _growing(self, input: Iterator[_Found], config: RunnableConfig) -> Iterator[PaperAnswer]:
        for found in input:
            if found["documents"]:
                yield _aggregate(found)
            yield from self._answers([found], [config])

    async def _agrowing(
        self, input: AsyncIterator[_Found], config: RunnableConfig
    ) -> AsyncIterator[PaperAnswer]:
        async for found in input:
            if found["documents"]:
                yield await in_thread(_aggregate, found)
            for answer in await self._aanswers([found], [config]):
                yield answer

    def _answers(self, inputs: list[_Found], config: list[RunnableConfig]) -> list[PaperAnswer]:
        read = _read(inputs)
        predictions = self.task.batch(*_asked(read, config))
        return _AGGREGATE.batch(_judged(read, predictions), config)

    async def _aanswers(
        self, inputs: list[_Found], config: list[RunnableConfig]
    ) -> list[PaperAnswer]:
        read = await in_thread(_read, inputs)
        predictions = await self.task.abatch(*_asked(read, config))
        return await _AGGREGATE.abatch(_judged(read, predictions), config)


def _question(asked: str | Mapping[str, Any]) -> str:
    question = asked
    if isinstance(asked, Mapping):
        question = asked.get("question") or asked.get("input") or ""
    if not isinstance(question, str) or not question.strip():
        raise InputError(
            f"no question in {asked!r:.80}: give a string, or a mapping with question or input"
        )
    return question


def _found(question: str, documents: Sequence[Document]) -> _Found:
    for document in documents:
        if not isinstance(document, Document):
            raise InputError(f"the retriever found {document!r:.80}, which is not a Document")
    return {"question": question, "documents": documents}


def _passages(found: _Found) -> list[Passage]:
    return distinct(
        Passage(
            text=document.page_content,
            paper=paper_id(document),
            title=paper_title(document),
            id=document.id,
        )
        for document in found["documents"]
    )


def _read(inputs: list[_Found]) -> list[_Found]:
    return [{**found, "passages": _passages(found)} for found in inputs]


def _asked(
    inputs: list[_Found], config: list[RunnableConfig]
) -> tuple[list[dict[str, str | None]], list[RunnableConfig]]:
    """What the task is asked of every paper of every question, and on whose behalf."""
    pairs = [
        ({"id": paper.paper, "question": found["question"], "context": paper.text}, own)
        for found, own in zip(inputs, config, strict=True)
        for paper in found["passages"]
    ]
    return [question for question, _ in pairs], [own for _, own in pairs]


def _judged(inputs: list[_Found], predictions: list[Prediction[Any]]) -> list[_Found]:
    """What was found, with each question's own share of the predictions."""
    rest = iter(predictions)
    return [{**one, "predictions": list(islice(rest, len(one["passages"])))} for one in inputs]


def _aggregate(found: _Found) -> PaperAnswer:
    passages = found["passages"] if "passages" in found else _passages(found)
    return synthesize(found["question"], passages, found.get("predictions"))


_AGGREGATE = RunnableLambda(_aggregate, name="aggregate")
