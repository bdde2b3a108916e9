"""A run over a corpus, which continues where it stopped when it is started again.

    run(load("demo", "bc5cdr"), ["papers.pubtator"], "my-run")
    for prediction in results("my-run"): ...

A run reads its inputs one record at a time and writes results as they come, so memory does not grow
with the corpus. It computes identical texts once, and long ones in windows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from biogpt_plugins.corpus.readers import Format, Sections, check_readable
from biogpt_plugins.corpus.run.folder import RunFolder
from biogpt_plugins.corpus.run.interrupts import held_back
from biogpt_plugins.corpus.run.manifest import Made
from biogpt_plugins.corpus.run.marks import FileMark, marks_of
from biogpt_plugins.corpus.run.outcome import Outcome
from biogpt_plugins.corpus.run.reading import Item, Reading, taken
from biogpt_plugins.corpus.run.sinks import Sink
from biogpt_plugins.corpus.run.text_index import Counts
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.ahead import Work, in_order
from biogpt_plugins.pipeline.progress import bar
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError, ServerError, error_class
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Prediction

FEWEST, MOST = 64, 512
"""Limits on the number of records that the model gets at a time, if no option sets it."""

_SHARD = 1024
_SECONDS = 15.0


@dataclass(frozen=True)
class Watcher:
    """Callbacks for the progress of a run.

    Attributes:
        begun: Called at the start with the counts so far, and the finished records of each input.
        done: Called with each outcome as soon as it is written.
        ended: Called with the final counts, even after an error.
    """

    begun: Callable[[Counts, dict[int, int]], None] = lambda *_: None
    done: Callable[[Outcome], None] = lambda _: None
    ended: Callable[[Counts], None] = lambda _: None


def progress_bar(total: int | None = None) -> Watcher:
    """A watcher for `run` that shows a progress bar, in a notebook or on a terminal.

    Args:
        total: Number of records, if it is known.
    """
    bars: list[Any] = []
    return Watcher(
        begun=lambda counts, _: bars.append(bar("records", total, done=counts.records)),
        done=lambda _: bars[-1].update(),
        ended=lambda _: bars[-1].close(),
    )


class Items(Protocol):
    """What a run reads."""

    @property
    def task(self) -> Task[Any]:
        """The task."""
        ...

    def items(self) -> Generator[Item, None, None]:
        """The unfinished items, in order."""
        ...


class Executor(Protocol):
    """Computes the outcomes of a run, here or elsewhere."""

    def made(self, known: Sequence[FileMark] | None) -> tuple[Task[Any], Made]:
        """The task, and what produces the results.

        Args:
            known: The model's files at an earlier start; unchanged files are not read again. None
                reads no files.
        """
        ...

    def outcomes(
        self, reading: Items, store: Sink, chunk_size: int | None
    ) -> Generator[list[Outcome], None, None]:
        """One outcome for each item of a reading, in order, in lists.

        If reading fails, the outcomes before the error come first.

        Args:
            reading: The items.
            store: The outcomes so far.
            chunk_size: Number of items to give the model at a time; None lets the executor choose.
        """
        ...


def run(  # noqa: PLR0913 - options, all but three keyword-only
    pipeline: Pipeline | Executor,
    files: Sequence[str | Path],
    into: str | Path | Sink,
    *,
    form: Format = Format.auto,
    sections: Sections = Sections.abstract,
    latest: bool = False,
    strict: bool = False,
    columns: Mapping[str, str] = MappingProxyType({}),
    questions: Sequence[str] = (),
    limit: int | None = None,
    chunk_size: int | None = None,
    shard_size: int = _SHARD,
    shard_seconds: float = _SECONDS,
    watcher: Watcher = Watcher(),
) -> Counts:
    """Run a pipeline over files, or continue an interrupted run.

    If the process dies, even by `kill -9`, at most the unfinished shard is lost. Ctrl-C and errors
    lose only the records that the model is reading.

    Args:
        pipeline: A pipeline, or another executor, for example `ray_biogpt.Cluster`.
        files: The inputs; "-" for standard input. To continue a run, give the same inputs.
        into: The run's folder, or another sink.
        form: As in `read_records`.
        sections: As there.
        latest: As there. Files added later are scanned too, but finished records stay: the last
            outcome for a revised citation counts.
        strict: Whether to stop at the first broken record.
        columns: As in `read_records`.
        questions: The questions to ask about each paper, for tasks that answer questions.
        limit: Stop when the run has this many records.
        chunk_size: Number of records to give the model at a time. More are faster, because rows of
            a batch wait for the longest, but more are lost if the run is interrupted. The default
            is as many as take 15 seconds, at least 64 and at most 512.
        shard_size: Finish a shard after this many records.
        shard_seconds: Finish a shard after this many seconds.
        watcher: Callbacks for the progress.

    Returns:
        The final counts of the run, including earlier starts.

    Raises:
        InputError: The folder holds another run, or another process is writing it; the message
            names the difference. Or an input changed, or the task takes no questions.
        OSError: An input is missing or locked, or the disk is full; a ServerError if the server of
            the model is lost. Finished records are kept.
    """
    executor = Here(pipeline) if isinstance(pipeline, Pipeline) else pipeline
    if chunk_size is not None and chunk_size < 1:
        raise InputError(f"chunk_size = {chunk_size} must be at least 1")
    paths = [str(path) for path in files]
    check_readable(paths)
    with RunFolder(Path(into)) if isinstance(into, str | Path) else into as sink:
        counts = sink.counts
        task, made = executor.made(sink.weights)
        marks = () if sink.inputs is None else marks_of(paths, sink.inputs)
        reading = Reading(
            task=task,
            files=paths,
            marks=marks,
            form=form,
            sections=sections,
            latest=latest,
            strict=strict,
            columns=dict(columns),
            questions=questions,
            parts=sink.parts,
            limit=None if limit is None else max(0, limit - counts.records),
            entities=made.entities,
        )
        sink.begin(made, marks, reading.facts())
        watcher.begun(counts, sink.records_of_files)
        shards = (shard_size, shard_seconds)
        try:
            with closing(carried(executor, reading, sink, chunk_size, shards)) as written:
                for outcome in written:
                    watcher.done(outcome)
            for mark, path in zip(marks, paths, strict=False):
                mark.check(path)
        finally:
            counts = sink.counts
            watcher.ended(counts)
        return counts


def carried(
    executor: Executor,
    reading: Items,
    sink: Sink,
    chunk_size: int | None = None,
    shards: tuple[int, float] = (_SHARD, _SECONDS),
) -> Generator[Outcome, None, None]:
    """Compute and write outcomes, and yield each as soon as the sink has it.

    Args:
        executor: Computes the outcomes.
        reading: The items to read.
        sink: Takes the outcomes; it has begun.
        chunk_size: Number of items to give the model at a time, as in `run`.
        shards: The sink publishes after this many records, or this many seconds.
    """
    most, seconds = shards
    chunks = executor.outcomes(reading, sink, chunk_size)
    began = time.monotonic()
    try:
        for chunk in chunks:
            with held_back():
                records = sink.write(chunk)
                if records >= most or time.monotonic() - began >= seconds:
                    sink.publish()
                    began = time.monotonic()
            yield from chunk
    finally:
        with held_back(), closing(chunks):
            sink.publish()


class Here:
    """Computes in this process."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def made(self, known: Sequence[FileMark] | None) -> tuple[Task[Any], Made]:
        return self.pipeline.task, Made.by(self.pipeline, known)

    def outcomes(
        self, reading: Items, store: Sink, chunk_size: int | None
    ) -> Generator[list[Outcome], None, None]:
        size = chunk_size or FEWEST
        error: Exception | None = None

        def works(items: Iterator[Item]) -> Iterator[Work[list[Outcome]] | None]:
            nonlocal error
            before: set[str | None] = set()
            while error is None:
                chunk, error = taken(items, size)
                if not chunk:
                    return
                texts = {item.digest for item in chunk} - {None}
                if texts & before:
                    yield None  # what was found in a text is looked up when it is written
                before = texts
                yield self._outcomes(chunk, store)

        ahead = getattr(reading, "at_hand", False)
        with (
            closing(reading.items()) as items,
            closing(in_order(works(items), self.pipeline.engine, ahead=ahead)) as done,
        ):
            for found, seconds in done:
                if not chunk_size:
                    rate = len(found) / max(seconds, 1e-3)
                    size = max(FEWEST, min(int(rate * _SECONDS), 2 * size, MOST))
                yield found
        if error:
            raise error

    def _outcomes(self, chunk: Sequence[Item], store: Sink) -> Work[list[Outcome]]:
        """An outcome for each item; the model reads each new text once."""
        first: dict[str, int] = {}
        earlier: dict[str, Outcome] = {}
        for at, item in enumerate(chunk):
            if item.digest and item.digest not in first and item.digest not in earlier:
                if known := store.find(item.digest):
                    earlier[item.digest] = known
                else:
                    first[item.digest] = at
        new = [chunk[at].read for at in first.values()]
        asked = [one for one in new if isinstance(one, Text)]
        predictions = checked((yield from self.pipeline.predicting(asked)))
        predicted = dict(zip(first.values(), predictions, strict=True))
        found: list[Outcome] = []
        for at, item in enumerate(chunk):
            if isinstance(item.read, Prediction):
                found.append(item.outcome(item.read))
            elif at in predicted:
                found.append(item.outcome(predicted[at]))
            else:
                digest = item.digest or ""
                found.append(item.as_was(earlier.get(digest) or found[first[digest]]))
        return found


def predicted_by(pipeline: Pipeline, texts: Sequence[Text]) -> list[Prediction[Any]]:
    """The predictions of texts, `checked`."""
    return checked(pipeline.predict(texts))


def checked(predictions: list[Prediction[Any]]) -> list[Prediction[Any]]:
    """The predictions, which are failures of their texts and not of a server.

    Raises:
        ServerError: The server of the model was lost: the texts are to be read again.
    """
    for one in predictions:
        if one.error and issubclass(error_class(one.error.type), ServerError):
            raise error_class(one.error.type)(one.error.message)
    return predictions
