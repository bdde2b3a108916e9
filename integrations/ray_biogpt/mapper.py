"""A Pipeline as a class for `map_batches`, in Ray Data programs of one's own."""

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
        columns = [column.tolist() for column in batch.values()]
        papers = [_fields(zip(batch, row, strict=True)) for row in zip(*columns, strict=True)]
        found = self.pipeline.run(papers)
        told = np.array([one.model_dump_json() for one in found], dtype=object)
        return {**batch, PREDICTION: told}


def to_table(batch: dict[str, np.ndarray]) -> pa.Table:
    """Rows of what predictions found, for `map_batches`: columns of `findings.table`.

        papers.map_batches(BioGPTMapper, ...).map_batches(to_table).write_parquet("found")

    Columns have the same types in every batch, also where nothing is in them.

    Args:
        batch: One that BioGPTMapper made.
    """
    found = (
        row
        for told, question in zip(
            batch[PREDICTION], batch.get("question", repeat(None)), strict=False
        )
        for row in rows(Prediction.model_validate_json(told), question=question)
    )
    return pa.Table.from_pylist(list(found), schema=schema())


def _fields(row: Iterable[tuple[str, object]]) -> dict[str, object]:
    return {name: _whole(value) for name, value in row if _is_there(value)}


def _is_there(value: object) -> bool:
    """Whether a table has something there; kinds of columns say "nothing" in their own ways."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _whole(value: object) -> object:
    """A number that is whole as an integer: in a column where some are missing 7 is 7.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
