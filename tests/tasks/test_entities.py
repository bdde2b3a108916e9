"""Completions that name given entities: their names, their types, and how they are read."""

import pytest

from biogpt_plugins import Entity, Paper
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.entities import Candidates, admits, located, takes_any
from biogpt_plugins.values.errors import InputError, ParseError

TEXT = 'Lithium (Li) caused tremor and 3"-deoxy rash. Later the Tremor of α-blockers; came.'


def entity(text, type_, id_=None, at=None, **more):
    start = TEXT.index(text) if at is None else at
    return Entity(text=text, type=type_, start=start, end=start + len(text), id=id_, **more)


LITHIUM, LI = entity("Lithium", "Chemical", "D1"), entity("Li", "Chemical", "D1", 9)
TREMOR, AGAIN = entity("tremor", "Disease", "D2"), entity("Tremor", "Disease", "D2")
RASH = entity('3"-deoxy rash', "Disorder", "D3|D4")
ODD = entity("α-blockers; came", "disease")
PAPER = Paper(text=TEXT, entities=[LITHIUM, LI, TREMOR, AGAIN, RASH, ODD])
BC5CDR = get_task("bc5cdr")


def read(completion, *, task=BC5CDR, paper=PAPER, cut=False):
    return Candidates.of(task, paper).task(task).interpret(completion, paper.source, cut=cut)


def ends(reading):
    return [(r.head, r.tail) for r in reading.result]


def span(one):
    return one.text, one.start, one.end, one.type, one.id


@pytest.mark.parametrize(
    ("completion", "pairs"),
    [
        ("the relation between lithium and tremor exists.", [(LITHIUM, TREMOR)]),
        ("the relation between li and tremor exists.", [(LI, TREMOR)]),
        # as Moses writes it
        ("the relation between lithium and 3 '' - deoxy rash exists.", [(LITHIUM, RASH)]),
        # a name with the sign that separates clauses
        ("the relation between lithium and α-blockers; came exists.", [(LITHIUM, ODD)]),
        (
            "the relation between li and tremor exists; "
            "the relation between lithium and α-blockers; came exists; "
            "the relation between li and tremor exists.",
            [(LI, TREMOR), (LITHIUM, ODD)],
        ),
    ],
)
def test_ends_are_the_given_mentions(completion, pairs):
    reading = read(completion)
    assert [(span(h), span(t)) for h, t in ends(reading)] == [(span(h), span(t)) for h, t in pairs]
    assert not reading.notes


def test_names_of_one_id_are_one_entity():
    both = (
        "the relation between lithium and tremor exists; the relation between li and tremor exists."
    )
    reading = read(both)
    assert len(reading.result) == 1
    assert "'lithium' and 'li': the entities have the id D1" in reading.notes[0]


def test_the_places_of_a_clause_are_those_of_its_words():
    completion = "the relation between li and 3 '' - deoxy rash exists."
    (places,) = read(completion).places
    words = [completion[slice(*place)] for place in places]
    assert words == [completion[:-1], "li", "3 '' - deoxy rash", "exists"]


def test_what_is_cut_off_is_left_out_and_what_is_no_clause_is_told():
    begun = "the relation between li and tremor exists; the relation between lith"
    assert len(read(begun, cut=True).result) == 1
    assert not read(begun, cut=True).notes
    assert "'the relation between lith': not a clause" in read(begun).notes[0]
    with pytest.raises(ParseError, match="no entity is named"):
        read("the relation between aspirin and tremor exists.")


def test_types_and_other_orders():
    clause = Clause(
        text="{tail} is {type} by {head}",
        head="drug",
        tail="target",
        types=("a", "b"),
        words=("raised", "lowered"),
    )
    task = type(BC5CDR).of_relations(
        clause, name="x", summary="", input=Paper, source=BC5CDR.source, lowercase=True
    )
    text = "Aspirin lowers COX-2."
    aspirin = Entity(text="Aspirin", type="Chemical", start=0, end=7, id="1")
    cox = Entity(text="COX-2", type="Gene", start=15, end=20, id="2")
    paper = Paper(text=text, entities=[aspirin, cox])
    (relation,) = read("cox-2 is lowered by aspirin.", task=task, paper=paper).result
    assert (span(relation.head), relation.type, span(relation.tail)) == (
        span(aspirin),
        "b",
        span(cox),
    )


@pytest.mark.parametrize(
    ("wanted", "type_", "fits"),
    [
        ("chemical", "Chemical", True),
        ("drug", "Chemical", True),
        ("target", "Gene", True),
        ("disease", "Chemical", False),
        ("disease", "", True),
        ("entity", "Anything", True),
        ("gene or chemical", "Drug", True),
        ("gene|chemical", "Species", False),
        ("biomarker", "Biomarkers", False),
    ],
)
def test_which_types_a_clause_admits(wanted, type_, fits):
    assert admits(wanted, type_) is fits


def test_a_clause_may_not_say_what_its_ends_are():
    clause = Clause(text="{head} and {tail}", head="entity", tail="entity", types=("x",))
    assert takes_any(clause)
    assert not takes_any(BC5CDR.clause)


@pytest.mark.parametrize(
    ("entities", "lacking"),
    [
        ([], "the text has no entities"),
        ([LITHIUM], "no entity of type disease, only of Chemical"),
        ([TREMOR, RASH], "no entity of type chemical, only of Disease, Disorder"),
        ([LITHIUM, TREMOR], ""),
    ],
)
def test_what_is_lacking(entities, lacking):
    found = Candidates.of(BC5CDR, Paper(text=TEXT, entities=entities)).lacking
    assert lacking in found
    assert bool(lacking) == bool(found)


def test_entities_without_offsets_are_looked_for():
    given = [Entity(text="tremors", type="Disease"), Entity(text="aspirin", type="Chemical")]
    text, notes = located(Paper(text=TEXT, entities=given))
    assert [(e.text, e.start, e.name) for e in text.entities] == [
        ("tremor", TREMOR.start, "tremors"),
        ("Tremor", AGAIN.start, "tremors"),
    ]
    assert notes == ("left out the entity 'aspirin': it is not in the text",)


def test_a_task_without_a_clause_has_no_candidates():
    with pytest.raises(InputError, match="pubmedqa declares no clause"):
        Candidates.of(get_task("pubmedqa"), PAPER)
