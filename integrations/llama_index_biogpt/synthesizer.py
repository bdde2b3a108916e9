"""Answer questions from the papers that a LlamaIndex retriever finds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.indices.prompt_helper import ChatPromptHelper, PromptHelper
from llama_index.core.instrumentation.events.synthesis import (
    SynthesizeEndEvent,
    SynthesizeStartEvent,
)
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.response_synthesizers.base import BaseSynthesizer, dispatcher
from llama_index.core.schema import NodeWithScore, QueryType
from llama_index.core.types import RESPONSE_TEXT_TYPE

from biogpt_plugins.engine import in_thread
from biogpt_plugins.findings.relevance import LEAST_SHARED, Passage
from biogpt_plugins.findings.synthesis import PaperAnswer, Retrieved
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.judging import (
    ANSWER,
    Judging,
    is_answer,
    judge,
    papers_among,
    passages_of,
)
from llama_index_biogpt.llm import BioGPTLLM

_LEFT_OUT = "biogpt_answers_left_out"


class BioGPTPaperSynthesizer(Judging, BaseSynthesizer):
    """Answers a yes/no question by judging each node and combining the judgements.

        RetrieverQueryEngine(retriever, BioGPTPaperSynthesizer(model="path/to/BioGPT-PubMedQA"))

    All nodes are judged with one engine call; a text that was found several times is judged once.
    Parts of a paper have one vote. The metadata `pmid` and `title` identify the paper, or else the
    id of the document. If no papers were found, the answer says so and the model is not used. If
    papers cannot be judged, the answer gives the reason for each.

    The response's text is yes, no or maybe with its probability, and the papers for and against.
    `paper_answer_of(response)` returns the complete answer. `source_nodes` are the nodes with their
    scores. A stream has one piece, because the answer needs all judgements.

    Answers of other query engines are no papers: they do not vote and are not quoted. Instead of
    the sub-answers of a SubQuestionQueryEngine, the papers that they come from are judged.
    `response.metadata["biogpt_answers_left_out"]` counts the answers, if there are any.

    The model answers yes, no or maybe to any question and from any text. So papers that do not bear
    on the question are named in the answer but not judged, and a question that asks for more ("What
    dose ...?") gets no answer; `PaperAnswer.refused` says why. The sentence that is quoted of a
    paper is the one nearest to the question: it need not be the reason for the label.

    `index.as_query_engine(llm=..., response_synthesizer=...)` requires an LLM that is not used; the
    RetrieverQueryEngine above does not.
    """

    def __init__(
        self,
        *,
        min_shared_words: float = LEAST_SHARED,
        streaming: bool = False,
        callback_manager: CallbackManager | None = None,
        **model: Any,  # noqa: ANN401
    ) -> None:
        """Choose the model, which is loaded on first use.

        Args:
            min_shared_words: Least share of the question's words, from 0 to 1, that a paper must
                have in its title and the nodes found, to be judged; see `shared_words`. Set 0 if
                the retriever leaves out irrelevant papers itself, for example by synonyms.
            streaming: Whether responses are streams.
            callback_manager: A callback manager; by default the host's.
            model: The fields of `biogpt_plugins.hosts.fields.ModelFields`: `model`, `device`, ...;
                preferably a model that was trained for PubMedQA.

        Raises:
            InputError: `min_shared_words` is not from 0 to 1.
        """
        if not 0 <= min_shared_words <= 1:
            raise InputError(f"min_shared_words must be from 0 to 1, not {min_shared_words!r}")
        self._min_shared_words = min_shared_words
        self._model = BioGPTLLM(**model)
        super().__init__(
            # Without these the host would look for an OpenAI LLM and for this LLM's limits.
            llm=self._model,
            prompt_helper=PromptHelper(),
            chat_prompt_helper=ChatPromptHelper(),
            callback_manager=callback_manager,
            streaming=streaming,
        )

    def synthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,  # noqa: ANN401
    ) -> RESPONSE_TYPE:
        """The answer to a question.

        Raises:
            InputError: The question is empty.
            ModelError: The model cannot be loaded.
        """
        del response_kwargs
        with self._observed(query) as (question, end):
            papers, answers = papers_among(nodes, additional_source_nodes or ())
            answer = self._answer(question, passages_of(papers))
            text = _pieces(answer.text) if self._streaming else answer.text
            sources = [*nodes, *(additional_source_nodes or ())]
            return end(self._response(answer, text, sources, left_out=len(answers)))

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,  # noqa: ANN401
    ) -> RESPONSE_TYPE:
        """`synthesize` in a thread; cancelling stops the model."""
        del response_kwargs
        with self._observed(query) as (question, end):
            papers, answers = papers_among(nodes, additional_source_nodes or ())
            answer = await in_thread(self._answer, question, passages_of(papers))
            text = _apieces(answer.text) if self._streaming else answer.text
            sources = [*nodes, *(additional_source_nodes or ())]
            return end(self._response(answer, text, sources, left_out=len(answers)))

    def get_response(
        self,
        query_str: str,
        text_chunks: Sequence[str],
        **response_kwargs: Any,  # noqa: ANN401
    ) -> RESPONSE_TEXT_TYPE:
        """The answer from plain texts, as text."""
        del response_kwargs
        answer = self._answer(query_str, _passages(text_chunks))
        return _pieces(answer.text) if self._streaming else answer.text

    async def aget_response(
        self,
        query_str: str,
        text_chunks: Sequence[str],
        **response_kwargs: Any,  # noqa: ANN401
    ) -> RESPONSE_TEXT_TYPE:
        """`get_response` in a thread, which keeps the event loop free."""
        del response_kwargs
        answer = await in_thread(self._answer, query_str, _passages(text_chunks))
        return _apieces(answer.text) if self._streaming else answer.text

    def _answer(self, question: str, passages: Sequence[Passage]) -> PaperAnswer:
        if not question.strip():
            raise InputError(f"the question {question!r} is empty: give at least one word")
        found = Retrieved.of(question, passages, self._min_shared_words)
        return found.answer(judge(self._model, question, found.to_judge))

    def _response(
        self,
        answer: PaperAnswer,
        text: RESPONSE_TEXT_TYPE,
        nodes: list[NodeWithScore],
        *,
        left_out: int,
    ) -> RESPONSE_TYPE:
        response = self._prepare_response_output(text, nodes)
        told = {ANSWER: answer.model_dump(mode="json")}
        counted = {_LEFT_OUT: left_out} if left_out else {}
        response.metadata = {**(response.metadata or {}), **told, **counted}
        return response

    @contextmanager
    def _observed(
        self, query: QueryType
    ) -> Iterator[tuple[str, Callable[[RESPONSE_TYPE], RESPONSE_TYPE]]]:
        """The question, and a function that reports the response to the host's observers."""
        question = query if isinstance(query, str) else query.query_str
        payload: dict[str, Any] = {EventPayload.QUERY_STR: question}
        dispatcher.event(SynthesizeStartEvent(query=query))
        with self._callback_manager.event(CBEventType.SYNTHESIZE, payload=payload) as event:

            def end(response: RESPONSE_TYPE) -> RESPONSE_TYPE:
                event.on_end(payload={EventPayload.RESPONSE: response})
                dispatcher.event(SynthesizeEndEvent(query=query, response=response))
                return response

            yield question, end

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts_dict: PromptDictType) -> None:
        if prompts_dict:
            raise InputError(
                f"prompts cannot be changed ({', '.join(prompts_dict)}): a BioGPT needs the layout "
                "that it was fine-tuned with"
            )


def paper_answer_of(response: RESPONSE_TYPE) -> PaperAnswer:
    """The PaperAnswer in a response of BioGPTPaperSynthesizer.

    Raises:
        InputError: The response is not from a BioGPTPaperSynthesizer.
    """
    written = (response.metadata or {}).get(ANSWER)
    if written is None:
        raise InputError(
            "the response holds no PaperAnswer: pass a response of BioGPTPaperSynthesizer"
        )
    return PaperAnswer.model_validate(written)


def _passages(texts: Sequence[str]) -> list[Passage]:
    return [Passage(text) for text in texts if not is_answer(text)]


def _pieces(text: str) -> Generator[str, None, None]:
    yield text


async def _apieces(text: str) -> AsyncGenerator[str, None]:
    yield text
