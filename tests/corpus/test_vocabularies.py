"""Published vocabularies: what is read of them, what is left out and counted, what is refused."""

import gzip
import io
import re
import zipfile
from pathlib import Path

import pytest
from vocabularies import (
    CTD_COMMENTS,
    DESCRIPTORS,
    GENE_INFO,
    LITHIUM,
    MONDO,
    OLD_CHEMICALS,
    SEIZURES,
    SUPPLEMENTS,
    TP53,
    chemicals_file,
    gene_file,
    mesh_files,
    mondo_file,
    supplement,
)

from biogpt_plugins import EntityDictionary
from biogpt_plugins.corpus.vocabularies import Kind, Vocabulary, build
from biogpt_plugins.values.errors import InputError


def made(tmp_path, *files, **options):
    """The dictionary of (kind, path) pairs, and what was counted."""
    out = tmp_path / "names.dict"
    with out.open("wb") as stream:
        built = build(stream, [Vocabulary(Kind(kind), path) for kind, path in files], **options)
    return EntityDictionary.read(out), built


def names_of(dictionary, id_):
    return [row.name for row in dictionary.rows() if row.id == id_]


def written(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_mesh(tmp_path):
    desc, supp = mesh_files(tmp_path)
    known, built = made(tmp_path, ("mesh", supp), ("mesh", desc))  # in any order
    assert known.find("lithium", "chemical").id == "MESH:D008094"
    assert known.concepts["MESH:D008094"] == (
        "MESH:D008094",
        "Chemical",
        "Lithium",
        ("D01.268.549.400", "D01.552.547.500"),
    )
    assert names_of(known, "MESH:D012640") == ["Seizures", "Convulsions", "Fits & Spells"]
    types = {id_.removeprefix("MESH:"): one.type for id_, one in known.concepts.items()}
    assert types == {
        "D008094": "Chemical",
        "D012640": "Disease",
        "D003139": "Disease",
        "D999999": "Disease",
        "D017871": "Protein",
        "D001714": "Disease",
        "C000002": "Chemical",
        "C535575": "Disease",
        "C000003": "Protein",
    }
    assert known.concepts["MESH:C000002"].trees[0] == "D01.268.549.400/C000002"
    first, second = built.counts
    assert (first.vocabulary.path, first.concepts) == (desc, 6)
    assert first.left_out == {"descriptors of tree B": 1, "permuted terms": 2}
    assert (second.concepts, second.left_out) == (3, {"supplementary records of class 2": 1})


def test_a_name_of_several_concepts_is_kept_for_each_and_told(tmp_path):
    desc, _ = mesh_files(tmp_path)
    known, built = made(tmp_path, ("mesh", desc))
    assert built.ambiguous == {"cold": ("MESH:D003139", "MESH:D999999")}
    assert known.find("cold", "disease").how == "ambiguous"
    assert [row.id for row in known.rows() if row.name == "cold"] == [
        "MESH:D003139",
        "MESH:D999999",
    ]


def test_a_preferred_name_comes_before_a_synonym(tmp_path):
    rows = written(tmp_path, "own.csv", "name,id,type\nlithium,X:1,Chemical\n")
    desc, _ = mesh_files(tmp_path)
    known, _ = made(tmp_path, ("csv", rows), ("mesh", desc))
    assert known.find("LITHIUM", "chemical").id == "MESH:D008094"


def test_types_can_be_changed(tmp_path):
    desc, _ = mesh_files(tmp_path)
    changes = {"B": "Species", "D12.776": "Chemical", "D08.811": "", "F03": ""}
    known, built = made(tmp_path, ("mesh", desc), types=changes)
    assert known.concepts["MESH:D051379"].type == "Species"
    assert known.concepts["MESH:D017871"].type == "Chemical"
    assert "MESH:D001714" not in known.concepts
    assert built.counts[0].left_out["descriptors of tree F"] == 1


def test_ctd_adds_names_to_concepts_of_mesh(tmp_path):
    desc, _ = mesh_files(tmp_path)
    known, built = made(tmp_path, ("mesh", desc), ("ctd", chemicals_file(tmp_path)))
    assert names_of(known, "MESH:D008094") == ["Lithium", "Lithium-7", "Li metal"]
    assert built.counts[1][1:3] == (2, 2)
    assert known.concepts["MESH:C534883"].trees == ("D03.383.129/C534883",)


@pytest.mark.parametrize(
    ("columns", "row", "id_", "type_"),
    [
        (
            OLD_CHEMICALS,
            "Lithium\tD008094\t\t\t\tD01.268\t\tLi|Li metal",
            "MESH:D008094",
            "Chemical",
        ),
        (
            "DiseaseName,DiseaseID,AltDiseaseIDs,Definition,ParentIDs,TreeNumbers,"
            "ParentTreeNumbers,Synonyms,SlimMappings",
            '"Seizures, Febrile",OMIM:1,,,,C10.228,,"Li metal|b",',
            "OMIM:1",
            "Disease",
        ),
        (
            "GeneSymbol\tGeneName\tGeneID\tAltGeneIDs\tSynonyms\tBioGRIDIDs\tPharmGKBIDs\tUniProtIDs",
            "TP53\ttumor protein p53\t7157\t\tLi metal|P53\t\t\t",
            "NCBIGene:7157",
            "Gene",
        ),
    ],
)
def test_files_of_ctd(tmp_path, columns, row, id_, type_):
    path = written(tmp_path, "ctd", CTD_COMMENTS.format(columns=columns) + row + "\n")
    known, _ = made(tmp_path, ("ctd", path))
    assert (known.find("li metal").id, known.concepts[id_].type) == (id_, type_)


def test_an_ontology(tmp_path):
    known, built = made(tmp_path, ("obo", mondo_file(tmp_path)))
    assert names_of(known, "MONDO:0004975") == [
        "Alzheimer disease",
        "AD",
        "presenile \"dementia\", type 1",
    ]  # fmt: skip
    assert known.find("Alzheimer's disease", "Disease").how == "exact"  # the same normal form
    assert built.counts[0].left_out == {
        "broad synonyms": 1,
        "narrow synonyms": 1,
        "related synonyms": 1,
        "deprecated synonyms": 1,
        "obsolete terms": 1,
        "terms of UBERON": 1,
    }


def test_genes(tmp_path):
    known, built = made(tmp_path, ("ncbi-gene", gene_file(tmp_path)))
    assert known.find("p53", "gene").id == "NCBIGene:7157"
    assert names_of(known, "NCBIGene:7157")[:2] == ["TP53", "tumor protein p53"]
    assert built.counts[0].left_out == {"genes of other species": 1, "records of no gene": 1}
    mouse, _ = made(tmp_path, ("ncbi-gene", gene_file(tmp_path)), species=["10090"])
    assert mouse.find("Trp53", "gene").id == "NCBIGene:22059"


def test_a_zip_archive_and_the_same_bytes_again(tmp_path):
    desc, _ = mesh_files(tmp_path)
    packed = tmp_path / "desc2026.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.write(desc, "desc2026.xml")
    one, other = io.BytesIO(), io.BytesIO()
    build(one, [Vocabulary(Kind.mesh, packed)])
    build(other, [Vocabulary(Kind.mesh, packed)])
    assert one.getvalue() == other.getvalue()
    with zipfile.ZipFile(one) as made_:
        assert made_.namelist() == ["about.json", "concepts.tsv", "names.tsv"]


def test_what_a_dtd_declares_is_neither_loaded_nor_expanded(tmp_path):
    secret = written(tmp_path, "secret.txt", "secret")
    declared = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{secret}"><!ENTITY b "bbb">]>'
    text = DESCRIPTORS.format(records=LITHIUM + SEIZURES)
    text = re.sub("<!DOCTYPE[^>]*>", lambda _: declared, text)
    known, _ = made(tmp_path, ("mesh", written(tmp_path, "desc.xml", text)))
    assert len(known.concepts) == 2
    for reference in ("&a;", "&b;"):
        asked = text.replace("Convulsions", f"fit {reference}")
        with pytest.raises(InputError, match=r"desc\.xml:\d+: not XML: Entity"):
            made(tmp_path, ("mesh", written(tmp_path, "desc.xml", asked)))


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("mesh", MONDO, "is not a file of MeSH's descriptors"),
        ("mesh", "<PubmedArticleSet></PubmedArticleSet>", "--mesh reads desc2026.xml"),
        (
            "mesh",
            DESCRIPTORS.format(records=LITHIUM)[:-24],
            "ends before its last record: download",
        ),
        (
            "mesh",
            DESCRIPTORS.format(records=LITHIUM.replace("</TermList>", "")),
            r"bad:\d+: not XML",
        ),
        (
            "mesh",
            DESCRIPTORS.format(records=LITHIUM[:-25]),
            "bad:4: not XML: <DescriptorRecord> is",
        ),
        ("mesh", DESCRIPTORS.format(records=LITHIUM.replace("D008094", "")), "no DescriptorUI"),
        ("mesh", DESCRIPTORS.format(records=""), "bad has nothing to name"),
        (
            "mesh",
            SUPPLEMENTS.format(records=supplement("C1", "x protocol", "2", "D1")),
            "it has 1 supplementary record of class 2, which is left out; --type PREFIX=TYPE",
        ),
        ("ctd", "ChemicalName\tChemicalID\nLithium\tD008094\n", "is not a vocabulary of CTD"),
        ("ctd", "", "with their comments"),
        (
            "ctd",
            CTD_COMMENTS.format(columns=OLD_CHEMICALS) + "Lithium\tD008094\n",
            "bad:9: the row has 2 fields, not 8",
        ),
        ("obo", GENE_INFO + TP53, "is not an ontology in OBO"),
        (
            "obo",
            MONDO.replace("MONDO:", "GO:"),
            "bad has terms of GO, UBERON, whose types are not known: name them, for example --type",
        ),
        ("obo", "[Term]\nname: x\n", "bad:1: the [Term] has no id"),
        ("ncbi-gene", TP53, "is not a gene_info of NCBI Gene"),
        (
            "ncbi-gene",
            GENE_INFO + TP53.replace("9606", "10116"),
            "has no gene of species 9606, but of 10116: name one with --species",
        ),
        ("ncbi-gene", GENE_INFO + "9606\tx\tTP53\n", "bad:2: the line has no GeneID"),
        ("csv", "name,type\n", "bad: the first line must name the columns name, id"),
        ("csv", "name,id\na,1\n,2\n", "bad:3: a row must have a name and an id"),
    ],
)
def test_another_file_is_refused_by_name_with_the_remedy(tmp_path, kind, text, says):
    with pytest.raises(InputError, match=says if "\\" in says else re.escape(says)):
        made(tmp_path, (kind, written(tmp_path, "bad", text)))


def test_a_file_that_breaks_off(tmp_path):
    path = tmp_path / "desc.xml.gz"
    path.write_bytes(gzip.compress(DESCRIPTORS.format(records=LITHIUM * 400).encode())[:-40])
    with pytest.raises(InputError, match=r"desc\.xml\.gz.*(cannot read further|not closed)"):
        made(tmp_path, ("mesh", path))


def test_names_that_hold_no_letter_are_counted(tmp_path):
    rows = written(tmp_path, "own.csv", "name;id\n  a  b ;X:1\n17;X:1\n")
    known, built = made(tmp_path, ("csv", rows))
    assert [*known.rows()] == [("a b", "X:1", "")]
    assert built.counts[0].left_out == {"names without a letter": 1}


def test_no_vocabulary():
    with pytest.raises(InputError, match="name at least one vocabulary"):
        build(io.BytesIO(), [])


def test_the_path_is_told(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        made(tmp_path, ("mesh", tmp_path / "missing.xml"))
