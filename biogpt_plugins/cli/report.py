"""`biogpt report`: Predictions in, one page to look at out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import (
    check_readable,
    check_writable,
    read_predictions,
    read_records,
    write_text,
)
from biogpt_plugins.errors import InputError
from biogpt_plugins.report import Content, Source, render, source_of
from biogpt_plugins.results import Prediction

_FAULTS_SHOWN = 5
_MEGABYTE = 1e6


def report(
    files: Annotated[
        list[str],
        typer.Argument(help='Files that `biogpt extract` wrote; "-" for standard input.'),
    ],
    *,
    out: Annotated[str, typer.Option("--out", "-o", help="HTML file to write.")],
    papers: Annotated[
        list[str] | None,
        typer.Option(
            "--papers",
            "-p",
            help="A file of the papers, to show their whole texts. Repeatable.",
            show_default="the sentences that relations rest on",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="The page's heading.")] = "Relations and answers",
    force: Annotated[bool, typer.Option("--force", help="Replace an OUT that exists.")] = False,
) -> None:
    """Make a page of what was found: papers, a table, a graph, answers, failures.

    It is one file for a browser, and fetches nothing. Papers and Predictions belong together by
    their ids.
    """
    texts = papers or []
    check_readable([*files, *texts])
    check_writable(out, force=force, inputs=[*files, *texts])
    faults = _Faults()
    predictions: list[Prediction] = []
    for one in read_predictions(files):
        if isinstance(one, InputError):
            faults.tell(one)
        else:
            predictions.append(one)
    if not predictions:
        raise InputError(f"no predictions in {', '.join(files)}")
    sources = _sources(texts, predictions, faults)
    content = Content.of(predictions, sources)
    page = render(content, title=title)
    write_text(out, page)
    _conclude(content, sources, faults, page, out)


class _Faults:
    """What could not be used, and is told as far as it is not too much."""

    def __init__(self) -> None:
        self.number = 0

    def tell(self, error: InputError) -> None:
        self.number += 1
        if self.number <= _FAULTS_SHOWN:
            console.remark("warning", str(error))


def _sources(
    files: Iterable[str], predictions: Iterable[Prediction], faults: _Faults
) -> dict[str, Source]:
    """The texts of the papers that predictions are of; those of others are passed over."""
    wanted = {prediction.id for prediction in predictions}
    found: dict[str, Source] = {}
    for record in read_records(files):
        if isinstance(record.value, InputError):
            faults.tell(record.value)
            continue
        try:
            id_, source = source_of(record.value)
        except InputError as error:
            faults.tell(InputError(f"{record.where}: {error}"))
            continue
        if id_ is not None and id_ in wanted:
            found[id_] = source
    return found


def _conclude(
    content: Content, sources: dict[str, Source], faults: _Faults, page: str, out: str
) -> None:
    err = console.stderr()
    size = len(page.encode()) / _MEGABYTE
    told = f", {len(sources):,} with their texts" if sources else ""
    err.print(f"{len(content):,} papers{told}, {size:.1f} MB")
    if content.strangers:
        console.remark(
            "warning",
            f"{content.strangers:,} predictions were made from another text than the paper of "
            "their id: only the sentences that their relations rest on are shown",
        )
    if faults.number:
        err.print(f"{faults.number:,} lines could not be used")
    if out != "-":
        err.print(f"written to {out}", soft_wrap=True)
