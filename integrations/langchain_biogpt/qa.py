"""Answer questions from the papers that a retriever finds."""

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
from pydantic import BaseModel, ConfigDict, Field, model_validator

from biogpt_plugins import Prediction
from biogpt_plugins.engine import in_thread
from biogpt_plugins.findings.relevance import LEAST_SHARED, Passage
from biogpt_plugins.findings.synthesis import PaperAnswer, Retrieved
from biogpt_plugins.values.errors import InputError
from langchain_biogpt.documents import paper_id, paper_title, said
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.runnables import BioGPTTask, with_settings

_Found = dict[str, Any]  # "question" and "documents", as in the host's retrieval chains


def create_paper_qa_chain(
    retriever: Runnable[str, list[Document]],
    llm: BioGPTLLM | None = None,
    *,
    min_shared_words: float = LEAST_SHARED,
    **options: Any,  # noqa: ANN401 - settings of the LLM
) -> Runnable[str | Mapping[str, Any], PaperAnswer]:
    """Make a chain that answers a question from the papers that a retriever finds.

    The model judges each paper, and the judgements are combined into one answer. A text that was
    found several times is judged once. Parts of a paper, recognised by its id, have one vote. If
    the retriever finds no papers, the answer says so and the model is not used. If papers cannot be
    judged, the answer gives the reason for each. Exceptions of the retriever are raised.

    The model answers yes, no or maybe to any question and from any text. So papers that do not bear
    on the question are named in the answer but not judged, and a question that asks for more ("What
    dose ...?") gets no answer; `PaperAnswer.refused` says why. The sentence that is quoted of a
    paper is the one nearest to the question: it need not be the reason for the label.

    All papers of a question, or of a batch of questions, are judged with one engine call. A stream
    yields two answers: the papers found, and then the complete answer. With
    `return_exceptions=True`, a failed question does not affect the others.

    Args:
        retriever: Finds papers for a question. The model judges a Document's `page_content`, and
            offsets refer to it; `pmid` and `title` in the metadata identify the paper.
        llm: The model, preferably one that was trained for PubMedQA; its own task is ignored. None
            uses the bundled model.
        min_shared_words: Least share of the question's words, from 0 to 1, that a paper must have
            in its title and the texts found, to be judged; see `shared_words`. Set 0 if the
            retriever leaves out irrelevant papers itself, for example by synonyms
            (`search_type="similarity_score_threshold"`).
        options: Settings of the LLM, such as `abstain_below=0.6`.

    Returns:
        A runnable from a question, or a mapping with `question` or `input`, to a PaperAnswer.
        Of a list of messages, the last human message is the question.

    Raises:
        InputError: `retriever` is not a Runnable, or `min_shared_words` is not from 0 to 1.
    """
    if not isinstance(retriever, Runnable):
        raise InputError(
            f"retriever must be a Runnable that returns Documents, not {type(retriever).__name__}: "
            "pass store.as_retriever() for a vector store, RunnableLambda(function) for a function"
        )

    if not 0 <= min_shared_words <= 1:
        raise InputError(f"min_shared_words must be from 0 to 1, not {min_shared_words!r}")
    llm, asked = with_settings(llm, options)
    named: dict[str, Any] = {"predictions": True, "name": "judge_paper"}
    task = BioGPTTask(llm=llm, task="pubmedqa", options=asked, **named)
    return RunnableSequence(
        _PaperFinder(retriever=retriever),
        _PaperJudge(task=task, min_shared_words=min_shared_words),
        name="paper_qa",
    )


class PaperQuestion(BaseModel):
    """The input of the chain that `create_paper_qa_chain` returns."""

    question: str = Field(description="A question whose answer is yes, no or maybe.")

    @model_validator(mode="before")
    @classmethod
    def _as_asked(cls, asked: object) -> object:
        return asked if isinstance(asked, cls) else {"question": _question(asked)}


class _PaperFinder(RunnableSerializable[str | Mapping[str, Any], _Found]):
    """Finds papers for a question."""

    name: str | None = "find_papers"
    retriever: Runnable[str, list[Document]]

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @property
    def InputType(self) -> Any:  # noqa: ANN401 - the host's name
        """A model, for tools and JSON schemas; strings and messages are questions, too."""
        return PaperQuestion

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    def invoke(
        self,
        input: str | Mapping[str, Any],
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> _Found:
        work: Any = self._find  # the host passes arguments by name
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
    """Answers questions from the papers found, with one engine call for a batch."""

    name: str | None = "judge_papers"
    task: BioGPTTask
    min_shared_words: float = LEAST_SHARED

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

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

    # The host passes arguments to the functions below by name, which its types do not show.

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

    # The aggregate is part of this step: if a stream is closed, the host reads the input of a later
    # step to the end, and would judge papers for nothing.

    def _growing(self, input: Iterator[_Found], config: RunnableConfig) -> Iterator[PaperAnswer]:
        for found in input:
            if found["documents"]:
                yield self._retrieved(found).answer()
            yield from self._answers([found], [config])

    async def _agrowing(
        self, input: AsyncIterator[_Found], config: RunnableConfig
    ) -> AsyncIterator[PaperAnswer]:
        async for found in input:
            if found["documents"]:
                yield (await in_thread(self._retrieved, found)).answer()
            for answer in await self._aanswers([found], [config]):
                yield answer

    def _answers(self, inputs: list[_Found], config: list[RunnableConfig]) -> list[PaperAnswer]:
        read = self._read(inputs)
        predictions = self.task.batch(*_asked(read, config))
        return _AGGREGATE.batch(_judged(read, predictions), config)

    async def _aanswers(
        self, inputs: list[_Found], config: list[RunnableConfig]
    ) -> list[PaperAnswer]:
        read = await in_thread(self._read, inputs)
        predictions = await self.task.abatch(*_asked(read, config))
        return await _AGGREGATE.abatch(_judged(read, predictions), config)

    def _read(self, inputs: list[_Found]) -> list[_Found]:
        return [{**found, "retrieved": self._retrieved(found)} for found in inputs]

    def _retrieved(self, found: _Found) -> Retrieved:
        return Retrieved.of(found["question"], _passages(found), self.min_shared_words)


def _question(asked: object) -> str:
    question = said(asked)
    if isinstance(question, Mapping):
        named = (said(question.get(key)) for key in ("question", "input", "messages"))
        question = next(filter(None, named), "")
    if not isinstance(question, str) or not question.strip():
        raise InputError(
            f"{asked!r:.80} contains no question: pass a string, or a mapping with the key "
            "question or input"
        )
    return question


def _found(question: str, documents: Sequence[Document]) -> _Found:
    for document in documents:
        if not isinstance(document, Document):
            raise InputError(f"the retriever must return Documents, not {document!r:.80}")
    return {"question": question, "documents": documents}


def _passages(found: _Found) -> list[Passage]:
    return [
        Passage(
            text=document.page_content,
            paper=paper_id(document),
            title=paper_title(document),
            id=document.id,
        )
        for document in found["documents"]
    ]


def _asked(
    inputs: list[_Found], config: list[RunnableConfig]
) -> tuple[list[dict[str, str | None]], list[RunnableConfig]]:
    """The task's input for every paper of every question, and the configs."""
    pairs = [
        ({"id": paper.paper, "question": found["question"], "context": paper.text}, own)
        for found, own in zip(inputs, config, strict=True)
        for paper in found["retrieved"].to_judge
    ]
    return [question for question, _ in pairs], [own for _, own in pairs]


def _judged(inputs: list[_Found], predictions: list[Prediction[Any]]) -> list[_Found]:
    """The papers found for each question, with their predictions."""
    rest = iter(predictions)
    return [
        {**one, "predictions": list(islice(rest, len(one["retrieved"].to_judge)))} for one in inputs
    ]


def _aggregate(found: _Found) -> PaperAnswer:
    retrieved: Retrieved = found["retrieved"]
    return retrieved.answer(found["predictions"])


_AGGREGATE = RunnableLambda(_aggregate, name="aggregate")
