"""Categories, predicates and publications, and whether the Biolink model has them."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from biogpt_plugins import Edge
from biogpt_plugins.entities import curies
from biogpt_plugins.findings import biolink
from biogpt_plugins.findings.nodes import Node
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.tasks.toml_task import read_task

DRUGPROT = Path(__file__).parent.parent.parent / "examples/12_your_own_task/drugprot.toml"
CLAUSES = [
    *(get_task(name).clause for name in ("bc5cdr", "ddi", "kd_dti")),
    read_task(DRUGPROT).clause,
]


def edge(type_="CID", *tasks):
    node = Node(name="x", type="chemical")
    return Edge(head=node, type=type_, tail=node, tasks=tasks)


@pytest.mark.parametrize(
    ("type_", "id_", "found"),
    [
        ("chemical", "MESH:D008094", "biolink:ChemicalEntity"),
        ("Drug", None, "biolink:ChemicalEntity"),
        ("disease", None, "biolink:Disease"),
        ("disease", "HP:0001250", "biolink:PhenotypicFeature"),
        ("target", "NCBIGene:7157", "biolink:Gene"),
        ("target", "UniProtKB:P04637", "biolink:Protein"),
        ("Species", "NCBITaxon:9606", "biolink:OrganismTaxon"),
        ("anatomy", "UBERON:0000955", "biolink:NamedThing"),
    ],
)
def test_categories(type_, id_, found):
    assert biolink.category(Node(name="x", type=type_, id=id_)) == found


@pytest.mark.parametrize(
    ("type_", "tasks", "found"),
    [
        ("CID", ("bc5cdr",), ("biolink:causes",)),
        ("effect", ("ddi",), ("biolink:interacts_with",)),
        ("a type of the model's own", ("kd_dti",), ("biolink:interacts_with",)),
        ("CID", ("bc5cdr", "ddi"), ("biolink:causes", "biolink:interacts_with")),
        ("CID", ("no such task",), ("biolink:related_to",)),
        ("CID", (), ("biolink:related_to",)),
    ],
)
def test_predicates(type_, tasks, found):
    assert biolink.predicates(edge(type_, *tasks)) == found


@pytest.mark.parametrize(
    ("paper", "found"),
    [
        ("6794356", "PMID:6794356"),
        ("PMID: 6794356", "PMID:6794356"),
        ("PMC1234567", "PMC:PMC1234567"),
        ("10.1000/x(1)", "doi:10.1000/x(1)"),
        ("https://doi.org/10.1000/x", "doi:10.1000/x"),
        ("report-7", None),
        ("unnamed-0123456789ab", None),
    ],
)
def test_publications(paper, found):
    assert biolink.publication(paper) == found


@pytest.fixture(scope="module")
def package():
    spec = find_spec("biolink_model")
    if spec is None:
        pytest.skip("NO TEST with the Biolink model: pip install biolink-model")
    return Path(spec.submodule_search_locations[0])


@pytest.fixture(scope="module")
def model(package):
    yaml = pytest.importorskip("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((package / "schema/biolink_model.yaml").read_text("utf-8"), loader)


class TestModel:
    """The model's own file, from the package biolink-model, which is not a dependency."""

    def test_it_has_the_categories(self, model):
        classes = {
            "".join(word[:1].upper() + word[1:] for word in name.split())
            for name, one in model["classes"].items()
            if not one.get("mixin") and not one.get("abstract")
        }
        every = {*biolink.CATEGORIES.values(), *biolink.CATEGORIES_BY_PREFIX.values()}
        assert {name.removeprefix("biolink:") for name in every} <= classes
        assert "NamedThing" in classes

    def test_it_has_the_predicates(self, model):
        slots = {name.replace(" ", "_"): one or {} for name, one in model["slots"].items()}
        for clause in CLAUSES:
            for type_ in clause.types:
                name = clause.predicate(type_).removeprefix("biolink:")
                assert "deprecated" not in slots[name]
                while name != "related_to":  # the root of all predicates
                    name = slots[name]["is_a"].replace(" ", "_")

    def test_it_has_the_prefixes(self, package):
        known = json.loads((package / "prefixmaps/biolink_model_prefix_map.json").read_text())
        assert set(curies.PREFIXES.values()) - known.keys() == {"Cellosaurus"}
        assert {"PMID", "PMC", "doi"} <= known.keys()


def test_every_task_of_relations_says_its_predicate():
    for name in ("bc5cdr", "ddi", "kd_dti"):
        assert TASKS[name].clause.predicates
