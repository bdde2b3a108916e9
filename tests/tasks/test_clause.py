"""One declaration of a clause: target, grammar, reader, streaming and places agree in any words."""

import pickle
from math import log

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from biogpt_plugins import Entity, Relation
from biogpt_plugins.engine import Token
from biogpt_plugins.engines.derivations import Derivation
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.confidence import confidence_of
from biogpt_plugins.values.errors import InputError, ParseError

INHIBITS = Clause(
    text="{head} {type} {tail}",
    head="chemical",
    tail="gene",
    types=("INHIBITOR", "AGONIST", "PART-OF"),
    words=("inhibits", "is an agonist of", "is part of"),
    nothing="no relation",
)
CAUSES = Clause(text="{head} causes {tail}", head="drug", tail="disease", types=("CAUSES",))
ACTED_ON = Clause(
    text="the gene {tail} is {type} by {head}",
    head="chemical",
    tail="gene",
    types=("inhibited", "activated"),
)
INHIBITION = Clause(
    text="there is {type} of {tail} by {head}", head="chemical", tail="gene", types=("a", "b")
)
LINKS = Clause(
    text="the link from {head} of {tail} {type}",
    head="chemical",
    tail="gene",
    types=("induces", "weak modulator"),
)
CLAUSES = (INHIBITS, CAUSES, ACTED_ON, INHIBITION, LINKS)


def told(clause, completion, source=None, *, cut=False):
    found = clause.read(completion, source, cut).result
    return [f"{r.head.text} {r.type} {r.tail.text}" for r in found]


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("aspirin inhibits cox-2.", ["aspirin INHIBITOR cox-2"]),
        ("Aspirin  INHIBITS cox-2 .", ["Aspirin INHIBITOR cox-2"]),
        (
            "aspirin inhibits cox-2; a is an agonist of b.",
            ["aspirin INHIBITOR cox-2", "a AGONIST b"],
        ),
        (
            "aspirin inhibits cox-2. a is an agonist of b",
            ["aspirin INHIBITOR cox-2", "a AGONIST b"],
        ),
        (
            "a inhibits e. coli gyrase; b inhibits p53.",
            ["a INHIBITOR e. coli gyrase", "b INHIBITOR p53"],
        ),
        ("learned1 learned2 a inhibits b.", ["a INHIBITOR b"]),
        ("some text. we can conclude that a inhibits b.", ["a INHIBITOR b"]),
        ("the abstract states that a inhibits b.", ["a INHIBITOR b"]),
        ("a inhibits b; A inhibits B; a  inhibits b.", ["a INHIBITOR b"]),
        ("a inhibits b; a is part of b.", ["a INHIBITOR b", "a PART-OF b"]),
        ("a inhibits b; c", ["a INHIBITOR b"]),
        ("a inhibits b; c inhibits", ["a INHIBITOR b"]),
        ("a inhibits b; c destroys d.", ["a INHIBITOR b"]),
        ("a does not inhibit b.", []),
        ("a is not an agonist of b.", []),
        ("a is no agonist of b.", []),
        ("no relation.", []),
        ("No relation", []),
        ("no relation was found.", []),
    ],
)
def test_a_type_in_the_middle_is_read(completion, expected):
    assert told(INHIBITS, completion) == expected


@pytest.mark.parametrize(
    "completion",
    ["", ".", "aspirin", "a destroys b.", "a may inhibit b.", "inhibits", "a inhibits .", "; ; ;"],
)
def test_the_unreadable_is_an_error(completion):
    with pytest.raises(ParseError):
        INHIBITS.read(completion, None, False)


def test_names_that_hold_the_words_are_divided_by_the_source():
    completion = "x is part of y is part of z."
    assert told(INHIBITS, completion) == ["x is part of y PART-OF z"]
    assert told(INHIBITS, completion, "x, and (y is part of z).") == ["x PART-OF y is part of z"]
    assert told(INHIBITS, "we saw that x inhibits y.", "x, y") == ["x INHIBITOR y"]


def test_what_was_cut_off_is_passed_over():
    assert told(INHIBITS, "a inhibits b; c inhibits dehydr", cut=True) == ["a INHIBITOR b"]
    typed = Clause(
        text="{head} on {tail} is {type}", head="a", tail="b", types=("agonist", "agonist of all")
    )
    assert told(typed, "a on b is agonist of all; c on d is agonist", cut=True) == [
        "a agonist of all b"
    ]
    assert told(typed, "a on b is agonist") == ["a agonist b"]


def test_tails_may_come_first_and_types_too():
    assert told(ACTED_ON, "the gene cox-2 is inhibited by aspirin.") == ["aspirin inhibited cox-2"]
    assert told(INHIBITION, "there is a of x by y; there is b of z by y.") == ["y a x", "y b z"]
    assert told(CAUSES, "aspirin causes ulcers; aspirin does not cause rash.") == [
        "aspirin CAUSES ulcers"
    ]


def test_a_full_stop_in_a_name_before_a_bare_type_ends_nothing():
    first = "the link from 5-ht;2a of e. coli weak modulator."
    assert told(LINKS, f"{first} the link from a of b induces.") == [
        "5-ht;2a weak modulator e. coli",
        "a induces b",
    ]
    assert LINKS.settled("the link from a of e. coli") == ""
    assert LINKS.settled(f"{first} the") == first
    assert told(LINKS, "the link from a of b induces. it was seen.") == ["a induces b"]


# --- every clause, in any words ----------------------------------------------------------------

MANY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
LETTERS = "bcdfgjkpqvxz"  # no word of a clause is made of these alone
WORD = st.text(alphabet=LETTERS, min_size=1, max_size=6)
NAMES = st.lists(WORD, min_size=1, max_size=3).map(" ".join) | st.sampled_from(
    ["5-ht;2a", "e. coli", "(z) 1,2-b", "β-x", "p53", "vitamin [c]"]
)
# No wording of a type holds one of them: readers cannot always divide such clauses.
FIXED = ["", "of", "with", "the link from", "relation between", "the drug", "is", "leads to", "by"]
TYPES = ["induces", "blocks", "acts as a ligand for", "modulator", "weak modulator", "effect"]


@st.composite
def clauses(draw):
    slots = draw(st.permutations(["{head}", "{tail}", "{type}"]))
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4, unique=True))
    if len(kinds) == 1 and draw(st.booleans()):
        slots = [slot for slot in slots if slot != "{type}"]
    words = draw(st.lists(st.sampled_from(FIXED), min_size=len(slots) + 1, max_size=len(slots) + 1))
    text = " ".join(part for pair in zip(words, [*slots, ""], strict=True) for part in pair if part)
    try:
        return Clause(
            text=text,
            head="drug",
            tail="gene",
            types=tuple(f"T{number}" for number in range(len(kinds))),
            words=tuple(kinds),
            closed=draw(st.booleans()),
            nothing=draw(st.sampled_from(["", "nothing is told"])),
        )
    except InputError:
        assume(False)


@st.composite
def solved(draw):
    clause = draw(clauses() | st.sampled_from(CLAUSES))
    found = {}
    for head, tail in draw(st.lists(st.tuples(NAMES, NAMES), max_size=3)):
        type_ = draw(st.sampled_from(clause.types))
        relation = Relation(
            head=Entity(text=head, type=clause.head),
            type=type_,
            tail=Entity(text=tail, type=clause.tail),
        )
        found.setdefault((head.replace(" ", ""), type_, tail.replace(" ", "")), relation)
    assume(found or clause.nothing)
    return clause, list(found.values())


@MANY
@given(solved())
def test_what_is_written_is_read_again(given):
    clause, relations = given
    assert clause.read(clause.write(relations), None, False).result == relations
    assert pickle.loads(pickle.dumps(clause)) == clause


@MANY
@given(solved())
def test_places_are_those_of_the_words(given):
    clause, relations = given
    target = clause.write(relations)
    reading = clause.read(target, None, False)
    wording = dict(zip(clause.types, clause.written, strict=True))
    at = 0
    for relation, places in zip(relations, reading.places, strict=True):
        assert target[slice(*places.head)] == relation.head.name
        assert target[slice(*places.tail)] == relation.tail.name
        if "type" in clause.slots:
            assert target[slice(*places.type)] == wording[relation.type].removesuffix("s") or (
                target[slice(*places.type)] == wording[relation.type]
            )
        assert places.type.start < places.type.end
        assert at <= places.clause.start <= min(place.start for place in places)
        assert max(place.end for place in places) == places.clause.end
        at = places.clause.end
    tokens = [Token(text=sign, start=i, logprob=log(0.5)) for i, sign in enumerate(target)]
    for places in reading.places:
        found = confidence_of(places, tokens)
        assert found.head == pytest.approx(0.5 ** (places.head.end - places.head.start))


@MANY
@given(solved())
def test_a_prefixs_settled_part_is_the_beginning_of_the_whole(given):
    clause, relations = given
    target = clause.write(relations)
    streamed = 0
    for end in range(len(target) + 1):
        part = clause.settled(target[:end])
        assert target.startswith(part)
        try:
            found = clause.read(part, None, False).result
        except ParseError:
            found = []
        assert found == relations[: len(found)]
        streamed = max(streamed, len(found))
    assert streamed >= len(relations) - 1, "each clause but the last is told when it has ended"


def admits(clause, source, target):
    """Whether a grounded decoding could write a target, word by word."""
    ids: dict[str, int] = {}

    def split(words):
        return [ids.setdefault(word, len(ids)) for word in words.split()]

    def moses(text):
        return text.replace(";", " ;").replace(".", " .").split()

    text = [(word, split(word)) for word in source.split()]
    derivation = Derivation(clause.grammar, text, split, budget=400)
    for word in moses(target):
        (token,) = split(word)
        if token not in derivation.tokens():
            return False
        derivation.take(token)
    return derivation.finished


@MANY
@given(solved())
def test_the_grammar_admits_the_target(given):
    clause, relations = given
    assume(all(c.isalnum() or c == " " for r in relations for c in r.head.name + r.tail.name))
    source = " , ".join(f"{r.head.name} , {r.tail.name}" for r in relations)
    assert admits(clause, source, clause.write(relations))
    assert not admits(clause, source, "something else .")


# --- what a clause must be ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"text": "{head} {type}"}, "lacks {tail}"),
        ({"text": "{head} {type} {tail} {head}"}, "has {head} twice: remove one"),
        (
            {"text": "{drug} {type} {tail}"},
            "has the unknown slot {drug}: use {head}, {tail} and {type}",
        ),
        ({"text": "{head {type} {tail}"}, "malformed"),
        (
            {"text": "{head} acts on {tail}"},
            "lacks {type}: put it where the type stands, because there are 2",
        ),
        ({"text": "{head} {tail} {type}"}, "needs words between {head} and {tail}"),
        (
            {"text": "{head} {type} {tail}.", "types": ("a", "b")},
            "must not contain ';' or '.', which end a clause",
        ),
        ({"text": "{head} {type} {tail}", "closed": False}, "needs words between {type} and each"),
        (
            {"text": "{head} {type} of {tail}", "words": ("binds", "is a ligand of")},
            "'is a ligand of' must not end in the words after {type}, 'of'",
        ),
        ({"text": "{head} of {type} of {tail}"}, "has 'of' twice: change one"),
        ({"types": ()}, "has no relation types: give at least one"),
        ({"types": ("a", "A")}, "the types 'a' and 'A' are too similar"),
        ({"words": ("blocks",)}, "one wording for each of the 2 types, not 1"),
        ({"types": ("x",), "words": ("a", "b")}, "one wording for the type, not 2"),
        ({"words": ("blocks", "Block")}, "the wordings 'blocks' and 'Block' are too similar"),
        ({"words": ("blocks", "a; b")}, "the wording 'a; b' must not contain ';' or '.'"),
        ({"words": ("blocks", " ")}, "a wording is empty"),
        (
            {"separator": "and"},
            "separator must be a sign that occurs in no name, like ';', not 'and'",
        ),
    ],
)
def test_a_clause_that_could_not_be_read_is_refused(change, fault):
    fields = {"text": "{head} {type} {tail}", "head": "a", "tail": "b", "types": ("x", "y")}
    with pytest.raises(InputError) as error:
        Clause(**{**fields, **change})
    assert fault in str(error.value)


def test_a_target_needs_a_type_that_there_is():
    relation = Relation(
        head=Entity(text="a", type="chemical"), type="x", tail=Entity(text="b", type="gene")
    )
    with pytest.raises(
        InputError, match="unknown relation type 'x': use one of INHIBITOR, AGONIST"
    ):
        INHIBITS.write([relation])


def test_names_keep_their_case_if_asked_to():
    relation = Relation(
        head=Entity(text="TNF", type="drug"), type="CAUSES", tail=Entity(text="X", type="disease")
    )
    assert CAUSES.write([relation]) == "tnf causes x."
    kept = Clause(text=CAUSES.text, head="drug", tail="disease", types=("CAUSES",), lowercase=False)
    assert kept.write([relation]) == "TNF causes X."
