"""The shards of a run, and the list of their checksums, which tells whole shards from damaged ones.

    shards/000000.jsonl  Outcomes, one a line; a file with this name is complete
    checksums.jsonl      a Checksum for each shard, one a line; the last one for a number counts

A shard is written under another name and synced to disk. Then its checksum is written, and then it
is renamed. A shard that is done again gets a new line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.corpus.run.outcome import Outcome, Place
from biogpt_plugins.values.errors import InputError

SHARDS = "shards"
CHECKSUMS = "checksums.jsonl"
PART = ".part"

_ENDING = ".jsonl"
_NUMBER = re.compile(r"\d{6,}")
_BLOCK = 1 << 20
_WRITE = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)  # which only Windows has


class Checksum(BaseModel):
    """A shard as it was written.

    Attributes:
        shard: Its number.
        begin: Its first record.
        next: The place after its last record.
        records: How many records it has.
        sha256: The digest of its bytes; "" if its records must be done again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard: int
    begin: Place
    next: Place
    records: int
    sha256: str

    @classmethod
    def of(
        cls, shard: int, ends: tuple[Outcome, Outcome], *, records: int, sha256: str
    ) -> Checksum:
        """The checksum of a shard, given its first and last outcome."""
        first, last = ends
        return cls(
            shard=shard,
            begin=first.place,
            next=Place(last.file, last.record + 1),
            records=records,
            sha256=sha256,
        )

    def fits(self, path: Path) -> bool:
        """Whether a file is the shard, byte for byte."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return self.fits_open(file)

    def fits_open(self, file: IO[bytes]) -> bool:
        """As `fits`, for an open file, which is then at its beginning again."""
        digest = digest_of(file)
        file.seek(0)
        return digest == self.sha256


class Checksums:
    """The list of checksums of a run that is being written."""

    def __init__(self, folder: Path) -> None:
        """Read the list, and remove a line that was cut off when the process died.

        Attributes:
            known: The checksums by the numbers of their shards.
        """
        self._path = folder / CHECKSUMS
        self.known = read_checksums(folder)
        if self._path.is_file():
            whole = self._path.read_bytes().rpartition(b"\n")
            if whole[2]:
                os.truncate(self._path, len(whole[0] + whole[1]))

    def add(self, one: Checksum) -> None:
        """Add a line, and sync it to disk.

        Raises:
            OSError: It could not be written.
        """
        with self._path.open("ab") as file:
            at = file.tell()
            try:
                file.write(one.model_dump_json().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            except OSError as error:
                os.truncate(self._path, at)
                raise OSError(error.errno, error.strerror, str(self._path)) from error
        self.known[one.shard] = one


class ShardWriter:
    """An unfinished shard. It holds only whole lines, even after a failed write."""

    def __init__(self, folder: Path, number: int) -> None:
        """Begin the shard with this number."""
        self.number = number
        self.path = shard_path(folder, number)
        self.part = self.path.with_suffix(PART)
        self.size = self.records = 0
        self._ends: tuple[Outcome, Outcome] | None = None
        self._digest = sha256()
        self._file = os.open(self.part, _WRITE | os.O_TRUNC, 0o666)

    def write(self, outcomes: Sequence[Outcome], lines: Sequence[bytes]) -> None:
        """Write outcomes, given also as lines.

        Raises:
            OSError: They could not be written; the shard then holds none of them.
        """
        data = b"".join(lines)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._digest.update(data)
        self._ends = (self._ends[0] if self._ends else outcomes[0], outcomes[-1])
        self.size += len(data)
        self.records += len(lines)

    def publish(self, checksums: Checksums) -> None:
        """Finish the shard; an empty one is removed.

        Raises:
            OSError: It could not be synced to disk.
        """
        if self._ends is None:
            self.drop()
            return
        try:
            os.fsync(self._file)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        finally:
            os.close(self._file)
        digest = self._digest.hexdigest()
        checksums.add(Checksum.of(self.number, self._ends, records=self.records, sha256=digest))
        self.part.replace(self.path)
        sync(self.path.parent)

    def drop(self) -> None:
        """Remove what was written."""
        os.close(self._file)
        self.part.unlink()


def shard_path(folder: Path, number: int) -> Path:
    """The file of a shard."""
    return folder / SHARDS / f"{number:06}{_ENDING}"


def shards_on_disk(folder: Path) -> list[int]:
    """The numbers of the finished shards that there are, in order."""
    stems = (path.stem for path in (folder / SHARDS).glob(f"*{_ENDING}"))
    return sorted(int(stem) for stem in stems if _NUMBER.fullmatch(stem))


def read_checksums(folder: Path) -> dict[int, Checksum]:
    """The checksums of a run's shards; lines that cannot be read are left out."""
    path = folder / CHECKSUMS
    if not path.exists():
        return {}
    found: dict[int, Checksum] = {}
    for line in path.read_bytes().splitlines():
        try:
            one = Checksum.model_validate_json(line)
        except ValueError:
            continue
        found[one.shard] = one
    return found


def read_shard(path: Path, checksum: Checksum | None = None) -> Iterator[tuple[int, Outcome]]:
    """The outcomes of a shard, each with the offset of its line.

    Args:
        path: The shard.
        checksum: What it must be like; None reads it as it is.

    Raises:
        InputError: It is damaged. With a checksum this is found before the first outcome.
    """
    at = 0
    with path.open("rb") as file:
        if checksum and not checksum.fits_open(file):
            raise damaged(path)
        for number, line in enumerate(file, start=1):
            try:
                yield at, Outcome.model_validate_json(line)
            except ValueError as error:
                raise InputError(
                    f"{path}:{number} is broken, and {CHECKSUMS} does not list this shard: remove "
                    f"{CHECKSUMS}, this shard and all later ones, and give the command of the run "
                    "again"
                ) from error
            at += len(line)


def digest_of(file: IO[bytes]) -> str:
    """The SHA-256 of the rest of a file."""
    digest = sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def damaged(path: Path) -> InputError:
    """What is said where a shard is not as it was written."""
    fault = "is not as the run wrote it" if path.is_file() else "is missing"
    return InputError(
        f"{path} {fault}: give the command of the run again, which does its records again"
    )


def last_of(path: Path) -> Outcome:
    """The last outcome of a shard."""
    line = b""
    with path.open("rb") as file:
        for line in file:  # noqa: B007 - the last one
            pass
    return Outcome.model_validate_json(line)


def sync(folder: Path) -> None:
    """Sync a folder's entries to disk."""
    if os.name == "nt":
        return  # Windows syncs them itself, and cannot open folders
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
