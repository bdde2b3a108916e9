"""Evaluations for readers: rows of figures, and a report in Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import PurePath
from textwrap import shorten

from biogpt_plugins.checkpoints.registry import KNOWN
from biogpt_plugins.evaluation.metrics import find_metric
from biogpt_plugins.evaluation.values import Assessment, Evaluation, Row
from biogpt_plugins.scoring.figures import Counts, Share
from biogpt_plugins.tasks import TASKS

_NAMES = {
    "f1": "F1",
    "tp": "true positives",
    "fp": "false positives",
    "fn": "false negatives",
    "tp_micro_f1": "tp micro f1 (mean F1)",
    "macro_f1": "macro-F1",
}
_BESIDE = ("precision", "recall", "tp_p", "tp_r", "macro_f1")
_WORST = 10
_UNREADABLE = "unreadable completions"
_NOTE = 300
_TWO_READINGS = (
    "The official reading follows the official scripts exactly; the default reading is this",
    "package's. Both use the official metric.",
)


def rows(evaluation: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Name, figure of the strict reading and figure of the default reading, all in percent.

    A missing figure is an empty text. The last row says whose entities were given, if any were.
    """
    strict, default = evaluation.strict, evaluation.default

    def row(name: str, figure: Callable[[Assessment], str]) -> tuple[str, str, str]:
        return name, figure(strict) if strict else "", figure(default)

    yield row(_name(evaluation.figure), _main)
    for field, value in default.score:
        if field != evaluation.figure and not isinstance(value, dict):
            yield row(_name(field), partial(_field, field))
    yield row(_UNREADABLE, lambda each: _share(each.unreadable))
    if default.linked:
        yield row("names that have an id", lambda each: _share(each.linked))
    if evaluation.grounded:
        yield "ends found in the text", "", _share(evaluation.grounded)
    raw, calibrated = evaluation.raw, evaluation.calibrated
    if raw:
        yield "calibration error (ECE)", "", _figure(raw.ece)
    if calibrated:
        yield "ECE, calibrated", "", _figure(calibrated.ece)
    if ranked := calibrated or raw:
        yield "AUROC of probabilities", "", _figure(ranked.auroc)
        yield "average precision", "", _figure(ranked.average_precision)
    if evaluation.entities:
        yield "entities from", "", PurePath(evaluation.entities).name


def table(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """A heading and the rows; the official reading has a column if the task has such a reading."""
    both = [("", "official reading", "default reading"), *rows(evaluation)]
    if evaluation.strict or _has_official_reading(evaluation.task):
        return [*both]
    return [(name, default) for name, _, default in both]


def _has_official_reading(task: str) -> bool:
    return task not in TASKS or find_metric(TASKS[task]).official is not None


def side_by_side(evaluations: Mapping[str, Evaluation]) -> list[tuple[str, ...]]:
    """Name, and the figure of each evaluation of one corpus, all in percent.

    The main figure and the unreadable completions are given for both readings, all other figures
    for the default reading.
    """
    columns = [
        {name: (strict, default) for name, strict, default in rows(each)}
        for each in evaluations.values()
    ]
    table: list[tuple[str, ...]] = []
    main = _name(next(iter(evaluations.values())).figure)
    for name in dict.fromkeys(name for column in columns for name in column):
        figures = [column.get(name, ("", "")) for column in columns]
        if name in (main, _UNREADABLE) and any(strict for strict, _ in figures):
            short = name.removesuffix(" completions")
            table.append((f"{short} (official)", *(strict for strict, _ in figures)))
        table.append((name, *(default for _, default in figures)))
    return table


def against_baselines(evaluations: Mapping[str, Evaluation]) -> list[tuple[str, ...]]:
    """A heading and a row for each evaluation and each baseline; [] if there are no baselines.

    The evaluations are those of one corpus, by name. A row has the name, the main figure, and
    precision and recall or what else the metric has.
    """
    first = next(iter(evaluations.values()))
    if not first.baselines:
        return []
    fields = [field for field in _BESIDE if hasattr(first.main.score, field)]

    def row(name: str, figures: Assessment) -> tuple[str, ...]:
        return name, _main(figures), *(_field(field, figures) for field in fields)

    return [
        ("", _name(first.figure), *map(_name, fields)),
        *(row(name, each.main) for name, each in evaluations.items()),
        *(row(each.name, each.figures) for each in first.baselines),
    ]


def baseline_facts(evaluation: Evaluation) -> list[str]:
    """What each baseline does."""
    return [f"{each.name}: {each.how}" for each in evaluation.baselines]


def paper(task: str) -> str:
    """The paper's figures for the task, on its own test set; "" if there are none."""
    family = task.removesuffix("_reasoning_free")
    figures = dict.fromkeys(
        f"{known.name} {known.metric} {known.figure}"
        for known in KNOWN.values()
        if known.figure and known.home == "tarball"
        if any(name.removesuffix("_reasoning_free") == family for name in known.tasks)
    )
    return "; ".join(figures)


def notes(evaluation: Evaluation) -> list[str]:
    """Remarks beside the figures."""
    unread = "the official reading needs completions, and some of these results have none"
    missing = not evaluation.strict and _has_official_reading(evaluation.task)
    return [*evaluation.notes, *([unread] if missing else [])]


def markdown(evaluation: Evaluation, *, title: str, facts: Iterable[str] = ()) -> str:
    """A report with all figures, figures by type, and the worst documents.

    Args:
        evaluation: The evaluation to report.
        title: The heading.
        facts: Lines about its origin: the model, the data.
    """
    facts = [*facts, *notes(evaluation)]
    lines = [f"# {title}", "", *(f"- {fact}" for fact in facts), ""]
    heading, *figures = table(evaluation)
    lines += _table(heading, figures)
    if reported := paper(evaluation.task):
        lines += ["", f"The paper reports, on its own test set: {reported}."]
    lines += [
        "",
        *(_TWO_READINGS if "official reading" in heading else ()),
        "Shares are in percent. Brackets give the 95 % interval from 1,000 resamples of the",
        "documents.",
    ]
    lines += _baselines({evaluation.method or "model": evaluation})
    lines += _operating(evaluation)
    best = evaluation.default
    if best.types:
        lines += ["", "## Type by type (default reading)", ""]
        lines += _table(
            ("", "precision", "recall", "F1", "gold"),
            ((kind, *_counts(counts)) for kind, counts in best.types.items()),
        )
    confusion = getattr(best.score, "confusion", None)
    if confusion:
        labels = sorted({label for row in confusion.values() for label in row} | confusion.keys())
        lines += ["", "## Gold label (row) and answer (column)", ""]
        lines += _table(
            ("", *labels),
            (
                (gold, *(str(row.get(label, 0)) for label in labels))
                for gold, row in confusion.items()
            ),
        )
    if worst := best.worst(_WORST):
        lines += ["", f"## The worst documents ({len(worst)})"]
        lines += [line for row in worst for line in _document(row)]
    return "\n".join(lines) + "\n"


def markdown_side_by_side(evaluations: Mapping[str, Evaluation], *, title: str) -> str:
    """Evaluations of one corpus in one table."""
    table = _table(("", *evaluations), side_by_side(evaluations))
    lines = [f"# {title}", "", *table, "", "Shares are in percent.", *_baselines(evaluations)]
    return "\n".join(lines) + "\n"


def _baselines(evaluations: Mapping[str, Evaluation]) -> list[str]:
    heading, *figures = against_baselines(evaluations) or [()]
    facts = [f"- {fact}" for fact in baseline_facts(next(iter(evaluations.values())))]
    table = _table(heading, figures)
    return ["", "## Beside baselines", "", *table, "", *facts] if figures else []


def _operating(evaluation: Evaluation) -> list[str]:
    """What thresholds accept, or that there can be none."""
    curve = evaluation.curve
    if curve is None:
        return []
    if not curve.ranked:
        told = "The results have no probabilities, so no threshold can choose among them."
        return ["", "## Thresholds", "", told]
    rows = (
        (f"{point.probability:.1f}", *map(_figure, (point.precision, point.recall, point.f1)))
        for point in curve.operating
    )
    heading = ("least probability", "precision", "recall", "F1")
    return ["", "## Thresholds (default reading)", "", *_table(heading, rows)]


def _document(row: Row) -> Iterator[str]:
    yield ""
    yield f"### {row.id} ({_figure(row.score)})"
    yield ""
    yield f"- gold: {_line(row.gold)}"
    yield f"- predicted: {_line(row.predicted)}"
    if row.note:
        yield f"- {shorten(row.note, _NOTE, placeholder=' ...')}"


def _line(items: Iterable[str]) -> str:
    return " ".join("; ".join(items).split()) or "nothing"


def _table(head: tuple[str, ...], body: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [head, ("---", *("---:" for _ in head[1:])), *body]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]


def _name(field: str) -> str:
    return _NAMES.get(field, field.replace("_", " "))


def _field(name: str, assessment: Assessment) -> str:
    return _figure(getattr(assessment.score, name))


def _main(assessment: Assessment) -> str:
    if math.isnan(assessment.value):
        return _figure(assessment.value)
    low, high = (_figure(end) for end in (assessment.interval.low, assessment.interval.high))
    return f"{_figure(assessment.value)} ({low} to {high})"


def _figure(value: object) -> str:
    if isinstance(value, float):
        return "undefined" if math.isnan(value) else f"{100 * value:.2f}"
    return f"{value:,}"


def _share(share: Share | None) -> str:
    return "" if share is None else f"{_figure(share.ratio)} ({share.part:,} of {share.whole:,})"


def _counts(counts: Counts) -> tuple[str, str, str, str]:
    figures = (counts.precision, counts.recall, counts.f1)
    precision, recall, f1 = map(_figure, figures)
    return precision, recall, f1, f"{counts.tp + counts.fn:,}"
