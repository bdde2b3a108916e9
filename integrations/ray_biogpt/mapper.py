"""A Pipeline as a class for `map_batches` of Ray Data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

from biogpt_plugins.corpus.export.parquet import schema
from biogpt_plugins.findings.table import rows
from biogpt_plugins.pipeline.loading import load
from biogpt_plugins.values.results import Prediction

PREDICTION = "prediction"


class BioGPTMapper:
    """Adds a column "prediction" to rows of papers.

        papers.map_batches(
            BioGPTMapper,
            fn_constructor_kwargs={"model": "demo", "task": "bc5cdr"},
            compute=ray.data.ActorPoolStrategy(size=8),
            num_gpus=1,
            batch_size=64,
        )

    Columns have the names of the JSON Lines fields: title and abstract, text, or question and
    context; id or pmid. Other columns stay unchanged. Each prediction is JSON; read it with
    `Prediction.model_validate_json(...)`. If a row cannot be read or the model fails, its
    prediction holds the error. Long papers are read in windows.
    """

    def __init__(self, model: str = "demo", task: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Load a model.

        Args:
            model: The model, as in `biogpt_plugins.load`.
            task: The task, as there.
            options: Other options, as there.

        Raises:
            BioGPTError: The model cannot be loaded.
        """
        self.pipeline = load(model, task, **options)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict for a batch in Ray's default form, a mapping of names to columns."""
        columns = [column.tolist() for column in batch.values()]
        papers = [_fields(zip(batch, row, strict=True)) for row in zip(*columns, strict=True)]
        predictions = self.pipeline.run(papers)
        column = np.array([each.model_dump_json() for each in predictions], dtype=object)
        return {**batch, PREDICTION: column}


def to_table(batch: dict[str, np.ndarray]) -> pa.Table:
    """Turn predictions into rows with the columns of `findings.table`, for `map_batches`.

        papers.map_batches(BioGPTMapper, ...).map_batches(to_table).write_parquet("found")

    Columns have the same types in every batch, even if they are empty.

    Args:
        batch: A batch that BioGPTMapper returned.
    """
    found = (
        row
        for prediction, question in zip(
            batch[PREDICTION], batch.get("question", repeat(None)), strict=False
        )
        for row in rows(Prediction.model_validate_json(prediction), question=question)
    )
    return pa.Table.from_pylist(list(found), schema=schema())


def _fields(row: Iterable[tuple[str, object]]) -> dict[str, object]:
    return {name: _whole(value) for name, value in row if _is_there(value)}


def _is_there(value: object) -> bool:
    """Whether a value is present; depending on its type, a column marks gaps with None or NaN."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _whole(value: object) -> object:
    """Turn a whole float into an integer: a column with gaps holds 7 as 7.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
