"""A run's folder: a manifest, a lock, results in shards, and an index of the texts.

    run.json             the manifest
    lock                 held by the process that writes
    shards/000000.jsonl  Outcomes, one a line; a file with this name is complete
    index.sqlite         the place of each text's result; can be rebuilt from the shards

A shard is written under another name, synced to disk, and then renamed. If the process dies, only
the unfinished shard is lost.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from biogpt_plugins.corpus.readers import Withdrawn
from biogpt_plugins.corpus.run.manifest import (
    MANIFEST,
    FileMark,
    Made,
    Manifest,
    read_manifest,
    versions_changed,
)
from biogpt_plugins.corpus.run.text_index import Counts, Line, TextIndex
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction

SHARDS = "shards"

_LOCK = "lock"
_INDEX = "index.sqlite"
_ENDING = ".jsonl"
_PART = ".part"


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
    def failed(self) -> bool:
        """Whether it is an error. A citation that PubMed withdrew is not."""
        error = self.prediction.error
        return error is not None and error.type != Withdrawn.__name__


class Place(NamedTuple):
    """A record's place in a run: the number of its input, and its number in that input."""

    file: int = 0
    record: int = 0


class RunFolder:
    """A run that is being written. As a context manager it holds the folder's lock."""

    def __init__(self, path: Path) -> None:
        """Name the folder, which entering the context creates."""
        self.path = path
        self._lock = FileLock(path / _LOCK)
        self._index: TextIndex
        self._shards = 0
        self._shard: _Shard | None = None
        self.next = Place()
        self.last: Outcome | None = None

    def __enter__(self) -> Self:
        """Lock the folder, and read what it holds.

        Raises:
            InputError: Another process writes the folder, or it is broken or not a run.
            OSError: The folder cannot be written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file: name a folder for the run")
        if self.path.is_dir() and not is_run(self.path) and any(_strange(self.path)):
            raise InputError(f"{self.path} holds files that are not a run: name another folder")
        (self.path / SHARDS).mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                f"another process is writing the run in {self.path}: wait for it, or name another "
                "folder"
            ) from error
        try:
            self._take_up()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.publish()
        finally:
            self._index.close()
            self._lock.release()

    @property
    def manifest(self) -> Manifest | None:
        """The manifest of earlier starts, if any."""
        return read_manifest(self.path)

    @property
    def counts(self) -> Counts:
        """The counts of the run so far."""
        return self._index.counts

    @property
    def records_of_files(self) -> dict[int, int]:
        """How many records of each input are done."""
        return self._index.records_of_files

    @property
    def weights(self) -> Sequence[FileMark]:
        """The model's files at an earlier start; empty at the first."""
        known = self.manifest
        return known.weights if known else ()

    def begin(self, made: Made, files: Sequence[str], facts: Mapping[str, Any]) -> None:
        """Begin the run, or continue it.

        Raises:
            InputError: The folder's results come from other settings or inputs.
        """
        earlier = self.manifest
        manifest = Manifest.of(made, files, known=earlier, **facts)
        if self.last and not earlier:
            raise InputError(
                f"{self.path} has results but no {MANIFEST}, which records their settings: put it "
                "back, or name another folder"
            )
        if earlier and self.last:
            manifest.check_goes_on_from(earlier, self.path)
        _replace(self.path / MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
        if changed := versions_changed(manifest):
            warnings.warn(f"versions differ from the last start: {changed}", stacklevel=4)

    def copy_index(self, path: Path) -> None:
        """Copy the index of the run's texts to a file for `TextIndex`."""
        self._index.copy(path)

    def find(self, text: str, *, failed: bool = False) -> Outcome | None:
        """The outcome of a text by its digest, or None; a failure only if `failed`."""
        place = self._index.find(text, failed=failed)
        if place is None:
            return None
        with suppress(OSError, ValueError):
            path = self._path(place[0])
            if self._shard and place[0] == self._shards:
                path = self._shard.part
            with path.open("rb") as file:
                file.seek(place[1])
                outcome = Outcome.model_validate_json(file.readline())
            return outcome if outcome.text == text else None
        return None

    def write(self, outcomes: Sequence[Outcome]) -> int:
        """Write outcomes to the current shard, and return the number that it then holds.

        Raises:
            OSError: They could not be written; the shard then holds none of them.
        """
        if not outcomes:
            return self._shard.records if self._shard else 0
        if self._shard is None:
            self._shard = _Shard(self._path(self._shards))
        lines = [one.model_dump_json().encode() + b"\n" for one in outcomes]
        at = self._shard.size
        self._shard.write(lines)
        indexed = []
        for outcome, line in zip(outcomes, lines, strict=True):
            indexed.append(_line(at, outcome))
            at += len(line)
        self._index.add(self._shards, indexed)
        self.last = outcomes[-1]
        self.next = Place(self.last.file, self.last.record + 1)
        return self._shard.records

    def publish(self) -> None:
        """Finish the current shard.

        Raises:
            OSError: It could not be synced to disk.
        """
        if self._shard is None:
            return
        shard, self._shard = self._shard, None
        try:
            shard.publish()
        except OSError:
            self._index.drop()
            raise
        self._shards += 1
        self._index.keep()

    def _path(self, number: int) -> Path:
        return self.path / SHARDS / f"{number:06}{_ENDING}"

    def _take_up(self) -> None:
        shards = shards_of(self.path)
        for left in (self.path / SHARDS).glob(f"*{_PART}"):
            left.unlink()
        self._shards = len(shards)
        self._index = TextIndex(self.path / _INDEX)
        if self._index.shards > len(shards):
            self._index.forget()
        for number in range(self._index.shards, len(shards)):
            self._index.add(number, list(_lines(shards[number])))
        self._index.keep()
        if shards:
            self.last = _last(shards[-1])
            self.next = Place(self.last.file, self.last.record + 1)


class _Shard:
    """An unfinished shard. It holds only whole lines, even after a failed write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_suffix(_PART)
        self.size = self.records = 0
        binary = getattr(os, "O_BINARY", 0)  # only on Windows
        self._file = os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | binary, 0o666)

    def write(self, lines: Sequence[bytes]) -> None:
        rest = memoryview(b"".join(lines))
        size = len(rest)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self.size += size
        self.records += len(lines)

    def publish(self) -> None:
        try:
            if self.records:
                os.fsync(self._file)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        finally:
            os.close(self._file)
        if self.records:
            self.part.replace(self.path)
            _sync(self.path.parent)
        else:
            self.part.unlink()


# --- reading --------------------------------------------------------------------------------


def is_run(folder: str | Path) -> bool:
    """Whether a folder holds a run."""
    return (Path(folder) / MANIFEST).is_file()


def shards_of(folder: Path) -> list[Path]:
    """The finished shards of a run, in order.

    Raises:
        InputError: A shard is missing.
    """
    shards = sorted((folder / SHARDS).glob(f"*{_ENDING}"))
    for number, path in enumerate(shards):
        if path.stem != f"{number:06}":
            raise InputError(
                f"{SHARDS}/{number:06}{_ENDING} is missing in {folder}: put it back, or remove all "
                "later shards and run their records again"
            )
    return shards


def outcomes(folder: str | Path) -> Iterator[Outcome]:
    """The outcomes of a run, finished or not, in the order of its inputs.

    Raises:
        InputError: The folder holds no run, or a shard is broken.
    """
    folder = Path(folder)
    if not is_run(folder):
        raise InputError(f"{folder} is not the folder of a run: name one that was given to --run")
    for path in shards_of(folder):
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield _outcome(line, path, number)


def results(folder: str | Path) -> Iterator[Prediction[Any]]:
    """The Predictions of a run, one for each record, in the order of its inputs.

    Raises:
        InputError: The folder holds no run, or a shard is broken.
    """
    return (outcome.prediction for outcome in outcomes(folder))


def _outcome(line: bytes, path: Path, number: int) -> Outcome:
    try:
        return Outcome.model_validate_json(line)
    except ValueError as error:
        raise InputError(
            f"{path}:{number} is broken: remove this shard and all later ones, and run their "
            "records again"
        ) from error


def _lines(path: Path) -> Iterator[Line]:
    at = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield _line(at, _outcome(line, path, number))
            at += len(line)


def _line(at: int, one: Outcome) -> Line:
    return Line(at, one.file, one.record, one.text, one.failed, one.same_as is not None)


def _last(path: Path) -> Outcome:
    number, line = 0, b""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):  # noqa: B007 - the last one
            pass
    return _outcome(line, path, number)


def _strange(folder: Path) -> Iterator[Path]:
    """The files that do not belong to a run."""
    ours = {SHARDS, _LOCK, MANIFEST, f"{MANIFEST}{_PART}"}
    return (path for path in folder.iterdir() if path.name not in ours and _INDEX not in path.name)


# --- files ----------------------------------------------------------------------------------


def _replace(path: Path, data: bytes) -> None:
    """Replace a file atomically."""
    part = path.with_name(f"{path.name}{_PART}")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Sync a folder's entries to disk."""
    if os.name == "nt":
        return  # Windows syncs them itself, and cannot open folders
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
