"""`biogpt fetch`: writes papers of PubMed or PMC to a file that `biogpt extract` reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.cli.words import one_text, text_of
from biogpt_plugins.corpus import check_writable, write_text
from biogpt_plugins.corpus.fetch import MOST, URL, Database, Eutils, as_file, ids_of
from biogpt_plugins.corpus.fetch import fetch as fetch_papers
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

_NAMED = 20  # ids in a message
_AN_ID = re.compile(r"@|(pmc?id:?\s*|pmc)?\d[\d\s,;.]*$", re.IGNORECASE)


def fetch(  # noqa: PLR0913 - options of a command
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY|ID",
            help="A query, in quotes, as in PubMed's own search; or the ids of papers; @FILE reads "
            "ids from a file, @- from standard input.",
        ),
    ],
    *,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="FILE", help='The XML file to write; "-" for standard output.'
        ),
    ],
    most: Annotated[
        int,
        typer.Option(
            "--most", min=1, help=f"With a query: fetch at most N papers, up to {MOST:,}."
        ),
    ] = 1000,
    database: Annotated[
        Database,
        typer.Option("--db", help="pubmed has titles and abstracts, pmc has full texts."),
    ] = Database.pubmed,
    email: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            envvar="NCBI_EMAIL",
            help="Your e-mail address. NCBI asks for it, to write to you before it blocks you.",
            show_default=False,
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            envvar="NCBI_API_KEY",
            help="Your NCBI API key: 10 requests a second instead of 3.",
            show_default=False,
        ),
    ] = None,
    url: Annotated[str, typer.Option(metavar="URL", help="The address of the E-utilities.")] = URL,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the --out file if it exists.")
    ] = False,
) -> None:
    """Fetch papers from PubMed or PMC, by a query or by their ids.

    The file appears only when it is complete. The command names the papers that the database does
    not have, and ends with 1 then. It asks NCBI's E-utilities, no faster than NCBI allows, and
    repeats a request that failed.
    """
    check_writable(out, force=force)
    if most > MOST:
        raise InputError(
            f"--most must be at most {MOST:,}, not {most:,}: NCBI names no more papers of a query; "
            'divide it by date, such as "QUERY AND 2020:2022[dp]"'
        )
    eutils = Eutils(email=email, api_key=api_key, url=url)
    if not email:
        console.remark("note", "NCBI asks for your e-mail address: --email, or NCBI_EMAIL")
    ids, query = _asked(what, database)
    unnamed = 0
    if query is not None:
        ids, unnamed = _search(eutils, database, query, most)
    missing: list[str] = []
    with console.progress() as progress:
        bar = progress.add_task(database.value, total=len(ids), rest="")

        def papers() -> Iterator[bytes]:
            for id_, paper in fetch_papers(eutils, database, ids):
                if paper is None:
                    missing.append(id_)
                else:
                    yield paper
                progress.update(bar, advance=1)
            if len(missing) == len(ids):
                raise InputError(f"{database.value} has no paper {_few(missing)}")

        write_text(out, as_file(database, papers()))
    if out != "-":
        written = counted(len(ids) - len(missing), "paper")
        console.stderr().print(f"{written} written to {out}", soft_wrap=True)
    if missing:
        console.remark(
            "warning",
            f"{database.value} does not have {len(missing):,} of {len(ids):,} papers: "
            f"{_few(missing)}",
        )
    if missing or unnamed:
        raise typer.Exit(1)


def _asked(what: list[str], database: Database) -> tuple[list[str], str | None]:
    """The ids that were given, or the query."""
    if not any(map(_AN_ID.match, what)):
        return [], one_text(what, "query")
    every: dict[str, None] = {}
    for one in what:
        where = one[1:] if one.startswith("@") else ""
        read = ids_of(text_of(one, "query"), database, where=where)
        if where and not read:
            raise InputError(f"there is no id in {where}: name a file with an id a line")
        every |= dict.fromkeys(read)
    return list(every), None


def _search(eutils: Eutils, database: Database, query: str, most: int) -> tuple[list[str], int]:
    """The ids that a query finds, and how many papers NCBI counts but does not name."""
    with console.stderr().status(f"searching {database.value}"):
        found = eutils.search(database.value, query, most=most)
    if found.left_out:
        console.remark(
            "warning",
            f"{database.value} does not know {', '.join(map(repr, found.left_out))}, and leaves it "
            "out of the query",
        )
    if found.read_as and found.read_as != query:
        console.remark("note", f"{database.value} reads the query as {found.read_as}")
    if not found.ids:
        raise InputError(f"no paper in {database.value} matches {query!r}: try other words")
    first = "is" if len(found.ids) == 1 else f"{len(found.ids):,} are"
    console.stderr().print(
        counted(found.matches, "paper matches", "papers match")
        + (f", the first {first} fetched" if len(found.ids) < found.matches else "")
    )
    unnamed = min(found.matches, most) - len(found.ids)
    if unnamed > 0:
        left = "it is" if unnamed == 1 else "they are"
        console.remark("warning", f"NCBI does not name {unnamed:,} of them: {left} left out")
    return list(found.ids), max(unnamed, 0)


def _few(ids: list[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
