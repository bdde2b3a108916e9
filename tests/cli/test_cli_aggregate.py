"""`biogpt aggregate`, and the dictionary of `biogpt extract`."""

import csv
import json
from io import StringIO

import pytest
from typer.testing import CliRunner

from biogpt_plugins import Answer, Edge, Entity, Pipeline, Prediction, Relation
from biogpt_plugins.cli import app
from biogpt_plugins.entities import Concept
from biogpt_plugins.entities.names_file import write_names
from biogpt_plugins.testing import ScriptedEngine

TREMOR = "the relation between lithium and tremor exists."
BOTH = "the relation between lithium and tremor exists; the relation between gold and rash exists."


def run(*args, load=None, **options):
    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load, **options)


@pytest.fixture
def found(tmp_path):
    """The predictions of three papers, in two files that have one in common."""
    texts = [
        "Lithium caused tremor.",
        "Lithium did not cause tremor.",
        "Lithium, tremor; gold|rash.",
    ]
    inputs = [{"id": str(n), "text": text} for n, text in enumerate(texts, 1)]
    lines = [
        one.model_dump_json() + "\n"
        for one in Pipeline("bc5cdr", ScriptedEngine([TREMOR, TREMOR, BOTH])).run(inputs)
    ]
    files = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for file, part in zip(files, (lines[:2], lines[1:]), strict=True):
        file.write_text("".join(part), encoding="utf-8")
    return files


def test_edges_in_a_file_and_a_table(found, tmp_path):
    out = tmp_path / "edges.jsonl"
    done = run("aggregate", *found, "-o", out)
    assert done.exit_code == 0, done.stderr
    edges = [Edge.model_validate_json(line) for line in out.read_text("utf-8").splitlines()]
    assert [(e.supporting, e.contradicting) for e in edges] == [(("1", "3"), ("2",)), (("3",), ())]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["Lithium", "CID", "tremor", "2", "0", "1"] in rows
    assert (
        "2 relations in 4 predictions: 1 in several papers, 1 negated in at least one"
        in done.stderr
    )
    assert f"written to {out}" in done.stderr


def test_the_order_of_files_plays_no_part(found):
    one, other = (run("aggregate", *files, "-o", "-") for files in (found, found[::-1]))
    assert one.stdout == other.stdout
    assert len(one.stdout.splitlines()) == 2
    assert json.loads(one.stdout.splitlines()[0])["head"]["name"] == "Lithium"


def test_csv_and_markdown(found):
    rows = list(csv.DictReader(StringIO(run("aggregate", *found, "-f", "csv").stdout)))
    assert rows[0] == {
        "head": "Lithium",
        "relation": "CID",
        "tail": "tremor",
        "supporting": "2",
        "speculating": "0",
        "contradicting": "1",
        "score": "",
    }
    lines = run("aggregate", *found, "-f", "markdown", "-n", 1).stdout.splitlines()
    assert lines[0] == "| head | relation | tail | stated | possible | negated | score |"
    assert lines[1] == "| --- | --- | --- | ---: | ---: | ---: | ---: |"
    assert lines[2:] == ["| Lithium | CID | tremor | 2 | 0 | 1 |  |"]


def test_what_cannot_be_used_costs_itself_only(found):
    answer = Prediction(id="9", task="pubmedqa", result=Answer(label="yes"))
    with found[0].open("a", encoding="utf-8") as file:
        file.write(f'{{"id": "1"}}\n[1]\n{answer.model_dump_json()}\n')
    done = run("aggregate", *found)
    assert done.exit_code == 1
    said = done.stderr.splitlines()
    assert said[0].startswith(f"warning: {found[0]}:3: not a Prediction: task: field required")
    assert said[1].startswith(f"warning: {found[0]}:4: ")
    assert "is of task pubmedqa, which finds no relations" in said[2]
    assert "3 lines could not be used" in done.stderr


@pytest.mark.parametrize("text", ["", "\n", "what\n"])
def test_no_predictions(tmp_path, text):
    path = tmp_path / "a.jsonl"
    path.write_text(text, encoding="utf-8")
    done = run("aggregate", path)
    assert done.exit_code == 2
    assert f"error: no predictions in {path}" in done.stderr


def test_what_is_there_is_not_replaced(found):
    done = run("aggregate", *found, "-o", found[0])
    assert done.exit_code == 2
    assert "is one of the inputs" in done.stderr


def test_14_csv_guards_formulas_and_quotes_line_ends(tmp_path):
    path, (head, tail) = tmp_path / "found.jsonl", ("=cmd|' /C calc'!A0", "a\rb")
    ends = {"head": Entity(text=head, type="chemical"), "tail": Entity(text=tail, type="disease")}
    one = Prediction(id="1", task="bc5cdr", result=[Relation(type="CID", **ends)])
    path.write_text(one.model_dump_json(), encoding="utf-8")
    written = run("aggregate", path, "-f", "csv").stdout_bytes.decode()
    assert written.splitlines(keepends=True)[0].endswith(",score\n")
    assert f'\n\'{head},CID,"{tail}",1,0,0,\n' in written


class Loader:
    def __call__(self, model, task, *, dictionary=None, **options):
        del model, options
        engine = ScriptedEngine([TREMOR, BOTH])
        return Pipeline(task or "bc5cdr", engine, dictionary=dictionary)


def test_extract_with_a_dictionary(tmp_path):
    papers, names = tmp_path / "papers.jsonl", tmp_path / "mesh.csv"
    papers.write_text(
        '{"text": "Lithium may cause tremor."}\n{"text": "Lithium: tremor."}\n', encoding="utf-8"
    )
    names.write_text("name,id,type\nLithium,D008094,chemical\n", encoding="utf-8")
    done = run("extract", papers, "--dictionary", names, load=Loader())
    assert done.exit_code == 0
    first = Prediction.model_validate_json(done.stdout.splitlines()[0]).result[0]
    assert (first.head.id, first.head.id_match, first.tail.id) == ("D008094", "exact", None)
    assert "0 negated in the text, 1 only speculated" in done.stderr
    assert "33.3% of the relations' ends have an id" in done.stderr


def test_a_dictionary_that_is_none_is_told_before_the_model_is_loaded(tmp_path):
    papers, names = tmp_path / "papers.jsonl", tmp_path / "mesh.csv"
    papers.write_text('"Lithium."\n', encoding="utf-8")
    names.write_text("name,id\nLithium\n", encoding="utf-8")
    done = run("extract", papers, "--dictionary", names)
    assert done.exit_code == 2
    assert f"error: {names}:2: the row has 1 field, but the header has 2" in done.stderr


class TestNodes:
    @pytest.fixture
    def papers(self, tmp_path):
        """Three papers: two give seizures their identifier, one does not; "MS" has two."""

        def paper(id_, name, known=None, head="lithium"):
            first = Entity(text=head, type="chemical", id="D008094" if known else None)
            tail = Entity(text=name, type="disease", id=known)
            relation = Relation(head=first, type="CID", tail=tail)
            return Prediction(id=id_, task="bc5cdr", result=[relation]).model_dump_json()

        lines = [
            paper("1", "seizures", "D012640"),
            paper("2", "convulsions", "MESH:D012640"),
            paper("3", "Seizure"),
            paper("4", "MS", "D009103"),
            paper("5", "MS", "D008946"),
            paper("6", "MS", head="gold"),
        ]
        path = tmp_path / "found.jsonl"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    @pytest.fixture
    def dictionary(self, tmp_path):
        path = tmp_path / "names.dict"
        concept = Concept("MESH:D012640", "Disease", "Seizures")
        with path.open("wb") as file:
            write_names(file, [concept], [("convulsion", "Convulsions", 0)])
        return path

    def test_merging_is_told(self, papers, tmp_path):
        done = run("aggregate", papers, "-o", tmp_path / "edges.jsonl")
        told = "2 names without an identifier joined the node that the same name with one has; 1"
        assert told in done.stderr
        lines = (tmp_path / "edges.jsonl").read_text("utf-8").splitlines()
        edges = [*map(Edge.model_validate_json, lines)]
        assert (edges[0].tail.id, edges[0].papers) == ("MESH:D012640", ("1", "2", "3"))
        assert (edges[0].head.id, edges[0].tail.name) == ("MESH:D008094", "Seizure")
        exported = run("export", papers, "--to", "graphml", "-o", tmp_path / "graph.graphml")
        assert told in exported.stderr
        assert run("aggregate", papers, "-n", "1", "-f", "csv").stdout.splitlines()[1:] == [
            "lithium,CID,Seizure,3,0,0,"
        ]

    def test_preferred_names(self, papers, dictionary, tmp_path):
        options = ("--dictionary", dictionary)
        done = run("aggregate", papers, *options, "-n", "1", "-f", "csv")
        assert done.stdout.splitlines()[1:] == ["lithium,CID,Seizures,3,0,0,"]
        run("export", papers, *options, "--to", "neo4j", "-o", tmp_path / "graph")
        lines = (tmp_path / "graph/nodes.csv").read_text("utf-8").splitlines()
        (seizures,) = (line for line in lines if line.startswith("MESH:D012640,"))
        assert seizures == (
            "MESH:D012640,Seizures,disease,MESH:D012640,Seizure;convulsions;seizures,Disease"
        )

    def test_a_table_prefers_no_name(self, papers, tmp_path):
        table = tmp_path / "names.csv"
        table.write_text("name,id\nconvulsions,D012640\n", encoding="utf-8")
        done = run("aggregate", papers, "--dictionary", table)
        assert "does not say which name is preferred" in " ".join(done.stderr.split())
        assert done.exit_code == 0
