"""Read the Predictions that `biogpt extract` wrote to files and run folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError

from biogpt_plugins.corpus.readers import Format, Record, check_readable, read_records
from biogpt_plugins.corpus.run.results import is_run, outcomes
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction


class StoredPrediction(NamedTuple):
    """A Prediction, and what the run recorded about its input.

    Attributes:
        prediction: The result or the error.
        question: The question that was asked about the paper, if the run asked questions.
        origin: "file:line" of the input.
    """

    prediction: Prediction
    question: str | None = None
    origin: str | None = None


def read_predictions(paths: Iterable[str]) -> Iterator[Prediction | InputError]:
    """Read files and runs, one after another; a single one may be given as it is.

    Yields:
        The Prediction of each line, or an InputError for a line that is not a Prediction.

    Raises:
        InputError: A run folder is broken.
    """
    for stored in read_stored(paths):
        yield stored if isinstance(stored, InputError) else stored.prediction


def read_stored(paths: Iterable[str]) -> Iterator[StoredPrediction | InputError]:
    """As `read_predictions`, with what runs recorded about the inputs."""
    for path in [paths] if isinstance(paths, str) else paths:
        if is_run(path):
            for outcome in outcomes(path):
                yield StoredPrediction(outcome.prediction, outcome.question, outcome.where)
            continue
        for record in read_records([path], Format.jsonl):
            try:
                yield StoredPrediction(_prediction(record))
            except InputError as error:
                yield error


def check_predictions(paths: Iterable[str]) -> None:
    """As `check_readable`, for files and runs that `read_predictions` reads."""
    check_readable(path for path in paths if not is_run(path))


def _prediction(record: Record) -> Prediction:
    if isinstance(record.value, InputError):
        raise record.value
    try:
        return Prediction.model_validate(record.value)
    except ValidationError as error:
        fault = error.errors()[0]
        place = "".join(f"{key}: " for key in fault["loc"])
        message = f"{record.where}: not a Prediction: {place}{fault['msg'].lower()}"
        raise InputError(message) from error
