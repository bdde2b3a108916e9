"""`biogpt dictionary build`: one command from published files to ids."""

import re

import pytest
from typer.testing import CliRunner
from vocabularies import chemicals_file, gene_file, mesh_files, mondo_file

from biogpt_plugins import EntityDictionary, Pipeline
from biogpt_plugins.cli import app
from biogpt_plugins.testing import ScriptedEngine


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_one_dictionary_of_all(tmp_path):
    desc, supp = mesh_files(tmp_path)
    out = tmp_path / "names.dict"
    others = ("--ctd", chemicals_file(tmp_path), "--obo", mondo_file(tmp_path))
    done = run(
        *("dictionary", "build", "--mesh", supp, "--mesh", desc, *others),
        *("--ncbi-gene", gene_file(tmp_path), "--type", "B=Species", "-o", out),
    )
    assert done.exit_code == 0, done.stderr
    said = done.stderr
    assert "desc2026.xml: 7 concepts, 15 new names" in said
    assert "left out: 2 permuted terms" in said
    assert "CTD_chemicals.tsv.gz: 2 concepts, 2 new names" in said
    assert "1 gene of other species" in said
    assert "1 name has several ids, which are all kept: 'cold' (MESH:D003139, MESH:D999999)" in said
    known = EntityDictionary.read(out)
    assert f"{len(known.concepts)} concepts and {len(known)} names written to {out}" in said
    assert known.find("p53", "gene").id == "NCBIGene:7157"
    assert known.find("mice", "species").id == "MESH:D051379"


def test_the_ids_of_extracted_relations(tmp_path):
    desc, _ = mesh_files(tmp_path)
    out = tmp_path / "names.dict"
    assert run("dictionary", "build", "--mesh", desc, "-o", out).exit_code == 0
    engine = ScriptedEngine(["the relation between lithium and convulsions exists."])
    (found,) = Pipeline("bc5cdr", engine, dictionary=out).run(["Lithium caused convulsions."])
    (relation,) = found.result
    assert (relation.head.id, relation.tail.id) == ("MESH:D008094", "MESH:D012640")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "name at least one vocabulary: --mesh"),
        (("--obo", "{mesh}"), "desc2026.xml is not an ontology in OBO"),
        (("--mesh", "{mesh}", "--type", "A"), "--type A: give PREFIX=TYPE, for example A=Anatomy"),
        (("--mesh", "{folder}"), "is a folder"),
        (("--mesh", "{folder}/none.xml"), "none.xml: No such file"),
    ],
)
def test_what_is_refused_leaves_no_file(tmp_path, args, says):
    desc, _ = mesh_files(tmp_path)
    out = tmp_path / "names.dict"
    given = [arg.format(mesh=desc, folder=tmp_path) for arg in args]
    done = run("dictionary", "build", *given, "-o", out)
    assert done.exit_code == 2
    assert says in re.sub(r"\s+", " ", done.stderr)
    assert not out.exists()


def test_a_file_is_replaced_only_with_force(tmp_path):
    desc, _ = mesh_files(tmp_path)
    out = tmp_path / "names.dict"
    out.write_text("mine")
    assert run("dictionary", "build", "--mesh", desc, "-o", out).exit_code == 2
    assert out.read_text() == "mine"
    assert run("dictionary", "build", "--mesh", desc, "-o", out, "--force").exit_code == 0
    assert run("dictionary", "build", "--mesh", desc, "-o", desc, "--force").exit_code == 2
