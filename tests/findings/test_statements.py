"""What several papers state about one edge, as properties."""

import json
from itertools import permutations

import pytest

from biogpt_plugins.findings.statements import edge_properties, is_statement, statements_in


def statement(source, pmid, score=None, sentence=None, **facts):
    told = {"text": source, "pmid": pmid, "score": score, "sentence": sentence, **facts}
    known = {name: value for name, value in told.items() if value is not None}
    return {"type": "CID", "task": "bc5cdr", "model": "m", "grounded": True, **known}


ONE = statement("a", "1", 0.5, "Lithium: tremor.")
TWO = statement("b", "2", 0.9, "Tremor by lithium.", negated=True)
BARE = statement("c", "3")


@pytest.mark.parametrize("order", [*permutations([ONE, TWO, BARE])])
def test_all_of_it(order):
    assert edge_properties(order, "text") == {
        **TWO,
        "papers": 3,
        "pmids": ["2", "1", "3"],
        "sentences": ["Tremor by lithium.", "Lithium: tremor.", ""],
        "scores": [0.9, 0.5, -1],
        "sources": ["b", "a", "c"],
        "statements": [
            json.dumps(one, ensure_ascii=False, sort_keys=True) for one in (TWO, ONE, BARE)
        ],
    }


def test_there_and_back():
    properties = edge_properties([ONE, TWO, BARE], "text")
    assert statements_in(properties) == [TWO, ONE, BARE]
    assert edge_properties(statements_in(properties), "text") == properties


def test_a_source_that_is_read_again():
    again = {**ONE, "score": 0.7}
    assert statements_in(edge_properties([ONE, TWO, again], "text")) == [TWO, again]


def test_parts_of_a_paper_and_other_models_have_statements_of_their_own():
    part = statement("d", "1", 0.1)
    other = {**ONE, "model": "n", "score": 0.2}
    properties = edge_properties([ONE, part, other], "text")
    assert properties["pmids"] == ["1", "1", "1"]
    assert properties["papers"] == 1


def test_without_a_source_the_paper_is_the_source():
    bare = {name: value for name, value in ONE.items() if name != "text"}
    assert len(statements_in(edge_properties([bare, {**bare, "pmid": "2"}, bare], "text"))) == 2


def test_one_statement_and_what_is_none():
    assert statements_in(ONE) == [ONE]
    assert not is_statement({"type": "NEXT", "pmid": "1"})
    assert statements_in({"type": "NEXT"}) == []
