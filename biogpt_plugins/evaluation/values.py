"""The results of an evaluation: immutable pydantic values with a JSON round trip."""

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
        where: The place of its gold.
        score: Its own score in the main figure, from 0 to 1; NaN if it does not count there.
        gold: The gold items, as texts to show.
        predicted: The predicted items, as texts to show.
        note: Why nothing could be read, or what was skipped.
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
        value: The main figure.
        interval: Its 95 % interval over documents.
        types: Counts by type: chemicals and diseases in BC5CDR's relations; the types of DDI and
            KD-DTI; the labels of PubMedQA and HoC.
        unreadable: Documents whose completion is missing or could not be read.
        linked: BC5CDR: predicted names that have an id in the table of names; None for other tasks.
        rows: The documents, in the order of the corpus.
    """

    score: Score
    value: Figure
    interval: Interval
    types: dict[str, Counts]
    unreadable: Share
    linked: Share | None = None
    rows: tuple[Row, ...]

    def worst(self, most: int = 10) -> list[Row]:
        """The worst documents, worst first; among equals, those with more gold first."""
        wrong = [row for row in self.rows if row.score < 1]
        return sorted(wrong, key=lambda row: (row.score, -len(row.gold)))[:most]


class Point(Value):
    """What is found if everything of at least some probability is accepted.

    Attributes:
        probability: The least accepted probability; NaN if there are no probabilities.
        precision: The share of what is accepted that is right.
        recall: The share of the gold that is accepted.
        f1: Their harmonic mean.
    """

    probability: Figure
    precision: Figure
    recall: Figure
    f1: Figure


class Band(Value):
    """The 95 % interval of the precision at a recall."""

    recall: float
    low: float
    high: float


class Curve(Value):
    """Precision and recall by probability; `curves` says how it is computed.

    Attributes:
        ranked: Whether there are probabilities. If not, the curve is one point.
        whole: Number of right ones in the gold.
        points: A point for each probability that occurs, the highest first.
        operating: The points of the thresholds 0.9, 0.8, ... 0.1 that accept anything, and 0, which
            accepts all.
        average_precision: The area under the points; None without probabilities.
        interval: Its 95 % interval over documents.
        band: The interval of the precision at recalls of 0.01, 0.02, ...
    """

    ranked: bool
    whole: int
    points: tuple[Point, ...]
    operating: tuple[Point, ...]
    average_precision: Figure | None = None
    interval: Interval | None = None
    band: tuple[Band, ...] = ()


class Baseline(Value):
    """What a simple rule finds in the same documents.

    Attributes:
        name: What it predicts, for a table: "all annotated pairs".
        how: More about it: "no, the most frequent of the training data (45 of 100)".
        figures: Its figures, by the metric of the task.
        curve: Its precision and recall, a single point.
    """

    name: str
    how: str
    figures: Assessment
    curve: Curve | None = None


class Evaluation(Value):
    """Predictions scored by a gold corpus.

    Attributes:
        task: Name of the task.
        documents: Number of documents.
        figure: Name of the main figure, a field of `score`.
        strict: The figures of the official reading; None without completions, for example if labels
            were scored.
        default: The figures of the pipeline's own reading.
        grounded: Ends of relations that were found in the text, by the default reading; None if
            there are no texts, or for tasks without relations.
        raw: The reliability of the model's own probabilities, of clauses or of answers; None
            without probabilities.
        calibrated: The reliability of calibrated probabilities.
        notes: Remarks on the evaluation, each a sentence.
        method: The method or decoding that was evaluated: "free", "choose"; "" if it is not known.
        entities: Where the entities came from: "annotations", or the name of what found them; "" if
            the method needs none.
        baselines: What simple rules find in the same documents, if they were measured.
        curve: Precision and recall by probability, if they were measured.
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
    method: str = ""
    entities: str = ""
    baselines: tuple[Baseline, ...] = ()
    curve: Curve | None = None

    @property
    def main(self) -> Assessment:
        """The figures of the strict reading if there is one, else of the default reading."""
        return self.strict or self.default
