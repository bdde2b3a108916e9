"""`biogpt sample`: writes twelve short papers, to try the other commands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import (
    SampleFormat,
    check_writable,
    sample_papers,
    sample_text,
    write_text,
)
from biogpt_plugins.corpus.writers import STDOUT
from biogpt_plugins.values.errors import InputError


def sample(
    *,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="FILE", help='The file to write; "-" for standard output.'
        ),
    ] = STDOUT,
    form: Annotated[
        SampleFormat | None,
        typer.Option(
            "--format",
            help="pubtator and jsonl have the chemicals and diseases of each paper, with MeSH ids, "
            "and which chemical induces which disease; csv has no relations; nbib is MEDLINE text, "
            "with titles and abstracts alone.",
            show_default="by the ending of FILE; pubtator on standard output",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the --out file if it exists.")
    ] = False,
) -> None:
    """Write a sample of twelve short papers, to try the other commands on.

    The texts were written for this package. The studies in them are invented.
    """
    check_writable(out, force=force)
    write_text(out, [sample_text(form or _by_name(out))])
    if out != STDOUT:
        console.stderr().print(f"{len(sample_papers())} papers written to {out}", soft_wrap=True)


def _by_name(out: str) -> SampleFormat:
    if out == STDOUT:
        return SampleFormat.pubtator
    try:
        return SampleFormat(Path(out).suffix.lower().removeprefix("."))
    except ValueError:
        endings = ", ".join(f".{one.value}" for one in SampleFormat)
        raise InputError(
            f"the name {out} tells no format: let it end in one of {endings}, or give --format"
        ) from None
