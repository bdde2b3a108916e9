"""The figures of a reproduction beside those of the paper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from biogpt_plugins.evaluation import Assessment, Evaluation
from biogpt_plugins.scoring.figures import Figure, Interval, Value
from biogpt_plugins.values.counted import counted

_PRECISION, _RECALL = ("tp_p", "precision"), ("tp_r", "recall")
OFFICIAL, OWN = "official", "own"
SMOKE = (
    "A TRIAL RUN (--smoke): at most 20 papers and a few updates. Its figures say nothing about "
    "quality."
)
_LEGEND = (
    "Each row names the decoding and the reading of completions: official, to the letter of the "
    "official scripts, or this package's own. Figures are in percent, with the 95 % interval over "
    "documents; those without a value are undefined."
)


class Line(Value):
    """The figures of one way of decoding by one reading of the completions, from 0 to 1.

    Attributes:
        decoding: "free" as in the paper; "grounded", the form of the task's targets is enforced and
            names are copied from the text; "choose", the task's labels are scored.
        reading: "official" reads completions to the letter of the official scripts; "own" is this
            package's reading.
        value: The main figure.
        interval: Its 95 % interval over documents.
        precision: Where the metric has it.
        recall: Where the metric has it.
        unreadable: Completions that could not be read.
    """

    decoding: str
    reading: str
    value: Figure
    interval: Interval
    precision: Figure | None
    recall: Figure | None
    unreadable: int

    @classmethod
    def all_of(cls, decoding: str, evaluation: Evaluation) -> Iterator[Line]:
        """The lines of an evaluation: one for each reading."""
        readings = {OFFICIAL: evaluation.strict, OWN: evaluation.default}
        for reading, assessment in readings.items():
            if assessment:
                yield cls(
                    decoding=decoding,
                    reading=reading,
                    value=assessment.value,
                    interval=assessment.interval,
                    precision=_of(assessment, _PRECISION),
                    recall=_of(assessment, _RECALL),
                    unreadable=assessment.unreadable.part,
                )


def _of(assessment: Assessment, names: tuple[str, ...]) -> float | None:
    found = (getattr(assessment.score, name, None) for name in names)
    return next((value for value in found if value is not None), None)


class Measured(Value):
    """What one way of decoding the test set gave.

    Attributes:
        documents: Documents of the test set.
        lines: The figures.
        machine: What computed them, by part.
    """

    documents: int
    lines: tuple[Line, ...]
    machine: Mapping[str, str]


class Paper(Value):
    """What the paper reports of one of its models, in percent.

    Attributes:
        name: The model's name in Microsoft's release.
        metric: The metric of `figure`.
        figure: The main figure.
        precision: Where it is reported.
        recall: Where it is reported.
    """

    name: str
    metric: str
    figure: float
    precision: float | None
    recall: float | None


class Report(Value):
    """A finished reproduction.

    Attributes:
        figure: What was reproduced, as it was asked for.
        model: The model that it began with.
        smoke: Whether it was a trial run, whose figures say nothing.
        options: The settings that replaced those of the official recipe.
        paper: What to compare with.
        training: What the training was; empty if the model knew the task.
        measured: The figures for each way of decoding.
        data: SHA-256 of the files.
        source: Where they came from.
        versions: The versions of the libraries.
    """

    figure: str
    model: str
    smoke: bool
    options: Mapping[str, str]
    paper: Paper
    training: Mapping[str, int | float]
    measured: tuple[Measured, ...]
    data: Mapping[str, str]
    source: str
    versions: Mapping[str, str]

    @property
    def title(self) -> str:
        """The heading of the table."""
        documents = counted(self.measured[0].documents, "document")
        return f"{self.figure}: {self.model}, {documents} of the test set"

    def table(self) -> list[tuple[str, ...]]:
        """A heading, the paper's figures, and a row for each line; in percent."""
        lines = [line for measured in self.measured for line in measured.lines]
        paper = self.paper
        parts = any(line.precision is not None for line in lines)
        names = ("precision", "recall") if parts else ()
        reported = (paper.precision, paper.recall) if parts else ()
        return [
            ("", *names, paper.metric, "95 %", "± paper", "unread"),
            ("the paper", *map(_points, reported), _points(paper.figure), "", "", ""),
            *(
                (
                    f"{line.decoding}, {line.reading}",
                    *(map(_percent, (line.precision, line.recall)) if parts else ()),
                    _percent(line.value),
                    f"{_percent(line.interval.low)}-{_percent(line.interval.high)}",
                    _difference(line.value, paper.figure),
                    f"{line.unreadable:,}",
                )
                for line in lines
            ),
        ]

    def notes(self) -> list[str]:
        """What to know of the figures."""
        return [*([SMOKE] if self.smoke else []), _LEGEND]

    def markdown(self) -> str:
        """The report as Markdown."""
        heading, *rows = self.table()
        facts = {
            "the paper's model": self.paper.name,
            "settings other than the recipe's": _listed(self.options) or "none",
            "training": _listed(self.training) or "none: the model knows the task",
            "data": f"{self.source}; SHA-256 {_listed(self.data)}",
            "machine": _listed(self.measured[0].machine),
            "versions": _listed(self.versions),
        }
        return "\n".join(
            (
                f"# {self.title}",
                "",
                *(line for note in self.notes() for line in (note, "")),
                *map(_row, (heading, ("---",) * len(heading), *rows)),
                "",
                *(f"- {name}: {fact}" for name, fact in facts.items()),
                "",
            )
        )


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(value: float | None) -> str:
    return _points(None if value is None else 100 * value)


def _points(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.2f}"


def _difference(value: float, reported: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value - reported:+.2f}"


def _listed(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {fact}" for name, fact in facts.items())
