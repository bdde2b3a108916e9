"""An index on disk of the place of each text's result in a run's shards.

On disk, because memory must not grow with the corpus. The index can be rebuilt from the shards, so
losing it loses nothing. It takes about 25 bytes a text. A key is half of a text's digest, so
callers must compare the whole digest with the line's.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from biogpt_plugins.values.errors import InputError

_TABLES = """
CREATE TABLE IF NOT EXISTS texts (key INTEGER PRIMARY KEY, shard INTEGER, at INTEGER);
CREATE TABLE IF NOT EXISTS failures (key INTEGER PRIMARY KEY, shard INTEGER, at INTEGER);
CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY, records INTEGER, failed INTEGER,
    unread INTEGER, copied INTEGER);
CREATE TABLE IF NOT EXISTS files (number INTEGER PRIMARY KEY, records INTEGER);
"""


class Line(NamedTuple):
    """The facts about a line of a shard that the index needs."""

    at: int
    file: int
    record: int
    text: str | None
    failed: bool
    unread: bool
    copied: bool


class Counts(NamedTuple):
    """The number of records in shards, and of those that failed or are copies.

    Citations that PubMed withdrew count as neither.
    """

    records: int = 0
    failed: int = 0
    copied: int = 0


class TextIndex:
    """Digests of texts -> (shard, offset of the line), and counts. For one process at a time.

    Additions are visible at once, and permanent after `keep`.
    """

    def __init__(self, path: Path) -> None:
        """Open the index. If it is missing or broken, create an empty one.

        Raises:
            InputError: A folder is in its place.
            OSError: It cannot be created.
        """
        self._path = path
        if path.is_dir():
            raise InputError(f"{path} is a folder, but the index must be a file: remove the folder")
        try:
            self._open()
        except sqlite3.DatabaseError:
            for left in path.parent.glob(f"{path.name}*"):
                left.unlink()
            with self._os_errors():
                self._open()

    def _open(self) -> None:
        self._base = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        # Exclusive access needs no shared memory, which network file systems lack.
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        self._base.executescript(_TABLES)
        self._base.execute("BEGIN")

    def add(self, shard: int, lines: list[Line]) -> None:
        """Add lines of a shard. The first line of a text is kept, for failures separately."""
        facts = [sum(getattr(x, name) for x in lines) for name in ("failed", "unread", "copied")]
        last = {line.file: line.record + 1 for line in lines}
        with self._os_errors():
            for failed, table in enumerate(("texts", "failures")):
                self._base.executemany(
                    f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)",
                    [(_key(x.text), shard, x.at) for x in lines if x.text and x.failed == failed],
                )
            self._base.execute(
                "INSERT INTO shards VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "records = records + excluded.records, failed = failed + excluded.failed, "
                "unread = unread + excluded.unread, copied = copied + excluded.copied",
                (shard, len(lines), *facts),
            )
            self._base.executemany(
                "INSERT INTO files VALUES (?, ?) ON CONFLICT DO UPDATE SET "
                "records = max(records, excluded.records)",
                last.items(),
            )

    def note(self, text: str) -> bool:
        """Note a text that has no line yet, and return whether it is new."""
        with self._os_errors():
            done = self._base.execute("INSERT OR IGNORE INTO texts VALUES (?, 0, 0)", (_key(text),))
        return done.rowcount == 1

    def find(self, text: str, *, failed: bool = False) -> tuple[int, int] | None:
        """Shard and offset of the line that may be this text's, or its failure's if `failed`."""
        table = "failures" if failed else "texts"
        with self._os_errors():
            rows = self._base.execute(f"SELECT shard, at FROM {table} WHERE key = ?", (_key(text),))
            place: tuple[int, int] | None = rows.fetchone()
        return place

    @property
    def shards(self) -> set[int]:
        """The numbers of the indexed shards."""
        with self._os_errors():
            return {number for (number,) in self._base.execute("SELECT number FROM shards")}

    @property
    def counts(self) -> Counts:
        """The counts of all shards."""
        wanted = "SELECT sum(records), sum(failed), sum(copied) FROM shards"
        with self._os_errors():
            return Counts(*(int(one or 0) for one in self._base.execute(wanted).fetchone()))

    @property
    def unread(self) -> int:
        """The number of records in all shards that could not be read."""
        with self._os_errors():
            return int(self._base.execute("SELECT sum(unread) FROM shards").fetchone()[0] or 0)

    @property
    def records_of_files(self) -> dict[int, int]:
        """How many records of each input are done, by its number."""
        with self._os_errors():
            return dict(self._base.execute("SELECT number, records FROM files").fetchall())

    def keep(self) -> None:
        """Make additions permanent."""
        with self._os_errors():
            self._base.execute("COMMIT")
            self._base.execute("BEGIN")

    def drop(self) -> None:
        """Drop the additions since `keep`."""
        with self._os_errors():
            self._base.execute("ROLLBACK")
            self._base.execute("BEGIN")

    def copy(self, path: Path) -> None:
        """Write a copy to a file."""
        with self._os_errors(), closing(sqlite3.connect(path)) as other:
            self._base.backup(other)

    def forget(self, shards: Collection[int], *, beyond: int) -> None:
        """Delete the entries of these shards, and of those whose number is `beyond` or more."""
        gone = [(one,) for one in self.shards if one in shards or one >= beyond]
        with self._os_errors():
            for table, column in (("texts", "shard"), ("failures", "shard"), ("shards", "number")):
                self._base.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)

    def close(self) -> None:
        """Close the index, and drop additions that were not kept."""
        with suppress(sqlite3.Error):
            self._base.execute("ROLLBACK")
        with suppress(sqlite3.Error):
            self._base.close()

    @contextmanager
    def _os_errors(self) -> Iterator[None]:
        """Turn SQLite's errors into OSError, as for other files on a full or broken disk."""
        try:
            yield
        except sqlite3.Error as error:
            fault = f"the index cannot be read or written ({error}): remove it, to rebuild it"
            raise OSError(errno.EIO, fault, str(self._path)) from error


def _key(digest: str) -> int:
    return int.from_bytes(bytes.fromhex(digest[:16]), "big", signed=True)
