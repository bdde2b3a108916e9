"""BioGPT as a LangChain LLM."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, ClassVar, NoReturn, cast

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
    Callbacks,
)
from langchain_core.exceptions import ContextOverflowError as HostContextOverflowError
from langchain_core.language_models import BaseLLM, LangSmithParams, LanguageModelInput
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list
from pydantic import ConfigDict, PrivateAttr
from typing_extensions import Self

from biogpt_plugins import Completion, Pipeline, Prompt, Spec, Usage
from biogpt_plugins.engine import Chunk, in_thread, warn_of_truncation
from biogpt_plugins.hosts.fields import HOST_WORDS, OPTIONS, LLMFields
from biogpt_plugins.hosts.types import no_schema
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import BioGPTError, ContextOverflowError, EngineError, ParseError
from langchain_biogpt.documents import said
from langchain_biogpt.saving import SavedFields
from langchain_biogpt.tracing import ChatEvents, llm_output


class BioGPTContextOverflowError(ContextOverflowError, HostContextOverflowError):
    """A prompt that is too long; both this package's and the host's error type."""


class BioGPTLLM(SavedFields, LLMFields, BaseLLM):
    """A local BioGPT. With a task it reads source texts; without one it continues prompts.

    `batch` and `generate` make one engine call for all prompts. With `return_exceptions=True`, a
    failed prompt does not affect the others. The model is loaded on first use, and all LLMs with
    the same model share it. Decoding options can also be passed with each call
    (`llm.invoke(text, max_tokens=20)`, `llm.bind(seed=1)`); cache keys include them. Cancelling a
    task or closing a stream stops the generation.

    Each generation's `generation_info` has `finish_reason`, `prompt_tokens`, `completion_tokens`
    and `truncated_tokens`, and with `logprobs` also `logprobs`: the lists `tokens`,
    `token_logprobs` and `text_offset`. A prompt that is too long is cut, unless `truncate` is
    False; each call gives at most one TruncationWarning. Of messages, the last one from a human is
    the prompt, without a role: BioGPT was not trained with roles.

    Attributes:
        n: Number of generations for each prompt, sampled or from beams; a stream has one.
        logprobs: Whether generations include the log-probabilities of their tokens.

    The other fields are those of `biogpt_plugins.hosts.fields.LLMFields`.
    """

    model_config = ConfigDict(extra="forbid")  # the host's config accepts misspelt fields

    n: int | None = None
    logprobs: bool | None = None

    # What was written for the prompts of a batch; None where nothing is to be remembered.
    _written: dict[str, Completion] | None = PrivateAttr(default=None)

    decoding_options: ClassVar[tuple[str, ...]] = (*OPTIONS, "n", "logprobs")

    @classmethod
    def from_model_id(cls, model_id: str, **options: Any) -> Self:  # noqa: ANN401
        """Make an LLM and load its model immediately.

        Args:
            model_id: "demo", a folder, or a hub id.
            options: Other fields of the LLM.

        Raises:
            ModelError: The model cannot be found or is not a BioGPT.
            DeviceError: This machine does not have the device or does not support the dtype.
        """
        llm = cls(model=model_id, **options)
        llm.bind_own_task()
        return llm

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

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[str]:
        """The completion of each input, with one engine call.

        The host treats the failure of one prompt as a failure of all prompts. With
        `return_exceptions`, each prompt is therefore passed to the host separately, together with
        the completion that the engine has already written.
        """
        configs = get_config_list(config, len(inputs))
        if not return_exceptions or (inputs and configs[0].get("max_concurrency")):
            return super().batch(inputs, configs, return_exceptions=return_exceptions, **kwargs)
        llm = self._with(kwargs)._that_remembers()
        try:
            return BaseLLM.batch(llm, inputs, configs, **kwargs)
        except Exception as error:
            if not llm._written:
                return cast("list[str]", [error for _ in inputs])
        options: Any = {"return_exceptions": True, **kwargs}
        pairs = zip(inputs, configs, strict=True)
        return [BaseLLM.batch(llm, [one], own, **options)[0] for one, own in pairs]

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[str]:
        """`batch` in a thread, which keeps the event loop free."""
        configs = get_config_list(config, len(inputs))
        if not return_exceptions or (inputs and configs[0].get("max_concurrency")):
            return await super().abatch(
                inputs, configs, return_exceptions=return_exceptions, **kwargs
            )
        llm = self._with(kwargs)._that_remembers()
        try:
            return await BaseLLM.abatch(llm, inputs, configs, **kwargs)
        except Exception as error:
            if not llm._written:
                return cast("list[str]", [error for _ in inputs])
        options: Any = {"return_exceptions": True, **kwargs}
        pairs = zip(inputs, configs, strict=True)
        return [(await BaseLLM.abatch(llm, [one], own, **options))[0] for one, own in pairs]

    def get_num_tokens(self, text: str) -> int:
        """Number of tokens, counted with BioGPT's own tokenizer."""
        return len(self.get_token_ids(text))

    def get_token_ids(self, text: str) -> list[int]:
        """Token ids from BioGPT's own tokenizer, without the leading `</s>`."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        return self.bind_engine().token_ids(text)

    def with_structured_output(self, schema: Any, **_: Any) -> NoReturn:  # noqa: ANN401
        """Not supported: BioGPT writes no JSON.

        Raises:
            NotImplementedError: Always, as hosts expect of LLMs; the message says what to use.
        """
        instead = (
            "create_relation_chain(llm) for Relations, BioGPTTask(llm=llm, task='pubmedqa') for an "
            "Answer, BioGPTTask(llm=llm, task='hoc') for Hallmarks"
        )
        raise NotImplementedError(no_schema(schema, instead))

    def _convert_input(self, model_input: LanguageModelInput) -> PromptValue:
        return super()._convert_input(said(model_input))

    @property
    def _llm_type(self) -> str:
        return "biogpt"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        # The host stores the stop strings of a call as `stop`, which would hide ours.
        settings = self.spec().but(**dict.fromkeys(Spec.KNOBS - {"allow_pickle"})).model_dump()
        options = {name: getattr(self, name) for name in self.decoding_options}
        values = {**settings, **options, "own_stop": self.stop}
        return {key: value for key, value in values.items() if value is not None} | self.own_ways()

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:  # noqa: ANN401
        params = super()._get_ls_params(stop, **kwargs)
        most = kwargs.get("max_new_tokens") or kwargs.get("max_tokens") or self.max_new_tokens
        if most:
            params["ls_max_tokens"] = most
        return params

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> LLMResult:
        chat = ChatEvents(run_manager if len(prompts) == 1 else None, prompts[0])
        completions = self._completions(prompts, stop, kwargs, chat)
        for index, completion in enumerate(completions):
            if error := completion.error:
                where = f"prompt {index} of {len(prompts)}: " if len(prompts) > 1 else ""
                raise host_error(error, where) from error
        every = [(first, *first.others) for first in completions]
        usage = Usage(
            prompt_tokens=sum(first.usage.prompt_tokens for first in completions),
            completion_tokens=sum(c.usage.completion_tokens for own in every for c in own),
        )
        return LLMResult(
            generations=[
                [Generation(text=c.text, generation_info=_info(c)) for c in own] for own in every
            ],
            llm_output=llm_output(usage, self.model),
        )

    def _completions(
        self,
        prompts: list[str],
        stop: list[str] | None,
        options: dict[str, Any],
        chat: ChatEvents,
    ) -> list[Completion]:
        """What the engine writes for each prompt, or has written already in this batch."""
        if self._written and all(prompt in self._written for prompt in prompts):
            return [self._written[prompt] for prompt in prompts]
        pipeline = self.bind_own_task()
        sources = [_prompt(pipeline, prompt) for prompt in prompts]
        decoding = self.decoding_for(pipeline, stop, options)
        if chat and decoding.num_beams == decoding.n == 1:
            completions = [_heard(pipeline.engine.stream(sources[0], decoding), chat)]
        else:
            completions = pipeline.engine.complete(sources, decoding)
            chat.says(completions[0].text if completions else "")
        if len(completions) != len(prompts):
            raise EngineError(
                f"the engine returned {counted(len(completions), 'completion')} for "
                f"{counted(len(prompts), 'prompt')}"
            )
        warn_of_truncation(completion.truncated_tokens for completion in completions)
        if self._written is not None:
            self._written.update(zip(prompts, completions, strict=True))
        return completions

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> LLMResult:
        return await in_thread(partial(self._generate, prompts, stop, run_manager, **kwargs))

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[GenerationChunk]:
        chat = ChatEvents(run_manager, prompt)
        for chunk in self._chunks(prompt, stop, kwargs):
            if run_manager and chunk.text:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                chat.says(chunk.text)
            yield chunk

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[GenerationChunk]:
        chat = ChatEvents(run_manager, prompt)
        chunks = self._chunks(prompt, stop, kwargs)
        while (chunk := await in_thread(next, chunks, None)) is not None:
            if run_manager and chunk.text:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                await chat.asays(chunk.text)
            yield chunk

    def _chunks(
        self, prompt: str, stop: list[str] | None, options: dict[str, Any]
    ) -> Iterator[GenerationChunk]:
        pipeline = self.bind_own_task()
        decoding = self.decoding_for(pipeline, stop, options)
        try:
            for chunk in pipeline.engine.stream(_prompt(pipeline, prompt), decoding):
                info = None
                if chunk.completion:
                    info = _info(chunk.completion)
                    warn_of_truncation([chunk.completion.truncated_tokens])
                yield GenerationChunk(text=chunk.text, generation_info=info)
        except ContextOverflowError as error:
            raise host_error(error) from error

    def _with(self, kwargs: dict[str, Any]) -> Self:
        # The host's cache key omits the options of a call, so move them into the fields.
        ours = (*self.decoding_options, "decoding", *HOST_WORDS)
        return self.but(**{name: kwargs.pop(name) for name in ours if name in kwargs})

    def _that_remembers(self) -> Self:
        """A copy for one batch, which asks its engine once for each prompt."""
        llm = self.model_copy()
        llm._written = {}
        return llm


def _heard(chunks: Iterator[Chunk], chat: ChatEvents) -> Completion:
    """The completion of a stream, whose pieces are told to those who hear chats."""
    completion = Completion(error=EngineError("the engine's stream ended without a completion"))
    for chunk in chunks:
        chat.says(chunk.text)
        completion = chunk.completion or completion
    return completion


def _prompt(pipeline: Pipeline, source: str) -> Prompt:
    return pipeline.task.prompt(source, pipeline.card)


def host_error(error: BioGPTError, where: str = "") -> BioGPTError:
    """The error that the host expects, with the place where it happened before its message."""
    if isinstance(error, ParseError):  # its constructor needs more than a message
        return error
    overflow = isinstance(error, ContextOverflowError)
    kind = BioGPTContextOverflowError if overflow else type(error)
    return kind(f"{where}{error}")


def _info(completion: Completion) -> dict[str, Any]:
    info: dict[str, Any] = {
        "finish_reason": completion.finish_reason,
        **completion.usage.model_dump(),
        "truncated_tokens": completion.truncated_tokens,
    }
    if tokens := completion.tokens:
        info["logprobs"] = {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "text_offset": [token.start for token in tokens],
        }
    return info
