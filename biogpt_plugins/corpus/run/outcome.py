"""The outcome of a record in a run, and places among the records."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.corpus.readers import Withdrawn
from biogpt_plugins.values.errors import LostError, UnreadError
from biogpt_plugins.values.results import Prediction

_UNREAD = (UnreadError.__name__, LostError.__name__)


class Outcome(BaseModel):
    """The outcome of one record: a line of a shard.

    Attributes:
        where: The record's place, "file:line".
        file: Number of its input, from 0.
        record: Its number in that input, from 0. With several questions, each counts separately.
        text: Digest of the model's input; None if the record could not be read.
        same_as: `where` of an earlier record with the same text, whose result was copied.
        question: The question about the paper, in a run over questions.
        start: The record's offset in its paper; the prediction's offsets count from the paper's
            start.
        prediction: The result or the error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str
    file: int
    record: int
    text: str | None = None
    same_as: str | None = None
    question: str | None = None
    start: int = 0
    prediction: Prediction

    @property
    def place(self) -> Place:
        """Its place in the run."""
        return Place(self.file, self.record)

    @property
    def failed(self) -> bool:
        """Whether it is an error. A citation that PubMed withdrew is not."""
        error = self.prediction.error
        return error is not None and error.type != Withdrawn.__name__

    @property
    def unread(self) -> bool:
        """Whether the record, or the rest of its file, could not be read."""
        error = self.prediction.error
        return error is not None and error.type in _UNREAD


class Place(NamedTuple):
    """A record's place in a run: the number of its input, and its number in that input."""

    file: int = 0
    record: int = 0


class Part(NamedTuple):
    """Unfinished records that follow one another.

    Attributes:
        begin: The first of them.
        records: How many there are; None for all to the end of the inputs.
        last: The outcome before them, if it is known.
    """

    begin: Place = Place()
    records: int | None = None
    last: Outcome | None = None
