"""A model's predictions for a gold corpus: a run that goes on in its folder."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biogpt_plugins.corpus.readers import Record
from biogpt_plugins.corpus.run import Outcome, is_run, outcomes
from biogpt_plugins.corpus.run.folder import Place, RunFolder
from biogpt_plugins.corpus.run.reading import Item, read_for
from biogpt_plugins.corpus.run.run import Here, carried
from biogpt_plugins.corpus.run.sinks import Sink, Unkept
from biogpt_plugins.evaluation.matching import name
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.scoring.gold import GoldSet
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction


@dataclass(frozen=True)
class _Documents:
    """What a run over a gold corpus reads: the documents that are not done."""

    task: Task[Any]
    gold: GoldSet[Any]
    done: int = 0

    def items(self) -> Generator[Item, None, None]:
        for number in range(self.done, len(self.gold.documents)):
            yield self.item(number)

    def item(self, number: int) -> Item:
        document = self.gold.documents[number]
        value = {**(document.input or {}), "id": document.id}
        record = Record(document.where or document.id, value)
        return Item(record, Place(0, number), None, read_for(self.task, value))


def predict(
    pipeline: Pipeline, gold: GoldSet[Any], *, folder: Path | None = None, chunk_size: int = 64
) -> Iterator[Prediction[Any]]:
    """Predict the documents of a corpus, in its order.

    Args:
        pipeline: The task on a model.
        gold: The corpus, with texts.
        folder: Where the run is kept, as `corpus.run.run` keeps it. Predictions that are there
            already are taken from there, if they are those of the same settings and documents.
        chunk_size: Documents handed to the model at a time.

    Raises:
        InputError: The corpus is another task's or has no texts, or the folder holds another run.
    """
    if pipeline.task.name != gold.task:
        raise InputError(f"a pipeline for {pipeline.task.name} cannot predict {gold.task} gold")
    check_texts(gold)
    sink: Sink = RunFolder(folder) if folder else Unkept()
    executor = Here(pipeline)
    with sink:
        _, made = executor.made(sink.weights)
        # The corpus is known by its texts, so that its annotation may be corrected.
        sink.begin(made, (), {})
        kept = list(outcomes(folder)) if folder else []
        reading = _Documents(pipeline.task, gold, len(kept))
        if folder:
            _check_texts_are_the_same(reading, kept, folder)
        yield from (outcome.prediction for outcome in kept[: len(gold.documents)])
        with closing(carried(executor, reading, sink, chunk_size)) as found:
            for outcome in found:
                yield outcome.prediction


def check_texts(gold: GoldSet[Any]) -> None:
    """Find documents that have nothing to predict from.

    Raises:
        InputError: There is one.
    """
    for document in gold.documents:
        if document.input is None:
            raise InputError(
                f"the gold of document {name(document)} has no text to predict from: score "
                "recorded completions instead (`biogpt score`)"
            )


def count_done(folder: Path) -> int:
    """How many predictions a folder holds."""
    return sum(1 for _ in outcomes(folder)) if is_run(folder) else 0


def _check_texts_are_the_same(reading: _Documents, kept: list[Outcome], folder: Path) -> None:
    for number, (document, outcome) in enumerate(zip(reading.gold.documents, kept, strict=False)):
        same_id = outcome.prediction.id == document.id
        if not same_id or outcome.text != reading.item(number).digest:
            raise InputError(
                f"{folder} holds a run over other documents, from {name(document)} on: name "
                "another folder, or remove that one"
            )
