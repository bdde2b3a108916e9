"""`biogpt dictionary build`: makes one dictionary of names from published vocabularies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import check_readable, check_writable
from biogpt_plugins.corpus.vocabularies import DEFAULT_TYPES, Built, Kind, Vocabulary, listed
from biogpt_plugins.corpus.vocabularies import build as build_dictionary
from biogpt_plugins.corpus.vocabularies.ncbi_gene import HUMAN
from biogpt_plugins.corpus.writers import STDOUT, whole
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

_SHOWN = 5  # names with several ids

_DEFAULTS = ", ".join(f"{prefix}={type_}" for prefix, type_ in DEFAULT_TYPES.items())


def _files(option: str, what: str) -> typer.models.OptionInfo:
    return typer.Option(option, metavar="FILE", help=f"{what} Repeatable.", show_default=False)  # type: ignore[no-any-return]


def build(  # noqa: PLR0913 - options of a command
    *,
    mesh: Annotated[
        list[Path] | None, _files("--mesh", "MeSH in XML: desc2026.xml and supp2026.xml.")
    ] = None,
    ctd: Annotated[
        list[Path] | None,
        _files("--ctd", "CTD_chemicals.tsv.gz, CTD_diseases.tsv.gz or CTD_genes.tsv.gz."),
    ] = None,
    obo: Annotated[
        list[Path] | None, _files("--obo", "An ontology: mondo.obo, hp.obo, doid.obo, chebi.obo.")
    ] = None,
    ncbi_gene: Annotated[
        list[Path] | None,
        _files("--ncbi-gene", "NCBI's gene_info.gz or Homo_sapiens.gene_info.gz."),
    ] = None,
    csv: Annotated[
        list[Path] | None,
        _files("--csv", "A table of your own with the columns name, id and type."),
    ] = None,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="The dictionary to write.")
    ],
    species: Annotated[
        list[str] | None,
        typer.Option(
            "--species",
            metavar="TAXON",
            help="Take genes of this species, a number of NCBI's taxonomy. Repeatable.",
            show_default=f"{HUMAN}, human",
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="PREFIX=TYPE",
            help="The type of concepts whose MeSH tree number or OBO id begins with PREFIX, for "
            "example A=Anatomy; PREFIX= leaves them out. The longest prefix wins. Repeatable.",
            show_default=_DEFAULTS,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the --out file if it exists.")
    ] = False,
) -> None:
    """Make one dictionary of names from MeSH, CTD, ontologies and NCBI Gene.

    Give it to `biogpt extract --dictionary` for the ids of entities. Files may be packed by gzip,
    xz or Zstandard, or in a zip archive. A name that several concepts have is kept for each. The
    file appears only when it is complete.
    """
    given = {
        Kind.mesh: mesh,
        Kind.ctd: ctd,
        Kind.obo: obo,
        Kind.ncbi_gene: ncbi_gene,
        Kind.csv: csv,
    }
    vocabularies = [Vocabulary(kind, path) for kind, paths in given.items() for path in paths or ()]
    names = [str(one.path) for one in vocabularies]
    if not vocabularies:
        raise InputError("name at least one vocabulary: --mesh, --ctd, --obo, --ncbi-gene or --csv")
    if out == STDOUT:
        raise InputError("a dictionary is not text: name a file with --out")
    check_readable(names)
    check_writable(out, force=force, inputs=names)
    with console.stderr().status("reading") as status, whole(out) as stream:
        built = build_dictionary(
            stream,
            vocabularies,
            types=_types(types),
            species=species or (HUMAN,),
            told=lambda one, n: status.update(f"{one.path.name}: {counted(n, 'concept')}"),
        )
    _show(built, out)


def _types(given: list[str] | None) -> Mapping[str, str]:
    types = {}
    for each in given or ():
        prefix, mark, type_ = each.partition("=")
        if not mark or not prefix.strip():
            raise InputError(f"--type {each}: give PREFIX=TYPE, for example A=Anatomy")
        types[prefix.strip()] = type_.strip()
    return types


def _show(built: Built, out: str) -> None:
    err = console.stderr()
    for count in built.counts:
        err.print(
            f"{count.vocabulary.path.name}: {counted(count.concepts, 'concept')}, "
            f"{counted(count.names, 'new name')}",
            soft_wrap=True,
        )
        left_out = sorted(count.left_out.items(), key=lambda pair: -pair[1])
        if told := listed(dict(left_out)):
            err.print(f"  left out: {told}", soft_wrap=True)
    if built.ambiguous:
        shown = list(built.ambiguous.items())[:_SHOWN]
        console.remark(
            "note",
            counted(len(built.ambiguous), "name has", "names have")
            + " several ids, which are all kept: "
            + ", ".join(f"{name!r} ({', '.join(ids)})" for name, ids in shown)
            + (", ..." if len(built.ambiguous) > _SHOWN else ""),
        )
    err.print(
        f"{counted(built.concepts, 'concept')} and {counted(built.names, 'name')} written to {out}",
        soft_wrap=True,
    )
