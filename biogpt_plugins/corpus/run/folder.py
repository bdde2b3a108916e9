"""A run's folder: a manifest, a lock, results in shards, and an index of the texts.

    run.json             the manifest
    lock                 held by the process that writes
    shards/000000.jsonl  Outcomes, one a line; a file with this name is complete
    checksums.jsonl      what the shards must be like
    index.sqlite         the place of each text's result; can be rebuilt from the shards

If the process dies, only the unfinished shard is lost. Shards that are damaged or missing are done
again at the next start; until then the results cannot be read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from typing_extensions import Self

from biogpt_plugins.corpus.run.finished import FinishedShards
from biogpt_plugins.corpus.run.manifest import (
    MANIFEST,
    Made,
    Manifest,
    read_manifest,
    versions_changed,
)
from biogpt_plugins.corpus.run.marks import FileMark
from biogpt_plugins.corpus.run.outcome import Outcome, Part, Place
from biogpt_plugins.corpus.run.results import is_run
from biogpt_plugins.corpus.run.shards import (
    CHECKSUMS,
    PART,
    SHARDS,
    Checksum,
    Checksums,
    ShardWriter,
    read_shard,
    shard_path,
)
from biogpt_plugins.corpus.run.text_index import Counts, Line, TextIndex
from biogpt_plugins.values.errors import InputError

_LOCK = "lock"
_INDEX = "index.sqlite"


class RunFolder:
    """A run that is being written. As a context manager it holds the folder's lock."""

    def __init__(self, path: Path) -> None:
        """Name the folder, which entering the context creates."""
        self.path = path
        self._lock = FileLock(path / _LOCK)
        self._index: TextIndex
        self._checksums: Checksums
        self._finished: FinishedShards
        self._shards = 0
        self._shard: ShardWriter | None = None
        self._gaps: list[Checksum] = []
        self._inputs: Sequence[FileMark] = ()
        self._written: list[Checksum] = []
        self.parts: Sequence[Part] = ()

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
            if self._shard and self._gaps:  # records of the gap are missing
                self._shard.drop()
            else:
                self.publish()
            if exc[0]:
                self._distrust()
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
    def unread(self) -> int:
        """How many records of the run could not be read."""
        return self._index.unread

    @property
    def records_of_files(self) -> dict[int, int]:
        """How many records of each input are done."""
        return self._index.records_of_files

    @property
    def weights(self) -> Sequence[FileMark]:
        """The model's files at an earlier start; empty at the first."""
        known = self.manifest
        return known.weights if known else ()

    @property
    def inputs(self) -> Sequence[FileMark]:
        """The inputs at an earlier start; empty at the first."""
        known = self.manifest
        return known.inputs if known else ()

    def begin(self, made: Made, inputs: Sequence[FileMark], facts: Mapping[str, Any]) -> None:
        """Begin the run, or continue it.

        Raises:
            InputError: The folder's results come from other settings or inputs.
        """
        earlier = self.manifest
        manifest = Manifest.of(made, inputs, known=earlier, **facts)
        if self._shards and not earlier:
            raise InputError(
                f"{self.path} has results but no {MANIFEST}, which records their settings: put it "
                "back, or name another folder"
            )
        if earlier and self._shards:
            manifest.check_goes_on_from(earlier, self.path)
        manifest.write(self.path)
        self._inputs = inputs
        if changed := versions_changed(manifest):
            warnings.warn(f"versions differ from the last start: {changed}", stacklevel=4)
        for line in self._finished.told():
            warnings.warn(line, stacklevel=4)

    def copy_index(self, path: Path) -> None:
        """Copy the index of the run's texts to a file for `TextIndex`."""
        self._index.copy(path)

    def find(self, text: str, *, failed: bool = False) -> Outcome | None:
        """The outcome of a text by its digest, or None; a failure only if `failed`."""
        place = self._index.find(text, failed=failed)
        if place is None:
            return None
        with suppress(OSError, ValueError):
            path = shard_path(self.path, place[0])
            if self._shard and place[0] == self._shard.number:
                path = self._shard.part
            with path.open("rb") as file:
                file.seek(place[1])
                outcome = Outcome.model_validate_json(file.readline())
            return outcome if outcome.text == text else None
        return None

    def kept(self) -> Iterator[Outcome]:
        """The outcomes of earlier starts that are whole."""
        for number in self._finished.whole:
            path = shard_path(self.path, number)
            yield from (one for _, one in read_shard(path, self._checksums.known[number]))

    def write(self, outcomes: Sequence[Outcome]) -> int:
        """Write outcomes, and return the number that the unfinished shard then holds.

        Raises:
            OSError: They could not be written; the shard then holds none of them.
            InputError: They are not of the records that a damaged shard had.
        """
        while self._gaps and outcomes:
            gap = self._gaps[0]
            room = gap.records - (self._shard.records if self._shard else 0)
            self._append(gap.shard, outcomes[:room])
            if len(outcomes) >= room:
                self._fill(gap, outcomes[room - 1])
            outcomes = outcomes[room:]
        if outcomes:
            self._append(self._shards, outcomes)
        return self._shard.records if self._shard else 0

    def publish(self) -> None:
        """Finish the current shard; one that is done again only if it is complete.

        Raises:
            OSError: It could not be synced to disk.
        """
        if self._shard is None or self._gaps:
            return
        self._publish()
        self._shards += 1

    def _append(self, number: int, outcomes: Sequence[Outcome]) -> None:
        if self._shard is None:
            self._shard = ShardWriter(self.path, number)
        lines = [one.model_dump_json().encode() + b"\n" for one in outcomes]
        at = self._shard.size
        self._shard.write(outcomes, lines)
        indexed = []
        for outcome, line in zip(outcomes, lines, strict=True):
            indexed.append(_line(at, outcome))
            at += len(line)
        self._index.add(number, indexed)

    def _fill(self, gap: Checksum, last: Outcome) -> None:
        """Finish a shard that was done again."""
        if Place(last.file, last.record + 1) != gap.next:
            raise InputError(
                f"{last.where} is not the record that the run had there: give the inputs that the "
                "run began with"
            )
        self._publish()
        self._gaps.pop(0)

    def _publish(self) -> None:
        shard, self._shard = self._shard, None
        try:
            if shard:
                shard.publish(self._checksums)
                self._written.append(self._checksums.known[shard.number])
        except OSError:
            self._index.drop()
            raise
        self._index.keep()

    def _distrust(self) -> None:
        """Have records of this start done again, if their input changed while it was read."""
        if not self._written or not self._inputs:
            return
        last = self._written[-1].next.file
        try:
            self._inputs[last].check(self._inputs[last].path)
        except OSError:
            return  # it is gone, which changes no record
        except InputError:
            for one in self._written:
                if one.begin.file <= last <= one.next.file:
                    self._checksums.add(one.model_copy(update={"sha256": ""}))

    def _take_up(self) -> None:
        """Check the finished shards, and bring the index up to date."""
        self._checksums = Checksums(self.path)
        self._finished = FinishedShards(self.path, self._checksums)
        self._shards = self._finished.count
        self._gaps = list(self._finished.gaps)
        self._index = TextIndex(self.path / _INDEX)
        self._index.forget({gap.shard for gap in self._gaps}, beyond=self._shards)
        indexed = self._index.shards
        for number in self._finished.whole:
            if number not in indexed:
                lines = read_shard(shard_path(self.path, number))
                self._index.add(number, [_line(at, one) for at, one in lines])
        self._index.keep()
        self.parts = self._finished.unfinished()


def _line(at: int, one: Outcome) -> Line:
    return Line(at, one.file, one.record, one.text, one.failed, one.unread, one.same_as is not None)


def _strange(folder: Path) -> Iterator[Path]:
    """The files that do not belong to a run."""
    ours = {SHARDS, CHECKSUMS, _LOCK, MANIFEST, f"{MANIFEST}{PART}"}
    return (path for path in folder.iterdir() if path.name not in ours and _INDEX not in path.name)
