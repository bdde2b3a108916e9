"""A run over a corpus: started again after whatever ended it, it goes on where it was.

    run(load("demo", "bc5cdr"), ["papers.pubtator"], "my-run")
    for prediction in results("my-run"): ...

Inputs are read one record at a time and results written as they come, so that memory does not grow
with the corpus. Identical texts are computed once, long ones in windows.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, cast

from biogpt_plugins.corpus import windows
from biogpt_plugins.corpus.interrupts import held_back
from biogpt_plugins.corpus.manifest import Manifest, versions_changed
from biogpt_plugins.corpus.readers import Format, Record, check_readable, read_records
from biogpt_plugins.corpus.readers.files import STDIN
from biogpt_plugins.corpus.run_folder import Outcome, Place, RunFolder, is_run, outcomes, results
from biogpt_plugins.corpus.text_index import Counts
from biogpt_plugins.errors import BioGPTError, InputError
from biogpt_plugins.inputs import Paper, Question, Text, id_of, read
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.results import Failure, Prediction

__all__ = ["Counts", "Outcome", "Watcher", "is_run", "outcomes", "results", "run"]

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


def run(  # noqa: PLR0913 - options, all but three keyword-only
    pipeline: Pipeline,
    files: Sequence[str | Path],
    folder: str | Path,
    *,
    form: Format = Format.auto,
    strict: bool = False,
    questions: Sequence[str] = (),
    limit: int | None = None,
    chunk_size: int = 64,
    shard_size: int = _SHARD,
    shard_seconds: float = _SECONDS,
    watcher: Watcher = Watcher(),
) -> Counts:
    """Run a pipeline over files, or go on with a run that was ended.

    What ends it, be it `kill -9`, costs the shard in work at most; the outcomes of a Ctrl-C or an
    error are kept but for the records that the model is being asked.

    Args:
        pipeline: The task on a model.
        files: The inputs; "-" for the standard input, which must be the same again to go on.
        folder: Where the results are, or are to be.
        form: As in `read_records`.
        strict: Stop at a record that is broken.
        questions: Ask these of each paper; for tasks that answer questions.
        limit: Stop when the run has so many records.
        chunk_size: Records handed to the model at a time.
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
    if chunk_size < 1:
        raise InputError(f"chunk_size = {chunk_size} must be at least 1")
    if questions and not issubclass(pipeline.task.input, Question):
        raise InputError(f"task {pipeline.task.name} takes no questions: use pubmedqa")
    paths = [str(path) for path in files]
    check_readable(paths)
    with RunFolder(Path(folder)) as store:
        facts: dict[str, object] = {"format": form.value}
        if questions:
            facts["questions"] = list(questions)
        manifest = Manifest.of(pipeline, paths, known=store.manifest, **facts)
        store.begin(manifest)
        if changed := versions_changed(manifest):
            warnings.warn(f"versions are others than at the last start: {changed}", stacklevel=2)
        counts = store.counts
        watcher.begun(counts, store.records_of_files)
        reading = partial(read_records, form=form, strict=strict)
        every = _items(pipeline, paths, reading, questions, store)
        items = islice(every, None if limit is None else max(0, limit - counts.records))
        began = time.monotonic()
        try:
            for chunk in _chunks(items, chunk_size):
                found = _computed(pipeline, chunk, store)
                with held_back():
                    records = store.write(found)
                    if records >= shard_size or time.monotonic() - began >= shard_seconds:
                        store.publish()
                        began = time.monotonic()
                for outcome in found:
                    watcher.done(outcome)
        finally:
            with held_back(), closing(every):
                try:
                    store.publish()
                finally:
                    counts = store.counts
                    watcher.ended(counts)
        return counts


# --- reading --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Item:
    """A record, or one question about it, and its place in the run."""

    where: str
    place: Place
    value: object
    question: str | None = None


def _items(
    pipeline: Pipeline,
    paths: Sequence[str],
    read_: Callable[[list[str]], Iterator[Record]],
    questions: Sequence[str],
    store: RunFolder,
) -> Generator[_Item, None, None]:
    """What is not done yet; inputs that are done are not read again."""
    begin, last = store.next, store.last
    for number, path in enumerate(paths):
        if number < begin.file:
            continue
        check_readable([path])  # it may have gone since the start
        past = 0
        # Closed here, as an error would keep the file open for as long as somebody keeps the error.
        with closing(cast(Generator[Record, None, None], read_([path]))) as records:
            asked = (one for record in records for one in _asked(record, questions))
            for past, (where, value, question) in enumerate(asked, start=1):
                item = _Item(where, Place(number, past - 1), value, question)
                if item.place >= begin:
                    yield item
                elif last and past == begin.record:
                    _check_known(pipeline, item, last)
        if number == begin.file and past < begin.record:
            name = "the standard input" if path == STDIN else path
            raise InputError(
                f"{name} has {past} records, and {begin.record} of it are done: it is not "
                "what this run began with"
            )


def _check_known(pipeline: Pipeline, item: _Item, last: Outcome) -> None:
    """See to it that an input is what the run began with; of a pipe nothing else tells it."""
    one = _read(pipeline, item)
    if (_digest(one) if isinstance(one, Text) else None) != last.text:
        raise InputError(
            f"{item.where} is another text than the run had there: give the input that it began "
            "with"
        )


def _chunks(items: Iterator[_Item], size: int) -> Iterator[list[_Item]]:
    """So many items at a time; what was read before an input failed comes first."""
    chunk: list[_Item] = []
    try:
        for item in items:
            chunk.append(item)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except (BioGPTError, OSError):
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def _asked(record: Record, questions: Sequence[str]) -> Iterator[tuple[str, object, str | None]]:
    if not questions:
        yield record.where, record.value, None
        return
    for question in questions:
        value = record.value
        if not isinstance(value, InputError):
            try:
                paper = read(Paper, value)
                value = Question(id=paper.id, question=question, text=paper.source)
            except BioGPTError as error:
                value = error
        yield record.where, value, question


# --- computing ------------------------------------------------------------------------------


def _computed(pipeline: Pipeline, chunk: Sequence[_Item], store: RunFolder) -> list[Outcome]:
    """An outcome for each item; the model is asked once for each text that is new."""
    read_ = [_read(pipeline, item) for item in chunk]
    digests = [_digest(one) if isinstance(one, Text) else None for one in read_]
    first: dict[str, int] = {}
    earlier: dict[str, Outcome] = {}
    for at, digest in enumerate(digests):
        if digest and digest not in first and digest not in earlier:
            if found := store.find(digest):
                earlier[digest] = found
            else:
                first[digest] = at
    asked = [one for one in map(read_.__getitem__, first.values()) if isinstance(one, Text)]
    predicted = dict(zip(first.values(), windows.predict(pipeline, asked), strict=True))
    found_: list[Outcome] = []
    for at, (item, one, digest) in enumerate(zip(chunk, read_, digests, strict=True)):
        same: str | None = None
        if isinstance(one, Prediction):
            prediction = one
        elif at in predicted:
            prediction = predicted[at]
        else:
            known = earlier.get(digest or "") or found_[first[digest or ""]]
            same = known.same_as or known.where
            prediction = known.prediction.model_copy(update={"id": one.id})
        found_.append(
            Outcome(
                where=item.where,
                file=item.place.file,
                record=item.place.record,
                text=digest,
                same_as=same,
                question=item.question,
                prediction=prediction,
            )
        )
    return found_


def _read(pipeline: Pipeline, item: _Item) -> Text | Prediction[Any]:
    error = item.value
    if not isinstance(error, BioGPTError):
        try:
            return pipeline.task.read_input(item.value)
        except BioGPTError as fault:
            error = fault
    return Prediction(id=id_of(item.value), task=pipeline.task.name, error=Failure.of(error))


def _digest(text: Text) -> str:
    """What tells texts apart: all that the model may be shown of them."""
    told = text.model_dump_json(exclude={"id"})
    return sha256(told.encode()).hexdigest()[:32]
