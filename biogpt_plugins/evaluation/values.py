"""What an evaluation gives: immutable pydantic values with a JSON round trip."""

from __future__ import annotations

from biogpt_plugins.evaluation.reliability import Reliability
from biogpt_plugins.scoring.figures import Counts, Figure, Interval, Share, Value
from biogpt_plugins.scoring.interactions import InteractionScore
from biogpt_plugins.scoring.labels import AnswerScore

Score = Counts | InteractionScore | AnswerScore


class Row(Value):
    """One document.

    Attributes:
        id: Its identifier.
        where: Where its gold stands.
        score: Its own score in the main figure, from 0 to 1; NaN if it does not count there.
        gold: What is right, each item as a text to show.
        predicted: What was read, likewise.
        note: Why nothing was read, or what was passed over.
    """

    id: str
    where: str
    score: Figure
    gold: tuple[str, ...]
    predicted: tuple[str, ...]
    note: str = ""


class Assessment(Value):
    """The figures of one reading of the predictions.

    Attributes:
        score: Every figure of the task's metric.
        value: The main one of them.
        interval: Its 95 % interval over documents.
        types: Counts type by type: of the chemicals and of the diseases in BC5CDR's relations;
            of the types of DDI and KD-DTI; of the labels of PubMedQA and HoC.
        unreadable: Documents whose completion could not be read, or that have none.
        linked: BC5CDR: names read that have an id in the table of names; None for other tasks.
        rows: The documents, in the corpus' order.
    """

    score: Score
    value: Figure
    interval: Interval
    types: dict[str, Counts]
    unreadable: Share
    linked: Share | None = None
    rows: tuple[Row, ...]

    def worst(self, most: int = 10) -> list[Row]:
        """The documents that went most wrong, worst first, those with the most gold before."""
        wrong = [row for row in self.rows if row.score < 1]
        return sorted(wrong, key=lambda row: (row.score, -len(row.gold)))[:most]


class Evaluation(Value):
    """What predictions are worth by a gold corpus.

    Attributes:
        task: Name of the task.
        documents: How many there are.
        figure: Name of the main figure: the field of `score` that holds it.
        strict: The figures of the official reading; None where no completions were written, as
            when labels are scored.
        default: The figures of the pipeline's own reading.
        grounded: Ends of relations that were found in the text, by the default reading; None
            where there are no texts, or no relations to ask for.
        raw: How far the model's own probabilities can be relied on, those of clauses or of answers;
            None where there are none.
        calibrated: The same of calibrated ones.
        notes: Remarks on the evaluation, each a sentence.
    """

    task: str
    documents: int
    figure: str
    strict: Assessment | None
    default: Assessment
    grounded: Share | None
    raw: Reliability | None = None
    calibrated: Reliability | None = None
    notes: tuple[str, ...] = ()

    @property
    def main(self) -> Assessment:
        """The strict reading's figures where there are such, else the default's."""
        return self.strict or self.default
