"""Runs over a corpus, for the commands that start them: options, progress and summaries."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from rich.progress import Progress

from biogpt_plugins.cli import console
from biogpt_plugins.cli.tally import Tally
from biogpt_plugins.corpus import Format, Record, Sections, read_records
from biogpt_plugins.corpus.run import Executor, Lines, Outcome, Watcher, outcomes, run
from biogpt_plugins.corpus.run.folder import RunFolder
from biogpt_plugins.corpus.run.interrupts import Terminated, terminated_cleanly
from biogpt_plugins.corpus.run.text_index import Counts
from biogpt_plugins.corpus.writers import STDOUT
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import is_for_trial

_COUNTED = 1 << 24  # bytes; the records of smaller inputs are counted first
_SECONDS = 60.0  # between two progress lines where there is no terminal
SIGTERM = 143
"""The exit code after SIGTERM."""

Run = Annotated[
    Path | None,
    typer.Option(
        "--run",
        metavar="FOLDER",
        help="Keep the results in this folder. To continue an interrupted run, give the same "
        "command again.",
        show_default=False,
    ),
]

Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="With --run: run the model on the Ray cluster at this address. auto uses the cluster "
        "in RAY_ADDRESS or on this machine, and starts one here if there is none.",
        show_default=False,
    ),
]
RayEngines = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Copies of the model on the cluster. Each takes a GPU if the cluster has GPUs.",
        show_default="as many as fit",
    ),
]
RayCpus = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="CPUs for each copy.",
        show_default="1 with a GPU; otherwise 4, or all if a machine has fewer",
    ),
]


def where(
    asked: console.Asked,
    ray: str | None,
    engines: int | None,
    cpus: int | None,
) -> Pipeline | Executor:
    """Load the model in this process, or prepare a Ray cluster as `--ray` and its options say.

    Raises:
        BioGPTError: The model cannot be loaded.
        MissingExtraError: Ray is not installed.
    """
    if ray is None:
        return console.loaded(asked, asked.spec.model)
    from ray_biogpt import Cluster  # noqa: PLC0415 - an extra, and slow to import

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # we show our own progress
    if is_for_trial(asked.spec.model):
        console.tell_of_trial(asked.spec.model)
    return Cluster(asked, None if ray == "auto" else ray, engines=engines, cpus=cpus)


def carry_out(  # noqa: PLR0913 - the commands' options
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
    columns: Mapping[str, str] = MappingProxyType({}),
    questions: Sequence[str] = (),
) -> None:
    """Start or continue a run, and print a summary.

    Args:
        pipeline: A pipeline, or a cluster that runs one.
        files: The inputs.
        into: The run's folder, or the output file.
        name: The progress bar's label.
        form: As in `corpus.run.run`, like the options below.
        limit: Stop after this many records.
        chunk: `chunk_size` of `corpus.run.run`.
        sections: Which sections of full texts to read.
        latest: Whether to read only the last version of revised citations.
        strict: Whether to stop at the first unreadable record.
        columns: As in `corpus.read_records`.
        questions: The questions to ask about each record.

    Raises:
        InputError: The folder holds another run, or there are no records.
        OSError: An input is missing, or the disk is full.
        typer.Exit: Every record failed, a part of an input cannot be read, now or at an earlier
            start, or the process received SIGTERM.
    """
    with console.progress() as progress, terminated_cleanly():
        read = partial(read_records, files, form, sections=sections, columns=columns)
        shown = _Shown(name, progress, files, read, limit, len(questions) or 1)
        sink = into if isinstance(into, Lines) else RunFolder(into)
        try:
            counts = run(
                pipeline,
                files,
                sink,
                form=form,
                sections=sections,
                latest=latest,
                strict=strict,
                columns=columns,
                questions=questions,
                limit=limit,
                chunk_size=chunk,
                watcher=Watcher(
                    begun=shown.begun,
                    done=shown.done,
                    ended=lambda counts: shown.ended(counts, sink.unread),
                ),
            )
        except (KeyboardInterrupt, OSError, InputError) as error:
            progress.stop()
            if shown.started and not isinstance(error, BrokenPipeError):
                _conclude(shown, into, shown.kept, ended=True)
            if isinstance(error, Terminated):
                raise typer.Exit(SIGTERM) from error
            raise
    answered = into if questions and isinstance(into, Path) else None
    _conclude(shown, into, counts, ended=False, labels=answered is None)
    if not counts.records:
        raise InputError(f"no records in {', '.join(files)}")
    if answered:
        _print_answers(answered)
    if counts.failed == counts.records or shown.unread:
        raise typer.Exit(1)


class _Shown:
    """A progress bar on a terminal; elsewhere a line a minute."""

    def __init__(  # noqa: PLR0913, PLR0917 - the arguments of carry_out
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
        self.unread = 0
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
            console.remark("note", f"continuing after {counted(counts.records, 'finished record')}")
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

    def ended(self, counts: Counts, unread: int) -> None:
        self.kept, self.unread = counts, unread

    @property
    def _exact(self) -> bool:
        return None not in self._bytes and sum(filter(None, self._bytes)) <= _COUNTED

    def _counted(self) -> int | None:
        """The number of records in a small corpus."""
        if not self._exact:
            return None
        most = None if self._limit is None else -(-self._limit // self._each)
        total = sum(1 for _ in islice(self._read(), most)) * self._each
        return total if self._limit is None else min(total, self._limit)

    def _estimated(self) -> int | None:
        """The estimated number of records in a large corpus, from its finished inputs."""
        past = [number for number in self._done if number < self._file]
        size = sum(self._bytes[number] or 0 for number in past)
        if None in self._bytes or not size:
            return self._limit
        records = sum(self._done[number] for number in past)
        total = round(records * sum(filter(None, self._bytes)) / size)
        return total if self._limit is None else min(total, self._limit)

    def _line(self) -> str:
        now, left = self._before + self.tally.papers, ""
        records = counted(self._total or now, "record")
        done = f"{now:,} of {'' if self._exact else 'about '}" if self._total else ""
        if self._total and self.tally.papers:
            rate = self.tally.papers / (time.monotonic() - self.tally.started)
            left = f", {_duration((self._total - now) / rate)} left"
        return f"{done}{records}, {self.tally.rest}{left}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def _conclude(
    shown: _Shown, into: Path | Lines, counts: Counts, *, ended: bool, labels: bool = True
) -> None:
    err = console.stderr()
    if shown.tally.papers:
        for line in shown.tally.lines(labels=labels):
            err.print(line, soft_wrap=True)
    copies = f", {counts.copied:,} of them copied from identical texts" if counts.copied else ""
    if isinstance(into, Lines):
        if counts.records and into.path != STDOUT:
            err.print(f"written to {into.path}{copies}", soft_wrap=True)
        return
    if before := shown.unread - shown.tally.unread:
        whose = "its line says" if before == 1 else "their lines say"
        err.print(f"{before:,} could not be read at an earlier start; {whose} why")
    failed = f"; {counts.failed:,} failed" if counts.failed else ""
    err.print(f"{into} holds {counted(counts.records, 'result')}{copies}{failed}", soft_wrap=True)
    if ended:
        err.print("not finished: give the same command again to continue")


def _print_answers(folder: Path) -> None:
    """Print each question with the number of papers for each answer."""
    answers: dict[str, Counter[str]] = {}
    for outcome in outcomes(folder):
        counts = answers.setdefault(outcome.question or "", Counter())
        result: Any = outcome.prediction.result
        if outcome.prediction.kind == "answer":
            counts[result.label or "no answer"] += 1
        else:
            counts["failed" if outcome.failed else "withdrawn"] += 1
    out = console.stdout()
    for question, counts in answers.items():
        out.print(question)
        out.print("  " + ", ".join(f"{label} {n:,}" for label, n in counts.most_common()))
