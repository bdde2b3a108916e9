"""How `biogpt score` and `biogpt eval` show, write and draw evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from biogpt_plugins.cli import console
from biogpt_plugins.evaluation import Evaluation, report
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import MissingExtraError

WITHOUT_ROWS: Any = {
    "strict": {"rows"},
    "default": {"rows"},
    "raw": {"trials"},
    "calibrated": {"trials"},
    "baselines": {"__all__": {"figures": {"rows"}, "curve": {"points", "band"}}},
    "curve": {"points", "band"},
}
"""What JSON leaves out, for `model_dump_json`."""
_SHARES = "Shares are in percent, with the 95 % interval over documents in brackets."


def draw(evaluations: Mapping[str, Evaluation], folder: Path) -> list[Path]:
    """Draw the plots, and say what is only a point there; without matplotlib, only say so."""
    from biogpt_plugins.evaluation.plots import plot  # noqa: PLC0415 - an extra

    for name, each in evaluations.items():
        if each.curve and not each.curve.ranked:
            told = f"the results of {name} have no probabilities: a point in the plot, and no curve"
            console.remark("note", told)
    try:
        return plot(evaluations, folder)
    except MissingExtraError as error:  # the evaluation does not need the plots
        console.remark("note", str(error))
        return []


def write(folder: Path, evaluation: Evaluation, *, title: str, facts: list[str]) -> None:
    """Write score.json and report.md."""
    figures = evaluation.model_dump_json(indent=2, exclude=WITHOUT_ROWS)
    (folder / "score.json").write_text(figures + "\n", encoding="utf-8")
    text = report.markdown(evaluation, title=title, facts=facts)
    (folder / "report.md").write_text(text, encoding="utf-8")


def show_all(evaluations: Mapping[str, Evaluation], *, as_json: bool) -> None:
    """Print evaluations of one corpus by name: a column for each, or a line of JSON for each."""
    if as_json:
        for evaluation in evaluations.values():
            console.print_json(evaluation, exclude=WITHOUT_ROWS)
        return
    _print(evaluations, [("", *evaluations), *report.side_by_side(evaluations)])


def show(evaluation: Evaluation, *, as_json: bool) -> None:
    """Print an evaluation."""
    if as_json:
        console.print_json(evaluation, exclude=WITHOUT_ROWS)
        return
    _print({evaluation.method or "model": evaluation}, report.table(evaluation))
    if reported := report.paper(evaluation.task):
        console.stdout().print(f"The paper, on its own test set: {reported}.", style="dim")
    for note in report.notes(evaluation):
        console.remark("note", note)


def _print(evaluations: Mapping[str, Evaluation], rows: list[tuple[str, ...]]) -> None:
    out, first = console.stdout(), next(iter(evaluations.values()))
    out.print(f"{first.task}, {counted(first.documents, 'document')}", style="bold")
    out.print(_table(rows))
    if beside := report.against_baselines(evaluations):
        out.print("beside baselines", style="bold")
        out.print(_table(beside))
        for fact in report.baseline_facts(first):
            out.print(fact, style="dim")
    out.print(_SHARES, style="dim")


def _table(rows: list[tuple[str, ...]]) -> Table:
    (first, *columns), *body = rows
    table = Table(first, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right")
    for row in body:
        table.add_row(*row)
    return table
