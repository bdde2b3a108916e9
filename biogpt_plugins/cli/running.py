"""What the commands over a corpus share: a run, how it gets on, and what it came to."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from biogpt_plugins.cli import console
from biogpt_plugins.cli.tally import Tally
from biogpt_plugins.corpus import Format, Record, Sections, read_records
from biogpt_plugins.corpus.run import Executor, Lines, Outcome, Watcher, outcomes, run
from biogpt_plugins.corpus.run.interrupts import Terminated, terminated_cleanly
from biogpt_plugins.corpus.run.text_index import Counts
from biogpt_plugins.corpus.writers import STDOUT
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.errors import InputError

_COUNTED = 1 << 24  # bytes of inputs up to which their records are counted first
_SECONDS = 60.0  # between two lines where nobody watches
SIGTERM = 143
"""The exit code of a command that was asked to end."""

Run = Annotated[
    Path | None,
    typer.Option(
        "--run",
        help="Keep the results in this folder, and go on there after whatever ended it: give the "
        "same command again.",
        show_default=False,
    ),
]

Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        help="With --run: ask the model on a Ray cluster at this address; auto is the one that "
        "runs here or that RAY_ADDRESS names, or else a new one on this machine.",
        show_default=False,
    ),
]
RayEngines = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Copies of the model on the cluster, each with a GPU where there are any.",
        show_default="as many as there is room for",
    ),
]
RayCpus = Annotated[
    int | None,
    typer.Option(min=1, help="CPUs of each.", show_default="1 with a GPU, else 4 or all there are"),
]


def where(
    load: Callable[[], Pipeline],
    model: str,
    ray: str | None,
    engines: int | None,
    cpus: int | None,
) -> Pipeline | Executor:
    """Where a run computes: here, where the model is loaded now, or as `--ray` and its options say.

    Raises:
        BioGPTError: The model cannot be loaded.
        MissingExtraError: Ray is not installed.
    """
    if ray is None:
        return console.loaded(load, model)
    from ray_biogpt import Cluster  # noqa: PLC0415 - an extra, and slow to import

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # the progress is our own
    return Cluster(load, None if ray == "auto" else ray, engines=engines, cpus=cpus)


def carry_out(  # noqa: PLR0913 - what commands were given
    pipeline: Pipeline | Executor,
    files: Sequence[str],
    into: Path | Lines,
    *,
    name: str,
    form: Format,
    limit: int | None,
    chunk: int | None = None,
    sections: Sections = Sections.abstract,
    latest: bool = False,
    strict: bool = False,
    questions: Sequence[str] = (),
) -> None:
    """Do a run, or go on with it, and say what it came to.

    Args:
        pipeline: The task on a model, or a cluster of them.
        files: The inputs.
        into: The folder of the run, or the lines of a file.
        name: What the bar is called.
        form: As in `corpus.run.run`, and so are the other options.
        limit: As there.
        chunk: As there.
        sections: As there.
        latest: As there.
        strict: As there.
        questions: As there.

    Raises:
        InputError: The folder holds another run, or there are no records.
        OSError: An input is missing, or the disk is full.
        typer.Exit: Everything failed, or the process was asked to end.
    """
    with console.progress() as progress, terminated_cleanly():
        read = partial(read_records, files, form, sections=sections)
        shown = _Shown(name, progress, files, read, limit, len(questions) or 1)
        try:
            counts = run(
                pipeline,
                files,
                into,
                form=form,
                sections=sections,
                latest=latest,
                strict=strict,
                questions=questions,
                limit=limit,
                chunk_size=chunk,
                watcher=Watcher(begun=shown.begun, done=shown.done, ended=shown.ended),
            )
        except (KeyboardInterrupt, OSError, InputError) as error:
            progress.stop()
            if shown.started and not isinstance(error, BrokenPipeError):
                _conclude(shown, into, shown.kept, ended=True)
            if isinstance(error, Terminated):
                raise typer.Exit(SIGTERM) from error
            raise
    _conclude(shown, into, counts, ended=False)
    if not counts.records:
        raise InputError(f"no records in {', '.join(files)}")
    if questions and isinstance(into, Path):
        _tell_answers(into)
    if counts.failed == counts.records:
        raise typer.Exit(1)


class _Shown:
    """A bar where somebody watches, or else a line a minute."""

    def __init__(  # noqa: PLR0913, PLR0917 - what carry_out was given
        self,
        name: str,
        progress: Progress,
        files: Sequence[str],
        read: Callable[[], Iterator[Record]],
        limit: int | None,
        each: int,
    ) -> None:
        self.tally = Tally()
        self.started = False
        self._progress, self._read = progress, read
        self._limit, self._each = limit, each
        self._bar = progress.add_task(name, total=None, rest="")
        self.kept = Counts()
        self._before = 0
        self._total: int | None = None
        self._bytes = [os.path.getsize(p) if Path(p).is_file() else None for p in files]
        self._done: dict[int, int] = {}
        self._file = 0
        self._said = time.monotonic()

    def begun(self, counts: Counts, records_of_files: dict[int, int]) -> None:
        self.started = True
        self._before, self._done = counts.records, records_of_files
        self._file = max(records_of_files, default=0)
        if counts.records:
            console.remark("note", f"{counts.records:,} records are done already: going on")
        self._total = self._counted() or self._estimated()
        self.tally = Tally()
        self._progress.update(self._bar, total=self._total, completed=counts.records)

    def done(self, outcome: Outcome) -> None:
        self.tally.add(outcome.where, outcome.prediction)
        self._done[outcome.file] = outcome.record + 1
        if outcome.file > self._file:
            self._file = outcome.file
            self._total = self._total if self._exact else self._estimated()
        self._progress.update(self._bar, advance=1, total=self._total, rest=self.tally.rest)
        if self._progress.disable and time.monotonic() - self._said >= _SECONDS:
            self._said = time.monotonic()
            console.stderr().print(self._line(), soft_wrap=True)

    def ended(self, counts: Counts) -> None:
        self.kept = counts

    @property
    def _exact(self) -> bool:
        return None not in self._bytes and sum(filter(None, self._bytes)) <= _COUNTED

    def _counted(self) -> int | None:
        """The number of records of a small corpus."""
        if not self._exact:
            return None
        most = None if self._limit is None else -(-self._limit // self._each)
        found = sum(1 for _ in islice(self._read(), most)) * self._each
        return found if self._limit is None else min(found, self._limit)

    def _estimated(self) -> int | None:
        """The number of records of a large one, by what the inputs that are done held."""
        past = [number for number in self._done if number < self._file]
        size = sum(self._bytes[number] or 0 for number in past)
        if None in self._bytes or not size:
            return self._limit
        records = sum(self._done[number] for number in past)
        found = round(records * sum(filter(None, self._bytes)) / size)
        return found if self._limit is None else min(found, self._limit)

    def _line(self) -> str:
        of = f" of {'' if self._exact else 'about '}{self._total:,}" if self._total else ""
        now, left = self._before + self.tally.papers, ""
        if self._total and self.tally.papers:
            rate = self.tally.papers / (time.monotonic() - self.tally.started)
            left = f", {_duration((self._total - now) / rate)} left"
        return f"{now:,}{of} records, {self.tally.rest}{left}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def _conclude(shown: _Shown, into: Path | Lines, counts: Counts, *, ended: bool) -> None:
    err = console.stderr()
    if shown.tally.papers:
        for line in shown.tally.lines():
            err.print(line)
    copies = f", {counts.copied:,} of them as identical texts had" if counts.copied else ""
    if isinstance(into, Lines):
        if counts.records and into.path != STDOUT:
            err.print(f"written to {into.path}{copies}", soft_wrap=True)
        return
    failed = f"; {counts.failed:,} failed" if counts.failed else ""
    err.print(f"{into} holds {counts.records:,} results{copies}{failed}", soft_wrap=True)
    if ended:
        err.print("not finished: the same command goes on from here")


def _tell_answers(folder: Path) -> None:
    """How the papers of a run answer each question."""
    labels: dict[str, Counter[str]] = {}
    for outcome in outcomes(folder):
        found = labels.setdefault(outcome.question or "", Counter())
        result: Any = outcome.prediction.result
        if outcome.prediction.kind == "answer":
            found[result.label or "no answer"] += 1
        else:
            found["failed" if outcome.failed else "withdrawn"] += 1
    out = console.stdout()
    for question, found in labels.items():
        out.print(question)
        out.print("  " + ", ".join(f"{label} {n:,}" for label, n in found.most_common()))
