"""A Pipeline as a class for `map_batches` of Ray Data."""

from __future__ import annotations

from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from biogpt_plugins.corpus.export.parquet import schema
from biogpt_plugins.pipeline import Pipeline, Spec
from biogpt_plugins.values.results import Prediction
from biogpt_plugins.values.table import rows

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

    Attributes:
        spec: The model, the task and the settings. A pickle of the mapper holds them, except
            `allow_pickle`.
    """

    def __init__(
        self,
        model: str | Path = "demo",
        task: str | Path | None = None,
        **options: Any,  # noqa: ANN401 - the fields of Spec
    ) -> None:
        """Load a model.

        Args:
            model: The model, as in `biogpt_plugins.load`.
            task: The task, as there.
            options: Other options, as there.

        Raises:
            BioGPTError: The model cannot be loaded.
        """
        self.spec = Spec(model=model, task=task and str(task), **options)
        _ = self.pipeline  # an actor that cannot load its model ends at once

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline of the spec; a copy in another process loads its own."""
        return self.spec.pipeline()

    def __getstate__(self) -> dict[str, Spec]:
        return {"spec": self.spec}

    def __repr__(self) -> str:
        return repr(self.spec).replace("Spec(", "BioGPTMapper(", 1)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict for a batch in Ray's default form, a mapping of names to columns."""
        columns = [column.tolist() for column in batch.values()]
        papers = [dict(zip(batch, row, strict=True)) for row in zip(*columns, strict=True)]
        predictions = self.pipeline.run(papers)
        column = np.array([each.model_dump_json() for each in predictions], dtype=object)
        return {**batch, PREDICTION: column}


def to_table(batch: dict[str, np.ndarray]) -> pa.Table:
    """Turn predictions into rows with the columns of `values.table`, for `map_batches`.

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
