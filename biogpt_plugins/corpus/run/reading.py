"""What a run reads: the records of its inputs, in their order, from where it was ended."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
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
from biogpt_plugins.corpus.readers.files import called
from biogpt_plugins.corpus.readers.latest import Later
from biogpt_plugins.corpus.run.folder import Outcome, Place
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import BioGPTError, InputError
from biogpt_plugins.values.inputs import Paper, Question, Text, id_of, read
from biogpt_plugins.values.results import Failure, Prediction

T = TypeVar("T")


@dataclass(frozen=True)
class Item:
    """A record of a run, or one question about it.

    Attributes:
        record: What a reader gave.
        place: Where it is in the run.
        question: What is asked of it.
        read: What the model is to be asked, or the failure of a record that cannot be read.
    """

    record: Record
    place: Place
    question: str | None
    read: Text | Prediction[Any]

    @cached_property
    def digest(self) -> str | None:
        """What tells texts apart: all that the model may be shown of it; None of a failure."""
        if not isinstance(self.read, Text):
            return None
        told = self.read.model_dump_json(exclude={"id"})
        return sha256(told.encode()).hexdigest()[:32]

    def outcome(self, prediction: Prediction[Any], same_as: str | None = None) -> Outcome:
        """What a prediction for its text makes of it."""
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
        """What the outcome of a record with the same text makes of it."""
        found = known.prediction.model_copy(update={"id": self.read.id, "section": None})
        return self.outcome(moved(found, -known.start), known.same_as or known.where)


@dataclass(frozen=True)
class Reading:
    """What is to be read; a value that can be handed to another process.

    Attributes:
        task: What is done with it.
        files: The inputs; "-" for the standard input.
        form: As in `read_records`, and so are
        sections: this,
        latest: this,
        strict: and this.
        questions: Each is asked of each record, if there are any.
        begin: The first record that is not done.
        last: What the record before it was, if there is one.
        limit: Most records to read.

    Raises:
        InputError: The task takes no questions.
    """

    task: Task[Any]
    files: Sequence[str]
    form: Format = Format.auto
    sections: Sections = Sections.abstract
    latest: bool = False
    strict: bool = False
    questions: Sequence[str] = ()
    begin: Place = Place()
    last: Outcome | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        """See to it that the task takes questions, if there are any."""
        if self.questions and not issubclass(self.task.input, Question):
            fit = " or ".join(TASKS.of_kind("answer"))
            raise InputError(f"task {self.task.name} takes no questions: use {fit}")

    def facts(self) -> dict[str, object]:
        """All of it that decides on results, as a manifest keeps it."""
        facts: dict[str, object] = {"format": self.form.value}
        if self.questions:
            facts["questions"] = list(self.questions)
        if self.sections is not Sections.abstract:
            facts["sections"] = self.sections.value
        if self.latest:
            facts["latest"] = True
        return facts

    def items(self) -> Generator[Item, None, None]:
        """What is not done yet; no record of an input that is done is read again.

        Raises:
            InputError: An input is not what the run began with; or as `read_records`.
            OSError: An input has gone.
        """
        with closing(self._items()) as every:
            yield from islice(every, self.limit)

    def _items(self) -> Generator[Item, None, None]:
        later = look_through(self.files, self.form) if self.latest else [None] * len(self.files)
        for number in range(self.begin.file, len(self.files)):
            path = self.files[number]
            check_readable([path])  # it may have gone since the start
            past = 0
            # Closed, as an error would keep the file open for as long as somebody keeps the error.
            with closing(self._records(path, later[number])) as records:
                asked = ((record, one) for record in records for one in self.questions or (None,))
                for past, (record, question) in enumerate(asked, start=1):
                    place = Place(number, past - 1)
                    # A file that was added may withdraw what is done.
                    withdrawn = later[number] and isinstance(record.value, Withdrawn)
                    if place >= self.begin:
                        yield self._item(record, place, question)
                    elif past == self.begin.record and not withdrawn:
                        self._check_known(self._item(record, place, question))
            if number == self.begin.file and past < self.begin.record:
                raise InputError(
                    f"{called(path)} has {past} records, and {self.begin.record} of it are done: "
                    "it is not what this run began with"
                )

    def _records(self, path: str, later: Later | None) -> Generator[Record, None, None]:
        return read_file(path, self.form, sections=self.sections, later=later, strict=self.strict)

    def _check_known(self, item: Item) -> None:
        """See to it that an input is what the run began with; of a pipe nothing else tells it."""
        if self.last and item.digest != self.last.text:
            raise InputError(
                f"{item.record.where} is another text than the run had there: give the input that "
                "it began with"
            )

    def _item(self, record: Record, place: Place, question: str | None) -> Item:
        return Item(record, place, question, read_for(self.task, record.value, question))


def read_for(task: Task[Any], value: object, question: str | None = None) -> Text | Prediction[Any]:
    """What a task is to be asked of a value, or the failure of one that cannot be read.

    Args:
        task: The task.
        value: What a reader gave, which may be an error.
        question: Is put to the paper that it is.
    """
    error = value
    if not isinstance(error, BioGPTError):
        try:
            return task.read_input(value if question is None else _put(question, value))
        except BioGPTError as fault:
            error = fault
    return Prediction(id=id_of(value), task=task.name, error=Failure.of(error))


def taken(given: Iterator[T], size: int) -> tuple[list[T], Exception | None]:
    """So many of the next records or items, and the error at which reading ended behind them."""
    chunk: list[T] = []
    try:
        for one in islice(given, size):
            chunk.append(one)
    except (BioGPTError, OSError) as error:
        return chunk, error
    return chunk, None


def _put(question: str, value: object) -> Question:
    paper = read(Paper, value)
    return Question(id=paper.id, question=question, text=paper.source)
