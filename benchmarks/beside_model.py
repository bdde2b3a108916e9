"""What papers cost beside the model: processor time, memory and disk, with an engine of fixed cost.

    D=CDR_DevelopmentSet.PubTator.txt
    python benchmarks/beside_model.py cost $D
    python benchmarks/beside_model.py wait $D --papers 2000 --ms 20
    python benchmarks/beside_model.py flat $D --papers 1000 10000 100000

The engine is the local one with its own tokens, grammars and drafts, but instead of a model it has
a recording: the annotation of each paper, as the task writes it. Each paper has a number of its own
in front, so that no two texts are equal.

`cost` is the processor time of a paper for each decoding: the least and the median of `--rounds`
rounds, by `imap`, and in a run. `wait` lets the engine sleep for each paper, as long as a GPU would
compute, and divides the time that all takes by the time that the engine sleeps. `flat` is what a
paper costs in runs of different lengths, each in a process of its own: processor time of the whole
run, and, for the last papers of each, calls of Python functions, which other programs on the
machine do not change. Its engine is cheaper, as it has no tokens (`--engine recorded` takes the one
above).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from biogpt_plugins import Completion, Pipeline, load
from biogpt_plugins.bench.papers import NumberedPapers
from biogpt_plugins.corpus.gold import read_solved
from biogpt_plugins.corpus.run import Watcher, run
from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.engines.jobs import Generation, Job, JobBatch, Measured
from biogpt_plugins.engines.local import LocalEngine
from biogpt_plugins.engines.machine import peak_memory
from biogpt_plugins.tasks import get_task
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.inputs import Paper

FORMS = ("free", "grounded", "entities")
TASK = "bc5cdr"
_END = 48  # tokens; by the last ones of its prompt a paper is recognised
_ROWS = 64
_CHUNK = 64
_WORTH = 0.1  # the least chance that a draft goes on for


class Recording:
    """A runner of an engine that writes what is recorded for each prompt, and takes a fixed time.

    Attributes:
        places: Most prompts at once.
        rows: Always empty: no row is unfinished between two calls.
        known: What to write, by the last tokens of the prompt.
        slept: How many seconds it has slept so far.
        missed: How many prompts it had no recording of; it wrote the first one then.
    """

    places = _ROWS
    rows: Sequence[Generation] = ()

    def __init__(self, eos: int, *, seconds: float = 0.0) -> None:
        """Record nothing yet.

        Args:
            eos: Id of `</s>`.
            seconds: How long to sleep for a prompt, while other threads can work.
        """
        self.known: dict[tuple[int, ...], list[int]] = {}
        self.slept, self.missed = 0.0, 0
        self._eos, self._seconds = eos, seconds

    def batch(self) -> JobBatch:
        """An empty batch, which takes any generations."""
        return JobBatch(lambda job, jobs: job.kind == jobs[0].kind)

    def start(self, jobs: Sequence[Job]) -> bool:
        """Write rows to their ends."""
        if self._seconds:
            began = time.perf_counter()
            time.sleep(self._seconds * len(jobs))
            self.slept += time.perf_counter() - began
        for job in jobs:
            if isinstance(job, Generation):
                self._write(job)
        return False

    def step(self) -> None:
        """Never called: there are no unfinished rows."""

    def drop(self, jobs: Sequence[Job]) -> None:
        """Do nothing: there are no unfinished jobs."""

    def _write(self, row: Generation) -> None:
        told = self.known.get(tuple(row.prompt[-_END:]))
        self.missed += told is None
        told = [*(told or next(iter(self.known.values()))), self._eos]
        while not row.done:
            if row.drafter:
                guesses = row.drafter.draft(row.written, row.derivation, row.room - 1, _WORTH)
                row.draft = [guess.token for guess in guesses]
            right = 0
            row.take(self._next(row, told), Measured(-0.1), self._eos)
            while row.agrees(right):
                right += 1
                row.take(self._next(row, told), Measured(-0.1), self._eos, same_pass=True)
            if row.drafter and row.draft:
                row.drafter.judge(right)
                row.draft = []

    def _next(self, row: Generation, told: Sequence[int]) -> int:
        at = len(row.written)
        token = told[at] if at < len(told) else self._eos
        if row.derivation is None:
            return token
        allowed = row.derivation.tokens()
        return token if token in allowed else allowed[0]


class Cheap(ScriptedEngine):
    """Writes some texts again and again, at once, and remembers nothing."""

    def __init__(self, targets: Iterable[str]) -> None:
        """Take the texts."""
        super().__init__()
        self._targets = cycle(targets)

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = Decoding()
    ) -> list[Completion]:
        """Write the next texts."""
        del decoding
        return [
            Completion(text=text, finish_reason="stop")
            for text in islice(self._targets, len(prompts))
        ]


def solved(data: Sequence[str]) -> tuple[list[Paper], list[str]]:
    """Papers with their entities, and what is to be written for each."""
    task = get_task(TASK)
    found = [one for path in data for one in read_solved(path, [TASK])]
    papers = [task.read_input({**(s.input or {}), "entities": s.entities}) for s in found]
    return papers, [task.target(one.result) for one in found]


def recorded(
    papers: Sequence[Paper], targets: Sequence[str], form: str, seconds: float = 0.0
) -> tuple[Pipeline, Recording, list[Paper]]:
    """A pipeline on an engine that writes the targets, and the papers that fit its limit."""
    loaded = load("demo", TASK)
    tokenizer: Any = loaded.engine.tokenizer  # type: ignore[attr-defined] - of a local engine
    runner = Recording(int(tokenizer.sep_token_id), seconds=seconds)
    engine = LocalEngine(
        tokenizer, [runner], model_name="recorded", context_size=1024, rows=1 << 20
    )
    pipeline = Pipeline(loaded.task, engine, card=loaded.card, cards=loaded.cards, decoding=form)
    fit = []
    for paper, target in zip(papers, targets, strict=True):
        prompt = pipeline.task.render_text(paper, pipeline.card)
        known = engine._encode(Prompt.of(prompt), loaded.decoding)
        if not known.truncated:
            runner.known[tuple(known.ids[-_END:])] = engine.token_ids(target)
            fit.append(paper)
    return pipeline, runner, fit


def numbered(papers: Sequence[Paper]) -> Iterator[Paper]:
    """The papers with numbers in front, again and again; their entities move."""
    for paper in NumberedPapers(papers):
        by = paper.title.index(" ") + 1
        yield paper.model_copy(update={"entities": tuple(e.moved(by) for e in paper.entities)})


def written(path: Path, papers: Iterable[Paper]) -> Path:
    """A file of papers."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{one.model_dump_json(by_alias=True)}\n" for one in papers)
    return path


# --- processor time, and waiting ----------------------------------------------------------------


def cost(
    papers: Sequence[Paper],
    targets: Sequence[str],
    count: int,
    rounds: int,
    forms: Sequence[str] = FORMS,
) -> dict[str, Any]:
    """Milliseconds of processor time of a paper."""
    figures: dict[str, Any] = {}
    for form in forms:
        pipeline, runner, fit = recorded(papers, targets, form)
        given = numbered(fit)
        for name, work in (("imap", _by_imap), ("run", _by_run)):
            work(pipeline, list(islice(given, len(fit))))  # what is computed once
            times = [
                1000 * _processor(work, pipeline, list(islice(given, count))) / count
                for _ in range(rounds)
            ]
            figures[f"{form}, {name}"] = {
                "least": round(min(times), 2),
                "median": round(median(times), 2),
            }
        figures[f"{form}, missed"] = runner.missed
    return figures


def _processor(
    work: Callable[[Pipeline, Sequence[Paper]], float], pipeline: Pipeline, papers: Sequence[Paper]
) -> float:
    began = time.process_time()
    before = work(pipeline, papers)
    return time.process_time() - began - before


def _by_imap(pipeline: Pipeline, papers: Sequence[Paper]) -> float:
    assert sum(one.ok for one in pipeline.imap(papers, chunk_size=_CHUNK)) == len(papers) > 0
    return 0


def _by_run(pipeline: Pipeline, papers: Sequence[Paper]) -> float:
    """Do a run, and return the processor time that it took to write its input."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        path = written(Path(folder, "papers.jsonl"), papers)
        before = time.process_time() - began
        done = run(pipeline, [path], Path(folder, "run"), chunk_size=_CHUNK)
        assert (done.records, done.failed, done.copied) == (len(papers), 0, 0)
        return before


def wait(  # noqa: PLR0913, PLR0917 - what is measured
    papers: Sequence[Paper],
    targets: Sequence[str],
    count: int,
    rounds: int,
    seconds: float,
    forms: Sequence[str] = FORMS,
) -> dict[str, Any]:
    """The time that papers take, divided by the time that the engine takes."""
    figures: dict[str, Any] = {}
    for form in forms:
        pipeline, runner, fit = recorded(papers, targets, form, seconds)
        given = numbered(fit)
        for name, work in (("imap", _by_imap), ("run", _by_run)):
            ratios = []
            for _ in range(rounds):
                chosen = list(islice(given, count))
                runner.slept, began = 0.0, time.perf_counter()
                work(pipeline, chosen)
                ratios.append((time.perf_counter() - began) / runner.slept)
            figures[f"{form}, {name}"] = [round(ratio, 4) for ratio in sorted(ratios)]
    return figures


# --- long runs ----------------------------------------------------------------------------------


class LastCalls:
    """Counts the calls of Python functions while papers near the end of a run are done.

    Attributes:
        calls: How many there were.
    """

    def __init__(self, records: int, last: int) -> None:
        """Count for this many records, before the last chunk, after which nothing is read ahead."""
        self.calls = 0
        self._left, self._last = records - _CHUNK, last

    def done(self, _: object) -> None:
        """Take note of one more record."""
        self._left -= 1
        if self._left == self._last:
            sys.setprofile(self._called)
        if self._left == 0:
            sys.setprofile(None)

    def _called(self, _: object, event: str, __: object) -> None:
        self.calls += event == "call"


def long_run(
    papers: Sequence[Paper], targets: Sequence[str], count: int, engine: str
) -> dict[str, float]:
    """What a paper costs in a run of so many."""
    if engine == "recorded":
        pipeline, _, papers = recorded(papers, targets, "free")
    else:
        pipeline = Pipeline(TASK, Cheap(targets), card=load("demo", TASK).card)
    last = _CHUNK * max(1, min(len(papers), count // 2) // _CHUNK)
    watched = LastCalls(count, last)
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder, "papers.jsonl"), islice(numbered(papers), count))
        began, told = time.process_time(), Watcher(done=watched.done)
        done = run(pipeline, [path], Path(folder, "run"), chunk_size=_CHUNK, watcher=told)
        seconds = time.process_time() - began
        assert (done.records, done.copied) == (count, 0)
        size = sum(file.stat().st_size for file in Path(folder, "run").rglob("*"))
    return {
        "papers": count,
        "processor time, ms a paper": round(1000 * seconds / count, 3),
        "Python calls of a paper": round(watched.calls / last),
        "peak memory, MB": round(1024 * (peak_memory("cpu") or 0)),
        "disk, bytes a paper": round(size / count),
    }


def flat(data: Sequence[str], counts: Sequence[int], engine: str) -> list[dict[str, float]]:
    """What a paper costs in runs of different lengths."""
    found = []
    for count in counts:
        command = [sys.executable, __file__, "long", *data, "--papers", str(count)]
        done = subprocess.run([*command, "--engine", engine], stdout=subprocess.PIPE, check=True)
        found.append(json.loads(done.stdout))
    return found


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("cost", "wait", "flat", "long"))
    parser.add_argument("data", nargs="+", help="files of annotated papers")
    parser.add_argument("--papers", type=int, nargs="+", default=[512])
    parser.add_argument("--forms", nargs="+", default=FORMS, choices=FORMS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ms", type=float, default=20, help="what the engine takes for a paper")
    parser.add_argument("--engine", choices=("cheap", "recorded"), default="cheap")
    given = parser.parse_args()
    count = given.papers[0]
    figures: object
    if given.what == "flat":
        figures = flat(given.data, given.papers, given.engine)
    elif given.what == "long":
        figures = long_run(*solved(given.data), count, given.engine)
    elif given.what == "cost":
        figures = cost(*solved(given.data), count, given.rounds, given.forms)
    else:
        figures = wait(*solved(given.data), count, given.rounds, given.ms / 1000, given.forms)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    _main()
