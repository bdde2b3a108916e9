"""Where the outcomes of a run go: a folder that is gone on with, lines of a file, or nowhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from typing_extensions import Self

from biogpt_plugins.corpus.run.folder import Outcome, Place
from biogpt_plugins.corpus.run.manifest import FileMark, Made
from biogpt_plugins.corpus.run.text_index import Counts, Line, TextIndex
from biogpt_plugins.corpus.writers import JsonlWriter


class Sink(Protocol):
    """Takes the outcomes of a run, in order, and tells what it has; a context manager.

    Attributes:
        next: The first record that is not done.
        last: The outcome before it, if there is one.
    """

    next: Place
    last: Outcome | None

    @property
    def counts(self) -> Counts:
        """What it holds so far."""
        ...

    @property
    def records_of_files(self) -> dict[int, int]:
        """How many records of each input are done."""
        ...

    @property
    def weights(self) -> Sequence[FileMark] | None:
        """The model's files at an earlier start; None if nobody asks with what results are made."""
        ...

    def begin(self, made: Made, files: Sequence[str], facts: Mapping[str, Any]) -> None:
        """Begin, or go on, with these inputs and all that decides on results.

        Raises:
            InputError: It holds results of others.
        """
        ...

    def find(self, text: str, *, failed: bool = False) -> Outcome | None:
        """The outcome of a text, by its digest, if one is there that did not fail, or did."""
        ...

    def write(self, outcomes: Sequence[Outcome]) -> int:
        """Take outcomes; how many are not finished yet."""
        ...

    def publish(self) -> None:
        """Finish what was written."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class Unkept:
    """Keeps nothing for later starts, but knows which texts were asked while the run lasts.

    What it knows is on the disk, so that memory does not grow with the corpus.
    """

    def __init__(self) -> None:
        self.next = Place()
        self.last: Outcome | None = None
        self.weights: Sequence[FileMark] | None = None

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
    def records_of_files(self) -> dict[int, int]:
        return self._index.records_of_files

    def begin(self, made: Made, files: Sequence[str], facts: Mapping[str, Any]) -> None:
        """Any will do."""

    def find(self, text: str, *, failed: bool = False) -> Outcome | None:
        place = self._index.find(text, failed=failed)
        if place is None:
            return None
        self._outcomes.seek(place[1])
        found = Outcome.model_validate_json(self._outcomes.readline())
        return found if found.text == text else None

    def write(self, outcomes: Sequence[Outcome]) -> int:
        lines = []
        for one in outcomes:
            at = self._outcomes.seek(0, os.SEEK_END)
            if one.same_as is None:
                self._outcomes.write(one.model_dump_json().encode() + b"\n")
            copied = one.same_as is not None
            lines.append(
                Line(at, one.file, one.record, None if copied else one.text, one.failed, copied)
            )
        self._index.add(0, lines)
        return 0

    def publish(self) -> None:
        """Nothing is ever unfinished."""


class Lines(Unkept):
    """One Prediction a line, on the disk as soon as it is there."""

    def __init__(self, writer: JsonlWriter) -> None:
        """Name the writer, which is closed by whoever opened it."""
        super().__init__()
        self._writer = writer

    @property
    def path(self) -> str:
        """Where the lines are."""
        return self._writer.path

    def write(self, outcomes: Sequence[Outcome]) -> int:
        for outcome in outcomes:
            self._writer.write(outcome.prediction)
        return super().write(outcomes)
