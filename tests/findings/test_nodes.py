"""One concept, one node: in every graph of the same data."""

import random
from io import StringIO

import networkx as nx
import pytest

from biogpt_plugins import Aggregate, Entity, Prediction, Relation, aggregate
from biogpt_plugins.corpus.export import graphml, neo4j
from biogpt_plugins.entities import Concept, EntityDictionary
from biogpt_plugins.findings.nodes import NodeKey, Nodes
from biogpt_plugins.findings.property_graph import edges_of, nodes_of

SEIZURES = "MESH:D012640"


def entity(text, id_=None, type_="disease", **facts):
    return Entity(text=text, id=id_, type=type_, **facts)


def relation(head, tail):
    return Relation(head=head, type="CID", tail=tail)


def nodes(*entities, dictionary=None):
    return Nodes.of(((str(n), one) for n, one in enumerate(entities)), dictionary)


def ids(found, *entities):
    return [[str(key) for key in found.keys(one)] for one in entities]


def test_an_identifier_is_the_node_whatever_the_name_and_the_type():
    given = (
        entity("seizures", "D012640"),
        entity("convulsions", "MESH:D012640"),
        entity("Convulsions", "mesh:D012640", "Phenotype"),
    )
    found = nodes(*given)
    assert ids(found, *given) == [[SEIZURES]] * 3
    node = found[NodeKey(SEIZURES)]
    assert (node.id, node.name, node.type) == (SEIZURES, "Convulsions", "disease")
    assert node.spellings == {"Convulsions": 1, "convulsions": 1, "seizures": 1}
    assert node.synonyms == ("convulsions", "seizures")
    assert (found.merged, found.ambiguous) == (0, 0)


def test_a_name_is_the_node_of_the_one_identifier_that_it_has_elsewhere():
    given = (entity("Seizure"), entity("seizures", "D012640"), entity("tremor"))
    found = nodes(*given)
    assert ids(found, *given) == [[SEIZURES], [SEIZURES], ["disease:tremor"]]
    assert (found.merged, found.ambiguous) == (1, 0)
    assert "1 name without an identifier joined" in found.report


def test_a_name_with_several_identifiers_stays_apart():
    given = (entity("MS", "D009103"), entity("MS", "D008946"), entity("MS"))
    found = nodes(*given)
    assert ids(found, *given) == [["MESH:D009103"], ["MESH:D008946"], ["disease:ms"]]
    assert (found.merged, found.ambiguous) == (0, 1)


def test_an_abbreviation_teaches_only_its_long_form():
    long = {"long_form": "multiple sclerosis", "short_form": "MS"}
    given = (entity("MS", "D009103", **long), entity("MS"), entity("Multiple sclerosis"))
    assert ids(nodes(*given), *given) == [["MESH:D009103"], ["disease:ms"], ["MESH:D009103"]]


def test_names_of_another_kind_stay_apart_and_those_of_one_kind_do_not():
    given = (
        entity("iron", "D007501", "chemical"),
        entity("iron", None, "disease"),
        entity("iron", None, "drug"),
    )
    assert ids(nodes(*given), *given) == [["MESH:D007501"], ["disease:iron"], ["MESH:D007501"]]


def test_several_identifiers_are_several_nodes():
    both = entity("renal and hepatic toxicity", "D007674|D056486")
    given = (both, entity("renal toxicity", "D007674"), entity("renal and hepatic toxicity"))
    found = nodes(*given)
    assert ids(found, both) == [["MESH:D007674", "MESH:D056486"]]
    assert ids(found, given[2]) == [["disease:renal and hepatic toxicity"]]
    assert found[NodeKey("MESH:D007674")].spellings == {"renal toxicity": 1}
    assert found[NodeKey("MESH:D056486")].name == "renal and hepatic toxicity"  # the only one
    edges = edges_of([relation(entity("gold", None, "chemical"), both)], "")
    assert [edge.target.id for edge in edges] == ["MESH:D007674", "MESH:D056486"]


@pytest.mark.parametrize("known_as", [SEIZURES, "D012640"])
def test_the_name_is_the_preferred_one(known_as):
    concepts = [Concept(known_as, "Disease", "Seizures")]
    dictionary = EntityDictionary([("convulsions", known_as)], concepts=concepts)
    given = entity("convulsions", "D012640")
    node = nodes(given, dictionary=dictionary)[NodeKey(SEIZURES)]
    assert (node.name, node.synonyms) == ("Seizures", ("convulsions",))
    paper = Prediction(
        id="1", task="bc5cdr", result=[relation(entity("gold", None, "chemical"), given)]
    )
    (edge,) = aggregate([paper], dictionary=dictionary)
    assert edge.tail == node


def corpus(seed):
    rng = random.Random(seed)
    names = ["seizures", "Seizure", "convulsions", "1,2-x (y)", "BRCA1", "-", "β-x", "a and b"]
    known = [None, None, "D012640", "MESH:D012640", "D012640|D003242", "X1"]

    def end(type_):
        return entity(rng.choice(names), rng.choice(known), type_)

    return [
        Prediction(
            id=str(number),
            task="bc5cdr",
            result=[relation(end("chemical"), end("disease")) for _ in range(rng.randint(0, 4))],
        )
        for number in range(12)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_all_graphs_of_the_same_data_have_the_same_nodes_and_edges(seed):
    papers = corpus(seed)
    aggregated = Aggregate.of(papers)
    edges = aggregated.edges()
    right = {(str(edge.head.key), str(edge.tail.key)) for edge in edges}

    table = nodes_of(paper.relations for paper in papers)
    found = [edge for paper in papers for edge in edges_of(paper.relations, "", nodes=table)]
    assert {(edge.source.id, edge.target.id) for edge in found} == right
    names = {str(node.key): node.name for edge in edges for node in (edge.head, edge.tail)}
    assert all(one.properties["name"] == names[one.id] for edge in found for one in edge[::2])
    assert table.merged == aggregated.nodes().merged

    graph = nx.parse_graphml("".join(graphml(edges)))
    assert set(graph.nodes) == names.keys()
    assert set(graph.edges()) == right
    lines = StringIO("".join(neo4j(edges).relationships)).readlines()[1:]
    assert len(lines) == len(edges)

    shuffled = random.Random(seed).sample(papers, len(papers))
    assert Aggregate.of(shuffled).edges() == edges
