"""BioGPT as a LlamaIndex LLM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, NoReturn

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    LogProb,
    MessageRole,
    TextBlock,
)
from llama_index.core.llms import LLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import MessagesToPromptCallable
from pydantic import BaseModel, Field, model_validator

from biogpt_plugins import Completion, Prompt
from biogpt_plugins.engine import Decoding, Engine, Runtime, in_thread, warn_of_truncation
from biogpt_plugins.hosts.fields import OPTIONS, LLMFields, ModelFields
from biogpt_plugins.hosts.types import no_schema
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.model import ModelComponent


def join_messages(messages: Sequence[ChatMessage]) -> str:
    """Join the texts of messages, one per line, without roles; BioGPT was not trained with roles.

    Raises:
        InputError: A message contains something other than text.
    """
    for message in messages:
        for block in message.blocks:
            if not isinstance(block, TextBlock):
                kind = type(block).__name__
                raise InputError(f"BioGPT reads only text, but a message holds a {kind}: remove it")
    return "\n".join(message.content for message in messages if message.content)


class BioGPTLLM(LLMFields, ModelComponent, LLM):
    """A local BioGPT. With a task it reads source texts; without one it continues prompts.

    The model is loaded on first use, and all LLMs with the same model share it. Decoding options
    and `stop` can also be passed with each call (`llm.complete(text, max_tokens=20)`). Asynchronous
    methods keep the event loop free. Cancelling a task or closing a stream stops the generation.

    A response's `raw` has `finish_reason`, `truncated_tokens` and `usage`; `additional_kwargs` has
    the same values in one flat dict. With the option `logprobs`, the response's `logprobs` has one
    entry per token. In a stream, the last response has these values. A prompt that is too long is
    cut, with a TruncationWarning, unless `truncate` is False.

    BioGPT is not a chat model: `chat` continues the texts of the messages, one per line, without
    roles. Set `messages_to_prompt` to join them differently.

    The host's methods `predict` and `stream` do not accept decoding options; set them on the LLM.

    Attributes:
        logprobs: Whether responses include the log-probabilities of their tokens.

    The other fields are those of `biogpt_plugins.hosts.fields.LLMFields`.
    """

    messages_to_prompt: MessagesToPromptCallable = Field(default=join_messages, exclude=True)
    logprobs: bool | None = None

    decoding_options: ClassVar[tuple[str, ...]] = (*OPTIONS, "logprobs")

    @model_validator(mode="before")
    @classmethod
    def _takes_additional_kwargs(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        """Accept options in `additional_kwargs`, like the host's LLMs."""
        if not isinstance(given, dict):
            return given
        named = {name: value for name, value in given.items() if name != "additional_kwargs"}
        more = (given.get("additional_kwargs") or {}).items()
        return named | {name: value for name, value in more if named.get(name) is None}

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """The limits of the model; does not load the model."""
        window, most = self.limits()
        known = {} if most is None else {"num_output": most}
        return LLMMetadata(model_name=self.model, context_window=window, **known)

    def to_payload(self) -> dict[str, Any]:
        """The settings for observers; the host's version would need the model's limits."""
        return {**self.to_dict(), "model_name": self.model}

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ANN401
        return self._complete(prompt, formatted, kwargs)

    @llm_completion_callback()
    async def acomplete(
        self,
        prompt: str,
        formatted: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> CompletionResponse:
        return await in_thread(self._complete, prompt, formatted, kwargs)

    @llm_completion_callback()
    def stream_complete(
        self,
        prompt: str,
        formatted: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> CompletionResponseGen:
        return self._stream(prompt, formatted, kwargs)

    @llm_completion_callback()
    async def astream_complete(
        self,
        prompt: str,
        formatted: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> CompletionResponseAsyncGen:
        return self._astream(prompt, formatted, kwargs)

    # Chats do not use the methods above, because observers would see each generation twice.

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:  # noqa: ANN401
        return _as_chat(self._complete(self._joined(messages), True, kwargs))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:  # noqa: ANN401
        return _as_chat(await in_thread(self._complete, self._joined(messages), True, kwargs))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:  # noqa: ANN401
        responses = self._stream(self._joined(messages), True, kwargs)
        return (_as_chat(response) for response in responses)

    @llm_chat_callback()
    async def astream_chat(
        self,
        messages: Sequence[ChatMessage],
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResponseAsyncGen:
        responses = self._astream(self._joined(messages), True, kwargs)
        return (_as_chat(response) async for response in responses)

    # BioGPT writes no JSON, and the host would read its texts as such.

    def as_structured_llm(self, output_cls: type[BaseModel], **_: Any) -> NoReturn:  # noqa: ANN401
        raise NotImplementedError(_no_schema(output_cls))

    def structured_predict(self, output_cls: type[BaseModel], *_: Any, **__: Any) -> NoReturn:  # noqa: ANN401
        raise NotImplementedError(_no_schema(output_cls))

    async def astructured_predict(
        self,
        output_cls: type[BaseModel],
        *_: Any,  # noqa: ANN401
        **__: Any,  # noqa: ANN401
    ) -> NoReturn:
        raise NotImplementedError(_no_schema(output_cls))

    def stream_structured_predict(
        self,
        output_cls: type[BaseModel],
        *_: Any,  # noqa: ANN401
        **__: Any,  # noqa: ANN401
    ) -> NoReturn:
        raise NotImplementedError(_no_schema(output_cls))

    async def astream_structured_predict(
        self,
        output_cls: type[BaseModel],
        *_: Any,  # noqa: ANN401
        **__: Any,  # noqa: ANN401
    ) -> NoReturn:
        raise NotImplementedError(_no_schema(output_cls))

    def _complete(
        self, prompt: str, formatted: bool, options: dict[str, Any]
    ) -> CompletionResponse:
        engine, source, decoding = self._asked(prompt, formatted, options)
        (completion,) = engine.complete([source], decoding)
        if completion.error:
            raise completion.error
        warn_of_truncation([completion.truncated_tokens])
        return CompletionResponse(text=completion.text, **_facts(completion))

    def _stream(
        self, prompt: str, formatted: bool, options: dict[str, Any]
    ) -> CompletionResponseGen:
        engine, source, decoding = self._asked(prompt, formatted, options)
        text = ""
        for chunk in engine.stream(source, decoding):
            text += chunk.text
            facts: dict[str, Any] = {}
            if chunk.completion:
                facts = _facts(chunk.completion)
                warn_of_truncation([chunk.completion.truncated_tokens])
            yield CompletionResponse(text=text, delta=chunk.text, **facts)

    async def _astream(
        self, prompt: str, formatted: bool, options: dict[str, Any]
    ) -> CompletionResponseAsyncGen:
        responses = self._stream(prompt, formatted, options)
        while (response := await in_thread(next, responses, None)) is not None:
            yield response

    def _asked(
        self, prompt: str, formatted: bool, options: dict[str, Any]
    ) -> tuple[Engine, Prompt, Decoding]:
        if self.completion_to_prompt and not formatted:
            prompt = self.completion_to_prompt(prompt)
        pipeline = self.bind_own_task()
        stop = options.pop("stop", None)
        source = pipeline.task.prompt(prompt, pipeline.card)
        return pipeline.engine, source, self.decoding_for(pipeline, stop, options)

    def _joined(self, messages: Sequence[ChatMessage]) -> str:
        return (self.messages_to_prompt or join_messages)(messages)


def biogpt_tokenizer(
    model: str = "demo",
    *,
    engine: Runtime | None = None,
    device: str | None = None,
    dtype: str | None = None,
    revision: str | None = None,
) -> Callable[[str], list[int]]:
    """A model's own tokenizer, for `Settings.tokenizer` and other token counters.

    It can be pickled. The model is loaded on first use and shared with LLMs that have the same
    fields.

    Args:
        model: "demo", a folder or a hub id.
        engine: As in `biogpt_plugins.load`.
        device: As in `biogpt_plugins.load`.
        dtype: As in `biogpt_plugins.load`.
        revision: As in `biogpt_plugins.load`.
    """
    fields = {"engine": engine, "device": device, "dtype": dtype, "revision": revision}
    return partial(_token_ids, {"model": model, **fields})


def _no_schema(output_cls: type[BaseModel]) -> str:
    return no_schema(
        output_cls,
        "BioGPTRelationExtractor or BioGPTAnswerExtractor for nodes, the methods of BioGPTToolSpec "
        "for texts",
    )


def _token_ids(fields: dict[str, Any], text: str) -> list[int]:
    return ModelFields(**fields).bind_engine().token_ids(text)


def _as_chat(response: CompletionResponse) -> ChatResponse:
    message = ChatMessage(
        role=MessageRole.ASSISTANT,
        content=response.text,
        additional_kwargs=response.additional_kwargs,
    )
    return ChatResponse(
        message=message, delta=response.delta, raw=response.raw, logprobs=response.logprobs
    )


def _facts(completion: Completion) -> dict[str, Any]:
    usage = {**completion.usage.model_dump(), "total_tokens": completion.usage.total_tokens}
    ending = {
        "finish_reason": completion.finish_reason,
        "truncated_tokens": completion.truncated_tokens,
    }
    tokens = [[LogProb(token=token.text, logprob=token.logprob)] for token in completion.tokens]
    return {
        "raw": {**ending, "usage": usage},
        "additional_kwargs": {**ending, **usage},
        "logprobs": tokens or None,
    }
