"""What a run on a Ray cluster costs by itself: processor time of each process, without a model.

    python benchmarks/cluster_run.py citations.xml.gz

The file is one of `medline_like`; the engines, two of one CPU each, find the relation that each of
its citations has, and cost nothing. What is left of a worker's time is grounding and evidence.
"""

import json
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from threading import Event, Thread

import psutil
import ray
from corpus_run import Engine

from biogpt_plugins import Pipeline
from biogpt_plugins.corpus.run import run
from ray_biogpt import Cluster

_ENGINES = 2
_LOOK = 0.2  # seconds


class Watch:
    """Looks at the processes that this one has started, and keeps what each has used so far."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._before: dict[int, float] = {}
        self._names: dict[int, str] = {}
        self._ended = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        self._look()
        self._before = dict(self._seconds)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def seconds(self) -> dict[str, float]:
        """Processor time of each kind of process, since it is watched."""
        found: dict[str, float] = defaultdict(float)
        for pid, seconds in self._seconds.items():
            found[self._names[pid]] += seconds - self._before.get(pid, 0)
        return found

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            self._look()

    def _look(self) -> None:
        for process in psutil.Process().children(recursive=True):
            try:
                times, title = process.cpu_times(), " ".join(process.cmdline())
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            self._seconds[process.pid] = times.user + times.system
            kind = _kind(title)
            if kind != "rest of Ray" or process.pid not in self._names:
                self._names[process.pid] = kind  # an idle worker is what it was before


def _kind(title: str) -> str:
    if title.startswith("ray::") and "ReadPapers" in title:
        return "reading process"
    if title.startswith("ray::") and "_Worker" in title:
        return "workers"
    return "rest of Ray"


def _pipeline() -> Pipeline:
    return Pipeline("bc5cdr", Engine())


def _main(file: str) -> None:
    ray.init(num_cpus=_ENGINES, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        run_ = partial(run, Cluster(_pipeline, cpus=1, engines=_ENGINES), [file])
        run_(Path(folder, "first"), limit=256)  # so that importing is no part of it
        with Watch() as watch:
            own, began = time.process_time(), time.monotonic()
            papers = run_(Path(folder, "run")).records
            seconds, own = time.monotonic() - began, time.process_time() - own
    found = {"writing process": own, **watch.seconds()}
    figures = {
        "papers": papers,
        "engines": _ENGINES,
        "papers a second, all on this machine": round(papers / seconds),
        **{f"microseconds, {name}": round(each / papers * 1e6) for name, each in found.items()},
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1])
