"""`biogpt split`: splits labelled texts by document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.cli.consoles import remark
from biogpt_plugins.corpus import check_writable, write_text
from biogpt_plugins.corpus.gold import document_of
from biogpt_plugins.corpus.gold import split as split_rows
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.inputs import id_of


def split(  # noqa: PLR0913 - options of a command
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Labelled texts: JSON Lines, or a spreadsheet (CSV, Excel) with the columns text, "
            "head, type, tail and document.",
        ),
    ],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="The folder for the parts.")
    ],
    test: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the documents to test on.")
    ] = 0.2,
    valid: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the documents for --valid.")
    ] = 0.0,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="The field that names the document.",
            show_default="document, or id; of an id like P003:1 the part P003",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the parts if they exist.")
    ] = False,
) -> None:
    """Split labelled texts into files to train and to test on; no document is in both.

    A hash of the document's id decides: a document stays in its part when you add others.
    """
    parts = split_rows(file, test=test, valid=valid, by=by)
    out.mkdir(parents=True, exist_ok=True)
    files = {out / f"{part}.jsonl": rows for part, rows in parts._asdict().items() if rows}
    for path in files:
        check_writable(str(path), force=force, inputs=[file])
    for path, rows in files.items():
        write_text(str(path), (f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
        documents = counted(len({document_of(row, by) for row in rows}), "document")
        console.stderr().print(f"{counted(len(rows), 'text')} of {documents} in ", end="")
        console.stdout().print(str(path), soft_wrap=True)
    guessed = sum(
        document_of(row) not in (str(row.get("document")), id_of(row))
        for rows in files.values()
        for row in rows
    )
    if guessed and by is None:
        remark(
            "note",
            counted(guessed, "text does not name its", "texts do not name their")
            + " document: an id like P003:1 is taken for a text "
            "of P003 (--by id takes the whole id)",
        )
