"""Plots of how reliable probabilities are, and of precision by recall."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biogpt_plugins.evaluation.reliability import Reliability
from biogpt_plugins.evaluation.values import Curve, Evaluation
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("#2a6f97", "#c8553d", "#588157", "#7d5ba6")
_GREY = "#8a939c"
_MARKERS = "^vDPX*"
_MOST = 4


def plot(evaluations: Mapping[str, Evaluation], folder: Path) -> list[Path]:
    """Draw a reliability diagram, and precision by recall.

    Args:
        evaluations: Evaluations of one corpus by name: "free", "grounded".
        folder: Where reliability.png and precision_recall.png are written; created if missing. The
            first is left out if there are no probabilities.

    Returns:
        The files.

    Raises:
        InputError: There are no probabilities, and no points to compare.
        MissingExtraError: matplotlib is not installed.
    """
    series = {
        f"{name}, {which}" if len(evaluations) > 1 else which: reliability
        for name, evaluation in evaluations.items()
        for which, reliability in (("raw", evaluation.raw), ("calibrated", evaluation.calibrated))
        if reliability
    }
    curves = {name: one.curve for name, one in evaluations.items() if one.curve}
    first = next(iter(evaluations.values()))
    points = {one.name: one.curve for one in first.baselines if one.curve}
    if not series and len(curves) + len(points) < 2:  # noqa: PLR2004 - nothing to compare
        raise InputError(
            "there are no probabilities to draw: use --method choose to get label probabilities"
        )
    images = {}
    if series:
        images["reliability"] = _reliability(dict(list(series.items())[:_MOST]), first.task)
    if curves:
        images["precision_recall"] = _precision_recall(curves, points, first.task)
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in images.items():
        image.savefig(folder / f"{name}.png", dpi=120)
    return [folder / f"{name}.png" for name in images]


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.of("the pictures need matplotlib", "plots") from error
    return Figure(figsize=(width, height), layout="constrained")


def _reliability(series: Mapping[str, Reliability], task: str) -> Figure:
    """One panel for each series: the share right by probability, and the counts below."""
    image = _figure(3.4 * len(series) + 0.4, 4.6)
    axes = image.subplots(
        2, len(series), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    for column, (colour, (name, shown)) in enumerate(zip(_COLOURS, series.items(), strict=False)):
        above, below = axes[:, column]
        bins = [b for b in shown.bins if b.trials]
        middles = [(b.low + b.high) / 2 for b in bins]
        width = 0.92 * (bins[0].high - bins[0].low)
        above.bar(middles, [b.right for b in bins], width, color=colour, label="share right")
        # The difference from the mean probability.
        gaps = [b.probability - b.right for b in bins]
        above.bar(
            middles,
            gaps,
            width,
            bottom=[b.right for b in bins],
            color="none",
            edgecolor=_GREY,
            hatch="////",
            linewidth=0.8,
            label="gap to the mean probability",
        )
        above.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--")
        above.set_title(f"{name}: ECE {100 * shown.ece:.1f} %", fontsize="medium")
        below.bar(middles, [b.trials for b in bins], width, color=_GREY)
        below.set_xlabel("probability")
        for ax in (above, below):
            ax.set_xlim(0, 1)
            ax.spines[["top", "right"]].set_visible(False)
        above.set_ylim(0, 1)
    axes[0, 0].set_ylabel("share right")
    axes[1, 0].set_ylabel(_noun(task))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    image.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    image.suptitle(f"{task}: how often answers of each probability are right", fontsize="medium")
    return image


def _precision_recall(
    curves: Mapping[str, Curve], baselines: Mapping[str, Curve], task: str
) -> Figure:
    """A line with its band for each method, and a point for what has no ranking."""
    image = _figure(6.4, 6.2)
    ax: Any = image.subplots()
    for colour, (name, curve) in zip(cycle(_COLOURS), curves.items(), strict=False):
        last = curve.points[-1]
        if not curve.ranked:
            label = f"{name}: no ranking, one point"
            ax.plot(last.recall, last.precision, "s", color=colour, label=label)
            continue
        recalls = [0.0, *(point.recall for point in curve.points)]
        precisions = [curve.points[0].precision, *(point.precision for point in curve.points)]
        label = f"{name}: average precision {_percent(curve.average_precision)}"
        if curve.interval:
            label += f" ({_percent(curve.interval.low)} to {_percent(curve.interval.high)})"
        ax.plot(recalls, precisions, color=colour, drawstyle="steps-pre", label=label)
        ax.plot(last.recall, last.precision, "o", color=colour)
        _draw_band(ax, curve, colour)
        for point in curve.operating[:-1]:
            ax.plot(point.recall, point.precision, ".", color=colour)
    for marker, (name, curve) in zip(cycle(_MARKERS), baselines.items(), strict=False):
        point = curve.points[-1]
        ax.plot(point.recall, point.precision, marker, color="black", label=f"baseline: {name}")
    every = [*curves.values(), *baselines.values()]
    ax.set_xlim(0, min(1.02, 1.1 * max(one.points[-1].recall for one in every) + 0.02))
    ax.set_ylim(0, 1.02)
    noun = _noun(task)
    ax.set_xlabel(f"recall: share of {every[0].whole:,} {noun} found")
    ax.set_ylabel(f"precision: share of accepted {noun} that are right")
    ax.spines[["top", "right"]].set_visible(False)
    image.legend(loc="outside lower center", frameon=False, fontsize="small")
    image.suptitle(f"{task}: most probable first, 95 % bands over documents", fontsize="medium")
    ax.set_title(
        "dots: thresholds of 0.9, 0.8, ... 0.1; the large dot accepts all",
        fontsize="small",
        color=_GREY,
    )
    return image


def _draw_band(ax: Any, curve: Curve, colour: str) -> None:  # noqa: ANN401 - matplotlib's
    columns = [[getattr(one, field) for one in curve.band] for field in ("recall", "low", "high")]
    ax.fill_between(*columns, color=colour, alpha=0.15, step="pre", linewidth=0)


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"


def _noun(task: str) -> str:
    return {"answer": "answers", "labels": "labels"}.get(get_task(task).kind, "relations")
