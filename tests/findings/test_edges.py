"""Relations of many papers as edges: the same, however papers are ordered and divided."""

import random
import re
from itertools import permutations

import pytest

from biogpt_plugins import Aggregate, Answer, Edge, Entity, Prediction, Relation, aggregate
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Cue, Evidence, Failure

CUES = {
    "plain": (),
    "negated": (Cue(kind="negation", text="not", start=0, end=3),),
    "speculated": (Cue(kind="speculation", text="may", start=0, end=3),),
}


def relation(head="lithium", tail="tremor", *said, score=None, ids=(None, None), long_form=None):
    evidence = tuple(Evidence(text="...", start=0, end=3, cues=CUES[one]) for one in said)
    first = Entity(text=head, type="chemical", id=ids[0], long_form=long_form)
    second = Entity(text=tail, type="disease", id=ids[1])
    return Relation(head=first, type="CID", tail=second, score=score, evidence=evidence)


def paper(id_, *relations):
    return Prediction(id=id_, task="bc5cdr", result=list(relations))


def test_one_edge_with_its_papers():
    (edge,) = aggregate(
        [
            paper("3", relation("Lithium", "tremor", "plain", score=0.5)),
            paper("1", relation("lithium", "tremors", "plain", "negated", score=0.5)),
            paper("2", relation("lithium", "tremor", "negated", score=0.9)),
            paper("4", relation("lithium", "tremor", "speculated", "negated")),
            paper("5", relation("lithium", "tremor")),
        ]
    )
    assert (edge.supporting, edge.speculating, edge.contradicting) == (
        ("1", "3", "5"),
        ("4",),
        ("1", "2", "4"),
    )
    assert edge.papers == ("1", "2", "3", "4", "5")
    assert edge.score == 0.75, "2 denies it, and 4 and 5 have no score"
    assert (edge.head.name, edge.head.spellings) == ("lithium", {"lithium": 4, "Lithium": 1})
    assert str(edge) == "lithium -[CID]-> tremor"
    assert Edge.model_validate_json(edge.model_dump_json()) == edge


def test_no_scores_no_score():
    (edge,) = aggregate([paper("1", relation())])
    assert edge.score is None
    (edge,) = aggregate([paper("1", relation("lithium", "tremor", "negated", score=0.5))])
    assert edge.score is None


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_at_the_limits(score):
    (edge,) = aggregate([paper("1", relation(score=score)), paper("2", relation(score=score))])
    assert edge.score == score


def test_ids_come_before_names():
    edges = aggregate(
        [
            paper("1", relation("CsA", "tremor", ids=("D1", None))),
            paper("2", relation("ciclosporin", "tremor", ids=("D1", None))),
            paper("3", relation("ciclosporin", "tremor", ids=("D2", None))),
        ]
    )
    assert [(e.head.id, e.head.name, e.papers) for e in edges] == [
        ("D1", "CsA", ("1", "2")),
        ("D2", "ciclosporin", ("3",)),
    ]


def test_abbreviations_are_their_long_forms():
    (edge,) = aggregate(
        [
            paper("1", relation("CsA", long_form="cyclosporine A")),
            paper("2", relation("Cyclosporine-A")),
            paper("3", relation("cyclosporine A", long_form="cyclosporine A")),
        ]
    )
    assert edge.head.name == "cyclosporine A"
    assert edge.head.spellings == {"cyclosporine A": 2, "CsA": 1, "Cyclosporine-A": 1}


def test_types_keep_entities_apart_and_direction_counts():
    one = relation("iron", "iron")
    other = Relation(head=one.tail, type="CID", tail=one.head)
    assert len(aggregate([paper("1", one, other)])) == 2


def test_a_paper_counts_once():
    one = paper("1", relation(score=0.5))
    again = paper("1", relation("Lithium", "tremor", "negated", score=0.25), relation())
    (edge,) = aggregate([one, one, again])
    assert (edge.papers, edge.score) == (("1",), 0.5)
    assert edge.head.spellings == {"Lithium": 1, "lithium": 1}
    assert (edge.supporting, edge.contradicting) == (("1",), ("1",))


def test_a_paper_without_an_id_counts_once_as_well():
    one, other = paper(None, relation()), paper(None, relation(), relation("gold"))
    edge, _ = aggregate([one, one, other])
    assert len(edge.papers) == 2
    assert all(re.fullmatch(r"unnamed-[0-9a-f]{12}", name) for name in edge.papers)


def test_what_has_no_relations_adds_nothing():
    failed = Prediction(id="1", task="bc5cdr", error=Failure(type="E", message="m"))
    assert aggregate([failed, paper("2")]) == []
    with pytest.raises(InputError, match="the prediction of 3 is of task pubmedqa"):
        aggregate([Prediction(id="3", task="pubmedqa", result=Answer(label="yes"))])


def corpus(seed):
    rng = random.Random(seed)
    names = ["lithium", "Lithium", "LITHIUM", "gold", "CsA", "-", "β-blocker", "beta blockers"]
    stances = [(), ("plain",), ("negated",), ("speculated",), ("plain", "negated")]
    return [
        paper(
            rng.choice([None, str(rng.randint(1, 12))]),
            *(
                relation(
                    rng.choice(names),
                    rng.choice(["tremor", "Tremors", "ataxia"]),
                    *rng.choice(stances),
                    score=rng.choice([None, rng.random()]),
                    ids=rng.choice([(None, None), ("D1", None), (None, "D2")]),
                    long_form=rng.choice([None, None, "cyclosporine A", "Cyclosporine A"]),
                )
                for _ in range(rng.randint(0, 5))
            ),
        )
        for _ in range(40)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_order_and_division_play_no_part(seed):
    papers = corpus(seed)
    rng = random.Random(seed)
    right = [edge.model_dump_json() for edge in aggregate(papers)]
    assert right
    for _ in range(10):
        rng.shuffle(papers)
        parts = [Aggregate.of(papers[at::7]) for at in range(7)]
        while len(parts) > 1:  # any tree
            one, other = (parts.pop(rng.randrange(len(parts))) for _ in range(2))
            one.merge(other)
            parts.append(one)
        parts[0].merge(parts[0])
        assert [edge.model_dump_json() for edge in parts[0].edges()] == right


def test_ties_are_broken_by_name():
    papers = [paper("1", relation(name)) for name in ("b", "a", "C")]
    for order in permutations(papers):
        assert [edge.head.name for edge in aggregate(order)] == ["C", "a", "b"]


def test_papers_may_be_a_stream():
    seen = Aggregate.of(paper(str(n), relation()) for n in range(100))
    (edge,) = seen.edges()
    assert len(edge.supporting) == 100
