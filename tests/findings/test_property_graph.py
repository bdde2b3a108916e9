"""Relations as nodes and edges: ids, labels, properties, and what a schema lets in."""

import re

import pytest

from biogpt_plugins import Entity, Relation
from biogpt_plugins.findings.property_graph import Edge, GraphNode, Schema, edges_of
from biogpt_plugins.text.evidence import with_evidence
from biogpt_plugins.values.errors import InputError

TEXT = "A case report. Lithium caused tremor. It went."


def entity(name, type_, text=TEXT, **facts):
    at = text.find(name)
    place = {"start": at, "end": at + len(name)} if at >= 0 else {}
    return Entity(text=name, type=type_, **place, **facts)


def relation(
    head="Lithium", tail="tremor", *, kind="CID", text=TEXT, types=("chemical", "disease")
):
    ends = (entity(name, type_, text) for name, type_ in zip((head, tail), types, strict=True))
    return Relation(head=next(ends), type=kind, tail=next(ends))


def drugs(*kinds):
    relations = [
        relation("a", "b", kind=kind, text="a b", types=("drug", "drug")) for kind in kinds
    ]
    return edges_of(relations, "a b")


def test_an_edge():
    found = relation().model_copy(update={"score": 0.5})
    head = GraphNode("chemical:lithium", "Chemical", {"name": "Lithium", "type": "chemical"})
    tail = GraphNode("disease:tremor", "Disease", {"name": "tremor", "type": "disease"})
    properties = {
        "type": "CID",
        "sentence": "Lithium caused tremor.",
        "score": 0.5,
        "grounded": True,
        "head_start": 15,
        "head_end": 22,
        "tail_start": 30,
        "tail_end": 36,
        "pmid": "7",
    }
    assert edges_of([found], TEXT, pmid="7", model=None) == [Edge(head, "CID", tail, properties)]


def test_what_is_not_known_is_left_out():
    (edge,) = edges_of([relation("gold", "nausea")], TEXT)
    assert edge.source.properties == {"name": "gold", "type": "chemical"}
    assert edge.properties == {"type": "CID", "grounded": False}


def test_identifiers():
    head = entity("Lithium", "chemical", id="D008094")
    (edge,) = edges_of([relation().model_copy(update={"head": head})], TEXT)
    assert edge.source.id == edge.source.properties["identifier"] == "MESH:D008094"


def test_evidence():
    text = "Lithium may cause tremor.\nLithium did not cause\ntremor."
    (found,) = with_evidence([relation(text=text)], text)
    (edge,) = edges_of([found], text)
    told = edge.properties
    assert told["evidence"] == "Lithium may cause tremor.\nLithium did not cause tremor."
    assert (told["negated"], told["speculated"]) == (True, True)


def test_an_abbreviation_is_known_by_its_long_form():
    text = "CYCLOSPORINE A (CSA) AND TREMOR. After CSA came tremor, and CsA went."
    found = with_evidence([relation(name, text=text) for name in ("CSA", "CsA")], text)
    edge, *others = edges_of(found, text)
    assert not others
    assert edge.source.id == "chemical:cyclosporine a"
    assert edge.source.properties == {
        "name": "CYCLOSPORINE A",
        "synonyms": ["CSA", "CsA"],
        "abbreviation": "CSA",
        "type": "chemical",
    }


def test_what_is_the_same_is_there_once():
    text = "Lithium: tremor. It was lithium, and cat."
    pairs = [("Lithium", "tremor"), ("lithium", "tremor"), ("cat", "tremor")]
    found = edges_of([relation(*pair, text=text) for pair in pairs], text)
    assert [edge.source.id for edge in found] == ["chemical:lithium", "chemical:cat"]
    assert found[0].source.properties["name"] == "Lithium"
    assert found[0].properties["head_start"] == 0
    assert found[0].target is found[1].target


def test_types_keep_nodes_apart():
    text = "Iron."
    (edge,) = edges_of([relation("Iron", "Iron", text=text)], text)
    assert (edge.source.id, edge.target.id) == ("chemical:iron", "disease:iron")


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("CID", "CID"),
        ("inhibitor", "INHIBITOR"),
        ("partial agonist", "PARTIAL_AGONIST"),
        ("Other/unknown", "OTHER_UNKNOWN"),
        ("α2-antagonist", "_2_ANTAGONIST"),
        ("5-ht agonist", "_5_HT_AGONIST"),
        ("order", "_ORDER"),
        ("target", "_TARGET"),
        ("→", "_"),
    ],
)
def test_labels(kind, label):
    (edge,) = drugs(kind)
    assert (edge.label, edge.properties["type"]) == (label, kind)
    assert edge.source.label == "Drug"


@pytest.mark.parametrize(
    ("edges", "labels"),
    [
        ((), ["MECHANISM", "EFFECT"]),
        (["effect"], ["EFFECT"]),
        (["Effect", "mechanism"], ["MECHANISM", "EFFECT"]),
        ([("Drug", "mechanism", "drug")], ["MECHANISM"]),
        (["int"], []),
    ],
    ids=str,
)
def test_a_schema_of_edges(edges, labels):
    schema = Schema.of("ddi", (), edges)
    found = drugs("mechanism", "effect")
    assert [edge.label for edge in found if schema.has_edge(edge)] == labels


@pytest.mark.parametrize(
    ("nodes", "has"),
    [((), [True, True]), (["Chemical"], [True, False]), (["disease", "chemical"], [True, True])],
    ids=str,
)
def test_a_schema_of_nodes(nodes, has):
    schema = Schema.of("bc5cdr", nodes, ())
    (edge,) = edges_of([relation()], TEXT)
    assert [schema.has_node(edge.source), schema.has_node(edge.target)] == has


@pytest.mark.parametrize(
    ("nodes", "edges", "says"),
    [
        (["Gene"], (), "task bc5cdr finds no 'Gene': use Chemical or Disease"),
        ((), [("Drug", "CID", "Disease")], "finds no 'Drug'"),
        (
            (),
            [("Chemical", "CID")],
            "must be a type or (source type, type, target type), not ('Chemical', 'CID')",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_meant(nodes, edges, says):
    with pytest.raises(InputError, match=re.escape(says)):
        Schema.of("bc5cdr", nodes, edges)
