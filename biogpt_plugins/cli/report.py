"""`biogpt report`: writes Predictions as one HTML page."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from biogpt_plugins.cli import console, found
from biogpt_plugins.corpus import check_predictions, check_writable, write_text
from biogpt_plugins.report import Content, Source, render, source_of
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction

_MEGABYTE = 1e6


def report(  # noqa: PLR0913 - options of a command
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help='Files or run folders that `biogpt extract` wrote; "-" for standard input.',
        ),
    ],
    *,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="The HTML file to write.")
    ],
    papers: Annotated[
        list[str] | None,
        typer.Option(
            "--papers",
            "-p",
            metavar="FILE",
            help="Files of the papers, to show their whole texts. Repeatable.",
            show_default="show only the evidence sentences",
        ),
    ] = None,
    columns: console.Columns = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            "--min-probability",
            min=0,
            max=1,
            metavar="PROBABILITY",
            help="Show relations with a lower score only on demand, as candidates of a paper or an "
            "entity. For pairs that `biogpt extract --method rank` ranked without a minimum.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            help="Let readers accept, reject, mend and add the relations of this task, and save "
            "them as training data. A task that `biogpt tasks` lists, or a TOML file.",
        ),
    ] = None,
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="The page's heading.")
    ] = "Relations and answers",
    force: Annotated[
        bool, typer.Option("--force", help="Replace the --out file if it exists.")
    ] = False,
) -> None:
    """Write an HTML page of the results: papers, a table, a graph, answers and failures.

    The page is a single file and loads nothing from the network. The command matches papers and
    Predictions by id.
    """
    named = console.named_columns(columns)
    task = get_task(label) if label else None
    if task and not papers:
        raise InputError("labels need the texts of the papers: add --papers FILE")
    files, papers = found.apart(files, papers)
    inputs = [*files, *papers]
    check_predictions(inputs)
    check_writable(out, force=force, inputs=inputs)
    faults = found.Faults()
    predictions = found.predictions(files, faults)
    sources = found.texts(papers, predictions, source_of, faults, named)
    content = Content.of(predictions, sources, min_score=min_score)
    if task:
        _check_labels(content, task, predictions)
    page = render(content, title=title, label=task)
    write_text(out, [page])
    _conclude(content, sources, page)
    if min_score is not None:
        _tell_candidates(content, predictions, min_score)
    if out != "-":
        console.stderr().print(f"written to {out}", soft_wrap=True)
    faults.conclude()


def _check_labels(content: Content, task: Task[Any], predictions: list[Prediction[Any]]) -> None:
    read_for = {prediction.task for prediction in predictions}
    if task.name not in read_for:
        raise InputError(
            f"the predictions are of {', '.join(sorted(read_for))}, not of {task.name}: name their "
            f"task with --label, or extract again with --task"
        )
    number = content.labelled(task)
    if not number:
        raise InputError(
            f"no paper can be labelled for {task.name}: --papers lacks their texts, or they were "
            "read by section"
        )
    if left := len(content) - number:
        they, were, have = ("it", "was", "has") if left == 1 else ("they", "were", "have")
        console.remark(
            "note",
            f"{left:,} of {len(content):,} papers cannot be labelled: {they} {were} not read for "
            f"{task.name}, {were} read by section, or {have} no text in --papers",
        )


def _tell_candidates(
    content: Content, predictions: list[Prediction[Any]], min_score: float
) -> None:
    bare = sum(one.score is None for each in predictions for one in each.relations)
    if bare:
        console.remark(
            "warning",
            counted(bare, "relation has no score, and is", "relations have no score, and are")
            + f" shown despite {min_score:g}",
        )
    console.stderr().print(
        f"{counted(content.candidates, 'candidate')} with a score below {min_score:g}"
    )


def _conclude(content: Content, sources: dict[str, Source], page: str) -> None:
    texts = f", {counted(len(sources), 'with its text', 'with their texts')}" if sources else ""
    size = len(page.encode()) / _MEGABYTE
    console.stderr().print(f"{counted(len(content), 'paper')}{texts}, {size:.1f} MB")
    if content.strangers:
        whose = "its" if content.strangers == 1 else "their"
        console.remark(
            "warning",
            counted(content.strangers, "prediction was", "predictions were")
            + " made from a different text than the paper "
            f"with {whose} id: the page shows only {whose} evidence sentences",
        )
