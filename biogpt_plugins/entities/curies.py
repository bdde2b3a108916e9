"""Identifiers as CURIEs, "MESH:D012640", with the prefixes of the Biolink model."""

from __future__ import annotations

import re

from biogpt_plugins.values.entities import kind_of_type

# What files write before an identifier, and the prefix of the Biolink model (its `id_prefixes`).
PREFIXES = {
    "mesh": "MESH",
    "msh": "MESH",
    "omim": "OMIM",
    "mim": "OMIM",
    "ncbigene": "NCBIGene",
    "entrez": "NCBIGene",
    "entrezgene": "NCBIGene",
    "geneid": "NCBIGene",
    "gene": "NCBIGene",
    "ncbitaxon": "NCBITaxon",
    "ncbitaxonomy": "NCBITaxon",
    "taxonomy": "NCBITaxon",
    "taxid": "NCBITaxon",
    "chebi": "CHEBI",
    "drugbank": "DRUGBANK",
    "uniprot": "UniProtKB",
    "uniprotkb": "UniProtKB",
    "umls": "UMLS",
    "cui": "UMLS",
    "cellosaurus": "Cellosaurus",
    "dbsnp": "DBSNP",
    "pubchem": "PUBCHEM.COMPOUND",
    "mondo": "MONDO",
    "hp": "HP",
    "doid": "DOID",
    "efo": "EFO",
    "go": "GO",
}
# Identifiers that say by their form which vocabulary they are from.
_FORMS = (
    (re.compile(r"[CD]\d{6}(?:\d{3})?"), "MESH"),
    (re.compile(r"C\d{7}"), "UMLS"),
    (re.compile(r"DB\d{5}"), "DRUGBANK"),
    (re.compile(r"rs\d+"), "DBSNP"),
    (re.compile(r"CVCL_[A-Z0-9]{4}"), "Cellosaurus"),
    (re.compile(r"[OPQ]\d[A-Z0-9]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z0-9]{2}\d){1,2}"), "UniProtKB"),
)
# Plain numbers are identifiers of the vocabulary that annotations of this kind use.
_NUMBERS = {"gene": "NCBIGene", "species": "NCBITaxon"}
_SEPARATOR = re.compile(r"[|;,+]")


def identifiers(id_: str | None, type_: str = "") -> tuple[str, ...]:
    """The identifiers of an annotation, as it writes them: several for a composite mention.

    Between them stands "|", ";", "," or "+". A variant has one: its identifier has such signs
    itself.

    Args:
        id_: The identifier, or several.
        type_: The entity's type, by whatever name.
    """
    if not id_:
        return ()
    if kind_of_type(type_) == "variant":
        return (id_,)
    return tuple(filter(None, map(str.strip, _SEPARATOR.split(id_))))


def curies(id_: str | None, type_: str = "") -> tuple[str, ...]:
    """The CURIEs of an annotation's identifiers, each once.

    "D012640" and "mesh:D012640" are "MESH:D012640"; "7157" of a gene is "NCBIGene:7157";
    "MESH:D001|D002" is ("MESH:D001", "MESH:D002"). An identifier of an unknown vocabulary is left
    as it is.

    Args:
        id_: The identifier, or several.
        type_: The entity's type, by whatever name: it tells which vocabulary numbers are from.
    """
    found: dict[str, None] = {}
    prefix = ""
    for part in identifiers(id_, type_):
        curie = _curie(part, type_)
        if ":" not in curie and prefix:
            curie = f"{prefix}:{curie}"
        prefix = curie.rpartition(":")[0]
        found[curie] = None
    return tuple(found)


def _curie(id_: str, type_: str) -> str:
    prefix, colon, local = id_.partition(":")
    if colon:
        plain = "".join(filter(str.isalnum, prefix.casefold()))
        local = local.strip().removeprefix(f"{prefix}:")  # "MESH:MESH:D001"
        return f"{PREFIXES.get(plain, prefix.strip())}:{local}"
    prefix = next((vocabulary for form, vocabulary in _FORMS if form.fullmatch(id_)), "")
    if id_.isdecimal():
        prefix = _NUMBERS.get(kind_of_type(type_), "")
    return f"{prefix}:{id_}" if prefix else id_
