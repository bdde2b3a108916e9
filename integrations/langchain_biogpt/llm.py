"""BioGPT as a LangChain LLM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
    Callbacks,
)
from langchain_core.language_models import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from pydantic import ConfigDict
from typing_extensions import Self

from biogpt_plugins import Completion, Pipeline, Prompt, Usage
from biogpt_plugins.binding import OPTIONS, LLMFields


class BioGPTLLM(LLMFields, BaseLLM):
    """A local BioGPT. With a task it reads source texts, without one it continues prompts.

    `batch` and `generate` make one call of the engine for all prompts. The model is loaded on
    first use and shared by all who name it. Decoding options may also be given with each call
    (`llm.invoke(text, max_new_tokens=20)`, `llm.bind(seed=1)`), and count for caching.

    Each generation's `generation_info` has `finish_reason`, `prompt_tokens`, `completion_tokens`
    and `truncated_tokens`. The fields are those of `biogpt_plugins.binding.LLMFields`.
    """

    model_config = ConfigDict(extra="forbid")  # the host's own allows what is misspelt

    def generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        callbacks: Callbacks | list[Callbacks] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> LLMResult:
        llm = self._with(kwargs)
        return BaseLLM.generate(llm, prompts, stop, callbacks, **kwargs)

    async def agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        callbacks: Callbacks | list[Callbacks] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> LLMResult:
        llm = self._with(kwargs)
        return await BaseLLM.agenerate(llm, prompts, stop, callbacks, **kwargs)

    def get_num_tokens(self, text: str) -> int:
        """Number of tokens by BioGPT's own tokenizer."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return self.bind_own_task().engine.count_tokens(text)

    def get_token_ids(self, text: str) -> list[int]:
        """Token ids by BioGPT's own tokenizer; the leading `</s>` is not among them."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        tokenizer = getattr(self.bind_own_task().engine, "tokenizer", None)
        if tokenizer is None:
            raise NotImplementedError(f"the engine of {self.model!r} does not tell its token ids")
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return ids

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    @property
    def _llm_type(self) -> str:
        return "biogpt"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        # `stop` is what the host calls the stop strings of a call, and would hide our own.
        names = {name: name for name in ("model", "revision", "dtype", "task", *OPTIONS)}
        names["own_stop"] = "stop"
        values = {key: getattr(self, name) for key, name in names.items()}
        return {key: value for key, value in values.items() if value is not None}

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401
    ) -> LLMResult:
        pipeline = self.bind_own_task()
        sources = [_prompt(pipeline, prompt) for prompt in prompts]
        completions = pipeline.engine.complete(sources, self.decoding(pipeline, stop, kwargs))
        for index, completion in enumerate(completions):
            if error := completion.error:
                raise type(error)(f"prompt {index} of {len(prompts)}: {error}") from error
        usage = Usage(
            prompt_tokens=sum(completion.usage.prompt_tokens for completion in completions),
            completion_tokens=sum(completion.usage.completion_tokens for completion in completions),
        )
        return LLMResult(
            generations=[[Generation(text=c.text, generation_info=_info(c))] for c in completions],
            llm_output={
                "token_usage": {**usage.model_dump(), "total_tokens": usage.total_tokens},
                "model_name": self.model,
            },
        )

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[GenerationChunk]:
        for chunk in self._chunks(prompt, stop, kwargs):
            if run_manager and chunk.text:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[GenerationChunk]:
        chunks = self._chunks(prompt, stop, kwargs)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            if run_manager and chunk.text:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _chunks(
        self, prompt: str, stop: list[str] | None, options: dict[str, Any]
    ) -> Iterator[GenerationChunk]:
        pipeline = self.bind_own_task()
        decoding = self.decoding(pipeline, stop, options).but(num_beams=1)
        for chunk in pipeline.engine.stream(_prompt(pipeline, prompt), decoding):
            info = _info(chunk.completion) if chunk.completion else None
            yield GenerationChunk(text=chunk.text, generation_info=info)

    def _with(self, kwargs: dict[str, Any]) -> Self:
        # The host leaves the options of a call out of the cache's key: move them into the fields.
        options = {name: kwargs.pop(name) for name in OPTIONS if name in kwargs}
        if not options:
            return self
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, **options})


def _prompt(pipeline: Pipeline, source: str) -> Prompt:
    return pipeline.task.prompt(source, pipeline.card)


def _info(completion: Completion) -> dict[str, Any]:
    return {
        "finish_reason": completion.finish_reason,
        **completion.usage.model_dump(),
        "truncated_tokens": completion.truncated_tokens,
    }
