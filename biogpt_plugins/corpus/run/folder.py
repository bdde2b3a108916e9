"""The folder of a run: a manifest, a lock, results in shards, an index of the texts.

    run.json             the manifest
    lock                 held by the process that writes
    shards/000000.jsonl  Outcomes, one a line; whole as soon as it has this name
    index.sqlite         where the result of a text is; can be made anew

A shard is written under another name, brought to the disk, and then renamed. Whatever ends the
process, at whatever moment, costs the shard in work and nothing else.
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
    """What became of one record: a line of a shard.

    Attributes:
        where: "file:line" of the record.
        file: Number of its input, from 0.
        record: Its number in that input, from 0; with several questions each is counted.
        text: Digest of what the model was asked; None if it could not be read.
        same_as: `where` of the record whose result this is, as the texts are identical.
        question: What was asked of the paper, in a run over questions.
        start: Where the record begins in its paper, of which the prediction's offsets are.
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
        """Whether it is an error; that PubMed withdrew a citation is none."""
        error = self.prediction.error
        return error is not None and error.type != Withdrawn.__name__


class Place(NamedTuple):
    """The next record of a run: the number of an input, and that of a record in it."""

    file: int = 0
    record: int = 0


class RunFolder:
    """A run that is being written; a context manager, which holds the lock."""

    def __init__(self, path: Path) -> None:
        """Name the folder; it is made when it is entered."""
        self.path = path
        self._lock = FileLock(path / _LOCK)
        self._index: TextIndex
        self._shards = 0
        self._shard: _Shard | None = None
        self.next = Place()
        self.last: Outcome | None = None

    def __enter__(self) -> Self:
        """Take the lock, and look at what is there.

        Raises:
            InputError: Another process writes it, or it is broken or something else.
            OSError: It cannot be written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file: name a folder for the run")
        if self.path.is_dir() and not is_run(self.path) and any(_strange(self.path)):
            raise InputError(f"{self.path} holds something else than a run: name another folder")
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
        """The manifest of the starts before, if there were any."""
        return read_manifest(self.path)

    @property
    def counts(self) -> Counts:
        """What the run holds so far."""
        return self._index.counts

    @property
    def records_of_files(self) -> dict[int, int]:
        """How many records of each input are done."""
        return self._index.records_of_files

    @property
    def weights(self) -> Sequence[FileMark]:
        """The model's files at an earlier start."""
        known = self.manifest
        return known.weights if known else ()

    def begin(self, made: Made, files: Sequence[str], facts: Mapping[str, Any]) -> None:
        """Go on with what is there, or begin.

        Raises:
            InputError: The folder holds results of other settings or inputs.
        """
        earlier = self.manifest
        manifest = Manifest.of(made, files, known=earlier, **facts)
        if self.last and not earlier:
            raise InputError(
                f"{self.path} has results, and no {MANIFEST} that says what they are of: put it "
                "back, or name another folder"
            )
        if earlier and self.last:
            manifest.check_goes_on_from(earlier, self.path)
        _replace(self.path / MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
        if changed := versions_changed(manifest):
            warnings.warn(f"versions are others than at the last start: {changed}", stacklevel=4)

    def copy_index(self, path: Path) -> None:
        """Write a copy of the index of the run's texts, for `TextIndex`."""
        self._index.copy(path)

    def find(self, text: str, *, failed: bool = False) -> Outcome | None:
        """The outcome of a text, by its digest, if the run has one that did not fail, or did."""
        place = self._index.find(text, failed=failed)
        if place is None:
            return None
        with suppress(OSError, ValueError):
            path = self._path(place[0])
            if self._shard and place[0] == self._shards:
                path = self._shard.part
            with path.open("rb") as file:
                file.seek(place[1])
                found = Outcome.model_validate_json(file.readline())
            return found if found.text == text else None
        return None

    def write(self, outcomes: Sequence[Outcome]) -> int:
        """Write outcomes into the shard in work; how many it has then.

        Raises:
            OSError: They could not be written; none of them is there then.
        """
        if not outcomes:
            return self._shard.records if self._shard else 0
        if self._shard is None:
            self._shard = _Shard(self._path(self._shards))
        lines = [one.model_dump_json().encode() + b"\n" for one in outcomes]
        at = self._shard.size
        self._shard.write(lines)
        found = []
        for outcome, line in zip(outcomes, lines, strict=True):
            found.append(_line(at, outcome))
            at += len(line)
        self._index.add(self._shards, found)
        self.last = outcomes[-1]
        self.next = Place(self.last.file, self.last.record + 1)
        return self._shard.records

    def publish(self) -> None:
        """Finish the shard in work.

        Raises:
            OSError: It could not be brought to the disk.
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
    """A shard in work. What it holds are whole lines, also after a write that failed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_suffix(_PART)
        self.size = self.records = 0
        binary = getattr(os, "O_BINARY", 0)  # of Windows
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
        InputError: One is missing.
    """
    found = sorted((folder / SHARDS).glob(f"*{_ENDING}"))
    for number, path in enumerate(found):
        if path.stem != f"{number:06}":
            raise InputError(
                f"{folder} lacks {SHARDS}/{number:06}{_ENDING}: put it back, or remove the shards "
                "behind it, whose records are then done again"
            )
    return found


def outcomes(folder: str | Path) -> Iterator[Outcome]:
    """What a run has found, in the order of its inputs; also of one that is not finished.

    Raises:
        InputError: The folder holds no run, or a shard is broken.
    """
    folder = Path(folder)
    if not is_run(folder):
        raise InputError(f"{folder} holds no run: name the folder that was given to --run")
    for path in shards_of(folder):
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield _outcome(line, path, number)


def results(folder: str | Path) -> Iterator[Prediction[Any]]:
    """The Predictions of a run, one for each record, in the order of its inputs.

    Raises:
        InputError: As `outcomes`.
    """
    return (outcome.prediction for outcome in outcomes(folder))


def _outcome(line: bytes, path: Path, number: int) -> Outcome:
    try:
        return Outcome.model_validate_json(line)
    except ValueError as error:
        raise InputError(
            f"{path}:{number} is broken: remove this shard and those behind it, whose records are "
            "then done again"
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
    """What no run has made."""
    ours = {SHARDS, _LOCK, MANIFEST, f"{MANIFEST}{_PART}"}
    return (path for path in folder.iterdir() if path.name not in ours and _INDEX not in path.name)


# --- files ----------------------------------------------------------------------------------


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that it is there as it was or as it is to be, never in part."""
    part = path.with_name(f"{path.name}{_PART}")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Bring a folder's list of names to the disk."""
    if os.name == "nt":
        return  # which does so by itself, and opens no folders
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
