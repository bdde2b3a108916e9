"""Scores the model in training on held-out documents, by generation and the task's own metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from pathlib import Path
from typing import Any

import torch

from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.evaluation.metrics import has_metric
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.scoring import GoldSet
from biogpt_plugins.tasks import get_task
from biogpt_plugins.training.adapters import plain
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.start import Start
from biogpt_plugins.values.errors import EngineError, InputError

METRIC = "metric"
"""The key of the figure that selects weights: the mean of the main figures of all tasks."""


class Examiner:
    """Has the model write its completions for held-out documents, and scores them.

    Args:
        start: The tokenizer and the card.
        golds: The documents of each task.
        dtype: The dtype to write them in: that of matrix products in training.
    """

    def __init__(self, start: Start, golds: Sequence[GoldSet[Any]], dtype: torch.dtype) -> None:
        self._start, self._golds, self._dtype = start, golds, dtype

    def __call__(self, model: Any) -> dict[str, float]:  # noqa: ANN401 - or its peft wrapper
        """Each task's main figure, from 0 to 1, as "TASK FIGURE", and their mean as "metric"."""
        whole = plain(model, self._start, self._dtype)
        engine = TransformersEngine(whole, self._start.tokenizer, model_name="the trained model")
        try:
            figures = dict(self._figure(engine, gold) for gold in self._golds)
        finally:
            engine.close()
        return {**figures, METRIC: sum(figures.values()) / len(figures)}

    def _figure(self, engine: TransformersEngine, gold: GoldSet[Any]) -> tuple[str, float]:
        # As the official code does: a completion for every text, and long texts lose their end.
        pipeline = Pipeline(
            gold.task, engine, cards=self._start.card.tasks, method="complete", long_texts="cut"
        )
        predictions = pipeline.run([each.input for each in gold.documents])
        for failure in (each.error for each in predictions if each.error):
            if failure.type == EngineError.__name__:
                raise EngineError(f"the model in training cannot be measured: {failure.message}")
        found = evaluate(gold, predictions)
        value = found.main.value
        # Without any prediction the precision, and so the figure, is undefined: nothing is right.
        return f"{gold.task} {found.figure}", 0.0 if isnan(value) else value


def examiner(
    start: Start,
    path: Path,
    tasks: Sequence[str],
    *,
    options: Options,
    tell: Callable[[str], None],
) -> Examiner | None:
    """An Examiner for the documents of a file; None, which is told, if they cannot be scored.

    Args:
        start: The tokenizer and the card.
        path: The held-out file.
        tasks: The tasks to train.
        options: Their `metric_documents` says how many documents of each task to score.
        tell: Called with a line about what is not scored.
    """
    golds = []
    for task in filter(lambda name: has_metric(get_task(name)), tasks):
        try:
            golds.append(read_gold(path, task, limit=options.metric_documents))
        except InputError as error:
            tell(f"{task} is selected by its loss, because its metric cannot be measured: {error}")
    dtype = torch.bfloat16 if options.dtype == "bfloat16" else torch.float32
    return Examiner(start, golds, dtype) if golds else None
