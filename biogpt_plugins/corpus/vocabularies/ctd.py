"""CTD's vocabularies: CTD_chemicals, CTD_diseases and CTD_genes, as TSV or CSV.

http://ctdbase.org/downloads/ lists the columns. Lines that begin with "#" are comments; the names
of the columns are in the comment after "# Fields:". Lists have "|" between their items. Newer files
have MESHSynonyms and CTDCuratedSynonyms in place of Synonyms.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import NamedTuple

from biogpt_plugins.corpus.readers.files import OpenFile
from biogpt_plugins.corpus.vocabularies.lines import texts
from biogpt_plugins.corpus.vocabularies.terms import LeftOut, Term, Types, curie, refused
from biogpt_plugins.entities import Concept
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

_LISTS = ("Synonyms", "MESHSynonyms", "CTDCuratedSynonyms")


class _Table(NamedTuple):
    name: str
    id: str
    type: str
    prefix: str
    by_tree: bool


_TABLES = {
    "ChemicalName": _Table("ChemicalName", "ChemicalID", "Chemical", "MESH", True),
    "DiseaseName": _Table("DiseaseName", "DiseaseID", "Disease", "MESH", True),
    "GeneSymbol": _Table("GeneSymbol", "GeneID", "Gene", "NCBIGene", False),
}


class Ctd:
    """Reads files of CTD."""

    def __init__(self, types: Types) -> None:
        """Read with these types of MeSH's tree numbers."""
        self._types = types

    def __call__(self, file: OpenFile, left_out: LeftOut) -> Iterator[Term]:
        """Read a file.

        Raises:
            InputError: It is another file, or a row is damaged; the message gives the line.
        """
        columns: list[str] = []
        delimiter = "\t"
        for number, line in texts(file):
            if line.startswith("#"):
                given = line[1:].strip()
                mark = "\t" if "\t" in given else ","
                if not columns and given.split(mark)[0] in _TABLES:
                    columns, delimiter = given.split(mark), mark
            elif columns and line:
                where = f"{file.called}:{number}"
                yield from self._terms(_row(line, delimiter, columns, where), left_out)
            elif line:
                break
        if not columns:
            raise refused(
                file,
                "a vocabulary of CTD",
                "--ctd reads CTD_chemicals.tsv.gz, CTD_diseases.tsv.gz and CTD_genes.tsv.gz of "
                "http://ctdbase.org/downloads/ with their comments",
            )

    def _terms(self, row: dict[str, str], left_out: LeftOut) -> Iterator[Term]:
        table = _TABLES[next(iter(row))]
        trees = tuple(_list(row.get("TreeNumbers", "")))
        type_ = self._types.of_trees(trees) if table.by_tree and trees else table.type
        if not type_:
            left_out["concepts of other trees"] += 1
            return
        name = row[table.name]
        more = [one for column in _LISTS for one in _list(row.get(column, ""))]
        names = dict.fromkeys(filter(None, (name, row.get("GeneName", ""), *more)))
        yield Term(Concept(curie(table.prefix, row[table.id]), type_, name, trees), tuple(names))


def _row(line: str, delimiter: str, columns: list[str], where: str) -> dict[str, str]:
    fields = line.split("\t") if delimiter == "\t" else next(csv.reader([line]))
    if len(fields) != len(columns):
        raise InputError(
            f"{where}: the row has {counted(len(fields), 'field')}, not {len(columns)}"
        )
    row = dict(zip(columns, map(str.strip, fields), strict=True))
    table = _TABLES[columns[0]]
    if not row[table.name] or not row.get(table.id):
        raise InputError(f"{where}: the row has no {table.name} or no {table.id}")
    return row


def _list(field: str) -> list[str]:
    return [one for one in field.split("|") if one]
