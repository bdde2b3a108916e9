"""Sinks for the outcomes of a run that keep no folder. `RunFolder` is the one that does."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from typing_extensions import Self

from biogpt_plugins.corpus.run.manifest import Made
from biogpt_plugins.corpus.run.marks import FileMark
from biogpt_plugins.corpus.run.outcome import Outcome, Part
from biogpt_plugins.corpus.run.text_index import Counts, Line, TextIndex
from biogpt_plugins.corpus.writers import JsonlWriter


class Sink(Protocol):
    """Takes the outcomes of a run, in order. A context manager.

    Attributes:
        parts: The unfinished records, in order. The last part has no end; those before it are
            records whose outcomes were lost.
    """

    parts: Sequence[Part]

    @property
    def counts(self) -> Counts:
        """The counts of the outcomes so far."""
        ...

    @property
    def unread(self) -> int:
        """How many records could not be read."""
        ...

    @property
    def records_of_files(self) -> dict[int, int]:
        """How many records of each input are done."""
        ...

    @property
    def weights(self) -> Sequence[FileMark] | None:
        """The model's files at an earlier start; None if the sink does not record them."""
        ...

    @property
    def inputs(self) -> Sequence[FileMark] | None:
        """The inputs at an earlier start; None if the sink does not record them."""
        ...

    def begin(self, made: Made, inputs: Sequence[FileMark], facts: Mapping[str, Any]) -> None:
        """Begin or continue with these inputs and settings.

        Raises:
            InputError: The sink holds results of other inputs or settings.
        """
        ...

    def find(self, text: str, *, failed: bool = False) -> Outcome | None:
        """The outcome of a text by its digest, or None; a failure only if `failed`."""
        ...

    def write(self, outcomes: Sequence[Outcome]) -> int:
        """Take outcomes, and return the number of unpublished ones."""
        ...

    def publish(self) -> None:
        """Make the written outcomes permanent."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class Unkept:
    """Keeps nothing for later starts, but knows the finished texts during the run.

    It holds them on disk, so that memory does not grow with the corpus.
    """

    def __init__(self) -> None:
        self.parts: Sequence[Part] = (Part(),)
        self.weights: Sequence[FileMark] | None = None
        self.inputs: Sequence[FileMark] | None = None

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="biogpt-")
        self._index = TextIndex(Path(self._folder.name, "index"))
        self._outcomes = Path(self._folder.name, "outcomes").open("w+b")
        return self

    def __exit__(self, *exc: object) -> None:
        self._index.close()
        self._outcomes.close()
        self._folder.cleanup()

    @property
    def counts(self) -> Counts:
        return self._index.counts

    @property
    def unread(self) -> int:
        return self._index.unread

    @property
    def records_of_files(self) -> dict[int, int]:
        return self._index.records_of_files

    def begin(self, made: Made, inputs: Sequence[FileMark], facts: Mapping[str, Any]) -> None:
        """Accept any inputs and settings."""

    def find(self, text: str, *, failed: bool = False) -> Outcome | None:
        place = self._index.find(text, failed=failed)
        if place is None:
            return None
        self._outcomes.seek(place[1])
        outcome = Outcome.model_validate_json(self._outcomes.readline())
        return outcome if outcome.text == text else None

    def write(self, outcomes: Sequence[Outcome]) -> int:
        lines = []
        for one in outcomes:
            at = self._outcomes.seek(0, os.SEEK_END)
            if one.same_as is None:
                self._outcomes.write(one.model_dump_json().encode() + b"\n")
            copied = one.same_as is not None
            text = None if copied else one.text
            lines.append(Line(at, one.file, one.record, text, one.failed, one.unread, copied))
        self._index.add(0, lines)
        return 0

    def publish(self) -> None:
        """Do nothing: every write is final."""


class Lines(Unkept):
    """Writes one Prediction a line, each as soon as it is ready."""

    def __init__(self, writer: JsonlWriter) -> None:
        """Take a writer; its opener closes it."""
        super().__init__()
        self._writer = writer

    @property
    def path(self) -> str:
        """The output file."""
        return self._writer.path

    def write(self, outcomes: Sequence[Outcome]) -> int:
        for outcome in outcomes:
            self._writer.write(outcome.prediction)
        return super().write(outcomes)
