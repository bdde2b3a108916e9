"""Plots of how reliable probabilities are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biogpt_plugins.evaluation.reliability import Reliability, precision_recall
from biogpt_plugins.evaluation.values import Evaluation
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("#2a6f97", "#c8553d", "#588157", "#7d5ba6")
_GREY = "#8a939c"
_MOST = 4


def plot(evaluations: Mapping[str, Evaluation], folder: Path) -> list[Path]:
    """Draw a reliability diagram and a precision-recall curve.

    Args:
        evaluations: Evaluations of one corpus by name: "free", "grounded".
        folder: Where reliability.png and precision_recall.png are written; created if missing.

    Returns:
        The files.

    Raises:
        InputError: There are no probabilities.
        MissingExtraError: matplotlib is not installed.
    """
    series = {
        f"{name}, {which}" if len(evaluations) > 1 else which: reliability
        for name, evaluation in evaluations.items()
        for which, reliability in (("raw", evaluation.raw), ("calibrated", evaluation.calibrated))
        if reliability
    }
    if not series:
        raise InputError(
            "there are no probabilities to draw: use --method choose to get label probabilities"
        )
    task = next(iter(evaluations.values())).task
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in (("reliability", _reliability), ("precision_recall", _precision_recall)):
        image = draw(dict(list(series.items())[:_MOST]), task)
        written.append(folder / f"{name}.png")
        image.savefig(written[-1], dpi=120)
    return written


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


def _precision_recall(series: Mapping[str, Reliability], task: str) -> Figure:
    """Precision by recall, as the least accepted probability goes down."""
    image = _figure(5.6, 4.6)
    ax: Any = image.subplots()
    drawn: list[list[tuple[float, float]]] = []
    for colour, (name, shown) in zip(_COLOURS, series.items(), strict=False):
        steps = precision_recall(shown.trials, shown.whole)
        if steps in drawn:  # the calibration keeps the order, as for relations
            continue
        drawn.append(steps)
        recalls = [0.0, *(recall for _, recall in steps)]
        precisions = [steps[0][0], *(precision for precision, _ in steps)]
        label = f"{name}: average precision {100 * shown.average_precision:.1f} %"
        ax.plot(recalls, precisions, color=colour, drawstyle="steps-pre", alpha=0.8, label=label)
        ax.plot(recalls[-1], precisions[-1], "o", color=colour)
    furthest = max(steps[-1][1] for steps in drawn)
    ax.set_xlim(0, min(1.0, 1.1 * furthest + 0.02))
    ax.set_ylim(0, 1.02)
    whole, noun = next(iter(series.values())).whole, _noun(task)
    ax.set_xlabel(f"recall: share of {whole:,} {noun} found")
    ax.set_ylabel(f"precision: share of accepted {noun} that are right")
    ax.spines[["top", "right"]].set_visible(False)
    image.legend(loc="outside lower center", frameon=False)
    ax.set_title(f"{task}: most probable first; the dot accepts all", fontsize="medium")
    return image


def _noun(task: str) -> str:
    return "answers" if get_task(task).kind == "answer" else "relations"
