"""A run over a corpus: started again after whatever ended it, it goes on where it was.

    run(load("demo", "bc5cdr"), ["papers.pubtator"], "my-run")
    for prediction in results("my-run"): ...

Inputs are read one record at a time and results written as they come, so that memory does not grow
with the corpus. Identical texts are computed once, long ones in windows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from biogpt_plugins.corpus.readers import Format, Sections, check_readable
from biogpt_plugins.corpus.run.folder import Outcome, RunFolder
from biogpt_plugins.corpus.run.interrupts import held_back
from biogpt_plugins.corpus.run.manifest import FileMark, Made
from biogpt_plugins.corpus.run.reading import Item, Reading, taken
from biogpt_plugins.corpus.run.sinks import Sink
from biogpt_plugins.corpus.run.text_index import Counts
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Prediction

FEWEST, MOST = 64, 512
"""Records that the model is handed at a time, where nobody says how many."""

_SHARD = 1024
_SECONDS = 15.0


@dataclass(frozen=True)
class Watcher:
    """Whom a run tells how it gets on.

    Attributes:
        begun: With what is done already, and how many records of each input that are.
        done: With each outcome, as soon as it is written.
        ended: With what is kept, however the run ended.
    """

    begun: Callable[[Counts, dict[int, int]], None] = lambda *_: None
    done: Callable[[Outcome], None] = lambda _: None
    ended: Callable[[Counts], None] = lambda _: None


class Items(Protocol):
    """What a run reads."""

    @property
    def task(self) -> Task[Any]:
        """What is done with it."""
        ...

    def items(self) -> Generator[Item, None, None]:
        """What is not done yet, in order."""
        ...


class Executor(Protocol):
    """Where a run computes; a Pipeline does so in this process."""

    def made(self, known: Sequence[FileMark] | None) -> tuple[Task[Any], Made]:
        """What is done, and with what; files of a model that are as known need no reading.

        None reads no files.
        """
        ...

    def outcomes(
        self, reading: Items, store: Sink, chunk_size: int | None
    ) -> Generator[list[Outcome], None, None]:
        """One outcome for each item of a reading, in order, some at a time.

        What came before an error is given before it is raised. `store` has what was given so far.
        The model is handed so many items at a time, or as suits it.
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
    questions: Sequence[str] = (),
    limit: int | None = None,
    chunk_size: int | None = None,
    shard_size: int = _SHARD,
    shard_seconds: float = _SECONDS,
    watcher: Watcher = Watcher(),
) -> Counts:
    """Run a pipeline over files, or go on with a run that was ended.

    What ends it, be it `kill -9`, costs the shard in work at most; the outcomes of a Ctrl-C or an
    error are kept but for the records that the model is being asked.

    Args:
        pipeline: The task on a model, or another place where both are, `ray_biogpt.Cluster` say.
        files: The inputs; "-" for the standard input, which must be the same again to go on.
        into: The folder where the results are, or are to be; or another sink.
        form: As in `read_records`.
        sections: As there.
        latest: As there. Files that are added later are looked through as well, but what is
            done stays: of a citation that they revise the last outcome counts.
        strict: Stop at a record that is broken.
        questions: Ask these of each paper; for tasks that answer questions.
        limit: Stop when the run has so many records.
        chunk_size: Records handed to the model at a time; the more, the quicker, as rows of a batch
            wait for the longest, and the more is lost when the run ends. By default as many as
            take 15 seconds, but 64 at least and 512 at most.
        shard_size: Records after which a shard is finished, or
        shard_seconds: seconds.
        watcher: Is told how it gets on.

    Returns:
        What the run holds in the end, the starts before included.

    Raises:
        InputError: The folder holds another run, or is being written; the message names the
            setting or the input. Or the task takes no questions.
        OSError: An input is missing or locked, or the disk is full. What is done is kept.
    """
    executor = Here(pipeline) if isinstance(pipeline, Pipeline) else pipeline
    if chunk_size is not None and chunk_size < 1:
        raise InputError(f"chunk_size = {chunk_size} must be at least 1")
    paths = [str(path) for path in files]
    check_readable(paths)
    with RunFolder(Path(into)) if isinstance(into, str | Path) else into as sink:
        counts = sink.counts
        task, made = executor.made(sink.weights)
        reading = Reading(
            task=task,
            files=paths,
            form=form,
            sections=sections,
            latest=latest,
            strict=strict,
            questions=questions,
            begin=sink.next,
            last=sink.last,
            limit=None if limit is None else max(0, limit - counts.records),
        )
        sink.begin(made, paths, reading.facts())
        watcher.begun(counts, sink.records_of_files)
        shards = (shard_size, shard_seconds)
        try:
            with closing(carried(executor, reading, sink, chunk_size, shards)) as found:
                for outcome in found:
                    watcher.done(outcome)
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
    """The outcomes of what is to be read, each as soon as the sink has it.

    Args:
        executor: Where it is computed.
        reading: What is to be read.
        sink: Where outcomes go; begun.
        chunk_size: As in `run`.
        shards: Records, and seconds, after which the sink finishes what it was given.
    """
    most, seconds = shards
    found = executor.outcomes(reading, sink, chunk_size)
    began = time.monotonic()
    try:
        for chunk in found:
            with held_back():
                records = sink.write(chunk)
                if records >= most or time.monotonic() - began >= seconds:
                    sink.publish()
                    began = time.monotonic()
            yield from chunk
    finally:
        with held_back(), closing(found):
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
        with closing(reading.items()) as items:
            while error is None:
                chunk, error = taken(items, size)
                if not chunk:
                    break
                began = time.monotonic()
                found = self._outcomes(chunk, store)
                if not chunk_size:
                    rate = len(chunk) / max(time.monotonic() - began, 1e-3)
                    size = max(FEWEST, min(int(rate * _SECONDS), 2 * size, MOST))
                yield found
        if error:
            raise error

    def _outcomes(self, chunk: Sequence[Item], store: Sink) -> list[Outcome]:
        """An outcome for each item; the model is asked once for each text that is new."""
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
        predicted = dict(zip(first.values(), self.pipeline.predict(asked), strict=True))
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
