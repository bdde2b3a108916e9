"""What a LangChain developer relies on, asked of BioGPTLLM and of HuggingFacePipeline alike.

Both run the bundled weights on the CPU in float32, greedily unless asked otherwise; each is built
and called as its own documentation shows it. A behaviour returns where it holds. Where it does not,
it raises an AssertionError that says what was seen; any other error is a mistake of the test.

    python tests/side_by_side.py    # writes the table into README.md
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import torch
import transformers
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models import BaseLLM
from langchain_core.load import dumps, loads
from langchain_core.runnables import ConfigurableField, Runnable
from transformers import TextIteratorStreamer

import biogpt_plugins
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from langchain_biogpt import BioGPTLLM

DEMO = Path(biogpt_plugins.__file__).parent / "checkpoints/demo"
README = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- side by side: written by `python tests/side_by_side.py` -->\n\n"
END = "\n<!-- end of side by side -->\n"

PROMPT = "lithium-induced tremor. a patient"
ENDLESS = "aspirin"  # from here the bundled model repeats itself until it is stopped
LONG = "lithium " * 1000


class Ours:
    """BioGPTLLM."""

    three: ClassVar = {"n": 3, "temperature": 1.0}
    uncut: ClassVar = {"truncate": False}

    def __init__(self) -> None:
        self._model = transformers.BioGptForCausalLM.from_pretrained(DEMO, dtype=torch.float32)
        tokenizer = transformers.BioGptTokenizer.from_pretrained(DEMO)
        self._engine = TransformersEngine(self._model, tokenizer, model_name=str(DEMO))

    def bare(self) -> BaseLLM:
        """An LLM for which no option was set."""
        return BioGPTLLM.from_engine(self._engine)

    def llm(self, *, cache: InMemoryCache | None = None, **options: Any) -> BaseLLM:
        """An LLM that writes at most 12 tokens, and nothing but the continuation."""
        return BioGPTLLM.from_engine(self._engine, cache=cache, **{"max_new_tokens": 12, **options})

    def call(self, **options: Any) -> dict[str, Any]:
        """The arguments of a call that give it options."""
        return options

    def model(self, _: BaseLLM) -> torch.nn.Module:
        """The model that an LLM runs."""
        return self._model

    def configured(self, llm: BaseLLM, *, max_new_tokens: int) -> Runnable[Any, str]:
        """The LLM with an option given by `configurable_fields`."""
        configurable = llm.configurable_fields(max_new_tokens=ConfigurableField(id="most"))
        return configurable.with_config(configurable={"most": max_new_tokens})

    def sample(self, llm: BaseLLM, *, seed: int) -> str:
        """A text by sampling."""
        return llm.invoke(PROMPT, temperature=1.0, seed=seed)


class Peer:
    """HuggingFacePipeline."""

    three: ClassVar = {"num_return_sequences": 3, "do_sample": True}
    uncut: ClassVar = {}

    def bare(self) -> BaseLLM:
        return self._llm()

    def llm(self, *, cache: InMemoryCache | None = None, **options: Any) -> BaseLLM:
        options = {"max_new_tokens": 12, "return_full_text": False, **options}
        return self._llm(pipeline_kwargs=options, cache=cache)

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


Side = Ours | Peer
Check = Callable[[Side], None]


@dataclass(frozen=True)
class Behaviour:
    title: str
    check: Check
    peer_holds: bool


BEHAVIOURS: list[Behaviour] = []


def behaviour(title: str, *, peer_holds: bool) -> Callable[[Check], Check]:
    """Put a check on the list, with what is on record of the peer."""

    def add(check: Check) -> Check:
        BEHAVIOURS.append(Behaviour(title, check, peer_holds))
        return check

    return add


@cache
def seen(behaviour: Behaviour, side: Side) -> str | None:
    """What was seen where the behaviour does not hold; None where it does."""
    try:
        behaviour.check(side)
    except AssertionError as error:
        return str(error)
    return None


def table(ours: Ours, peer: Peer) -> str:
    """The README's table."""

    def cell(found: str | None) -> str:
        return "yes" if found is None else f"no: {found}"

    rows = [("", "`BioGPTLLM`", "`HuggingFacePipeline`"), ("---",) * 3]
    rows += [(b.title, cell(seen(b, ours)), cell(seen(b, peer))) for b in BEHAVIOURS]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


@contextmanager
def steps(model: torch.nn.Module, *, fail_at: int | None = None) -> Iterator[list[int]]:
    """Rows of each forward pass of the model, one of which may be made to fail."""
    rows: list[int] = []

    def look(_: object, __: object, arguments: dict[str, Any]) -> None:
        rows.append(len(arguments["input_ids"]))
        if len(rows) == fail_at:
            raise RuntimeError("the device is lost")

    handle = model.register_forward_pre_hook(look, with_kwargs=True)
    try:
        yield rows
    finally:
        handle.remove()


@behaviour("`invoke` gives the continuation alone", peer_holds=False)
def continuation(side: Side) -> None:
    text = side.bare().invoke(PROMPT, **side.call(max_new_tokens=12))
    assert not text.startswith(PROMPT), "the prompt first, unless `return_full_text=False`"


@behaviour("The pieces of a stream add up to what `invoke` gives", peer_holds=False)
def pieces(side: Side) -> None:
    llm = side.llm(max_new_tokens=8)
    for prompt in (PROMPT, "the patients' symptoms and the patients' doses"):
        text, streamed = llm.invoke(prompt), "".join(llm.stream(prompt))
        assert text == streamed, f"`{text}` is streamed as `{streamed}`"


def ends_at_a_word(write: Callable[..., str]) -> bool:
    whole = write()
    word = whole.split()[3]
    return write(stop=[word]).strip() == whole.partition(word)[0].strip()


@behaviour("`stop` ends what `invoke` gives", peer_holds=False)
def stop(side: Side) -> None:
    llm = side.llm()
    assert ends_at_a_word(partial(llm.invoke, PROMPT)), "ignored"


@behaviour("`stop` ends what `stream` gives", peer_holds=False)
def stop_of_a_stream(side: Side) -> None:
    llm = side.llm()
    assert ends_at_a_word(lambda **stop: "".join(llm.stream(PROMPT, **stop))), "ignored"


@behaviour("As many candidates as were asked for", peer_holds=False)
def candidates(side: Side) -> None:
    found = side.llm().generate([PROMPT], **side.call(**side.three)).generations[0]
    assert len(found) == 3, f"{len(found)} of 3"


@behaviour("Counts of tokens with each generation", peer_holds=False)
def usage(side: Side) -> None:
    result = side.llm().generate([PROMPT])
    told = {**(result.llm_output or {}).get("token_usage", {})}
    told |= result.generations[0][0].generation_info or {}
    assert {"prompt_tokens", "completion_tokens"} <= told.keys(), "none"


@behaviour("Why it ended: `finish_reason`", peer_holds=False)
def finish_reason(side: Side) -> None:
    info = side.llm().generate([ENDLESS]).generations[0][0].generation_info or {}
    assert info.get("finish_reason") == "length", "not told"


@behaviour("`get_num_tokens` by the model's own tokenizer", peer_holds=False)
def num_tokens(side: Side) -> None:
    own = transformers.BioGptTokenizer.from_pretrained(DEMO)(PROMPT, add_special_tokens=False)
    # Offline, as it would look for another tokenizer on the hub for minutes.
    with warnings.catch_warnings(), mock.patch("huggingface_hub.constants.HF_HUB_OFFLINE", True):
        warnings.filterwarnings("ignore", "Using fallback GPT-2 tokenizer")
        counted = side.llm().get_num_tokens(PROMPT)
    assert counted == len(own["input_ids"]), "by GPT-2's, which comes from the hub"


@behaviour("Traces name the model", peer_holds=False)
def traces(side: Side) -> None:
    class Start(BaseCallbackHandler):
        def on_llm_start(self, *_: Any, metadata: dict[str, Any], **__: Any) -> None:
            self.metadata = metadata

    start = Start()
    side.llm().invoke(PROMPT, config={"callbacks": [start]})
    assert start.metadata.get("ls_model_name") == str(DEMO), "no `ls_model_name`"


@behaviour("A batch is one batch for the model", peer_holds=True)
def batch(side: Side) -> None:
    llm = side.llm()
    with steps(side.model(llm)) as rows:
        llm.batch([PROMPT, ENDLESS, PROMPT])
    assert rows[0] == 3, "one prompt after the other"


@behaviour("A batch gives what each of its prompts gives alone", peer_holds=True)
def padding(side: Side) -> None:
    llm = side.llm()
    prompts = [PROMPT, ENDLESS, "renal failure after cisplatin in two patients with"]
    assert llm.batch(prompts) == [llm.invoke(prompt) for prompt in prompts], "other texts"


@behaviour("One bad prompt costs a batch nothing else (`return_exceptions`)", peer_holds=False)
def bad_prompt(side: Side) -> None:
    llm = side.llm()
    options = {"return_exceptions": True, **side.call(**side.uncut)}
    found = llm.batch([PROMPT, LONG, ENDLESS], **options)
    errors = sum(isinstance(one, Exception) for one in found)
    assert errors == 1, f"{errors} errors for 3 prompts"
    assert found[::2] == [llm.invoke(PROMPT), llm.invoke(ENDLESS)], "other texts"


@behaviour("A prompt that is too long is cut, or refused for its length", peer_holds=False)
def long_prompt(side: Side) -> None:
    try:
        side.llm().invoke(LONG)
    except ContextOverflowError:
        pass
    except Exception as error:
        raise AssertionError(f"`{type(error).__name__}: {error}`") from error


class Hasty(TextIteratorStreamer):
    """The peer's, which waits for a minute: a second will do."""

    def __init__(self, *args: Any, timeout: float, **options: Any) -> None:
        super().__init__(*args, timeout=timeout / 60, **options)


@behaviour("An error while streaming is raised", peer_holds=False)
def error_of_a_stream(side: Side) -> None:
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


@behaviour("The cache tells two LLMs with different options apart", peer_holds=True)
def cache_of_two(side: Side) -> None:
    shared = InMemoryCache()
    short = side.llm(max_new_tokens=3, cache=shared).invoke(PROMPT)
    assert side.llm(cache=shared).invoke(PROMPT) != short, "the first one's text for both"


@behaviour("The cache tells two calls with different options apart", peer_holds=False)
def cache_of_calls(side: Side) -> None:
    llm = side.llm(cache=InMemoryCache())
    short = llm.invoke(PROMPT, **side.call(max_new_tokens=3))
    assert llm.invoke(PROMPT) != short, "the first one's text for both"


@behaviour("`configurable_fields` sets options", peer_holds=False)
def configurable(side: Side) -> None:
    llm = side.llm()
    short = llm.invoke(PROMPT, **side.call(max_new_tokens=3))
    assert side.configured(llm, max_new_tokens=3).invoke(PROMPT) == short, (
        "the text stays as it was"
    )


@behaviour("A misspelt option is an error", peer_holds=True)
def misspelt(side: Side) -> None:
    llm = side.llm()
    for call in (
        lambda: side.llm(max_new_token=3).invoke(PROMPT),
        lambda: llm.invoke(PROMPT, **side.call(max_new_token=3)),
    ):
        with suppress(TypeError, ValueError):
            raise AssertionError(f"ignored: {call()}")


@behaviour("`invoke(prompt, max_new_tokens=3)` counts, or is an error", peer_holds=False)
def argument(side: Side) -> None:
    llm = side.llm()
    with suppress(TypeError, ValueError):
        changed = llm.invoke(PROMPT, max_new_tokens=3) != llm.invoke(PROMPT)
        assert changed, "ignored, as it is not in `pipeline_kwargs`"


@behaviour("A seed repeats a sample, without the global random state", peer_holds=False)
def seeds(side: Side) -> None:
    llm = side.llm()
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        first, again, other = (side.sample(llm, seed=seed) for seed in (1, 1, 2))
        assert first == again != other, "not repeated"
        same = random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[2])
        assert same, "repeated, by `set_seed` for the whole process"
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


@behaviour("`dumps` and `loads` give the same LLM again", peer_holds=False)
def round_trip(side: Side) -> None:
    llm = side.llm()
    namespace = type(llm).__module__.partition(".")[0]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The function `loads` is in beta")
        warnings.filterwarnings("ignore", "model .* was taught bc5cdr")  # it is loaded by its name
        try:
            again = loads(dumps(llm), allowed_objects=[type(llm)], valid_namespaces=[namespace])
        except NotImplementedError as error:
            raise AssertionError("`loads` raises `NotImplementedError`") from error
        assert again.invoke(PROMPT) == llm.invoke(PROMPT), "another text"


@behaviour("The event loop goes on during `ainvoke` and `astream`", peer_holds=True)
def event_loop(side: Side) -> None:
    async def longest_pause(work: Awaitable[object]) -> tuple[float, float]:
        """The longest pause of a ticker while the work is done, and how long that takes."""
        task = asyncio.ensure_future(work)
        start = last = time.perf_counter()
        longest = 0.0
        while not task.done():
            await asyncio.sleep(0.01)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        await task
        return longest, last - start

    async def read(stream: AsyncIterator[str]) -> None:
        async for _ in stream:
            pass

    llm = side.llm(max_new_tokens=100)
    works = (llm.ainvoke(ENDLESS), read(llm.astream(ENDLESS)))
    pauses = [asyncio.run(longest_pause(work)) for work in works]
    assert all(longest < whole / 2 for longest, whole in pauses), "it stands still"


@behaviour("Four threads at once get what each gets alone", peer_holds=True)
def threads(side: Side) -> None:
    llm = side.llm()
    prompts = [PROMPT, ENDLESS, PROMPT, ENDLESS]
    with ThreadPoolExecutor(len(prompts)) as pool:
        found = list(pool.map(llm.invoke, prompts))
    assert found == [llm.invoke(prompt) for prompt in prompts], "other texts"


@behaviour("Closing a stream stops the model", peer_holds=False)
def closing(side: Side) -> None:
    llm = side.llm(max_new_tokens=150)
    before = set(threading.enumerate())
    with steps(side.model(llm)) as rows:
        stream = llm.stream(ENDLESS)
        next(stream)
        stream.close()
        for thread in set(threading.enumerate()) - before:
            thread.join(timeout=60)
    assert len(rows) < 75, f"{len(rows)} of 150 tokens are written"


@behaviour("Cancelling a task stops the model", peer_holds=False)
def cancelling(side: Side) -> None:
    llm = side.llm(max_new_tokens=150)

    async def cancel() -> None:
        task = asyncio.ensure_future(llm.ainvoke(ENDLESS))
        while not rows and not task.done():
            await asyncio.sleep(0.001)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with steps(side.model(llm)) as rows:
        asyncio.run(cancel())  # which also waits for the threads that are still at work
    assert len(rows) < 75, f"{len(rows)} of 150 tokens are written"


def readme() -> tuple[str, str, str]:
    """The README before the table, the table, and the README after it."""
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    shown, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md lacks the lines {BEGIN.strip()!r} and {END.strip()!r}")
    return before, shown, after


def main() -> None:
    """Write the table into the README."""
    before, _, after = readme()
    README.write_text(before + BEGIN + table(Ours(), Peer()) + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
