"""A model's predictions for a gold corpus, as a run that can continue in its folder."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from biogpt_plugins.corpus.readers import Record
from biogpt_plugins.corpus.run import Outcome, is_run
from biogpt_plugins.corpus.run.folder import RunFolder
from biogpt_plugins.corpus.run.outcome import Part, Place
from biogpt_plugins.corpus.run.reading import Item, read_for
from biogpt_plugins.corpus.run.results import count_whole
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
    """The items of a run over a gold corpus: the unfinished documents."""

    task: Task[Any]
    gold: GoldSet[Any]
    parts: Sequence[Part] = (Part(),)
    entities: bool = False
    at_hand: ClassVar[bool] = True

    def items(self) -> Generator[Item, None, None]:
        for begin, records, _ in self.parts:
            end = len(self.gold.documents)
            if records is not None:
                end = min(end, begin.record + records)
            for number in range(begin.record, end):
                yield self.item(number)

    def item(self, number: int) -> Item:
        document = self.gold.documents[number]
        value = document.record
        record = Record(document.where or document.id, value)
        return Item(
            record, Place(0, number), None, read_for(self.task, value, entities=self.entities)
        )


def predict(
    pipeline: Pipeline, gold: GoldSet[Any], *, folder: Path | None = None, chunk_size: int = 64
) -> Iterator[Prediction[Any]]:
    """Predict the documents of a corpus, in its order.

    Args:
        pipeline: The pipeline.
        gold: The corpus, with texts.
        folder: The run's folder, as for `corpus.run.run`. Predictions in it are reused; they must
            come from the same settings and documents.
        chunk_size: Number of documents to give the model at a time.

    Raises:
        InputError: The corpus has another task or no texts, or the folder holds another run.
    """
    if pipeline.task.name != gold.task:
        raise InputError(f"a pipeline for {pipeline.task.name} cannot predict {gold.task} gold")
    check_texts(gold)
    sink: Sink = RunFolder(folder) if folder else Unkept()
    executor = Here(pipeline)
    with sink:
        _, made = executor.made(sink.weights)
        # Texts identify the corpus, so that corrected annotations do not start a new run.
        sink.begin(made, (), {})
        reading = _Documents(pipeline.task, gold, sink.parts, pipeline.reads_entities)
        kept = {one.record: one for one in sink.kept()} if isinstance(sink, RunFolder) else {}
        if folder:
            _check_texts_are_the_same(reading, kept, folder)
        with closing(carried(executor, reading, sink, chunk_size)) as found:
            for number in range(len(gold.documents)):
                outcome = kept.get(number) or next(found)
                yield outcome.prediction


def check_texts(gold: GoldSet[Any]) -> None:
    """Check that all documents have texts.

    Raises:
        InputError: A document has no text to predict from.
    """
    for document in gold.documents:
        if document.input is None:
            raise InputError(
                f"the gold of document {name(document)} has no text to predict from: score "
                "recorded completions instead (`biogpt score`)"
            )


def count_done(folder: Path) -> int:
    """The number of predictions in a folder."""
    return count_whole(folder) if is_run(folder) else 0


def _check_texts_are_the_same(reading: _Documents, kept: dict[int, Outcome], folder: Path) -> None:
    for number, document in enumerate(reading.gold.documents):
        outcome = kept.get(number)
        if outcome is None:
            continue
        same_id = outcome.prediction.id == document.id
        if not same_id or outcome.text != reading.item(number).digest:
            raise InputError(
                f"the run in {folder} has other documents, starting at {name(document)}: name "
                "another folder, or remove this one"
            )
