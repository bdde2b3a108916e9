"""BioGPT as a LlamaIndex LLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.generic_utils import (
    astream_completion_response_to_chat_response,
    completion_response_to_chat_response,
    messages_to_prompt,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from biogpt_plugins import Completion, Pipeline, Prompt
from biogpt_plugins.binding import LLMFields
from biogpt_plugins.engine import in_thread
from llama_index_biogpt.model import ModelComponent


class BioGPTLLM(LLMFields, ModelComponent, CustomLLM):
    """A local BioGPT. With a task it reads source texts, without one it continues prompts.

    Decoding options may also be given with each call (`llm.complete(text, max_new_tokens=20)`).
    A response's `raw` has `finish_reason`, `truncated_tokens` and `usage`, of a stream the last
    one's. BioGPT knows no chat: messages are joined to one prompt.

    The fields are those of `biogpt_plugins.binding.LLMFields`.
    """

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """The limits of the model, which is loaded if need be."""
        pipeline = self.bind_own_task()
        most = self.decoding(pipeline, None, {}).max_new_tokens
        limits = {"context_window": pipeline.engine.context_size, "num_output": most}
        known = {name: limit for name, limit in limits.items() if limit is not None}
        return LLMMetadata(model_name=self.model, **known)

    def to_payload(self) -> dict[str, Any]:
        """What observers are told: the settings, where the host would tell the model's limits."""
        return self.to_dict()

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
        async def responses() -> CompletionResponseAsyncGen:
            pieces = self._stream(prompt, formatted, kwargs)
            while (piece := await in_thread(next, pieces, None)) is not None:
                yield piece

        return responses()

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:  # noqa: ANN401
        prompt = (self.messages_to_prompt or messages_to_prompt)(messages)
        response = await self.acomplete(prompt, formatted=True, **kwargs)
        return completion_response_to_chat_response(response)

    @llm_chat_callback()
    async def astream_chat(
        self,
        messages: Sequence[ChatMessage],
        **kwargs: Any,  # noqa: ANN401
    ) -> ChatResponseAsyncGen:
        prompt = (self.messages_to_prompt or messages_to_prompt)(messages)
        responses = await self.astream_complete(prompt, formatted=True, **kwargs)
        return astream_completion_response_to_chat_response(responses)

    def _complete(
        self, prompt: str, formatted: bool, options: dict[str, Any]
    ) -> CompletionResponse:
        pipeline = self.bind_own_task()
        asked = self._prompt(pipeline, prompt, formatted)
        (completion,) = pipeline.engine.complete(
            [asked], self.decoding(pipeline, options.get("stop"), options)
        )
        if completion.error:
            raise completion.error
        return CompletionResponse(text=completion.text, **_facts(completion))

    def _stream(
        self, prompt: str, formatted: bool, options: dict[str, Any]
    ) -> CompletionResponseGen:
        pipeline = self.bind_own_task()
        asked = self._prompt(pipeline, prompt, formatted)
        decoding = self.decoding(pipeline, options.get("stop"), options)
        text = ""
        for chunk in pipeline.engine.stream(asked, decoding):
            text += chunk.text
            facts = _facts(chunk.completion) if chunk.completion else {}
            yield CompletionResponse(text=text, delta=chunk.text, **facts)

    def _prompt(self, pipeline: Pipeline, prompt: str, formatted: bool) -> Prompt:
        if self.completion_to_prompt and not formatted:
            prompt = self.completion_to_prompt(prompt)
        return pipeline.task.prompt(prompt, pipeline.card)


def _facts(completion: Completion) -> dict[str, Any]:
    usage = {**completion.usage.model_dump(), "total_tokens": completion.usage.total_tokens}
    ending = {
        "finish_reason": completion.finish_reason,
        "truncated_tokens": completion.truncated_tokens,
    }
    return {"raw": {**ending, "usage": usage}, "additional_kwargs": {**ending, **usage}}
