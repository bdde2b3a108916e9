"""Questions answered from the papers that a retriever of LlamaIndex finds."""

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
from biogpt_plugins.findings.synthesis import PaperAnswer, Passage, distinct, synthesize
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.judging import ANSWER, Judging, judge, passages_of
from llama_index_biogpt.llm import BioGPTLLM


class BioGPTPaperSynthesizer(Judging, BaseSynthesizer):
    """Answers a yes/no question from nodes, which are judged one by one and put together.

        RetrieverQueryEngine(retriever, BioGPTPaperSynthesizer(model="path/to/BioGPT-PubMedQA"))

    All nodes are judged by one call of the engine; a text once, however often it was found. Parts
    of a paper make one vote: `pmid` and `title` in the metadata name it, or else the id of the
    document. That no paper was found is an answer too, and asks no model; so is that papers could
    not be judged, each with its reason.

    The response's text is yes, no or maybe with its probability, and the papers for and against;
    `paper_answer_of(response)` is all of it. `source_nodes` are the nodes with their scores. A
    stream has one piece, as there is no answer before all are judged.

    All nodes vote: let the retriever or a postprocessor leave out what is off the subject, such as
    `BioGPTRelevancePostprocessor(min_decided=0)`.

    `index.as_query_engine(llm=..., response_synthesizer=...)` wants an LLM, which is not used; the
    RetrieverQueryEngine above does without.
    """

    def __init__(
        self,
        *,
        streaming: bool = False,
        callback_manager: CallbackManager | None = None,
        **model: Any,  # noqa: ANN401
    ) -> None:
        """Name the model, which is loaded on first use.

        Args:
            streaming: Whether responses are streams.
            callback_manager: The host's; its own by default.
            model: The fields of `biogpt_plugins.hosts.fields.ModelFields`: `model`, `device`, ...;
                best a model that was taught PubMedQA.
        """
        self._model = BioGPTLLM(**model)
        super().__init__(
            # Without these the host would look for an LLM of OpenAI's, and for this one's limits.
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
            InputError: There is no question.
            ModelError: The model cannot be loaded.
        """
        del response_kwargs
        with self._observed(query) as (question, end):
            answer = self._answer(question, passages_of(nodes))
            text = _pieces(answer.text) if self._streaming else answer.text
            return end(self._response(answer, text, [*nodes, *(additional_source_nodes or ())]))

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,  # noqa: ANN401
    ) -> RESPONSE_TYPE:
        """`synthesize`, while the event loop goes on; cancelling stops the model."""
        del response_kwargs
        with self._observed(query) as (question, end):
            answer = await in_thread(self._answer, question, passages_of(nodes))
            text = _apieces(answer.text) if self._streaming else answer.text
            return end(self._response(answer, text, [*nodes, *(additional_source_nodes or ())]))

    def get_response(
        self,
        query_str: str,
        text_chunks: Sequence[str],
        **response_kwargs: Any,  # noqa: ANN401
    ) -> RESPONSE_TEXT_TYPE:
        """The answer from mere texts, as text."""
        del response_kwargs
        answer = self._answer(query_str, [Passage(text) for text in text_chunks])
        return _pieces(answer.text) if self._streaming else answer.text

    async def aget_response(
        self,
        query_str: str,
        text_chunks: Sequence[str],
        **response_kwargs: Any,  # noqa: ANN401
    ) -> RESPONSE_TEXT_TYPE:
        """`get_response`, while the event loop goes on."""
        del response_kwargs
        passages = [Passage(text) for text in text_chunks]
        answer = await in_thread(self._answer, query_str, passages)
        return _apieces(answer.text) if self._streaming else answer.text

    def _answer(self, question: str, passages: Sequence[Passage]) -> PaperAnswer:
        if not question.strip():
            raise InputError(f"the question {question!r} is empty: give at least one word")
        found = distinct(passages)
        return synthesize(question, found, judge(self._model, question, found))

    def _response(
        self, answer: PaperAnswer, text: RESPONSE_TEXT_TYPE, nodes: list[NodeWithScore]
    ) -> RESPONSE_TYPE:
        response = self._prepare_response_output(text, nodes)
        response.metadata = {**(response.metadata or {}), ANSWER: answer.model_dump(mode="json")}
        return response

    @contextmanager
    def _observed(
        self, query: QueryType
    ) -> Iterator[tuple[str, Callable[[RESPONSE_TYPE], RESPONSE_TYPE]]]:
        """The question, and what its response is to go through: the host's observers are told."""
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
                f"there is no prompt {', '.join(prompts_dict)}: a BioGPT is asked in the layout "
                "that it was taught"
            )


def paper_answer_of(response: RESPONSE_TYPE) -> PaperAnswer:
    """The answer that a BioGPTPaperSynthesizer gave in a response.

    Raises:
        InputError: The response is not one of its.
    """
    written = (response.metadata or {}).get(ANSWER)
    if written is None:
        raise InputError("the response holds no PaperAnswer: BioGPTPaperSynthesizer gives such")
    return PaperAnswer.model_validate(written)


def _pieces(text: str) -> Generator[str, None, None]:
    yield text


async def _apieces(text: str) -> AsyncGenerator[str, None]:
    yield text
