"""Questions answered from the papers that a retriever of LlamaIndex finds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.indices.prompt_helper import ChatPromptHelper, PromptHelper
from llama_index.core.instrumentation.events.synthesis import (
    SynthesizeEndEvent,
    SynthesizeStartEvent,
)
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.response_synthesizers.base import BaseSynthesizer, dispatcher
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle, QueryType
from llama_index.core.types import RESPONSE_TEXT_TYPE
from pydantic import Field
from typing_extensions import Self

from biogpt_plugins import Engine, Pipeline, Prediction
from biogpt_plugins.binding import ModelFields
from biogpt_plugins.engine import in_thread
from biogpt_plugins.errors import InputError
from biogpt_plugins.inputs import paper_id, paper_title
from biogpt_plugins.results import Answer
from biogpt_plugins.synthesis import PaperAnswer, Passage, distinct, shared_words, synthesize
from llama_index_biogpt.extractors import ERROR
from llama_index_biogpt.llm import BioGPTLLM
from llama_index_biogpt.model import ModelComponent
from llama_index_biogpt.task_extractor import text_of

ANSWER = "biogpt_answer"
SHARED_WORDS = "biogpt_shared_words"

_TASK = "pubmedqa"


class _OnOneTask:
    """Made from a model at hand; whatever it was taught, PubMedQA is what it is asked."""

    @classmethod
    def from_pipeline(cls, pipeline: Pipeline, **options: Any) -> Self:  # noqa: ANN401
        """One on the model of a pipeline at hand."""
        make = cast("Callable[..., Self]", cls)
        return make(model=pipeline.engine.model_name, pipeline=pipeline, **options)

    @classmethod
    def from_engine(cls, engine: Engine, **options: Any) -> Self:  # noqa: ANN401
        """One on an engine of your own, which is shown solved examples."""
        return cls.from_pipeline(Pipeline(_TASK, engine), **options)


class BioGPTPaperSynthesizer(_OnOneTask, BaseSynthesizer):
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
            model: The fields of `biogpt_plugins.binding.ModelFields`: `model`, `device`, ...; best
                a model that was taught PubMedQA.
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
            answer = self._answer(question, _passages(nodes))
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
            answer = await in_thread(self._answer, question, _passages(nodes))
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
        return synthesize(question, found, _judge(self._model, question, found))

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


class BioGPTRelevancePostprocessor(_OnOneTask, ModelComponent, BaseNodePostprocessor):
    """Keeps the nodes that bear on a question: on its subject, and with an answer to it.

    On its subject is a node that has some of the question's words. This asks no model: one that
    was taught PubMedQA has seen no passage that is off the subject, and answers all the same.

    Those nodes are judged by one call of the engine. One of which the model makes a yes or a no has
    an answer; a maybe says that it leaves the question open. A node that cannot be judged is kept,
    and `biogpt_error` in its metadata says why.

    What is kept are copies, in the retriever's order and with its scores. Their metadata has
    `biogpt_shared_words` and, where the model was asked, `biogpt_answer` with `label` and
    `probabilities`; LLMs are not shown them.

    In front of a BioGPTPaperSynthesizer, which judges by itself and counts a maybe as a vote, set
    `min_decided=0`.

    Attributes:
        min_shared_words: Least share of the question's words, common ones aside, that a node must
            have. Single sections, methods above all, have fewer than whole abstracts.
        min_decided: Least probability of a yes or a no, taken together; 0 asks no model.
    """

    min_shared_words: float = Field(default=0.2, ge=0, le=1)
    min_decided: float = Field(default=0.5, ge=0, le=1)

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTRelevancePostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise InputError("nodes bear on a question: give query_str or query_bundle")
        question = query_bundle.query_str
        shares = [(node, shared_words(question, text_of(node.node))) for node in nodes]
        found = [
            _marked(node, {SHARED_WORDS: share})
            for node, share in shares
            if share >= self.min_shared_words
        ]
        if not self.min_decided:
            return found
        predictions = _judge(self, question, _passages(found))
        return [
            _marked(node, _facts(prediction))
            for node, prediction in zip(found, predictions, strict=True)
            if self._keeps(prediction)
        ]

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await in_thread(self._postprocess_nodes, nodes, query_bundle)

    def _keeps(self, prediction: Prediction[Answer]) -> bool:
        answer = prediction.result
        if answer is None:
            return True
        # A label that was written instead of scored counts as certain.
        shares = answer.probabilities or {answer.label: 1.0}
        return 1 - shares.get("maybe", 0) >= self.min_decided


def _judge(
    model: ModelFields, question: str, passages: Sequence[Passage]
) -> list[Prediction[Answer]]:
    """What each passage answers, by one call of the engine; none asks no model."""
    asked = [
        {"id": passage.paper, "question": question, "context": passage.text} for passage in passages
    ]
    return model.bind_task(_TASK).run(asked) if asked else []


def _passages(nodes: Sequence[NodeWithScore]) -> list[Passage]:
    return [_passage(node.node) for node in nodes]


def _passage(node: BaseNode) -> Passage:
    return Passage(
        text=text_of(node),
        paper=paper_id(node.metadata) or node.ref_doc_id or node.node_id,
        title=paper_title(node.metadata),
        id=node.node_id,
    )


def _marked(found: NodeWithScore, facts: dict[str, Any]) -> NodeWithScore:
    """A copy with more metadata: retrievers may hand out the nodes that they keep."""
    node = found.node
    changes: dict[str, Any] = {"metadata": {**node.metadata, **facts}}
    for name in ("excluded_embed_metadata_keys", "excluded_llm_metadata_keys"):
        changes[name] = list(dict.fromkeys([*getattr(node, name), *facts]))
    return NodeWithScore(node=node.model_copy(update=changes), score=found.score)


def _facts(prediction: Prediction[Answer]) -> dict[str, Any]:
    if failure := prediction.error:
        return {ERROR: f"{failure.type}: {failure.message}"}
    return {ANSWER: prediction.result and prediction.result.model_dump()}


def _pieces(text: str) -> Generator[str, None, None]:
    yield text


async def _apieces(text: str) -> AsyncGenerator[str, None]:
    yield text
