"""The table of `ablations.py`: F1, its interval, and the difference from the base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000
_HEAD = (
    "| setting | F1, free | difference from base | F1, grounded | difference from base | beside |\n"
    "|---|---|---|---|---|---|\n"
)


def markdown(result: Mapping[str, Any]) -> str:
    """The results as Markdown: a table, and how to read it."""
    settings = result["settings"]
    base = settings.get("base")
    rows = "".join(_row(name, figures, base) for name, figures in settings.items())
    facts = ", ".join(f"{k} {v}" for k, v in {**result["machine"], **result["versions"]}.items())
    updates, rate = result["base"]["max_steps"], result["base"]["learning_rate"]
    return (
        "# What the options of fine-tuning give\n\n"
        f"`python benchmarks/ablations.py`, {result['date']}: {facts}.\n\n"
        "The bundled model, fine-tuned on BC5CDR's 500 training papers, with the official metric "
        "on the last 100 papers of the development set, which no training has seen. Each setting "
        f"changes the base: recipe `default` with {updates} updates at a learning rate of "
        f"{rate:g} (the defaults have epochs of their own). In brackets: the middle 95 % of "
        f"{RESAMPLES:,} resamples of the papers, of the same papers for both sides of a "
        "difference. **Bold** differences leave 0 outside; the seeds differ by chance alone, and "
        "say what else to disregard.\n\n"
        f"{_HEAD}{rows}"
    )


def _row(name: str, figures: Mapping[str, Any], base: Mapping[str, Any] | None) -> str:
    cells = []
    for way in ("free", "grounded"):
        f1, low, high = figure(figures[way])
        cells.append(f"{f1:.1f} ({low:.1f} to {high:.1f})")
        cells.append(_difference(figures[way], base[way]) if base else "")
    beside = []
    if "silent" in figures:
        beside.append("silent on {} of {} texts without a relation".format(*figures["silent"]))
    if "answers" in figures:
        beside.append("{} of {} questions right".format(*figures["answers"]))
    return f"| {' | '.join([f'`{name}`', *cells, ', '.join(beside)])} |\n"


def _difference(counts: Sequence[Sequence[int]], base: Sequence[Sequence[int]]) -> str:
    if counts == base:
        return ""
    ours, theirs = (np.array(list(map(_terms, each)), dtype=float) for each in (counts, base))
    drawn = _drawn(len(ours))
    differences = 100 * (_ratio(ours[drawn]) - _ratio(theirs[drawn]))
    low, high = np.quantile(differences, [0.025, 0.975])
    mean = 100 * float(_ratio(ours[None])[0] - _ratio(theirs[None])[0])
    shown = f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"**{shown}**" if low > 0 or high < 0 else shown


def figure(counts: Iterable[Sequence[int]]) -> tuple[float, float, float]:
    """F1 in percent, and its 95 % interval over papers.

    Args:
        counts: True positives, false positives and false negatives of each paper.
    """
    terms = np.array(list(map(_terms, counts)), dtype=float)
    low, high = np.quantile(100 * _ratio(terms[_drawn(len(terms))]), [0.025, 0.975])
    return 100 * float(_ratio(terms[None])[0]), float(low), float(high)


def _terms(counts: Sequence[int]) -> tuple[int, int]:
    tp, fp, fn = counts
    return 2 * tp, 2 * tp + fp + fn


def _ratio(terms: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    sums = terms.sum(axis=1)
    return sums[:, 0] / sums[:, 1]


def _drawn(count: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
