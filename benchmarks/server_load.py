"""What a server costs: `biogpt serve` under many clients, beside the same model in one process.

    python benchmarks/server_load.py --model demo --seconds 300
    python benchmarks/server_load.py --shape base --dict dict.txt --bpecodes bpecodes --seconds 0

First the pipeline of this process gets papers in one call, and a server the same number of papers
from `--at-once` clients, in turns. Then `--clients` clients ask the server for
`--seconds`, each another paper every time, with a number of its own in front. Afterwards the
answers of some requests, drawn at random, are compared with what the pipeline says of the same
paper. Clients, server and pipeline share the machine. The command ends with 1 if a request failed,
an answer belongs to another paper, or the answers differ.

A model of a shape never ends a text: it is asked for 32 tokens by /v1/completions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import psutil
from beside.run import Model
from beside.shapes import SHAPES

from biogpt_plugins import Pipeline, load
from biogpt_plugins.bench.clock import Job, describe_versions, in_turns, timed
from biogpt_plugins.bench.figures import Spread
from biogpt_plugins.bench.papers import NumberedPapers, read_papers
from biogpt_plugins.bench.report import spread
from biogpt_plugins.engine import Decoding
from biogpt_plugins.engines.machine import describe_machine
from biogpt_plugins.values.inputs import Paper

TOKENS = 32
PATIENCE = 600.0
_ADDRESS = re.compile(r"serving .* at (http://\S+)")


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
    limits = httpx.Limits(max_connections=clients)
    rng = random.Random(0)
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE, limits=limits) as client:

        async def one() -> None:
            for paper in papers:
                if time.perf_counter() - began > seconds:
                    return
                start = time.perf_counter()
                while (response := await client.post(way.path, json=way.body(paper))).is_error:
                    seen.statuses[response.status_code] += 1
                    if response.status_code != 429:  # noqa: PLR2004 - the queue is full
                        return
                    await asyncio.sleep(float(response.headers["Retry-After"]))
                seen.statuses[200] += 1
                seen.seconds.append(time.perf_counter() - start)
                about, said = way.answer(response.json())
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


@contextmanager
def serving(model: str) -> Iterator[tuple[str, psutil.Process]]:
    """A server in a process of its own: its address and its process."""
    command = [sys.executable, "-m", "biogpt_plugins", "serve", "--model", model, "--port", "0"]
    words = [*command, "--task", "bc5cdr", "--quiet"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        told = ""
        try:
            for line in process.stderr:
                told += line
                if found := _ADDRESS.search(line):
                    yield found[1], psutil.Process(process.pid)
                    return
            raise SystemExit(told)
        finally:
            process.terminate()


class Watched:
    """Looks at a server every second.

    Attributes:
        memory: Its resident memory, in bytes.
        files: Its open files and connections.
        queue: Prompts that wait for its model.
    """

    def __init__(self, address: str, process: psutil.Process) -> None:
        self._address, self._process = address, process
        self.memory: list[int] = []
        self.files: list[int] = []
        self.queue: list[float] = []

    async def look(self) -> None:
        """Look until cancelled."""
        async with httpx.AsyncClient(base_url=self._address, timeout=PATIENCE) as client:
            while True:
                page = (await client.get("/metrics")).text
                self.queue += [float(n) for n in re.findall(r"^biogpt_queue (\S+)", page, re.M)]
                self.memory.append(self._process.memory_info().rss)
                self.files.append(self._process.num_fds())
                await asyncio.sleep(1)


async def under_load(
    address: str, process: psutil.Process, asking: Callable[[], Any]
) -> tuple[Seen, Watched]:
    """Let clients ask while the server is looked at."""
    watched = Watched(address, process)
    looking = asyncio.create_task(watched.look())
    try:
        return await asking(), watched
    finally:
        looking.cancel()


def main() -> int:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--shape", choices=SHAPES, help="random weights of this size")
    parser.add_argument("--dict", type=Path, help="fairseq's dictionary, for --shape")
    parser.add_argument("--bpecodes", type=Path, help="fairseq's merges, for --shape")
    parser.add_argument("--data", nargs="*", default=[], help="files of papers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--papers", type=int, default=128, help="papers of a round")
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=300)
    given = parser.parse_args()
    model = Model(
        name=given.model, shape=given.shape, dictionary=given.dict, bpecodes=given.bpecodes
    )
    with model.folder() as folder, serving(str(folder)) as (address, process):
        figures, right = measure(given, str(folder), address, process)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 0 if right else 1


def measure(
    given: argparse.Namespace, name: str, address: str, process: psutil.Process
) -> tuple[dict[str, Any], bool]:
    """The figures, and whether all answers were right."""
    pipeline = load(name, "bc5cdr")
    with httpx.Client(base_url=address) as client:
        served = client.get("/v1/models").json()["data"][0]["id"]
    way = Complete(served) if given.shape else Extract()
    papers = numbered(read_papers(given.data))

    def here(_: int) -> float:
        asked = list(islice(papers, given.papers))
        return timed(lambda: way.here(pipeline, asked)).seconds

    def there(_: int) -> Seen:
        asked = iter(list(islice(papers, given.papers)))
        return asyncio.run(ask(address, way, asked, clients=given.at_once))

    here(0)
    there(0)
    rounds = in_turns([Job("process", here), Job("server", there)], given.rounds)
    seconds = {"process": rounds["process"], "server": [seen.took for seen in rounds["server"]]}
    ratios = tuple(a / b for a, b in zip(seconds["process"], seconds["server"], strict=True))
    figures: dict[str, Any] = {
        "asked": way.path,
        "machine": describe_machine("cpu"),
        "versions": describe_versions(["biogpt-plugins", "torch", "fastapi", "uvicorn", "httpx"]),
        "in flight": given.at_once,
        **{
            f"papers a second, {side}": spread(Spread.of(tuple(given.papers / one for one in took)))
            for side, took in seconds.items()
        },
        "server by process": spread(Spread.of(ratios)),
    }
    seen = list(rounds["server"])
    if given.seconds:

        def asking() -> Any:  # noqa: ANN401 - a coroutine
            options = {"clients": given.clients, "seconds": given.seconds, "share": 0.02}
            return ask(address, way, papers, **options)

        loaded, watched = asyncio.run(under_load(address, process, asking))
        seen.append(loaded)
        cuts = quantiles(loaded.seconds, n=100)
        memory = watched.memory
        quarter = len(memory) // 4
        figures["under load"] = {
            "clients": given.clients,
            "seconds": round(loaded.took, 1),
            "requests a second": round(len(loaded.seconds) / loaded.took, 2),
            "statuses": dict(loaded.statuses),
            "seconds a request: 50, 95, 99 %": [round(cuts[at], 2) for at in (49, 94, 98)],
            "longest queue": max(watched.queue, default=0),
            "open files at the beginning and the end": [watched.files[0], watched.files[-1]],
            "memory in MB, medians of the second and the last quarter": [
                round(median(some) / 1e6)
                for some in (memory[quarter : 2 * quarter], memory[-quarter:])
            ],
        }
    kept = [pair for one in seen for pair in one.kept]
    alone = way.here(pipeline, [paper for paper, _ in kept])
    differ = sum(said != own for (_, said), own in zip(kept, alone, strict=True))
    wrong = sum(one.wrong for one in seen)
    failed = sum(
        n for one in seen for status, n in one.statuses.items() if status not in (200, 429)
    )
    figures["answers"] = {
        "failed": failed,
        "about another paper": wrong,
        "compared with the process": len(kept),
        "of which differ": differ,
    }
    return figures, not (failed or wrong or differ)


if __name__ == "__main__":
    sys.exit(main())
