"""The bundled model as LLMs of both hosts run it, how to watch it at work, and what it can do.

What tests expect of its weights stands here and in `checkpoints/`, and nowhere else.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import BioGptForCausalLM, BioGptTokenizer, TextIteratorStreamer

import biogpt_plugins
from biogpt_plugins.engine import Decoding
from biogpt_plugins.engines.transformers_engine import TransformersEngine

DEMO = Path(biogpt_plugins.__file__).parent / "checkpoints/demo"

CASES = [("cisplatin", "hearing loss"), ("lithium", "tremor"), ("zafirine", "myocarditis")]
"""A chemical and the disease of which a plain case report says that it caused it.

Any model that can do the task finds just this in `case`. The last chemical is made up: it shows
that names are copied. Where new weights misspell it, another may do; if none does, they are worse.
"""

PROMPT = "lithium-induced tremor. a patient"
"""The beginning of an abstract, in lower case as the model's texts are: it is not the end."""

BEGINNINGS = (
    "aspirin",
    PROMPT,
    "the patients were treated with",
    "we report a case of",
    "the aim of this study was to",
    "rats were given",
)
"""Where `endless` looks; a model that ends all of them needs another one here."""

LONG = "lithium " * 1000


def case(chemical: str = "lithium", disease: str = "tremor") -> dict[str, str]:
    """A plain case report, which states one relation."""
    return {
        "title": f"{chemical.capitalize()}-induced {disease}.",
        "abstract": f"A 45-year-old man developed {disease} after treatment with {chemical}. "
        f"The {disease} resolved when {chemical} was discontinued.",
    }


def case_text(chemical: str = "lithium", disease: str = "tremor") -> str:
    """The same as one text."""
    return " ".join(case(chemical, disease).values())


@cache
def model() -> torch.nn.Module:
    """The model of `engine`."""
    return BioGptForCausalLM.from_pretrained(DEMO, dtype=torch.float32)


@cache
def tokenizer() -> BioGptTokenizer:
    """transformers' own."""
    return BioGptTokenizer.from_pretrained(DEMO)


@cache
def engine() -> TransformersEngine:
    """An engine that is named after the folder, so that the model can be loaded again."""
    return TransformersEngine(model(), tokenizer(), model_name=str(DEMO))


@cache
def endless() -> str:
    """A prompt from which the model writes 150 tokens and more, if nothing stops it."""
    for prompt in BEGINNINGS:
        (written,) = engine().complete([prompt], Decoding(max_new_tokens=151))
        if written.finish_reason == "length":
            return prompt
    raise AssertionError("the bundled model ends all of these texts: add others to BEGINNINGS")


@contextmanager
def dictated(
    text: str, *, to: torch.nn.Module | None = None, in_words_of: BioGptTokenizer | None = None
) -> Iterator[None]:
    """Let a model write a text instead of its own, and end it; again and again, one at a time.

    The rest is as always: it reads its prompt, and each token goes through decoding, grammar and
    reader. So a test can say what is written, whatever the weights are.

    Args:
        text: In lower case.
        to: The model; `model` if there is none.
        in_words_of: Its tokenizer.
    """
    words = in_words_of or tokenizer()
    ids = [*words(text, add_special_tokens=False)["input_ids"], words.eos_token_id]
    at = 0

    def dictate(_: object, __: object, given: dict[str, Any], found: Any) -> None:
        """Of the tokens of a draft, those that are dictated are kept."""
        nonlocal at
        kept = found.logits.shape[1]
        draft = given["input_ids"][0, 1 - kept :].tolist() if kept > 1 else []
        for index, follows in enumerate(range(at, at + kept)):
            found.logits[:, index, ids[min(follows, len(ids) - 1)]] += 1e4
        right = takewhile(lambda pair: pair[0] == pair[1], zip(draft, ids[at:-1], strict=False))
        at = (at + 1 + len(list(right))) % len(ids)

    handle = (to or model()).register_forward_hook(dictate, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


class Hasty(TextIteratorStreamer):
    """transformers' streamer, which waits for a minute or for ever: a second will do."""

    def __init__(self, *args: Any, timeout: float | None = None, **options: Any) -> None:
        del timeout
        super().__init__(*args, timeout=1, **options)


@contextmanager
def steps(model: torch.nn.Module, *, fail_at: int | None = None) -> Iterator[list[int]]:
    """Rows of each forward pass of the model, one of which may be made to fail."""
    rows: list[int] = []

    def look(_: object, __: object, arguments: dict[str, Any]) -> None:
        packed = arguments.get("rows")  # this package's rows stand one behind the other
        rows.append(len(packed.sizes if packed else arguments["input_ids"]))
        if len(rows) == fail_at:
            raise RuntimeError("the device is lost")

    handle = model.register_forward_pre_hook(look, with_kwargs=True)
    try:
        yield rows
    finally:
        handle.remove()


@contextmanager
def random_state_kept() -> Iterator[Callable[[], bool]]:
    """Tells whether the global random state is what it was, and makes it so again."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def same() -> bool:
        return random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[2])

    try:
        yield same
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


async def steps_seen(work: Awaitable[object]) -> int:
    """Do work with `model`, and count how often the event loop sees it further on."""
    with steps(model()) as rows:
        task, seen = asyncio.ensure_future(work), set()
        while not task.done():
            await asyncio.sleep(0.001)
            seen.add(len(rows))
        await task
        return len(seen)


async def steps_when_cancelled(work: Awaitable[object], *, at: int = 5) -> int:
    """Cancel work with `model` at a step of it; how many steps it takes in all."""
    loop, reached, cancelled = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hold(*_: object) -> None:
        if len(rows) == at:
            loop.call_soon_threadsafe(reached.set)
            cancelled.wait(60)

    with steps(model()) as rows:
        handle = model().register_forward_pre_hook(hold)
        task = asyncio.ensure_future(work)
        await reached.wait()
        handle.remove()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        cancelled.set()
        # Whoever has the model is waited for.
        await asyncio.to_thread(engine().complete, [PROMPT], Decoding(max_new_tokens=1))
        return len(rows)


def ends_at_a_word(write: Callable[..., str]) -> bool:
    """Whether what is written ends where `stop` names one of its words."""
    whole = write()
    words = whole.split()
    word = words[len(words) // 2]
    return write(stop=[word]).strip() == whole.partition(word)[0].strip()


def goes_on(begin: Callable[[], Awaitable[object]], working: Callable[[], bool]) -> bool:
    """Whether the event loop goes on while this is done, that is, sees it at work."""

    async def watch() -> bool:
        task = asyncio.ensure_future(begin())
        seen = False
        while not task.done():
            await asyncio.sleep(0.001)
            seen = working() or seen
        await task
        return seen

    return asyncio.run(watch())
