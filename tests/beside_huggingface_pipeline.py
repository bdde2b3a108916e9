"""What a LangChain developer relies on, asked of BioGPTLLM and of HuggingFacePipeline alike.

Both run the bundled weights on the CPU in float32, greedily unless asked otherwise; each is built
and called as its own documentation shows it.

    python tests/beside_huggingface_pipeline.py    # writes the table into docs/langchain.md
"""

from __future__ import annotations

import asyncio
import queue
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models import BaseLLM
from langchain_core.load import dumps, loads
from langchain_core.runnables import ConfigurableField, Runnable
from side_by_side import Comparison, Side

from langchain_biogpt import BioGPTLLM


class Ours(Side):
    """BioGPTLLM."""

    name = "`BioGPTLLM`"
    three: ClassVar = {"n": 3, "temperature": 1.0}
    uncut: ClassVar = {"truncate": False}

    def bare(self) -> BaseLLM:
        """An LLM for which no option was set."""
        return BioGPTLLM.from_engine(engine())

    def llm(self, *, cache: InMemoryCache | None = None, **options: Any) -> BaseLLM:
        """An LLM that writes at most 12 tokens, and nothing but the continuation."""
        return BioGPTLLM.from_engine(engine(), cache=cache, **{"max_new_tokens": 12, **options})

    def named(self) -> BaseLLM:
        """An LLM whose model can be loaded again by its name."""
        return BioGPTLLM(model="demo", device="cpu", max_new_tokens=12)

    def call(self, **options: Any) -> dict[str, Any]:
        """The arguments of a call that give it options."""
        return options

    def model(self, _: BaseLLM) -> torch.nn.Module:
        """The model that an LLM runs."""
        return model()

    def configured(self, llm: BaseLLM, *, max_new_tokens: int) -> Runnable[Any, str]:
        """The LLM with an option given by `configurable_fields`."""
        configurable = llm.configurable_fields(max_new_tokens=ConfigurableField(id="most"))
        return configurable.with_config(configurable={"most": max_new_tokens})

    def sample(self, llm: BaseLLM, *, seed: int) -> str:
        """A text by sampling."""
        return llm.invoke(PROMPT, temperature=1.0, seed=seed)


class Peer(Side):
    """HuggingFacePipeline."""

    name = "`HuggingFacePipeline`"
    package = "langchain-huggingface"
    three: ClassVar = {"num_return_sequences": 3, "do_sample": True}
    uncut: ClassVar = {}

    def bare(self) -> BaseLLM:
        return self._llm()

    def llm(self, *, cache: InMemoryCache | None = None, **options: Any) -> BaseLLM:
        options = {"max_new_tokens": 12, "return_full_text": False, **options}
        return self._llm(pipeline_kwargs=options, cache=cache)

    def named(self) -> BaseLLM:
        return self.llm()

    def call(self, **options: Any) -> dict[str, Any]:
        return {"pipeline_kwargs": options}

    def model(self, llm: BaseLLM) -> torch.nn.Module:
        return llm.pipeline.model

    def configured(self, llm: BaseLLM, *, max_new_tokens: int) -> Runnable[Any, str]:
        configurable = llm.configurable_fields(pipeline_kwargs=ConfigurableField(id="options"))
        options = {**llm.pipeline_kwargs, "max_new_tokens": max_new_tokens}
        return configurable.with_config(configurable={"options": options})

    def sample(self, llm: BaseLLM, *, seed: int) -> str:
        transformers.set_seed(seed)  # the documented way: there is no option for it
        return llm.invoke(PROMPT, pipeline_kwargs={"do_sample": True, "temperature": 1.0})

    def _llm(self, **fields: Any) -> BaseLLM:
        from langchain_huggingface import HuggingFacePipeline

        return HuggingFacePipeline.from_model_id(
            model_id=str(DEMO),
            task="text-generation",
            device=-1,
            model_kwargs={"dtype": "float32"},
            **fields,
        )


COMPARISON = Comparison(__file__, "langchain.md", ours=[Ours], peers=[Peer])
behaviour = COMPARISON.behaviour


@behaviour("`invoke` gives the continuation alone")
def continuation(side: Ours | Peer) -> None:
    text = side.bare().invoke(PROMPT, **side.call(max_new_tokens=12))
    assert not text.startswith(PROMPT), "the prompt first, unless `return_full_text=False`"


@behaviour("The pieces of a stream add up to what `invoke` gives")
def pieces(side: Ours | Peer) -> None:
    llm = side.llm()
    with dictated("it didn't help", to=side.model(llm)):
        text, streamed = llm.invoke(PROMPT), "".join(llm.stream(PROMPT))
    assert text == streamed, f"`{text}` is streamed as `{streamed}`"


@behaviour("`stop` ends what `invoke` gives")
def stop(side: Ours | Peer) -> None:
    llm = side.llm()
    assert ends_at_a_word(partial(llm.invoke, endless())), "ignored"


@behaviour("`stop` ends what `stream` gives")
def stop_of_a_stream(side: Ours | Peer) -> None:
    llm, prompt = side.llm(), endless()
    assert ends_at_a_word(lambda **stop: "".join(llm.stream(prompt, **stop))), "ignored"


@behaviour("As many candidates as were asked for")
def candidates(side: Ours | Peer) -> None:
    found = side.llm().generate([PROMPT], **side.call(**side.three)).generations[0]
    assert len(found) == 3, f"{len(found)} of 3"


@behaviour("Counts of tokens with each generation")
def usage(side: Ours | Peer) -> None:
    result = side.llm().generate([PROMPT])
    told = {**(result.llm_output or {}).get("token_usage", {})}
    told |= result.generations[0][0].generation_info or {}
    assert {"prompt_tokens", "completion_tokens"} <= told.keys(), "none"


@behaviour("Why it ended: `finish_reason`")
def finish_reason(side: Ours | Peer) -> None:
    info = side.llm().generate([endless()]).generations[0][0].generation_info or {}
    assert info.get("finish_reason") == "length", "not told"


@behaviour("`get_num_tokens` by the model's own tokenizer")
def num_tokens(side: Ours | Peer) -> None:
    own = tokenizer()(PROMPT, add_special_tokens=False)
    # Offline, as it would look for another tokenizer on the hub for minutes.
    with warnings.catch_warnings(), mock.patch("huggingface_hub.constants.HF_HUB_OFFLINE", True):
        warnings.filterwarnings("ignore", "Using fallback GPT-2 tokenizer")
        counted = side.llm().get_num_tokens(PROMPT)
    assert counted == len(own["input_ids"]), "by GPT-2's, which comes from the hub"


@behaviour("Traces name the model")
def traces(side: Ours | Peer) -> None:
    class Start(BaseCallbackHandler):
        def on_llm_start(self, *_: Any, metadata: dict[str, Any], **__: Any) -> None:
            self.metadata = metadata

    start = Start()
    side.llm().invoke(PROMPT, config={"callbacks": [start]})
    assert start.metadata.get("ls_model_name") == str(DEMO), "no `ls_model_name`"


@behaviour("A batch is one batch for the model", holds=[Peer])
def batch(side: Ours | Peer) -> None:
    llm, prompts = side.llm(), [PROMPT, endless(), PROMPT]
    with steps(side.model(llm)) as rows:
        llm.batch(prompts)
    assert rows[0] == 3, "one prompt after the other"


@behaviour("A batch gives what each of its prompts gives alone", holds=[Peer])
def padding(side: Ours | Peer) -> None:
    llm = side.llm()
    prompts = [PROMPT, endless(), "renal failure after cisplatin in two patients with"]
    assert llm.batch(prompts) == [llm.invoke(prompt) for prompt in prompts], "other texts"


@behaviour("One bad prompt costs a batch nothing else (`return_exceptions`)")
def bad_prompt(side: Ours | Peer) -> None:
    llm = side.llm()
    options = {"return_exceptions": True, **side.call(**side.uncut)}
    found = llm.batch([PROMPT, LONG, endless()], **options)
    errors = sum(isinstance(one, Exception) for one in found)
    assert errors == 1, f"{errors} errors for 3 prompts"
    assert found[::2] == [llm.invoke(PROMPT), llm.invoke(endless())], "other texts"


@behaviour("A prompt that is too long is cut, or refused for its length")
def long_prompt(side: Ours | Peer) -> None:
    try:
        side.llm().invoke(LONG)
    except ContextOverflowError:
        pass
    except Exception as error:
        raise AssertionError(f"`{type(error).__name__}: {error}`") from error


@behaviour("An error while streaming is raised")
def error_of_a_stream(side: Ours | Peer) -> None:
    llm = side.llm()
    with (
        steps(side.model(llm), fail_at=3),
        mock.patch("transformers.TextIteratorStreamer", Hasty),
        mock.patch("threading.excepthook"),  # the peer's thread dies of it, and pytest objects
    ):
        found: object
        try:
            found = "".join(llm.stream(PROMPT))
        except Exception as error:
            found = error
    assert not isinstance(found, queue.Empty), "`queue.Empty`, after 60 s"
    assert "the device is lost" in str(found), f"`{found!r}`"


@behaviour("The cache tells two LLMs with different options apart", holds=[Peer])
def cache_of_two(side: Ours | Peer) -> None:
    shared = InMemoryCache()
    short = side.llm(max_new_tokens=3, cache=shared).invoke(PROMPT)
    assert side.llm(cache=shared).invoke(PROMPT) != short, "the first one's text for both"


@behaviour("The cache tells two calls with different options apart")
def cache_of_calls(side: Ours | Peer) -> None:
    llm = side.llm(cache=InMemoryCache())
    short = llm.invoke(PROMPT, **side.call(max_new_tokens=3))
    assert llm.invoke(PROMPT) != short, "the first one's text for both"


@behaviour("`configurable_fields` sets options")
def configurable(side: Ours | Peer) -> None:
    llm = side.llm()
    short = llm.invoke(PROMPT, **side.call(max_new_tokens=3))
    assert side.configured(llm, max_new_tokens=3).invoke(PROMPT) == short, (
        "the text stays as it was"
    )


@behaviour("A misspelt option is an error", holds=[Peer])
def misspelt(side: Ours | Peer) -> None:
    llm = side.llm()
    for call in (
        lambda: side.llm(max_new_token=3).invoke(PROMPT),
        lambda: llm.invoke(PROMPT, **side.call(max_new_token=3)),
    ):
        with suppress(TypeError, ValueError):
            raise AssertionError(f"ignored: {call()}")


@behaviour("`invoke(prompt, max_new_tokens=3)` counts, or is an error")
def argument(side: Ours | Peer) -> None:
    llm = side.llm()
    with suppress(TypeError, ValueError):
        changed = llm.invoke(PROMPT, max_new_tokens=3) != llm.invoke(PROMPT)
        assert changed, "ignored, as it is not in `pipeline_kwargs`"


@behaviour("A seed repeats a sample, without the global random state")
def seeds(side: Ours | Peer) -> None:
    llm = side.llm()
    with random_state_kept() as kept:
        first, again, other = (side.sample(llm, seed=seed) for seed in (1, 1, 2))
        assert first == again != other, "not repeated"
        assert kept(), "repeated, by `set_seed` for the whole process"


@behaviour("`dumps` and `loads` give the same LLM again")
def round_trip(side: Ours | Peer) -> None:
    llm = side.named()
    namespace = type(llm).__module__.partition(".")[0]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The function `loads` is in beta")
        warnings.filterwarnings(
            "ignore", "model .* was trained for bc5cdr"
        )  # it is loaded by its name
        try:
            again = loads(dumps(llm), allowed_objects=[type(llm)], valid_namespaces=[namespace])
        except NotImplementedError as error:
            raise AssertionError("`loads` raises `NotImplementedError`") from error
        assert again.invoke(PROMPT) == llm.invoke(PROMPT), "another text"


@behaviour("The event loop goes on during `ainvoke` and `astream`", holds=[Peer])
def event_loop(side: Ours | Peer) -> None:
    async def read() -> None:
        async for _ in llm.astream(prompt):
            pass

    llm, prompt = side.llm(max_new_tokens=100), endless()
    for begin in (lambda: llm.ainvoke(prompt), read):
        with steps(side.model(llm)) as rows:
            assert goes_on(begin, lambda: 0 < len(rows) < 90), "it stands still"


@behaviour("Four threads at once get what each gets alone", holds=[Peer])
def threads(side: Ours | Peer) -> None:
    llm = side.llm()
    prompts = [PROMPT, endless(), PROMPT, endless()]
    with ThreadPoolExecutor(len(prompts)) as pool:
        found = list(pool.map(llm.invoke, prompts))
    assert found == [llm.invoke(prompt) for prompt in prompts], "other texts"


@behaviour("Closing a stream stops the model")
def closing(side: Ours | Peer) -> None:
    llm, prompt = side.llm(max_new_tokens=150), endless()
    before = set(threading.enumerate())
    with steps(side.model(llm)) as rows:
        stream = llm.stream(prompt)
        next(stream)
        stream.close()
        for thread in set(threading.enumerate()) - before:
            thread.join(timeout=60)
    assert len(rows) < 75, f"{len(rows)} of 150 tokens are written"


@behaviour("Cancelling a task stops the model")
def cancelling(side: Ours | Peer) -> None:
    llm, prompt = side.llm(max_new_tokens=150), endless()

    async def cancel() -> None:
        task = asyncio.ensure_future(llm.ainvoke(prompt))
        while not rows and not task.done():
            await asyncio.sleep(0.001)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with steps(side.model(llm)) as rows:
        asyncio.run(cancel())  # which also waits for the threads that are still at work
    assert len(rows) < 75, f"{len(rows)} of 150 tokens are written"


if __name__ == "__main__":
    COMPARISON.write()
