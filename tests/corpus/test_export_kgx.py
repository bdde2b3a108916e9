"""KGX: the tables of nodes and edges, by the rules of its format."""

import json
import re
from io import StringIO

import pytest
from typer.testing import CliRunner

from biogpt_plugins import Prediction, Relation, aggregate
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.export import kgx
from biogpt_plugins.values.results import Cue, Entity, Evidence

# https://biolink.github.io/kgx/kgx_format.html: what every record must have.
REQUIRED_OF_NODES = {"id", "category"}
REQUIRED_OF_EDGES = {"id", "subject", "predicate", "object", "knowledge_level", "agent_type"}
CURIE = re.compile(r"[^ <()>:]*:[^/ :]+")  # kgx.prefix_manager.PrefixManager.is_curie
NOT = (Evidence(text="x", start=0, end=1, cues=(Cue(kind="negation", text="x", start=0, end=1),)),)


def relation(head="lithium", tail="tremor", *, ids=("D008094", "D014202"), **facts):
    ends = zip((head, tail), ("chemical", "disease"), ids, strict=True)
    first, second = (Entity(text=text, type=type_, id=id_) for text, type_, id_ in ends)
    return Relation(head=first, type="CID", tail=second, **facts)


def paper(id_, *relations, task="bc5cdr"):
    return Prediction(id=id_, task=task, result=list(relations))


FOUND = [
    paper("1", relation(score=0.5)),
    paper("PMC22", relation("Lithium|carbonate", "tre\tmor"), relation("gold", ids=(None, "D1"))),
    paper("3", relation(evidence=NOT), relation("gold", "rash", ids=("X", "MESH:D005076"))),
    paper("6", relation("zinc", ids=("D015032", "D014202"), evidence=NOT)),
    paper("note", relation("both", "a and b", ids=("D008094", "D014202|D005076"))),
]


def tables(predictions):
    """Read without quotes, as KGX does."""
    written = kgx(aggregate(predictions))
    read = []
    for lines in (written.nodes, written.edges):
        header, *rows = [line.removesuffix("\n").split("\t") for line in lines]
        read.append([dict(zip(header, row, strict=True)) for row in rows])
    return *read, written.left_out


def test_the_rules_of_the_format():
    nodes, edges, _ = tables(FOUND)
    for rows, required in ((nodes, REQUIRED_OF_NODES), (edges, REQUIRED_OF_EDGES)):
        assert rows
        assert len({row["id"] for row in rows}) == len(rows)
        assert all(row[name] for row in rows for name in required)
    ids = {node["id"] for node in nodes}
    assert all(CURIE.fullmatch(id_) for id_ in ids)
    assert {edge[end] for edge in edges for end in ("subject", "object")} == ids
    assert {edge["knowledge_level"] for edge in edges} == {"not_provided"}
    assert {edge["agent_type"] for edge in edges} == {"text_mining_agent"}


def test_nodes():
    nodes, _, left_out = tables(FOUND)
    assert nodes[0] == {
        "id": "MESH:D008094",
        "category": "biolink:ChemicalEntity",
        "name": "lithium",
        "synonym": "Lithium carbonate|both",
    }
    assert {node["id"]: node["category"] for node in nodes[1:]} == {
        "MESH:D015032": "biolink:ChemicalEntity",
        "MESH:D014202": "biolink:Disease",
        "MESH:D005076": "biolink:Disease",
    }
    assert left_out == 2, "an end without an identifier, and one that is no CURIE"


def test_edges_and_their_negation():
    _, edges, _ = tables(FOUND)
    stated, other, negated = edges
    assert stated | {"id": ""} == {
        "id": "",
        "subject": "MESH:D008094",
        "predicate": "biolink:causes",
        "object": "MESH:D014202",
        "category": "biolink:Association",
        "negated": "false",
        "publications": "PMC:PMC22|PMID:1",
        "primary_knowledge_source": "infores:biogpt-plugins",
        "knowledge_level": "not_provided",
        "agent_type": "text_mining_agent",
        "has_confidence_score": "0.5",
        "relation_type": "CID",
        "contradicting_publications": "PMID:3",
    }
    assert (other["object"], other["publications"]) == ("MESH:D005076", "")
    assert (negated["negated"], negated["publications"]) == ("true", "PMID:6")
    assert negated["contradicting_publications"] == "PMID:6"
    assert tables(FOUND[::-1]) == tables(FOUND)


@pytest.fixture
def found(tmp_path):
    path = tmp_path / "found.jsonl"
    other = paper("5", relation(), task=tmp_path.name)
    path.write_text("\n".join(one.model_dump_json() for one in [*FOUND, other]), "utf-8")
    return path


def run(*args):
    done = CliRunner().invoke(app, [str(arg) for arg in args])
    return done.exit_code, " ".join(done.stderr.split())


def test_the_command(found, tmp_path):
    code, said = run("export", found, "--to", "kgx", "-o", tmp_path / "graph")
    assert code == 0, said
    assert "2 relations were left out, because an end has no identifier" in said
    assert f"what relations of task {tmp_path.name} are in the Biolink model is not known" in said
    edges = StringIO((tmp_path / "graph/edges.tsv").read_text("utf-8"))
    assert {line.split("\t")[2] for line in edges} == {
        "predicate",
        "biolink:causes",
        "biolink:related_to",
    }
    assert (tmp_path / "graph/nodes.tsv").exists()
    code, said = run("export", found, "--to", "kgx", "-o", found)
    assert code == 2
    assert "kgx needs two files, so name a folder" in said


def test_predicates_of_a_task_of_ones_own(found, tmp_path):
    task = tmp_path / "mine.toml"
    task.write_text(
        f'name = {json.dumps(tmp_path.name)}\nsummary = "x"\nentities = ["chemical", "disease"]\n'
        'clause = "{chemical} does {type} {disease}"\ntypes = ["CID"]\n'
        'predicates = "biolink:contributes_to"\n'
        '[[examples]]\ntext = "A, b."\n'
        'relations = [{ head = "A", type = "CID", tail = "b" }]\n',
        "utf-8",
    )
    code, said = run("export", found, "--to", "kgx", "-o", tmp_path / "graph", "--task", task)
    assert code == 0, said
    assert "is not known" not in said
    assert "biolink:contributes_to" in (tmp_path / "graph/edges.tsv").read_text("utf-8")
