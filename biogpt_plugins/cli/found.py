"""Shared by the commands that read Predictions: the Predictions and the texts of their papers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import TypeVar

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import (
    Sections,
    StoredPrediction,
    Withdrawn,
    check_predictions,
    expanded,
    read_records,
    read_stored,
    whole_papers,
)
from biogpt_plugins.corpus.readers.files import shown
from biogpt_plugins.corpus.run import is_run
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction

_FAULTS_SHOWN = 5
_LOOKED_AT = 20
_T = TypeVar("_T")


class Faults:
    """Counts unusable lines, and prints the first few errors."""

    def __init__(self) -> None:
        self.number = 0

    def tell(self, error: InputError) -> None:
        """Count an error, and print it if it is one of the first."""
        self.number += 1
        if self.number <= _FAULTS_SHOWN:
            console.remark("warning", str(error))

    def conclude(self) -> None:
        """End the command with 1 if there are unusable lines, and print their number.

        Raises:
            typer.Exit: There are some.
        """
        if self.number:
            console.stderr().print(f"{counted(self.number, 'line')} could not be used")
            raise typer.Exit(1)


def apart(files: list[str], papers: list[str] | None) -> tuple[list[str], list[str]]:
    """Files of Predictions, and files of papers.

    `--papers *.txt` gives the option only the first of the files that the shell puts there; the
    others come as arguments, and are known by what is in them.
    """
    if not papers:
        return files, []
    given = {file: _holds_predictions(file) for file in files}
    if not any(given.values()):
        return files, expanded(papers)
    others = [file for file in files if not given[file]]
    if others:
        named = ", ".join(map(shown, others[:_FAULTS_SHOWN]))
        more = f" and {len(others) - _FAULTS_SHOWN:,} more" if len(others) > _FAULTS_SHOWN else ""
        console.remark("note", f"without predictions, so read as papers: {named}{more}")
    return [file for file in files if given[file]], expanded([*papers, *others])


def _holds_predictions(file: str) -> bool:
    if file == "-" or is_run(file):
        return True
    check_predictions([file])
    first = islice(read_stored([file]), _LOOKED_AT)
    return any(isinstance(one, StoredPrediction) for one in first)


def predictions(files: list[str], faults: Faults) -> list[Prediction]:
    """The Predictions in files.

    Raises:
        InputError: The files hold no Predictions.
    """
    return [one.prediction for one in each(files, faults)]


def each(files: list[str], faults: Faults) -> Iterator[StoredPrediction]:
    """The Predictions in files, one at a time, with what runs record about their inputs.

    Raises:
        InputError: The files hold no Predictions.
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
    columns: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, _T]:
    """The texts of the papers that predictions belong to, by id.

    Papers with predictions by section are read whole, as a FullText; others as title and abstract.
    Citations that PubMed deleted are skipped and are not faults: earlier predictions keep their
    text.

    Args:
        files: Files in any format that `biogpt extract` reads.
        predictions: The predictions.
        read: Returns a record's id and the value to keep; an InputError skips that record only.
        faults: Counts the broken records.
        columns: Names of columns by our fields, as in `read_records`.

    Raises:
        InputError: There are papers, and none of them has the id of a prediction.
    """
    wanted: set[str | None] = set()
    by_section: set[str | None] = set()
    for prediction in predictions:
        wanted.add(prediction.id)
        if prediction.section is not None:
            by_section.add(prediction.id)
    sections = Sections.all if by_section else Sections.abstract
    records = read_records(files, sections=sections, columns=columns)
    other: str | None = None
    texts: dict[str, _T] = {}
    for record in whole_papers(records, by_section):
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
        other = other or id_
        if id_ is not None and id_ in wanted:
            texts[id_] = text
    known = next(filter(None, wanted), None)
    if other is not None and known is not None and not texts:
        raise InputError(
            f"papers and predictions have no id in common: one of the papers is {other!r}, one of "
            f"the predictions {known!r}; their ids must be the same"
        )
    return texts
