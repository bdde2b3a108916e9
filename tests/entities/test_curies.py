"""Identifiers in the forms that annotations have, as CURIEs."""

import pytest

from biogpt_plugins.entities.curies import curies, identifiers


@pytest.mark.parametrize(
    ("id_", "type_", "found"),
    [
        (None, "chemical", ()),
        ("", "chemical", ()),
        ("D012640", "disease", ("MESH:D012640",)),
        ("MESH:D012640", "Disease", ("MESH:D012640",)),
        ("mesh: D012640", "Disease", ("MESH:D012640",)),
        ("MESH:MESH:D012640", "Disease", ("MESH:D012640",)),
        ("C535575", "disease", ("MESH:C535575",)),
        ("C000598555", "chemical", ("MESH:C000598555",)),
        ("C0036572", "disease", ("UMLS:C0036572",)),
        ("OMIM:604370", "Disease", ("OMIM:604370",)),
        ("7157", "Gene", ("NCBIGene:7157",)),
        ("NCBI Gene:7157", "Gene", ("NCBIGene:7157",)),
        ("9606", "Species", ("NCBITaxon:9606",)),
        ("9606", "chemical", ("9606",)),
        ("DB00316", "drug", ("DRUGBANK:DB00316",)),
        ("P04637", "target", ("UniProtKB:P04637",)),
        ("A0A024R1R8", "target", ("UniProtKB:A0A024R1R8",)),
        ("rs113488022", "SNP", ("DBSNP:rs113488022",)),
        ("CVCL_0023", "CellLine", ("Cellosaurus:CVCL_0023",)),
        ("tmVar:p|SUB|V|600|E;HGVS:p.V600E", "ProteinMutation", None),
        ("chebi:6801", "chemical", ("CHEBI:6801",)),
        ("my:1", "chemical", ("my:1",)),
        ("X9", "chemical", ("X9",)),
        ("D000001|D000002", "disease", ("MESH:D000001", "MESH:D000002")),
        ("MESH:D000001|D000002", "disease", ("MESH:D000001", "MESH:D000002")),
        ("my:1 | 2", "disease", ("my:1", "my:2")),
        ("D000001+D000002", "disease", ("MESH:D000001", "MESH:D000002")),
        ("1;2,1", "Gene", ("NCBIGene:1", "NCBIGene:2")),
        ("|D000001|", "disease", ("MESH:D000001",)),
    ],
)
def test_identifiers(id_, type_, found):
    assert curies(id_, type_) == ((id_,) if found is None else found)


@pytest.mark.parametrize(
    ("id_", "type_", "found"),
    [
        (None, "disease", ()),
        ("MESH:D1 | D2", "disease", ("MESH:D1", "D2")),
        ("1;2,1+3", "gene", ("1", "2", "1", "3")),
        ("p|SUB|V|600|E", "SNP", ("p|SUB|V|600|E",)),
        ("|", "gene", ()),
    ],
)
def test_identifiers_as_written(id_, type_, found):
    assert identifiers(id_, type_) == found
