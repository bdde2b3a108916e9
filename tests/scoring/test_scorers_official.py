"""The official readers: what the official scripts read, and what they do not."""

import json

import pytest
from shared_data import shared

from biogpt_plugins.scoring import (
    official_answer,
    official_hallmarks,
    official_pairs,
    official_triples,
)

AB = "the relation between a and b exists"
CD = "the relation between c and d exists"
X = "the interaction between a and b is effect"
Y = "the interaction between c and d is int"
YES = "the answer to the question given the context is yes"
TYPE = "the type of this document is"
NONE = [("failed", "failed", "failed")]


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (f"{AB}.", [("a", "b")]),
        (f"{AB}; {CD}.", [("a", "b"), ("c", "d")]),
        # Items may be divided by the mark alone, and have spaces around them.
        (f"{AB};{CD};", [("a", "b"), ("c", "d")]),
        (f"  {AB} ;   {CD} .  ", [("a", "b"), ("c", "d")]),
        ("the relation between  a  and  b  exists", [("a", "b")]),
        # What follows the verb is of no matter; a full stop does not end an item.
        (f"{AB} and more; {CD}..", [("a", "b"), ("c", "d")]),
        (f"{AB}. {CD}.", [("a and b exists. the relation between c", "d")]),
        # An item that cannot be read is passed over; one is read from its start only.
        (f"{AB}; nothing; so {CD}", [("a", "b")]),
        (f"{AB}; {AB}", [("a", "b"), ("a", "b")]),
        # The last " and ", the last " exists".
        ("the relation between a and b and c exists", [("a and b", "c")]),
        ("the relation between a and b exists exists", [("a", "b exists")]),
        # Letter for letter.
        ("The relation between a and b exists.", []),
        ("the relation between a and b exist.", []),
        ("the relation between a  and b Exists.", []),
        ("the  relation between a and b exists.", []),
        ("the relation between A and β-b (x) exists", [("A", "β-b (x)")]),
        # A blank line, at which the official script stops, says nothing.
        ("", []),
        (" \t ", []),
        (".", []),
        ("no relation was found in this document.", []),
        # Prefixes.
        (f"learned1 learned2 {AB}.", [("a", "b")]),
        (f"echo learned1 {CD} learned2 learned10 {AB}.", [("a", "b")]),
        (f"learned1{AB}", []),
        (f"Learned1 {AB}", []),
        (f"x we can conclude that {AB}.", [("a", "b")]),
        (f"we have that {AB} we have that {CD}", [("c", "d")]),
        (f"in conclusion , {AB}.", [("a", "b")]),
        # BC5CDR's own spelling has a space before its comma.
        (f"in conclusion, {AB}.", []),
        # Only one prefix goes, and it is the first of the list that occurs.
        (f"in conclusion , we can conclude that {AB}.", []),
        (f"we can conclude that in conclusion , {AB}.", [("a", "b")]),
        (f"we can conclude that learned1 {AB}.", [("a", "b")]),
        (f"learned1 we can conclude that {AB}.", []),
    ],
)
def test_pairs(completion, expected):
    assert official_pairs(completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (f"{X}.", [("a", "b", "effect")]),
        (f"{X}; {Y}.", [("a", "b", "effect"), ("c", "d", "int")]),
        # Items are divided by the mark and one space.
        (f"{X};{Y}.", [("a and b is effect;the interaction between c", "d", "int")]),
        (f"{X};  {Y}.", [("a", "b", "effect")]),
        (f"{X};", [("a", "b", "effect;")]),
        (f"{X}; ", [("a", "b", "effect;")]),
        (f"{X}..", [("a", "b", "effect.")]),
        (f"{X} .", [("a", "b", "effect")]),
        # An item that cannot be read is passed over; without any, there is one that says so.
        (f"nothing; {Y}", [("c", "d", "int")]),
        (f"{X}; nothing", [("a", "b", "effect")]),
        ("nothing; nothing", NONE),
        ("", NONE),
        (".", NONE),
        # The last " is ", and the last " and " before it.
        ("the interaction between a and b and c is d", [("a and b", "c", "d")]),
        ("the interaction between a and b is c and d is e", [("a and b is c", "d", "e")]),
        ("the interaction between a and b is ", NONE),
        ("the interaction between a and b is  .", [("a", "b", "")]),
        ("The interaction between a and b is int", NONE),
        (f"so {X}", NONE),
        ("the interaction between failed and x is y", [("failed", "x", "y")]),
        # Prefixes.
        (f"echo {X} learned1 learned9 {Y}.", [("c", "d", "int")]),
        (f"in conclusion, {X}.", [("a", "b", "effect")]),
        (f"in conclusion , {X}.", NONE),
        (f"in conclusion, we have that {X}.", [("a", "b", "effect")]),
        (f"we have that in conclusion, {X}.", NONE),
    ],
)
def test_triples(completion, expected):
    assert official_triples(completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (f"{YES}.", "yes"),
        (f"  {YES} .", "yes"),
        (f"x. {YES}.", "yes"),
        # All that follows is the answer.
        (f"{YES}..", "yes."),
        (f"{YES} because", "yes because"),
        (f"{YES}. {YES}.", f"yes. {YES}"),
        ("the answer to the question given the context isYes", "Yes"),
        ("the answer to the question given the context is.", ""),
        ("The answer to the question given the context is yes.", "failed"),
        ("yes", "failed"),
        ("", "failed"),
        (f"{YES} learned1 no", "failed"),
        (f"no learned1 {YES}", "yes"),
    ],
)
def test_answers(completion, expected):
    assert official_answer(completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (f"{TYPE} a.", ["a"]),
        (f"so {TYPE} a| b |c d .", ["a", "b", "c d"]),
        (f"{TYPE} a|a||b", ["a", "a", "", "b"]),
        (f"{TYPE} a;b", ["a;b"]),
        (f"{TYPE}.", [""]),
        ("The type of this document is a", ["failed"]),
        ("", ["failed"]),
        (f"{TYPE} a learned1 {TYPE} b", ["b"]),
    ],
)
def test_hallmarks(completion, expected):
    assert official_hallmarks(completion) == expected


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("bc5cdr/corrupt.detok", official_pairs),
        ("bc5cdr/drop30.detok", official_pairs),
        ("ddi/drop30.detok", official_triples),
        ("pubmedqa/corrupt.detok", official_answer),
    ],
)
def test_recorded_completions_fail_as_often_as_officially(file, read):
    results = json.loads(shared("scorer/official_results.json").read_text())
    official = next(r["official"] for r in results if r["predictions_file"] == file)
    lines = shared(f"scorer/{file}").read_text(encoding="utf-8").split("\n")[: official["total"]]
    found = [read(line) for line in lines]
    assert sum(each in ([], NONE, "failed") for each in found) == official["failed"]
    if "pred_lines" in official:
        assert sum(map(len, found)) == official["pred_lines"]
