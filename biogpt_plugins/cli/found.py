"""What commands on Predictions share: how they are read, and the texts that they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import (
    Sections,
    StoredPrediction,
    Withdrawn,
    read_records,
    read_stored,
    whole_papers,
)
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction

_FAULTS_SHOWN = 5
_T = TypeVar("_T")


class Faults:
    """What could not be used; it is told as far as it is not too much."""

    def __init__(self) -> None:
        self.number = 0

    def tell(self, error: InputError) -> None:
        """Count an error, and say it if it is one of the first."""
        self.number += 1
        if self.number <= _FAULTS_SHOWN:
            console.remark("warning", str(error))

    def conclude(self) -> None:
        """Say how many there were."""
        if self.number:
            console.stderr().print(f"{self.number:,} lines could not be used")


def predictions(files: list[str], faults: Faults) -> list[Prediction]:
    """The Predictions of files.

    Raises:
        InputError: There are none.
    """
    return [one.prediction for one in each(files, faults)]


def each(files: list[str], faults: Faults) -> Iterator[StoredPrediction]:
    """The Predictions of files one at a time, with what runs know of their inputs.

    Raises:
        InputError: There are none.
    """
    none = True
    for one in read_stored(files):
        if isinstance(one, InputError):
            faults.tell(one)
        else:
            none = False
            yield one
    if none:
        raise InputError(f"no predictions in {', '.join(files)}")


def texts(
    files: Iterable[str],
    predictions: Iterable[Prediction],
    read: Callable[[object], tuple[str | None, _T]],
    faults: Faults,
) -> dict[str, _T]:
    """What files of papers hold for the ids of predictions; other papers are passed over.

    Papers of which there are predictions by section are whole, a FullText; of others title and
    abstract are read. That PubMed deleted a citation is passed over, too: it is no fault of the
    file's, and what was predicted of the citation before keeps its text.

    Args:
        files: In any format that `biogpt extract` reads.
        predictions: What was made of the papers.
        read: A record's id and what is to be kept of it; an InputError costs that record only.
        faults: Where broken records are counted.
    """
    wanted: set[str | None] = set()
    by_section: set[str | None] = set()
    for prediction in predictions:
        wanted.add(prediction.id)
        if prediction.section is not None:
            by_section.add(prediction.id)
    sections = Sections.all if by_section else Sections.abstract
    found: dict[str, _T] = {}
    for record in whole_papers(read_records(files, sections=sections), by_section):
        if isinstance(record.value, Withdrawn):
            continue
        if isinstance(record.value, InputError):
            faults.tell(record.value)
            continue
        try:
            id_, text = read(record.value)
        except InputError as error:
            faults.tell(InputError(f"{record.where}: {error}"))
            continue
        if id_ is not None and id_ in wanted:
            found[id_] = text
    return found
