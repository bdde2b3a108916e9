"""Predictions back from the files, and the folders of runs, that `biogpt extract` wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from biogpt_plugins.corpus.readers import Format, Record, check_readable, read_records
from biogpt_plugins.corpus.run_folder import is_run, results
from biogpt_plugins.errors import InputError
from biogpt_plugins.results import Prediction


def read_predictions(paths: Iterable[str]) -> Iterator[Prediction | InputError]:
    """Read files and runs, one after another; a line that holds none gives an error in its place.

    Raises:
        InputError: A run is broken.
    """
    for path in paths:
        if is_run(path):
            yield from results(path)
            continue
        for record in read_records([path], Format.jsonl):
            try:
                yield _prediction(record)
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
