"""Predictions back from the files, and the folders of runs, that `biogpt extract` wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError

from biogpt_plugins.corpus.readers import Format, Record, check_readable, read_records
from biogpt_plugins.corpus.run.folder import is_run, outcomes
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction


class Found(NamedTuple):
    """A Prediction, and what a run knows of its input.

    Attributes:
        prediction: The result or the error.
        question: What was asked of the paper, in a run over questions.
        origin: "file:line" of the input.
    """

    prediction: Prediction
    question: str | None = None
    origin: str | None = None


def read_predictions(paths: Iterable[str]) -> Iterator[Prediction | InputError]:
    """Read files and runs, one after another; a line that holds none gives an error in its place.

    Raises:
        InputError: A run is broken.
    """
    for one in read_found(paths):
        yield one if isinstance(one, InputError) else one.prediction


def read_found(paths: Iterable[str]) -> Iterator[Found | InputError]:
    """As `read_predictions`, with what runs know beside."""
    for path in paths:
        if is_run(path):
            for outcome in outcomes(path):
                yield Found(outcome.prediction, outcome.question, outcome.where)
            continue
        for record in read_records([path], Format.jsonl):
            try:
                yield Found(_prediction(record))
            except InputError as error:
                yield error


def check_predictions(paths: Iterable[str]) -> None:
    """As `check_readable`, for what `read_predictions` reads."""
    check_readable(path for path in paths if not is_run(path))


def _prediction(record: Record) -> Prediction:
    if isinstance(record.value, InputError):
        raise record.value
    try:
        return Prediction.model_validate(record.value)
    except ValidationError as error:
        fault = error.errors()[0]
        place = "".join(f"{key}: " for key in fault["loc"])
        raise InputError(f"{record.where}: no Prediction: {place}{fault['msg'].lower()}") from error
