"""What a LlamaIndex developer relies on, asked of BioGPTLLM and of HuggingFaceLLM alike.

Both run the bundled weights on the CPU in float32, greedily unless asked otherwise; each is built
and called as its own documentation shows it.

    python tests/beside_huggingface_llm.py    # writes the table into docs/llama_index.md
"""

from __future__ import annotations

import asyncio
import pickle
import queue
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, ClassVar
from unittest import mock

import torch
import transformers
from bundled import (
    DEMO,
    LONG,
    PROMPT,
    Hasty,
    dictated,
    endless,
    ends_at_a_word,
    engine,
    goes_on,
    model,
    random_state_kept,
    steps,
    tokenizer,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMCompletionStartEvent
from llama_index.core.llms import LLM, ChatMessage
from side_by_side import Comparison, Side

from biogpt_plugins.values.errors import ContextOverflowError
from llama_index_biogpt import BioGPTLLM


class Ours(Side):
    """BioGPTLLM."""

    name = "`BioGPTLLM`"
    logprobs: ClassVar = {"logprobs": True}
    unset: ClassVar = {}

    def llm(self, **options: Any) -> LLM:
        """An LLM that writes at most 12 tokens."""
        return BioGPTLLM.from_engine(engine(), **{"max_new_tokens": 12, **options})

    def named(self) -> LLM:
        """One that finds the model by itself."""
        return BioGPTLLM(model=str(DEMO), max_new_tokens=12)

    def model(self, _: LLM) -> torch.nn.Module:
        """The model that an LLM runs."""
        return model()

    def loaded(self, llm: LLM) -> object:
        """What holds the weights of an LLM."""
        return llm.bind_engine()

    def sample(self, llm: LLM, *, seed: int) -> str:
        """A text by sampling."""
        return llm.complete(PROMPT, temperature=1.0, seed=seed).text


class Peer(Side):
    """HuggingFaceLLM."""

    name = "`HuggingFaceLLM`"
    package = "llama-index-llms-huggingface"
    logprobs: ClassVar = {
        "generate_kwargs": {"output_logits": True, "return_dict_in_generate": True}
    }
    unset: ClassVar = {"context_window": 3900}  # its own default

    def llm(self, **options: Any) -> LLM:
        from llama_index.llms.huggingface import HuggingFaceLLM

        usual = {"max_new_tokens": 12, "context_window": 768, "device_map": "cpu"}
        names = {"model_name": str(DEMO), "tokenizer_name": str(DEMO)}
        return HuggingFaceLLM(**names, model_kwargs={"dtype": "float32"}, **{**usual, **options})

    def named(self) -> LLM:
        return self.llm()

    def model(self, llm: LLM) -> torch.nn.Module:
        return llm._model

    loaded = model

    def sample(self, _: LLM, *, seed: int) -> str:
        transformers.set_seed(seed)  # the documented way: there is no option for it
        sampling = {"do_sample": True, "temperature": 1.0}
        return self.llm(generate_kwargs=sampling).complete(PROMPT).text


COMPARISON = Comparison(__file__, "llama_index.md", ours=[Ours], peers=[Peer])
behaviour = COMPARISON.behaviour
Either = Ours | Peer


def streamed(llm: LLM, prompt: str = PROMPT, **options: Any) -> str:
    return "".join(response.delta or "" for response in llm.stream_complete(prompt, **options))


@contextmanager
def untaught() -> Iterator[None]:
    """Whether the bundled model was trained to continue texts does not matter here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "model .* was trained for bc5cdr")
        yield


@behaviour("`complete` gives the continuation alone", holds=[Peer])
def continuation(side: Either) -> None:
    assert not side.llm().complete(PROMPT).text.startswith(PROMPT), "the prompt first"


@behaviour("The pieces of a stream add up to what `complete` gives")
def pieces(side: Either) -> None:
    llm = side.llm()
    with dictated("it didn't help", to=side.model(llm)):
        text, found = llm.complete(PROMPT).text, streamed(llm)
    assert text == found, f"`{text}` is streamed as `{found}`"


@behaviour("`stop` ends what `complete` gives")
def stop(side: Either) -> None:
    llm = side.llm()
    assert ends_at_a_word(lambda **stop: llm.complete(endless(), **stop).text), "ignored"


@behaviour("`stop` ends what `stream_complete` gives")
def stop_of_a_stream(side: Either) -> None:
    assert ends_at_a_word(partial(streamed, side.llm(), endless())), "ignored"


@behaviour("`complete(prompt, max_new_tokens=3)` counts, or is an error")
def option_of_a_call(side: Either) -> None:
    llm = side.llm()
    with suppress(TypeError, ValueError):
        changed = llm.complete(PROMPT, max_new_tokens=3).text != llm.complete(PROMPT).text
        assert changed, "ignored"


@behaviour("A misspelt option is an error")
def misspelt(side: Either) -> None:
    with suppress(TypeError, ValueError):
        side.llm(max_new_token=3)
        raise AssertionError("ignored")
    llm = side.llm()
    with suppress(TypeError, ValueError):
        llm.complete(PROMPT, max_new_token=3)
        raise AssertionError("ignored in calls")


@behaviour("`completion_to_prompt` counts in streams, too")
def completion_to_prompt(side: Either) -> None:
    llm = side.llm(completion_to_prompt=lambda prompt: f"{prompt} was given", max_new_tokens=6)
    assert streamed(llm) == llm.complete(PROMPT).text, "ignored there"


@behaviour("`chat` goes on from what the messages say")
def chat(side: Either) -> None:
    llm = side.llm()
    try:
        found = llm.chat([ChatMessage(content=PROMPT)]).message.content
    except ValueError as error:
        raise AssertionError("`ValueError`, unless `messages_to_prompt` is given") from error
    assert found == llm.complete(PROMPT).text, f"`{found}`"


@behaviour("Counts of tokens with each completion")
def usage(side: Either) -> None:
    response = side.llm().complete(PROMPT)
    told = {**(response.raw or {}), **response.additional_kwargs}
    assert {"prompt_tokens", "completion_tokens"} <= told.keys(), "none"


@behaviour("`TokenCountingHandler` has the model's own counts")
def token_counts(side: Either) -> None:
    counter = TokenCountingHandler()
    prompt = " ".join(["lithium-induced"] * 10)  # a hyphen is a token of its own
    side.llm(callback_manager=CallbackManager([counter])).complete(prompt)
    own = len(tokenizer()(prompt)["input_ids"])
    assert counter.prompt_llm_token_count == own, "tiktoken's, unless `Settings.tokenizer` is set"


@behaviour("Why it ended: `finish_reason`")
def finish_reason(side: Either) -> None:
    response = side.llm().complete(endless())
    assert (response.raw or {}).get("finish_reason") == "length", "not told"


@behaviour("Log-probabilities of the tokens, where they are asked for")
def logprobs(side: Either) -> None:
    assert side.llm(**side.logprobs).complete(PROMPT).logprobs, "none"


@behaviour("A response can be written down as JSON")
def written(side: Either) -> None:
    try:
        side.llm().complete(PROMPT).model_dump_json()
    except ValueError as error:
        raise AssertionError("`raw` holds a tensor") from error


@behaviour("`metadata` has the model's own context window", holds=[Peer])
def window(side: Either) -> None:
    found = side.llm(**side.unset).metadata.context_window
    assert found == model().config.max_position_embeddings, f"{found}"


@behaviour("Observers are told which model writes", holds=[Peer])
def observers(side: Either) -> None:
    class Events(BaseEventHandler):
        def handle(self, event: Any, **_: Any) -> None:
            if isinstance(event, LLMCompletionStartEvent):
                told.append(event.model_dict.get("model_name"))

    told: list[str] = []
    root, handler = get_dispatcher(), Events()
    root.add_event_handler(handler)
    try:
        side.llm().complete(PROMPT)
    finally:
        root.event_handlers.remove(handler)
    assert told == [str(DEMO)], "not told"


@behaviour("A prompt that is too long is cut, or refused for its length")
def long_prompt(side: Either) -> None:
    try:
        side.llm().complete(LONG)
    except ContextOverflowError:
        pass
    except Exception as error:
        raise AssertionError(f"`{type(error).__name__}: {error}`") from error


@behaviour("An error while streaming is raised")
def error_of_a_stream(side: Either) -> None:
    llm = side.llm()
    with (
        steps(side.model(llm), fail_at=3),
        mock.patch("transformers.TextIteratorStreamer", Hasty),
        mock.patch("threading.excepthook"),  # the peer's thread dies of it, and pytest objects
    ):
        found: object
        try:
            found = streamed(llm)
        except Exception as error:
            found = error
    assert not isinstance(found, queue.Empty), "the stream waits for ever"
    assert "the device is lost" in str(found), f"`{found!r}`"


@behaviour("The event loop goes on during `acomplete` and `astream_complete`")
def event_loop(side: Either) -> None:
    async def read() -> None:
        async for _ in await llm.astream_complete(prompt):
            pass

    llm, prompt = side.llm(max_new_tokens=100), endless()
    for begin in (lambda: llm.acomplete(prompt), read):
        with steps(side.model(llm)) as rows:
            assert goes_on(begin, lambda: 0 < len(rows) < 90), "it stands still"


@behaviour("Cancelling a task stops the model")
def cancelling(side: Either) -> None:
    llm, prompt = side.llm(max_new_tokens=150), endless()

    async def cancel() -> None:
        task = asyncio.ensure_future(llm.acomplete(prompt))
        while not rows and not task.done():
            await asyncio.sleep(0.001)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with steps(side.model(llm)) as rows:
        asyncio.run(cancel())  # which also waits for the threads that are still at work
    assert len(rows) < 75, f"{len(rows)} of 150 tokens are written"


@behaviour("Closing a stream stops the model")
def closing(side: Either) -> None:
    llm, prompt = side.llm(max_new_tokens=150), endless()
    before = set(threading.enumerate())
    with steps(side.model(llm)) as rows:
        stream = llm.stream_complete(prompt)
        next(stream)
        stream.close()
        for thread in set(threading.enumerate()) - before:
            thread.join(timeout=60)
    assert len(rows) < 75, f"{len(rows)} of 150 tokens are written"


@behaviour("Four threads at once get what each gets alone", holds=[Peer])
def threads(side: Either) -> None:
    llm = side.llm()
    prompts = [PROMPT, endless(), PROMPT, endless()]
    with ThreadPoolExecutor(len(prompts)) as pool:
        found = [response.text for response in pool.map(llm.complete, prompts)]
    assert found == [llm.complete(prompt).text for prompt in prompts], "other texts"


@behaviour("A seed repeats a sample, without the global random state")
def seeds(side: Either) -> None:
    llm = side.llm()
    with random_state_kept() as kept:
        first, again, other = (side.sample(llm, seed=seed) for seed in (1, 1, 2))
        assert first == again != other, "not repeated"
        assert kept(), "repeated, by `set_seed` for the whole process"


@behaviour("Two LLMs of one name load the model once")
def loading(side: Either) -> None:
    with untaught():
        first, second = (side.loaded(side.named()) for _ in range(2))
    assert first is second, "twice, unless `model=` and `tokenizer=` are given"


@behaviour("`to_dict` and `from_dict` give the same LLM again")
def round_trip(side: Either) -> None:
    llm = side.named()
    with untaught():
        try:
            again = type(llm).from_dict(llm.to_dict())
        except ValueError as error:
            raise AssertionError(f"`from_dict` raises `{type(error).__name__}`") from error
        assert again.complete(PROMPT).text == llm.complete(PROMPT).text, "another text"


@behaviour("It can be sent to another process, and without the model's weights")
def pickled(side: Either) -> None:
    llm = side.named()
    with untaught():
        text = llm.complete(PROMPT).text
        try:
            sent = pickle.dumps(llm)
        except RuntimeError as error:
            raise AssertionError(f"`pickle.dumps` raises `{error}`") from error
        assert len(sent) < 10_000, "the weights go with it"
        assert pickle.loads(sent).complete(PROMPT).text == text, "another text"


if __name__ == "__main__":
    COMPARISON.write()
