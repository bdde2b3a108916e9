"""The clients of `server_load.py`: what they ask, and what they see."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from biogpt_plugins import Pipeline
from biogpt_plugins.bench.papers import NumberedPapers
from biogpt_plugins.engine import Decoding
from biogpt_plugins.values.inputs import Paper

TOKENS = 32
PATIENCE = 600.0


class Extract:
    """Asks for the relations of papers."""

    path = "/v1/extract"

    def body(self, paper: Paper) -> dict[str, Any]:
        """The request."""
        return {"papers": [paper.model_dump(mode="json", exclude_defaults=True)]}

    def answer(self, told: dict[str, Any]) -> tuple[str | None, object]:
        """The id of the paper that an answer is about, and what it says."""
        (prediction,) = told["predictions"]
        return prediction["id"], _relations(prediction)

    def here(self, pipeline: Pipeline, papers: Sequence[Paper]) -> list[object]:
        """What the pipeline of this process says."""
        return [_relations(one.model_dump(mode="json")) for one in pipeline.run(papers)]


class Complete:
    """Asks how texts go on. An answer has no id: its echo of the prompt tells what it is about."""

    path = "/v1/completions"

    def __init__(self, model: str) -> None:
        self._model = model

    def body(self, paper: Paper) -> dict[str, Any]:
        """The request."""
        asked = {"max_tokens": TOKENS, "temperature": 0, "echo": True}
        return {"model": self._model, "prompt": paper.source, **asked}

    def answer(self, told: dict[str, Any]) -> tuple[str | None, object]:
        """The id of the paper that an answer is about, and what it says."""
        text = told["choices"][0]["text"]
        return text.split(".")[0], text

    def here(self, pipeline: Pipeline, papers: Sequence[Paper]) -> list[object]:
        """What the engine of this process says."""
        prompts = [paper.source for paper in papers]
        done = pipeline.engine.complete(prompts, Decoding(max_new_tokens=TOKENS))
        return [f"{asked} {one.text}" for asked, one in zip(prompts, done, strict=True)]


def _relations(prediction: dict[str, Any]) -> object:
    if prediction["error"]:
        return prediction["error"]["type"]
    return [[one["head"]["text"], one["tail"]["text"]] for one in prediction["result"]]


@dataclass
class Seen:
    """What clients saw of a server.

    Attributes:
        seconds: How long each answered request took.
        statuses: How many requests had each status.
        wrong: How many answers were about another paper.
        kept: Papers and their answers, drawn at random.
        took: Seconds in all.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: int = 0
    kept: list[tuple[Paper, object]] = field(default_factory=list)
    took: float = 0.0


async def ask(  # noqa: PLR0913 - keyword-only
    address: str,
    way: Extract | Complete,
    papers: Iterator[Paper],
    *,
    clients: int,
    seconds: float = PATIENCE,
    share: float = 0.0,
) -> Seen:
    """Let clients ask, each with one request at a time, until papers or time are at an end.

    Args:
        address: The server's.
        way: What to ask.
        papers: Each is asked once.
        clients: How many.
        seconds: No request begins after them.
        share: Share of the answers to keep.
    """
    seen, began = Seen(), time.perf_counter()
    options: dict[str, Any] = {
        "connector": aiohttp.TCPConnector(limit=clients),
        "timeout": aiohttp.ClientTimeout(PATIENCE),
    }
    rng = random.Random(0)
    async with aiohttp.ClientSession(address, **options) as client:

        async def told(paper: Paper) -> dict[str, Any] | None:
            """The answer; None if the request fails."""
            while True:
                async with client.post(way.path, json=way.body(paper)) as response:
                    seen.statuses[response.status] += 1
                    if response.ok:
                        answer: dict[str, Any] = await response.json()
                        return answer
                    if response.status != 429:  # noqa: PLR2004 - the queue is full
                        return None
                    wait = float(response.headers["Retry-After"])
                await asyncio.sleep(wait)

        async def one() -> None:
            for paper in papers:
                if time.perf_counter() - began > seconds:
                    return
                start = time.perf_counter()
                if (answer := await told(paper)) is None:
                    return
                seen.seconds.append(time.perf_counter() - start)
                about, said = way.answer(answer)
                seen.wrong += about != paper.id
                if rng.random() < share:
                    seen.kept.append((paper, said))

        await asyncio.gather(*(one() for _ in range(clients)))
    seen.took = time.perf_counter() - began
    return seen


def numbered(papers: Sequence[Paper]) -> Iterator[Paper]:
    """The papers again and again, each with a number in front, which is its id."""
    for paper in NumberedPapers(papers):
        yield paper.model_copy(update={"id": paper.title.split(".")[0]})
