"""`biogpt report`: Predictions in, one page to look at out."""

from __future__ import annotations

from typing import Annotated

import typer

from biogpt_plugins.cli import console, found
from biogpt_plugins.corpus import check_predictions, check_writable, write_text
from biogpt_plugins.report import Content, Source, render, source_of

_MEGABYTE = 1e6


def report(
    files: Annotated[
        list[str],
        typer.Argument(
            help='Files, or folders of runs, that `biogpt extract` wrote; "-" for standard input.'
        ),
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
    inputs = [*files, *(papers or ())]
    check_predictions(inputs)
    check_writable(out, force=force, inputs=inputs)
    faults = found.Faults()
    predictions = found.predictions(files, faults)
    sources = found.texts(papers or (), predictions, source_of, faults)
    content = Content.of(predictions, sources)
    page = render(content, title=title)
    write_text(out, [page])
    _conclude(content, sources, page)
    faults.conclude()
    if out != "-":
        console.stderr().print(f"written to {out}", soft_wrap=True)


def _conclude(content: Content, sources: dict[str, Source], page: str) -> None:
    told = f", {len(sources):,} with their texts" if sources else ""
    size = len(page.encode()) / _MEGABYTE
    console.stderr().print(f"{len(content):,} papers{told}, {size:.1f} MB")
    if content.strangers:
        console.remark(
            "warning",
            f"{content.strangers:,} predictions were made from another text than the paper of "
            "their id: only the sentences that their relations rest on are shown",
        )
