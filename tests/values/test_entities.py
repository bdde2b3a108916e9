"""Entities as part of an input, and the kinds of their types."""

import pickle

import pytest
from pydantic import ValidationError

from biogpt_plugins import Entity, Paper, Question, Text
from biogpt_plugins.values.entities import kind_of_type
from biogpt_plugins.values.inputs import read

LITHIUM = Entity(text="Lithium", type="Chemical", start=0, end=7, id="D008094")
PAPER = Paper(id="1", title="Lithium", text="It caused tremor.", entities=[LITHIUM])


def test_an_input_carries_entities():
    assert PAPER.entities == (LITHIUM,)
    assert Paper.model_validate_json(PAPER.model_dump_json()) == PAPER
    assert pickle.loads(pickle.dumps(PAPER)) == PAPER
    assert read(Text, PAPER).entities == (LITHIUM,)
    question = Question(question="Is it?", context="Lithium may.", entities=[LITHIUM])
    assert question.entities == (LITHIUM,)


def test_without_entities_an_input_is_what_it_was():
    assert "entities" not in Paper(text="x").model_dump_json()
    assert read(Paper, PAPER, entities=False) == Paper(id="1", title="Lithium", text=PAPER.text)


def test_an_entity_must_be_in_the_text():
    with pytest.raises(ValidationError, match=r"'Lithium' of document 7 is not at 0:7.*'tremors'"):
        Paper(id="7", text="tremors after Lithium", entities=[LITHIUM])


def test_an_entity_without_offsets_is_taken_as_it_is():
    named = Entity(text="Li", type="Chemical")
    assert Paper(text="Lithium", entities=[named]).entities == (named,)


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (("Chemical", "drug", "Drugs", "small_molecule", "ChemicalEntity"), "chemical"),
        (("Disease", "DiseaseOrPhenotypicFeature", "side effect"), "disease"),
        (("Gene", "protein", "target", "GeneOrGeneProduct"), "gene"),
        (("Species", "OrganismTaxon"), "species"),
        (("DNAMutation", "SNP", "Variant"), "variant"),
        (("Moon phase", "moon_phase"), "moonphase"),
    ],
)
def test_types_have_the_names_of_several_tools(types, kind):
    assert {kind_of_type(type_) for type_ in types} == {kind}
