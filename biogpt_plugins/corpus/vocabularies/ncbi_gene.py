"""NCBI Gene's gene_info: one gene a line, tab-separated, "-" for an empty field.

https://ftp.ncbi.nlm.nih.gov/gene/DATA/README says what the columns hold. Of a gene these are read:
Symbol, Synonyms, description, Symbol_ and Full_name_from_nomenclature_authority.
Other_designations names proteins, and much else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from biogpt_plugins.corpus.readers.files import OpenFile
from biogpt_plugins.corpus.vocabularies.lines import texts
from biogpt_plugins.corpus.vocabularies.terms import LeftOut, Term, curie, refused
from biogpt_plugins.entities import Concept
from biogpt_plugins.values.errors import InputError

HUMAN = "9606"
_FIRST = ("tax_id", "GeneID", "Symbol")
_NAMES = (
    "Symbol",
    "Symbol_from_nomenclature_authority",
    "Full_name_from_nomenclature_authority",
    "description",
    "Synonyms",
)
_NO_GENES = {"biological-region"}


class NcbiGene:
    """Reads files of genes."""

    def __init__(self, species: Collection[str] = (HUMAN,)) -> None:
        """Read the genes of these species, by their numbers in NCBI's taxonomy."""
        self._species = frozenset(species)

    def __call__(self, file: OpenFile, left_out: LeftOut) -> Iterator[Term]:
        """Read a file.

        Raises:
            InputError: It is another file, a line is damaged, or no gene is of the species.
        """
        others: Counter[str] = Counter()
        columns: list[str] = []
        found = 0
        for number, line in texts(file):
            if not columns:
                columns = line.removeprefix("#Format:").lstrip("# ").split()
                if tuple(columns[: len(_FIRST)]) != _FIRST:
                    break
            elif line:
                fields = line.split("\t")
                if len(fields) < len(_FIRST) or not fields[1].isdecimal():
                    raise InputError(f"{file.called}:{number}: the line has no GeneID")
                gene = dict(zip(columns, fields, strict=False))
                if gene["tax_id"] not in self._species:
                    others[gene["tax_id"]] += 1
                elif gene.get("type_of_gene") in _NO_GENES or gene["Symbol"] == "NEWENTRY":
                    left_out["records of no gene"] += 1
                else:
                    found += 1
                    yield _term(gene)
        if columns[: len(_FIRST)] != [*_FIRST]:
            raise refused(
                file,
                "a gene_info of NCBI Gene",
                "--ncbi-gene reads Homo_sapiens.gene_info.gz, gene_info.gz and others of "
                "https://ftp.ncbi.nlm.nih.gov/gene/DATA/ with their first line",
            )
        if others and not found:
            raise InputError(
                f"{file.called} has no gene of species {', '.join(sorted(self._species))}, but of "
                f"{', '.join(one for one, _ in others.most_common(5))}: name one with --species"
            )
        if others:
            left_out["genes of other species"] += others.total()


def _term(gene: dict[str, str]) -> Term:
    fields = (gene.get(column, "-") for column in _NAMES)
    every = (name for field in fields if field != "-" for name in field.split("|"))
    names = tuple(dict.fromkeys(every))
    return Term(Concept(curie("NCBIGene", gene["GeneID"]), "Gene", gene["Symbol"]), names)
