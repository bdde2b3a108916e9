"""Marks of files, which tell whether a file is still the one that it was."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.corpus.readers.files import is_pipe, shown
from biogpt_plugins.corpus.run.shards import digest_of
from biogpt_plugins.values.errors import InputError


class Value(BaseModel):
    """An immutable part of a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileMark(Value):
    """Identifies a file. A pipe has only a path.

    Attributes:
        path: Its path.
        size: Its size in bytes.
        modified: Its modification time in nanoseconds.
        changed: The time of its last change of any kind, which programs cannot set; None on
            Windows, which has no such time.
        sha256: The digest of its bytes, computed again only if one of the others changes; None if
            it was not computed.
    """

    path: str
    size: int | None = None
    modified: int | None = None
    changed: int | None = None
    sha256: str | None = None

    def same_as(self, other: FileMark) -> bool:
        """Whether both have the same name and bytes; the folder may differ."""
        names = (os.path.basename(one.path) for one in (self, other))
        return len(set(names)) == 1 and (self.size, self.sha256) == (other.size, other.sha256)

    def check(self, given: str) -> None:
        """Check that the file at this path still has the bytes that it was marked with.

        Without a digest, size and modification time decide.

        Raises:
            InputError: It has others.
            OSError: It is missing or cannot be read.
        """
        if self.size is None or is_pipe(given):
            return
        if self.sha256 is None:
            now = mark_of(given)
            if (now.size, now.modified) != (self.size, self.modified):
                raise InputError(
                    f"{self.path} changed while it was read, so the results may be of either "
                    "version: give the command again when nothing writes the file"
                )
        elif not self.same_as(_mark(given, self)):
            raise InputError(
                f"{self.path} has changed since the run began: put back the file that the run "
                "began with and give the same command again, or name another folder"
            )


def marks_of(paths: Iterable[str], known: Sequence[FileMark]) -> tuple[FileMark, ...]:
    """The marks of files, with digests.

    Args:
        paths: The files.
        known: Earlier marks; unchanged files are not read again.

    Raises:
        OSError: A file cannot be read.
    """
    by_path = {one.path: one for one in known}
    return tuple(_mark(path, by_path.get(shown(os.path.abspath(path)))) for path in paths)


def mark_of(given: str) -> FileMark:
    """The mark of a file without its digest."""
    if is_pipe(given):
        return FileMark(path=shown(given))
    facts = os.stat(given)
    return FileMark(
        path=shown(os.path.abspath(given)),
        size=facts.st_size,
        modified=facts.st_mtime_ns,
        changed=None if os.name == "nt" else facts.st_ctime_ns,
    )


def _mark(given: str, known: FileMark | None) -> FileMark:
    mark = mark_of(given)
    if mark.size is None:
        return mark
    if known and mark.changed is not None and mark == known.model_copy(update={"sha256": None}):
        return known
    with Path(given).open("rb") as file:
        return mark.model_copy(update={"sha256": digest_of(file)})
