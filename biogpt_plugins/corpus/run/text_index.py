"""Where in a run's shards the result of a text is, on disk: memory does not grow with the corpus.

The index can be made anew from the shards at any time, so that losing it loses nothing. It has
about 25 bytes a text. A key is half of a text's digest; whoever looks one up compares the whole
digest with the line's.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_TABLES = """
CREATE TABLE IF NOT EXISTS texts (key INTEGER PRIMARY KEY, shard INTEGER, at INTEGER);
CREATE TABLE IF NOT EXISTS failures (key INTEGER PRIMARY KEY, shard INTEGER, at INTEGER);
CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY, records INTEGER, failed INTEGER,
    copied INTEGER);
CREATE TABLE IF NOT EXISTS files (number INTEGER PRIMARY KEY, records INTEGER);
"""


class Line(NamedTuple):
    """A line of a shard, as far as the index is concerned."""

    at: int
    file: int
    record: int
    text: str | None
    failed: bool
    copied: bool


class Counts(NamedTuple):
    """How many records shards hold, and how many of them failed or are copies.

    What PubMed withdrew is neither.
    """

    records: int = 0
    failed: int = 0
    copied: int = 0


class TextIndex:
    """Digests of texts -> (shard, offset of the line), and what was counted. One process at a time.

    What is added counts as there at once, and stays if `keep` is called.
    """

    def __init__(self, path: Path) -> None:
        """Open the index, or make an empty one, also of one that is broken."""
        self._path = path
        try:
            self._open()
        except sqlite3.DatabaseError:
            for left in path.parent.glob(f"{path.name}*"):
                left.unlink()
            with self._told():
                self._open()

    def _open(self) -> None:
        self._base = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        # Alone on it, it needs no shared memory, which network file systems do not have.
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        self._base.executescript(_TABLES)
        self._base.execute("BEGIN")

    def add(self, shard: int, lines: list[Line]) -> None:
        """Add lines of a shard; of equal texts the first one counts, failures apart."""
        counts = (shard, len(lines), sum(x.failed for x in lines), sum(x.copied for x in lines))
        last = {line.file: line.record + 1 for line in lines}
        with self._told():
            for failed, table in enumerate(("texts", "failures")):
                self._base.executemany(
                    f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)",
                    [(_key(x.text), shard, x.at) for x in lines if x.text and x.failed == failed],
                )
            self._base.execute(
                "INSERT INTO shards VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "records = records + excluded.records, failed = failed + excluded.failed, "
                "copied = copied + excluded.copied",
                counts,
            )
            self._base.executemany("REPLACE INTO files VALUES (?, ?)", last.items())

    def note(self, text: str) -> bool:
        """Note a text that has no line yet; whether it is new."""
        with self._told():
            done = self._base.execute("INSERT OR IGNORE INTO texts VALUES (?, 0, 0)", (_key(text),))
        return done.rowcount == 1

    def find(self, text: str, *, failed: bool = False) -> tuple[int, int] | None:
        """Shard and offset of the line that may be this text's, or of its failure."""
        table = "failures" if failed else "texts"
        with self._told():
            rows = self._base.execute(f"SELECT shard, at FROM {table} WHERE key = ?", (_key(text),))
            found: tuple[int, int] | None = rows.fetchone()
        return found

    @property
    def shards(self) -> int:
        """How many shards it knows."""
        with self._told():
            return int(self._base.execute("SELECT count(*) FROM shards").fetchone()[0])

    @property
    def counts(self) -> Counts:
        """What all shards hold."""
        wanted = "SELECT sum(records), sum(failed), sum(copied) FROM shards"
        with self._told():
            return Counts(*(int(one or 0) for one in self._base.execute(wanted).fetchone()))

    @property
    def records_of_files(self) -> dict[int, int]:
        """How many records of each input are done, by its number."""
        with self._told():
            return dict(self._base.execute("SELECT number, records FROM files").fetchall())

    def keep(self) -> None:
        """Keep what was added."""
        with self._told():
            self._base.execute("COMMIT")
            self._base.execute("BEGIN")

    def drop(self) -> None:
        """Drop what was added since."""
        with self._told():
            self._base.execute("ROLLBACK")
            self._base.execute("BEGIN")

    def copy(self, path: Path) -> None:
        """Write a copy to a file."""
        with self._told(), closing(sqlite3.connect(path)) as other:
            self._base.backup(other)

    def forget(self) -> None:
        """Become empty."""
        with self._told():
            for table in ("texts", "failures", "shards", "files"):
                self._base.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        """Close it; what was not kept is gone."""
        with suppress(sqlite3.Error):
            self._base.execute("ROLLBACK")
        with suppress(sqlite3.Error):
            self._base.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the library's errors into those that a full or broken disk gives elsewhere."""
        try:
            yield
        except sqlite3.Error as error:
            told = f"the index cannot be used ({error}); it may be removed"
            raise OSError(errno.EIO, told, str(self._path)) from error


def _key(digest: str) -> int:
    return int.from_bytes(bytes.fromhex(digest[:16]), "big", signed=True)
