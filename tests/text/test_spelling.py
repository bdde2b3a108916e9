"""The spelling of names, and the sentences that relations stand in."""

import pytest

from biogpt_plugins import Entity, Relation
from biogpt_plugins.text.spelling import sentence_of, spelling

TEXT = "Lithium was given. It was withdrawn. A tremor followed."


def entity(name, type_="chemical", text=TEXT):
    at = text.find(name)
    place = {"start": at, "end": at + len(name)} if at >= 0 else {}
    return Entity(text=name, type=type_, **place)


@pytest.mark.parametrize(
    ("head", "tail", "sentence"),
    [
        ("Lithium", "given", "Lithium was given."),
        ("tremor", "Lithium", TEXT),
        ("Lithium", "nausea", "Lithium was given."),
        ("aspirin", "tremor", "A tremor followed."),
        ("aspirin", "nausea", None),
    ],
)
def test_the_sentence_of_a_relation(head, tail, sentence):
    relation = Relation(head=entity(head), type="CID", tail=entity(tail, "disease"))
    place = sentence_of(relation, TEXT)
    assert (place and TEXT[slice(*place)]) == sentence


@pytest.mark.parametrize(
    ("text", "mention", "spelled"),
    [
        ("Lithium caused it.", "Lithium", "lithium"),
        ("It was lithium.", "lithium", "lithium"),
        ("Acute Renal Failure after Gold.", "Acute Renal Failure", "acute renal failure"),
        ("Mutations of BRCA1 and mTOR.", "BRCA1", "BRCA1"),
        ("Mutations of BRCA1 and mTOR.", "mTOR", "mTOR"),
        ("CAT is no cat.", "CAT", "CAT"),
        ("CAT is no cat.", "cat", "cat"),
        ("Angiotensin II and vitamin K1.", "Angiotensin II", "angiotensin II"),
        ("Angiotensin II and vitamin K1.", "vitamin K1", "vitamin K1"),
        ("N-Acetylcysteine helped.", "N-Acetylcysteine", "N-acetylcysteine"),
        ("Parkinson's disease, early.", "Parkinson's disease", "parkinson's disease"),
        ('A 5-HT3 (serotonin) "antagonist".', "5-HT3 (serotonin)", "5-HT3 (serotonin)"),
        ("Renal\n  failure set in.", "Renal\n  failure", "renal failure"),
        ("Ca²⁺ and ß-blockers, naïve.", "Ca²⁺", "ca2+"),
        ("Άλφα μ-opioid. µ-opioid.", "µ-opioid", "μ-opioid"),
        ("DEAFNESS AFTER TOBRAMYCIN. It was tobramycin.", "TOBRAMYCIN", "tobramycin"),
    ],
)
def test_spelling(text, mention, spelled):
    start = text.index(mention)
    entity = Entity(text=mention, type="chemical", start=start, end=start + len(mention))
    assert spelling(entity, text) == spelled
