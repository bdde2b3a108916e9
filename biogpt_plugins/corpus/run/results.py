"""Reads the results of a run back; another process may be writing it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from biogpt_plugins.corpus.run.manifest import MANIFEST
from biogpt_plugins.corpus.run.outcome import Outcome
from biogpt_plugins.corpus.run.shards import (
    CHECKSUMS,
    PART,
    damaged,
    read_checksums,
    read_shard,
    shard_path,
    shards_on_disk,
)
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction


class Line(NamedTuple):
    """The place of an outcome: the number of its shard, and the offset in bytes there."""

    shard: int
    at: int


def is_run(folder: str | Path) -> bool:
    """Whether a folder holds a run."""
    return (Path(folder) / MANIFEST).is_file()


def outcomes(folder: str | Path) -> Iterator[Outcome]:
    """The outcomes of a run, finished or not, in the order of its inputs.

    Raises:
        InputError: The folder holds no run, or a shard is damaged or missing.
    """
    return (outcome for _, outcome in placed_outcomes(folder))


def placed_outcomes(folder: str | Path) -> Iterator[tuple[Line, Outcome]]:
    """As `outcomes`, each with the place of its line, by which `outcome_at` reads it again."""
    folder = Path(folder)
    if not is_run(folder):
        raise InputError(f"{folder} is not the folder of a run: name one that was given to --run")
    there = shards_on_disk(folder)  # before the checksums, which are written first
    known = read_checksums(folder)
    last = max([-1, *there, *known])
    for number in range(last + 1):
        path = shard_path(folder, number)
        if number not in known:
            raise InputError(
                f"{path} has no line in {CHECKSUMS}: give the command of the run again, which "
                "writes it"
            )
        if not path.is_file():
            if number == last and path.with_suffix(PART).is_file():
                return  # it is being finished
            raise damaged(path)
        yield from ((Line(number, at), one) for at, one in read_shard(path, known[number]))


def outcome_at(folder: Path, line: Line) -> Outcome:
    """The outcome at a place that `placed_outcomes` gave.

    Raises:
        InputError: The shard has changed or is missing.
    """
    path = shard_path(folder, line.shard)
    try:
        with path.open("rb") as file:
            file.seek(line.at)
            return Outcome.model_validate_json(file.readline())
    except (OSError, ValueError) as error:
        raise damaged(path) from error


def state_of(folder: Path) -> tuple[int, int]:
    """What changes whenever a shard of a run is finished."""
    path = folder / CHECKSUMS
    if not path.exists():
        return 0, 0
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def results(folder: str | Path) -> Iterator[Prediction[Any]]:
    """The Predictions of a run, one for each record, in the order of its inputs.

    Raises:
        InputError: The folder holds no run, or a shard is damaged or missing.
    """
    return (outcome.prediction for outcome in outcomes(folder))


def count_whole(folder: Path) -> int:
    """The number of outcomes in the shards of a run that are whole."""
    known = read_checksums(folder)
    return sum(one.records for n, one in known.items() if one.fits(shard_path(folder, n)))
