"""The items of a run: the records of its inputs, in order, from where the run stopped."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import islice
from typing import Any, TypeVar

from biogpt_plugins.corpus.readers import (
    Format,
    Record,
    Sections,
    Withdrawn,
    check_readable,
    look_through,
    moved,
    read_file,
)
from biogpt_plugins.corpus.readers.files import called, is_pipe
from biogpt_plugins.corpus.readers.latest import Later
from biogpt_plugins.corpus.run.marks import FileMark, mark_of
from biogpt_plugins.corpus.run.outcome import Outcome, Part, Place
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import BioGPTError, InputError
from biogpt_plugins.values.inputs import Paper, Question, Text, id_of, read
from biogpt_plugins.values.results import Failure, Prediction

T = TypeVar("T")


@dataclass(frozen=True)
class Item:
    """A record of a run, or one question about it.

    Attributes:
        record: The reader's record.
        place: Its place in the run.
        question: The question about it, if any.
        read: The input for the model, or the failure of a record that cannot be read.
    """

    record: Record
    place: Place
    question: str | None
    read: Text | Prediction[Any]

    @cached_property
    def digest(self) -> str | None:
        """The digest of the model's input, which identifies the text; None for a failure."""
        if not isinstance(self.read, Text):
            return None
        content = self.read.model_dump_json(exclude={"id"})
        return sha256(content.encode()).hexdigest()[:32]

    def outcome(self, prediction: Prediction[Any], same_as: str | None = None) -> Outcome:
        """The outcome of this item, given the prediction for its text."""
        return Outcome(
            where=self.record.where,
            file=self.place.file,
            record=self.place.record,
            text=self.digest,
            same_as=same_as,
            question=self.question,
            start=self.record.start,
            prediction=self.record.placed(prediction),
        )

    def as_was(self, known: Outcome) -> Outcome:
        """The outcome of this item, copied from a record with the same text."""
        copied = known.prediction.model_copy(update={"id": self.read.id, "section": None})
        return self.outcome(moved(copied, -known.start), known.same_as or known.where)


@dataclass(frozen=True)
class Reading:
    """What a run reads. The value is picklable.

    Attributes:
        task: The task.
        files: The inputs; "-" for standard input.
        marks: What the inputs must be like; none if they may have changed before they are read.
        form: The format, as in `read_records`.
        sections: Which sections of full texts to read, as there.
        latest: Whether to read only the last version of revised citations, as there.
        strict: Whether to stop at the first unreadable record, as there.
        columns: Names of columns by our fields, as there.
        questions: The questions to ask about each record, if any.
        parts: The unfinished records, in order; the last part has no end.
        limit: Largest number of records to read.
        entities: Whether results depend on the entities of records.

    Raises:
        InputError: The task takes no questions.
    """

    task: Task[Any]
    files: Sequence[str]
    marks: Sequence[FileMark] = ()
    form: Format = Format.auto
    sections: Sections = Sections.abstract
    latest: bool = False
    strict: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    questions: Sequence[str] = ()
    parts: Sequence[Part] = (Part(),)
    limit: int | None = None
    entities: bool = False

    def __post_init__(self) -> None:
        """Check that the task takes questions, if there are any."""
        if self.questions and not issubclass(self.task.input, Question):
            fit = " or ".join(TASKS.of_kind("answer"))
            raise InputError(f"task {self.task.name} takes no questions: use {fit}")

    @property
    def at_hand(self) -> bool:
        """Whether all items are there to be read, in files; a pipe may let its reader wait."""
        return not any(map(is_pipe, self.files))

    def facts(self) -> dict[str, object]:
        """The settings that affect results, for a manifest."""
        facts: dict[str, object] = {"format": self.form.value}
        if self.questions:
            facts["questions"] = list(self.questions)
        if self.sections is not Sections.abstract:
            facts["sections"] = self.sections.value
        if self.columns:
            facts["columns"] = dict(self.columns)
        if self.latest:
            facts["latest"] = True
        return facts

    def items(self) -> Generator[Item, None, None]:
        """The unfinished items; finished inputs are not read again.

        Raises:
            InputError: An input differs from the one that the run began with, or changed while it
                was read; or as `read_records`.
            OSError: An input no longer exists.
        """
        later = look_through(self.files, self.form) if self.latest else [None] * len(self.files)
        parts = iter(self.parts)
        part = next(parts)
        left, most = part.records, self.limit
        if most == 0:
            return
        for number in range(part.begin.file, len(self.files)):
            if number < part.begin.file:
                continue  # it is finished
            path = self.files[number]
            check_readable([path])  # it may have gone since the start
            mark = self.marks[number] if self.marks else mark_of(path)
            mark.check(path)
            past = 0
            # Without closing, a kept error would keep the file open.
            with closing(self._records(path, later[number])) as records:
                asked = ((record, one) for record in records for one in self.questions or (None,))
                for past, (record, question) in enumerate(asked, start=1):
                    place = Place(number, past - 1)
                    # An added file may withdraw a finished record.
                    withdrawn = later[number] and isinstance(record.value, Withdrawn)
                    if place >= part.begin:
                        yield self._item(record, place, question)
                        if left is not None and (left := left - 1) == 0:
                            part = next(parts)
                            left = part.records
                        if most is not None and (most := most - 1) == 0:
                            break
                        if part.begin.file > number:
                            break
                    elif past == part.begin.record and not withdrawn:
                        _check_known(self._item(record, place, question), part.last)
            mark.check(path)
            if most == 0:
                return
            if number == part.begin.file and past < part.begin.record:
                raise InputError(
                    f"{called(path)} has only {counted(past, 'record')}, but the run has finished "
                    f"{part.begin.record:,} of it: give the input that the run began with"
                )

    def _records(self, path: str, later: Later | None) -> Generator[Record, None, None]:
        return read_file(
            path,
            self.form,
            sections=self.sections,
            later=later,
            strict=self.strict,
            columns=self.columns,
        )

    def _item(self, record: Record, place: Place, question: str | None) -> Item:
        read_ = read_for(self.task, record.value, question, entities=self.entities)
        return Item(record, place, question, read_)


def _check_known(item: Item, last: Outcome | None) -> None:
    """Check that an input is the one that the run began with; a pipe has no other sign."""
    if last and item.digest != last.text:
        raise InputError(
            f"{item.record.where} has a different text than when the run began: give the input "
            "that it began with"
        )


def read_for(
    task: Task[Any], value: object, question: str | None = None, *, entities: bool = False
) -> Text | Prediction[Any]:
    """A task's input for a value, or the failure of a value that cannot be read.

    Args:
        task: The task.
        value: A reader's value, which may be an error.
        question: The question to ask about the value, which is then a paper.
        entities: Whether to read its entities.
    """
    error = value
    if not isinstance(error, BioGPTError):
        try:
            asked = value if question is None else _put(question, value)
            return task.read_input(asked, entities=entities)
        except BioGPTError as fault:
            error = fault
    return Prediction(id=id_of(value), task=task.name, error=Failure.of(error))


def taken(given: Iterator[T], size: int) -> tuple[list[T], Exception | None]:
    """The next records or items, at most `size`, and the error that ended reading, if any."""
    chunk: list[T] = []
    try:
        for one in islice(given, size):
            chunk.append(one)
    except (BioGPTError, OSError) as error:
        return chunk, error
    return chunk, None


def _put(question: str, value: object) -> Question:
    paper = read(Paper, value, entities=False)
    return Question(id=paper.id, question=question, text=paper.source)
