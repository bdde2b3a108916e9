"""What a server costs: `biogpt serve` under many clients, beside the same model in one process.

    python benchmarks/server_load.py --model demo --seconds 300
    python benchmarks/server_load.py --shape base --dict dict.txt --bpecodes bpecodes --seconds 0

First the pipeline of this process gets `--papers` papers in one call, and a server as many from
`--at-once` clients, in turns. A round is timed from the first request to the last answer, so its
end counts, when few papers are left and batches are small. Of rounds of several sizes, the
difference is told, too: how fast both sides are without their ends.

Then `--clients` clients ask the server for `--seconds`, each another paper every time, with a
number of its own in front. Afterwards the answers of some requests, drawn at random, are compared
with what the pipeline says of the same paper. Clients, server and pipeline share the machine. The
command ends with 1 if a request failed, an answer belongs to another paper, or the answers differ.

A model of a shape never ends a text: it is asked for 32 tokens by /v1/completions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import httpx
import psutil
from beside.run import Model
from beside.shapes import SHAPES
from server_clients import PATIENCE, Complete, Extract, Seen, ask, numbered

from biogpt_plugins import load
from biogpt_plugins.bench.clock import Job, describe_versions, in_turns, timed
from biogpt_plugins.bench.figures import Spread
from biogpt_plugins.bench.papers import read_papers
from biogpt_plugins.bench.report import spread
from biogpt_plugins.engines.machine import describe_machine

_ADDRESS = re.compile(r"serving .* at (http://\S+)")


class Round(NamedTuple):
    """What a round took: seconds, and seconds of processors, those of clients included."""

    seconds: float
    processors: float
    seen: Seen | None = None

    def beyond(self, other: Round) -> Round:
        """What it took more than another round."""
        return Round(self.seconds - other.seconds, self.processors - other.processors)


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
    parser.add_argument(
        "--papers", type=int, nargs="+", default=[128, 384], help="papers of a round"
    )
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

    def here(count: int) -> Round:
        asked, own = list(islice(papers, count)), time.process_time()
        seconds = timed(lambda: way.here(pipeline, asked)).seconds
        return Round(seconds, time.process_time() - own)

    def there(count: int) -> Round:
        asked = iter(list(islice(papers, count)))
        began = time.process_time() + _processors(process)
        seen = asyncio.run(ask(address, way, asked, clients=given.at_once))
        return Round(seen.took, time.process_time() + _processors(process) - began, seen)

    here(given.at_once)
    there(given.at_once)
    sizes = sorted(given.papers)
    jobs = [
        Job(f"{side.__name__} {count}", lambda _, side=side, count=count: side(count))
        for count in sizes
        for side in (here, there)
    ]
    rounds = in_turns(jobs, given.rounds)
    both = {count: (rounds[f"here {count}"], rounds[f"there {count}"]) for count in sizes}
    figures: dict[str, Any] = {
        "asked": way.path,
        "machine": describe_machine("cpu"),
        "processors shared": len(psutil.Process().cpu_affinity()),
        "versions": describe_versions(["biogpt-plugins", "torch", "fastapi", "uvicorn", "aiohttp"]),
        "in flight": given.at_once,
        **{f"rounds of {count}": compared(count, *both[count]) for count in sizes},
    }
    if len(sizes) > 1:
        first, last = sizes[0], sizes[-1]
        more = (
            [a.beyond(b) for a, b in zip(long, short, strict=True)]
            for long, short in zip(both[last], both[first], strict=True)
        )
        figures[f"the difference of {last} and {first}"] = compared(last - first, *more)
    seen = [one.seen for count in sizes for one in both[count][1] if one.seen]
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


def compared(count: int, here: Sequence[Round], there: Sequence[Round]) -> dict[str, str]:
    """How fast a process and a server read papers in rounds of so many, and what they took."""
    told: dict[str, str] = {}
    for side, rounds in (("process", here), ("server", there)):
        speeds = tuple(count / one.seconds for one in rounds)
        costs = tuple(1000 * one.processors / count for one in rounds)
        told[f"papers a second, {side}"] = spread(Spread.of(speeds))
        told[f"ms of processors a paper, {side}"] = spread(Spread.of(costs))
    pairs = [*zip(here, there, strict=True)]
    speeds = tuple(own.seconds / served.seconds for own, served in pairs)
    costs = tuple(served.processors / own.processors for own, served in pairs)
    told["speed, server by process"] = spread(Spread.of(speeds))
    told["processors, server by process"] = spread(Spread.of(costs))
    return told


def _processors(process: psutil.Process) -> float:
    """The seconds of processors that a process has taken."""
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    sys.exit(main())
