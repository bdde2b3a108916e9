"""Pictures of how far probabilities can be relied on."""

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
        evaluations: Evaluations of one corpus, by what tells them apart: "free", "grounded".
        folder: Where reliability.png and precision_recall.png are written; made if need be.

    Returns:
        The files.

    Raises:
        InputError: There are no probabilities.
        MissingExtraError: matplotlib is not installed.
    """
    series = {
        f"{name}, {which}" if len(evaluations) > 1 else which: found
        for name, each in evaluations.items()
        for which, found in (("raw", each.raw), ("calibrated", each.calibrated))
        if found
    }
    if not series:
        raise InputError(
            "there are no probabilities to draw: of labels they come with --method choose"
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
        raise MissingExtraError(
            'the pictures need matplotlib: pip install "biogpt-plugins[plots]"'
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _reliability(series: Mapping[str, Reliability], task: str) -> Figure:
    """Share of right ones by probability, and below how many there are; a panel each."""
    image = _figure(3.4 * len(series) + 0.4, 4.6)
    axes = image.subplots(
        2, len(series), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    for column, (colour, (name, found)) in enumerate(zip(_COLOURS, series.items(), strict=False)):
        above, below = axes[:, column]
        bins = [one for one in found.bins if one.trials]
        middles = [(one.low + one.high) / 2 for one in bins]
        width = 0.92 * (bins[0].high - bins[0].low)
        above.bar(middles, [one.right for one in bins], width, color=colour, label="share right")
        # What is missing to the probability, or is too much.
        gaps = [one.probability - one.right for one in bins]
        above.bar(
            middles,
            gaps,
            width,
            bottom=[one.right for one in bins],
            color="none",
            edgecolor=_GREY,
            hatch="////",
            linewidth=0.8,
            label="gap to the mean probability",
        )
        above.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--")
        above.set_title(f"{name}: ECE {100 * found.ece:.1f} %", fontsize="medium")
        below.bar(middles, [one.trials for one in bins], width, color=_GREY)
        below.set_xlabel("probability")
        for ax in (above, below):
            ax.set_xlim(0, 1)
            ax.spines[["top", "right"]].set_visible(False)
        above.set_ylim(0, 1)
    axes[0, 0].set_ylabel("share that is right")
    axes[1, 0].set_ylabel(_noun(task))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    image.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    image.suptitle(f"{task}: how often what is said with a probability is right", fontsize="medium")
    return image


def _precision_recall(series: Mapping[str, Reliability], task: str) -> Figure:
    """Precision by recall, as the least probability that is accepted goes down."""
    image = _figure(5.6, 4.6)
    ax: Any = image.subplots()
    drawn: list[list[tuple[float, float]]] = []
    for colour, (name, found) in zip(_COLOURS, series.items(), strict=False):
        steps = precision_recall(found.trials, found.whole)
        if steps in drawn:  # a calibration that keeps the order, as that of relations does
            continue
        drawn.append(steps)
        recalls = [0.0, *(recall for _, recall in steps)]
        precisions = [steps[0][0], *(precision for precision, _ in steps)]
        label = f"{name}: average precision {100 * found.average_precision:.1f} %"
        ax.plot(recalls, precisions, color=colour, drawstyle="steps-pre", alpha=0.8, label=label)
        ax.plot(recalls[-1], precisions[-1], "o", color=colour)
    furthest = max(steps[-1][1] for steps in drawn)
    ax.set_xlim(0, min(1.0, 1.1 * furthest + 0.02))
    ax.set_ylim(0, 1.02)
    whole, noun = next(iter(series.values())).whole, _noun(task)
    ax.set_xlabel(f"recall: share of {whole:,} {noun} that is found")
    ax.set_ylabel(f"precision: share of accepted {noun} that is right")
    ax.spines[["top", "right"]].set_visible(False)
    image.legend(loc="outside lower center", frameon=False)
    ax.set_title(f"{task}: the most probable first; the dot accepts all", fontsize="medium")
    return image


def _noun(task: str) -> str:
    return "answers" if get_task(task).kind == "answer" else "relations"
