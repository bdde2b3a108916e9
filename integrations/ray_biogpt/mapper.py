"""A Pipeline as a class for `map_batches`, in Ray Data programs of one's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from biogpt_plugins.corpus import windows
from biogpt_plugins.errors import BioGPTError
from biogpt_plugins.inputs import Text, id_of
from biogpt_plugins.loading import load
from biogpt_plugins.results import Failure, Prediction
from biogpt_plugins.table import rows

PREDICTION = "prediction"


class BioGPTMapper:
    """Rows of papers in, the same rows with a column "prediction" out.

        papers.map_batches(
            BioGPTMapper,
            fn_constructor_kwargs={"model": "demo", "task": "bc5cdr"},
            compute=ray.data.ActorPoolStrategy(size=8),
            num_gpus=1,
            batch_size=64,
        )

    Columns are named as fields of JSONL are: title and abstract, text, or question and context; id
    or pmid. Others are passed on. A prediction is JSON: `Prediction.model_validate_json(...)`. A
    row that cannot be read, or on which the model fails, gets one that says so. Long papers are
    read in windows.
    """

    def __init__(self, model: str = "demo", task: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Load a model.

        Args:
            model: As in `biogpt_plugins.load`.
            task: As there.
            options: As there.

        Raises:
            BioGPTError: As there.
        """
        self.pipeline = load(model, task, **options)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict for a batch, as `map_batches` has them by default: a column a name."""
        columns = {name: column.tolist() for name, column in batch.items()}
        rows = [
            {name: value for name, value in zip(columns, row, strict=True) if not _missing(value)}
            for row in zip(*columns.values(), strict=True)
        ]
        read = [self._read(row) for row in rows]
        predicted = iter(windows.predict(self.pipeline, [x for x in read if isinstance(x, Text)]))
        found = [next(predicted) if isinstance(one, Text) else one for one in read]
        told = np.array([one.model_dump_json() for one in found], dtype=object)
        return {**batch, PREDICTION: told}

    def _read(self, row: dict[str, Any]) -> Text | Prediction[Any]:
        try:
            return self.pipeline.task.read_input(row)
        except BioGPTError as error:
            name = self.pipeline.task.name
            return Prediction(id=id_of(row), task=name, error=Failure.of(error))


def table_rows(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a row's prediction found, a row each, for `flat_map`: `biogpt_plugins.table.rows`.

        papers.map_batches(BioGPTMapper, ...).flat_map(table_rows).write_parquet("found")

    Args:
        row: One that BioGPTMapper made.
    """
    prediction = Prediction.model_validate_json(row[PREDICTION])
    return list(rows(prediction, question=row.get("question")))


def _missing(value: object) -> bool:
    """Whether a table has nothing there, as its kind of columns says it."""
    return value is None or (isinstance(value, float) and math.isnan(value))
