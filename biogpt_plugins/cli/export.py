"""`biogpt export`: Predictions in, the formats of others out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from biogpt_plugins.cli import console, found
from biogpt_plugins.corpus import (
    StoredPrediction,
    check_predictions,
    check_writable,
    write_text,
)
from biogpt_plugins.corpus.export import bioc, documents, graphml, neo4j, pubtator, write_parquet
from biogpt_plugins.findings.edges import Aggregate, Edge
from biogpt_plugins.findings.table import TableRow, rows
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import FullText, Paper, read
from biogpt_plugins.values.results import Prediction


class To(str, Enum):
    """What may be written."""

    pubtator = "pubtator"
    bioc = "bioc"
    graphml = "graphml"
    neo4j = "neo4j"
    parquet = "parquet"


_WITH_TEXTS = {To.pubtator: pubtator, To.bioc: bioc}


def export(
    files: Annotated[
        list[str],
        typer.Argument(
            help='Files, or folders of runs, that `biogpt extract` wrote; "-" for standard input.'
        ),
    ],
    *,
    to: Annotated[
        To,
        typer.Option(
            "--to",
            "-t",
            help="pubtator or bioc: papers with mentions and relations. graphml or neo4j: the "
            "graph that `biogpt aggregate` makes. parquet: a table of all that was found, and of "
            "what failed.",
        ),
    ],
    out: Annotated[str, typer.Option("--out", "-o", help="File to write; of neo4j a folder.")],
    papers: Annotated[
        list[str] | None,
        typer.Option(
            "--papers",
            "-p",
            help="A file of the papers, for pubtator and bioc. Repeatable.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an OUT that exists.")] = False,
) -> None:
    """Write what was found for other tools: PubTator, BioC XML, GraphML, neo4j's CSV, Parquet.

    Papers and Predictions belong together by their ids. A paper that failed is left out, but for
    Parquet's table, which has answers, hallmarks and failures too.
    """
    if to in _WITH_TEXTS and not papers:
        raise InputError(
            f"a Prediction holds no text, which {to.value} does: give the papers with --papers"
        )
    places = _places(Path(out)) if to is To.neo4j else {"": out}
    inputs = [*files, *(papers or ())]
    check_predictions(inputs)
    for place in places.values():
        check_writable(place, force=force, inputs=inputs)
    faults = found.Faults()
    if to in _WITH_TEXTS:
        predictions = found.predictions(files, faults)
        _write_papers(to, out, predictions, found.texts(papers or (), predictions, _paper, faults))
    elif to is To.parquet:
        _write_table(out, files, faults)
    else:
        _write_graph(to, places, _edges(found.predictions(files, faults)))
    faults.conclude()
    if out != "-":
        console.stderr().print(f"written to {out}", soft_wrap=True)


def _places(folder: Path) -> dict[str, str]:
    if folder.is_file() or str(folder) == "-":
        raise InputError(f"{folder} is no folder: neo4j takes two files, so name a folder for them")
    if folder.parent.is_dir():
        folder.mkdir(exist_ok=True)
    return {name: str(folder / f"{name}.csv") for name in ("nodes", "relationships")}


def _paper(value: object) -> tuple[str | None, Paper | FullText]:
    is_full = isinstance(value, FullText)
    paper = read(FullText, value) if is_full else read(Paper, value)
    return paper.id, paper


def _write_papers(
    to: To, out: str, predictions: list[Prediction], papers: dict[str, Paper | FullText]
) -> None:
    written = list(documents(predictions, papers))
    if not written:
        raise InputError(
            "no prediction of relations belongs to a paper that was given: their ids must be the "
            "same, and the texts those that were read"
        )
    write_text(out, _WITH_TEXTS[to](written))
    relations = sum(len(document.relations) for document in written)
    console.stderr().print(f"{relations:,} relations in {len(written):,} papers")
    if left := len({one.id for one in predictions} - {document.id for document in written}):
        console.remark(
            "warning",
            f"{left:,} papers were left out: they failed, have no relations to look for, or their "
            "text is not at hand or another",
        )


def _edges(predictions: Iterable[Prediction]) -> list[Edge]:
    return Aggregate.of(one for one in predictions if one.kind == "relations").edges()


def _write_graph(to: To, places: dict[str, str], edges: list[Edge]) -> None:
    if to is To.graphml:
        write_text(places[""], graphml(edges))
    else:
        for name, lines in neo4j(edges)._asdict().items():
            write_text(places[name], lines)
    console.stderr().print(f"{len(edges):,} relations")


def _write_table(out: str, files: list[str], faults: found.Faults) -> None:
    kinds: Counter[str] = Counter()
    write_parquet(out, _rows(found.each(files, faults), faults, kinds))
    told = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
    console.stderr().print(f"{kinds.total():,} rows: {told}")


def _rows(
    every: Iterable[StoredPrediction], faults: found.Faults, kinds: Counter[str]
) -> Iterator[TableRow]:
    """The rows of all Predictions, which are counted by their kinds."""
    for one in every:
        try:
            made = list(rows(one.prediction, question=one.question, origin=one.origin))
        except InputError as error:
            faults.tell(error)
            continue
        kinds.update(row["kind"] for row in made)
        yield from made
