"""`biogpt export`: writes Predictions in the formats of other tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from biogpt_plugins.cli import console, found, naming
from biogpt_plugins.corpus import (
    StoredPrediction,
    check_predictions,
    check_writable,
    write_text,
)
from biogpt_plugins.corpus.export import (
    bioc,
    csv_table,
    documents,
    graphml,
    holds,
    kgx,
    neo4j,
    pubtator,
    tsv_table,
    write_parquet,
)
from biogpt_plugins.corpus.export.kgx import Tables as KgxTables
from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.findings.edges import Aggregate, Edge
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import FullText, Paper, read
from biogpt_plugins.values.results import Prediction
from biogpt_plugins.values.table import TableRow, rows


class To(str, Enum):
    """The output format."""

    pubtator = "pubtator"
    bioc = "bioc"
    graphml = "graphml"
    neo4j = "neo4j"
    kgx = "kgx"
    parquet = "parquet"
    csv = "csv"
    tsv = "tsv"


_WITH_TEXTS = {To.pubtator: pubtator, To.bioc: bioc}
_FOLDERS = {
    To.neo4j: ("nodes.csv", "relationships.csv"),
    To.kgx: ("nodes.tsv", "edges.tsv"),
}
_TABLES = {To.csv: csv_table, To.tsv: tsv_table}


def export(  # noqa: PLR0913 - options of a command
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help='Files or run folders that `biogpt extract` wrote; "-" for standard input.',
        ),
    ],
    *,
    to: Annotated[
        To,
        typer.Option(
            "--to",
            "-t",
            help="pubtator and bioc write papers with mentions and relations; graphml, neo4j and "
            "kgx write the graph that `biogpt aggregate` builds; parquet, csv and tsv write a "
            "table of all results and failures.",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The file to write; for neo4j and kgx, a folder."
        ),
    ],
    papers: Annotated[
        list[str] | None,
        typer.Option(
            "--papers",
            "-p",
            metavar="FILE",
            help="For pubtator and bioc: files of the papers. Repeatable.",
            show_default=False,
        ),
    ] = None,
    dictionary: naming.Names = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            metavar="FILE",
            help="For kgx: TOML files of your own tasks, which say what their relations are in the "
            "Biolink model. Repeatable.",
            show_default=False,
        ),
    ] = None,
    columns: console.Columns = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the --out file if it exists.")
    ] = False,
) -> None:
    """Export results to other tools: PubTator, BioC XML, GraphML, KGX, neo4j, Parquet, CSV, TSV.

    The command matches papers and Predictions by id. It leaves out papers that failed, except in
    Parquet, CSV and TSV, whose table also has answers, hallmarks and failures.
    """
    if to in _WITH_TEXTS and not papers:
        raise InputError(
            f"{to.value} needs the texts of the papers, which Predictions do not hold: give the "
            "papers with --papers"
        )
    named = console.named_columns(columns)
    files, papers = found.apart(files, papers)
    places = _places(to, Path(out)) if to in _FOLDERS else {"": out}
    for task in tasks or ():
        get_task(task)
    inputs = [*files, *papers]
    check_predictions(inputs)
    for place in places.values():
        check_writable(place, force=force, inputs=inputs)
    faults, names = found.Faults(), naming.names(dictionary)
    if to in _WITH_TEXTS:
        predictions = found.predictions(files, faults)
        texts = found.texts(papers, predictions, _paper, faults, named)
        _write_papers(to, out, predictions, texts, faults)
    elif to is To.parquet or to in _TABLES:
        _write_table(to, out, files, faults)
    else:
        _write_graph(to, places, found.predictions(files, faults), names)
    if out != "-":
        console.stderr().print(f"written to {out}", soft_wrap=True)
    faults.conclude()


def _places(to: To, folder: Path) -> dict[str, str]:
    if folder.is_file() or str(folder) == "-":
        raise InputError(
            f"{folder} is not a folder: {to.value} needs two files, so name a folder for them"
        )
    if folder.parent.is_dir():
        folder.mkdir(exist_ok=True)
    return {Path(name).stem: str(folder / name) for name in _FOLDERS[to]}


def _paper(value: object) -> tuple[str | None, Paper | FullText]:
    is_full = isinstance(value, FullText)
    paper = read(FullText, value) if is_full else read(Paper, value)
    return paper.id, paper


def _write_papers(
    to: To,
    out: str,
    predictions: list[Prediction],
    papers: dict[str, Paper | FullText],
    faults: found.Faults,
) -> None:
    written = list(documents(predictions, papers))
    if to is To.pubtator:
        for document in written:
            if not holds(document.id):
                faults.tell(InputError(f"PubTator cannot hold the id {document.id!r}: use bioc"))
        written = [document for document in written if holds(document.id)]
    if not written:
        raise InputError(
            "no relations belong to the given papers: give the papers that the predictions were "
            "made from, with the same ids and texts"
        )
    write_text(out, _WITH_TEXTS[to](written))
    relations = sum(len(document.relations) for document in written)
    console.stderr().print(f"{counted(relations, 'relation')} in {counted(len(written), 'paper')}")
    if left := len({one.id for one in predictions} - {document.id for document in written}):
        console.remark(
            "warning",
            counted(left, "paper was left out: it", "papers were left out: they")
            + f" failed, {'was' if left == 1 else 'were'} not read for relations, or the text "
            "in --papers is missing or different",
        )


def _write_graph(
    to: To,
    places: dict[str, str],
    predictions: Iterable[Prediction],
    names: EntityDictionary | None,
) -> None:
    aggregated = Aggregate.of(one for one in predictions if one.kind == "relations")
    nodes = aggregated.nodes(names)
    edges = aggregated.edges(nodes)
    if to is To.graphml:
        write_text(places[""], graphml(edges))
    else:
        tables = kgx(edges) if to is To.kgx else neo4j(edges)
        for name, place in places.items():
            write_text(place, getattr(tables, name))
        if isinstance(tables, KgxTables):
            _tell_kgx(tables, edges)
    console.stderr().print(counted(len(edges), "relation"))
    naming.tell(nodes)


def _tell_kgx(tables: KgxTables, edges: list[Edge]) -> None:
    if tables.left_out:
        console.remark(
            "warning",
            counted(tables.left_out, "relation was", "relations were")
            + " left out, because an end has no identifier and "
            "KGX needs one: extract with --dictionary, or from papers with annotations",
        )
    for task in sorted({task for edge in edges for task in edge.tasks if task not in TASKS}):
        console.remark(
            "warning",
            f"what relations of task {task} are in the Biolink model is not known, so they are "
            "biolink:related_to: give its file with --task",
        )


def _write_table(to: To, out: str, files: list[str], faults: found.Faults) -> None:
    kinds: Counter[str] = Counter()
    table = _rows(found.each(files, faults), faults, kinds)
    if to is To.parquet:
        write_parquet(out, table)
    else:
        write_text(out, _TABLES[to](table))
    by_kind = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
    console.stderr().print(f"{counted(kinds.total(), 'row')}: {by_kind}")


def _rows(
    every: Iterable[StoredPrediction], faults: found.Faults, kinds: Counter[str]
) -> Iterator[TableRow]:
    """The rows of all Predictions; `kinds` counts them."""
    for one in every:
        try:
            table = list(rows(one.prediction, question=one.question, origin=one.origin))
        except InputError as error:
            faults.tell(error)
            continue
        kinds.update(row["kind"] for row in table)
        yield from table
