"""Tell the host's callbacks what the model reads and writes for a task, as for an LLM's run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import (
    AsyncCallbackHandler,
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.callbacks.manager import ahandle_event, handle_event
from langchain_core.load import dumpd
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, Generation, GenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig

from biogpt_plugins import Pipeline, Prediction, Usage
from biogpt_plugins.values.errors import InputError, error_class
from biogpt_plugins.values.results import Answer

if TYPE_CHECKING:
    from langchain_biogpt.llm import BioGPTLLM

_HostRun = CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun


class ChatEvents:
    """An LLM's run, told to handlers that hear only chat models.

    LangGraph's `stream_mode="messages"` is such a handler: the host tells it nothing of LLMs.
    """

    def __init__(self, run: _HostRun | None, prompt: str) -> None:
        """Find the handlers among those of a run.

        Args:
            run: The run; None if there are no callbacks.
            prompt: What the model reads.
        """
        self._handlers = [one for one in run.handlers if _hears_only_chats(one)] if run else []
        self._prompt = prompt
        self.begun = False
        named = ("run_id", "parent_run_id", "tags")
        self._named: dict[str, Any] = {name: getattr(run, name, None) for name in named}
        self._metadata = run.metadata if run else {}

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def says(self, text: str) -> None:
        """Tell the next piece of the completion."""
        for name, ignore, args, kwargs in self._events(text):
            handle_event(self._handlers, name, ignore, *args, **kwargs)

    async def asays(self, text: str) -> None:
        for name, ignore, args, kwargs in self._events(text):
            await ahandle_event(self._handlers, name, ignore, *args, **kwargs)

    def _events(self, text: str) -> list[tuple[str, str, tuple[Any, ...], dict[str, Any]]]:
        if not self or not text:
            return []
        events: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = []
        if not self.begun:
            asked: tuple[Any, ...] = ({}, [[HumanMessage(self._prompt)]])
            named = {**self._named, "metadata": self._metadata}
            events.append(("on_chat_model_start", "ignore_chat_model", asked, named))
            self.begun = True
        message = AIMessageChunk(content=text, id=f"lc_run--{self._named['run_id']}")
        named = {**self._named, "chunk": ChatGenerationChunk(message=message)}
        return [*events, ("on_llm_new_token", "ignore_llm", (text,), named)]


class TaskRun:
    """An LLM's run for one input of a task: its prompt, its completion and its tokens."""

    def __init__(self, run: _HostRun | None, prompt: str, model: str) -> None:
        """Take a run that has begun; None if there are no callbacks, or the input is invalid."""
        self._run: Any = run
        self._model = model
        self.chat = ChatEvents(run, prompt)

    def says(self, text: str) -> None:
        """Tell the next piece of the completion."""
        if self._run and text:
            self._run.on_llm_new_token(text, chunk=GenerationChunk(text=text))
            self.chat.says(text)

    async def asays(self, text: str) -> None:
        if self._run and text:
            await self._run.on_llm_new_token(text, chunk=GenerationChunk(text=text))
            await self.chat.asays(text)

    def ends(self, prediction: Prediction[Any]) -> None:
        """Tell the completion, or the error that prevented it."""
        if run := self._closed():
            if not self.chat.begun:
                self.chat.says(_text(prediction))
            failure = _failure(prediction)
            if failure:
                run.on_llm_error(failure)
            else:
                run.on_llm_end(self._result(prediction))

    async def aends(self, prediction: Prediction[Any]) -> None:
        if run := self._closed():
            if not self.chat.begun:
                await self.chat.asays(_text(prediction))
            failure = _failure(prediction)
            await (
                run.on_llm_error(failure) if failure else run.on_llm_end(self._result(prediction))
            )

    def fails(self, error: BaseException) -> None:
        """Tell what ended the run, unless it has ended."""
        if run := self._closed():
            run.on_llm_error(error)

    async def afails(self, error: BaseException) -> None:
        if run := self._closed():
            await run.on_llm_error(error)

    def _closed(self) -> Any:  # noqa: ANN401 - a run of either kind
        run, self._run = self._run, None
        return run

    def _result(self, prediction: Prediction[Any]) -> LLMResult:
        info: dict[str, Any] = {
            "finish_reason": prediction.finish_reason,
            **prediction.usage.model_dump(),
            "truncated_tokens": prediction.truncated_tokens,
        }
        if isinstance(prediction.result, Answer):
            info["probabilities"] = prediction.result.probabilities
        generation = Generation(text=_text(prediction), generation_info=info)
        return LLMResult(
            generations=[[generation]], llm_output=llm_output(prediction.usage, self._model)
        )


def llm_output(usage: Usage, model: str) -> dict[str, Any]:
    """What the host keeps of an LLM's call."""
    return {
        "token_usage": {**usage.model_dump(), "total_tokens": usage.total_tokens},
        "model_name": model,
    }


def begun(
    llm: BioGPTLLM, pipeline: Pipeline, inputs: Sequence[object], configs: Sequence[RunnableConfig]
) -> list[TaskRun]:
    """Begin a run for each input."""
    runs = []
    for value, config in zip(inputs, configs, strict=True):
        manager = CallbackManager.configure(**_heard(llm, config))
        prompt = _prompt(pipeline, value) if manager.handlers else ""
        run = None
        if prompt:
            (run,) = manager.on_llm_start(**_started(llm, pipeline, prompt))
        runs.append(TaskRun(run, prompt, llm.model))
    return runs


async def abegun(
    llm: BioGPTLLM, pipeline: Pipeline, inputs: Sequence[object], configs: Sequence[RunnableConfig]
) -> list[TaskRun]:
    """`begun` for the callbacks of an event loop."""
    runs = []
    for value, config in zip(inputs, configs, strict=True):
        manager = AsyncCallbackManager.configure(**_heard(llm, config))
        prompt = _prompt(pipeline, value) if manager.handlers else ""
        started = (
            await manager.on_llm_start(**_started(llm, pipeline, prompt)) if prompt else [None]
        )
        runs.append(TaskRun(started[0], prompt, llm.model))
    return runs


def _hears_only_chats(handler: BaseCallbackHandler) -> bool:
    own = type(handler)
    usual: Any = (
        AsyncCallbackHandler if isinstance(handler, AsyncCallbackHandler) else BaseCallbackHandler
    )
    hears_chats = own.on_chat_model_start is not usual.on_chat_model_start
    return hears_chats and own.on_llm_start is usual.on_llm_start


def _heard(llm: BioGPTLLM, config: RunnableConfig) -> dict[str, Any]:
    """Whom the host tells of a run of this LLM, and with what."""
    return {
        "inheritable_callbacks": config.get("callbacks"),
        "local_callbacks": llm.callbacks,
        "verbose": llm.verbose,
        "inheritable_tags": config.get("tags"),
        "local_tags": llm.tags,
        "inheritable_metadata": {**(config.get("metadata") or {}), **llm._get_ls_params()},
        "local_metadata": llm.metadata,
    }


def _started(llm: BioGPTLLM, pipeline: Pipeline, prompt: str) -> dict[str, Any]:
    """What the host is told at the beginning of a run."""
    asked = {**llm._identifying_params, "_type": llm._llm_type, "task": pipeline.task.name}
    return {
        "serialized": dumpd(llm),
        "prompts": [prompt],
        "invocation_params": asked,
        "options": {"stop": list(pipeline.decoding.stop)},
        "name": llm.get_name(),
        "batch_size": 1,
    }


def _prompt(pipeline: Pipeline, value: object) -> str:
    """What the model reads; "" for an invalid input."""
    try:
        return pipeline.task.render(value, pipeline.card).source
    except InputError:
        return ""


def _text(prediction: Prediction[Any]) -> str:
    """The completion, or the label that was chosen without one."""
    if prediction.completion is None and isinstance(prediction.result, Answer):
        return prediction.result.label or ""
    return prediction.completion or ""


def _failure(prediction: Prediction[Any]) -> Exception | None:
    """The error of the model's run; an unreadable completion is none."""
    failure = prediction.error
    if failure is None or prediction.completion is not None:
        return None
    return error_class(failure.type)(failure.message)
