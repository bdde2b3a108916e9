"""The finished shards of a run at its start: which are whole, and which are done again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from biogpt_plugins.corpus.run.outcome import Outcome, Part, Place
from biogpt_plugins.corpus.run.shards import (
    CHECKSUMS,
    PART,
    SHARDS,
    Checksum,
    Checksums,
    digest_of,
    last_of,
    read_shard,
    shard_path,
    shards_on_disk,
)
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

_MOST_NAMED = 3


class FinishedShards:
    """The shards of earlier starts, compared with their checksums.

    Attributes:
        count: How many there are, or should be.
        whole: The numbers of those that are as they were written.
        gaps: The checksums of the others, whose records are done again.
    """

    def __init__(self, folder: Path, checksums: Checksums) -> None:
        """Compare them; the lock of the run is held.

        Raises:
            InputError: A shard without a checksum is broken or missing.
        """
        self._folder, self._checksums = folder, checksums
        self.count = 1 + max([-1, *checksums.known, *shards_on_disk(folder)])
        self.whole: list[int] = []
        self.gaps: list[Checksum] = []
        self._unlisted: list[int] = []
        for number in range(self.count):
            self._take(number)
        for left in (folder / SHARDS).glob(f"*{PART}"):
            left.unlink()

    def unfinished(self) -> tuple[Part, ...]:
        """The records of damaged shards, and those after the last shard."""
        known = self._checksums.known
        begin = known[self.count - 1].next if self.count else Place()
        return (
            *(Part(gap.begin, gap.records, self._last(gap.shard - 1)) for gap in self.gaps),
            Part(begin, None, self._last(self.count - 1)),
        )

    def told(self) -> Iterator[str]:
        """What is told of shards that are not as they should be."""
        if self.gaps:
            records = sum(gap.records for gap in self.gaps)
            names = self._names([gap.shard for gap in self.gaps])
            yield (
                f"{names} of {self._folder}: damaged, missing, or made while an input changed; "
                f"{counted(records, 'record is', 'records are')} done again"
            )
        if self._unlisted:
            yield (
                f"{self._names(self._unlisted)} of {self._folder}: not in {CHECKSUMS}; nobody "
                "knows whether they are as they were written, and they are taken as they are"
            )

    def _take(self, number: int) -> None:
        path, one = shard_path(self._folder, number), self._checksums.known.get(number)
        part = path.with_suffix(PART)
        if one is None:
            self._checksums.add(_checksum_of(path, number, self._checksums.known.get(number - 1)))
            self._unlisted.append(number)
        elif not one.fits(path):
            if not one.fits(part):
                self.gaps.append(one)
                return
            part.replace(path)  # the process died before it did this
        self.whole.append(number)

    def _last(self, number: int) -> Outcome | None:
        """The last outcome of a shard, if it is whole."""
        whole = number >= 0 and all(gap.shard != number for gap in self.gaps)
        return last_of(shard_path(self._folder, number)) if whole else None

    def _names(self, numbers: Sequence[int]) -> str:
        shown = [f"{SHARDS}/{shard_path(self._folder, n).name}" for n in numbers[:_MOST_NAMED]]
        more = len(numbers) - len(shown)
        return ", ".join(shown) + (f" and {counted(more, 'more shard')}" if more else "")


def _checksum_of(path: Path, number: int, before: Checksum | None) -> Checksum:
    """The checksum of a shard that has none.

    Raises:
        InputError: The shard is broken or missing.
    """
    outcomes = [one for _, one in read_shard(path)] if path.is_file() else []
    begin = before.next if before else outcomes[0].place if outcomes else Place()
    if not outcomes or not _follow(begin, outcomes):
        raise InputError(
            f"{path} is missing or broken, and {CHECKSUMS} does not list it: put it back, or "
            f"remove {CHECKSUMS}, this shard and all later ones, and give the command of the run "
            "again"
        )
    with path.open("rb") as file:
        digest = digest_of(file)
    ends = outcomes[0], outcomes[-1]
    return Checksum.of(number, ends, records=len(outcomes), sha256=digest)


def _follow(begin: Place, outcomes: Sequence[Outcome]) -> bool:
    """Whether outcomes are of records that follow one another, from a place on."""
    for one in outcomes:
        if one.place != begin and not (one.file > begin.file and one.record == 0):
            return False
        begin = Place(one.file, one.record + 1)
    return True
