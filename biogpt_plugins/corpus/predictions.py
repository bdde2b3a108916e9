"""Predictions back from the files that `biogpt extract` wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from biogpt_plugins.corpus.readers import Format, Record, read_records
from biogpt_plugins.errors import InputError
from biogpt_plugins.results import Prediction


def read_predictions(paths: Iterable[str]) -> Iterator[Prediction | InputError]:
    """Read files one after another; a line that holds no Prediction gives an error in its place."""
    for record in read_records(paths, Format.jsonl):
        try:
            yield _prediction(record)
        except InputError as error:
            yield error


def _prediction(record: Record) -> Prediction:
    if isinstance(record.value, InputError):
        raise record.value
    try:
        return Prediction.model_validate(record.value)
    except ValidationError as error:
        fault = error.errors()[0]
        place = "".join(f"{key}: " for key in fault["loc"])
        raise InputError(f"{record.where}: no Prediction: {place}{fault['msg'].lower()}") from error
