"""Reads the results of a run back; another process may be writing it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def is_run(folder: str | Path) -> bool:
    """Whether a folder holds a run."""
    return (Path(folder) / MANIFEST).is_file()


def outcomes(folder: str | Path) -> Iterator[Outcome]:
    """The outcomes of a run, finished or not, in the order of its inputs.

    Raises:
        InputError: The folder holds no run, or a shard is damaged or missing.
    """
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
        yield from (one for _, one in read_shard(path, known[number]))


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
