"""Every pair of entities ranked: which pairs, in which order, above which probability."""

import pytest

from biogpt_plugins import Decoding, Entity, Paper, Pipeline
from biogpt_plugins.checkpoints.calibration import Calibration, RelationCalibration
from biogpt_plugins.pipeline.provenance import settings_of
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.entities import Candidates
from biogpt_plugins.tasks.ranking import Ranking
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError

TEXT = "Lithium (Li) caused tremor and ulcers. Li did."


def entity(text, type_, id_, at=None):
    start = TEXT.index(text) if at is None else at
    return Entity(text=text, type=type_, start=start, end=start + len(text), id=id_)


LITHIUM, LI, AGAIN = (
    entity(*one)
    for one in (
        ("Lithium", "Chemical", "D1"),
        ("Li", "Chemical", "D1", 9),
        ("Li", "Chemical", "D1", 39),
    )
)
TREMOR, ULCERS = entity("tremor", "Disease", "D2"), entity("ulcers", "Disease", "D3")
PAPER = Paper(id="1", text=TEXT, entities=[LITHIUM, LI, AGAIN, TREMOR, ULCERS])
SHARES = [0.2, 0.3, 0.01, 0.04]
CLAUSES = [
    f"the relation between {head} and {tail} exists"
    for tail in ("tremor", "ulcers")
    for head in ("lithium", "li")
]
FITTED = Calibration(ranked={"bc5cdr": RelationCalibration(slope=1, intercept=1)})


def ranked(*shares, **settings):
    return Pipeline("bc5cdr", ScriptedEngine(probabilities=shares), method="rank", **settings)


def test_pairs_are_ranked_by_their_best_clause():
    pipeline = ranked(SHARES)
    (found,) = pipeline.run([PAPER])
    first, second = found.relations
    assert (first.head.id, first.tail.id, first.head.name) == ("D1", "D2", "li")
    assert (first.head.start, second.head.start) == (9, 9)  # the nearest mention of the name
    assert [r.score for r in found.relations] == pytest.approx([0.3, 0.04])
    assert first.confidence.head < 1
    assert first.evidence[0].text == "Lithium (Li) caused tremor and ulcers."
    assert found.completion is None
    *_, streamed = ranked(SHARES).stream(PAPER)
    assert streamed.prediction == found


def test_clauses_are_the_task_s():
    found = Ranking(Candidates.of(get_task("bc5cdr"), PAPER)).wordings
    assert [one.text for one in found] == CLAUSES
    place = found[-1].places
    assert [found[-1].text[slice(*p)] for p in place] == [CLAUSES[-1], "li", "ulcers", "exists"]


def test_types_and_things_related_to_themselves():
    text = "A with b."
    drugs = [Entity(text=t, type="drug", start=s, end=s + 1) for t, s in (("A", 0), ("b", 7))]
    ranking = Ranking(Candidates.of(get_task("ddi"), Paper(text=text, entities=drugs)))
    types = get_task("ddi").clause.types
    pairs = [(one.head[0].text, one.tail[0].text, one.type) for one in ranking.wordings]
    assert pairs == [(h, t, type_) for h, t in (("A", "b"), ("b", "A")) for type_ in types]


def test_a_threshold_and_a_calibration():
    (found,) = ranked(SHARES, min_score=0.1).run([PAPER])
    assert [r.tail.id for r in found.relations] == ["D2"]
    assert found.warnings == ("1 relation with a score below 0.1 was left out",)
    (found,) = ranked(SHARES, calibration=FITTED).run([PAPER])
    first = found.relations[0]
    assert (first.confidence.clause, first.score) == pytest.approx(
        (0.3, FITTED.ranked["bc5cdr"].correct(0.3))
    )
    other = Calibration(relations={"bc5cdr": RelationCalibration(intercept=5)})
    (found,) = ranked(SHARES, calibration=other).run([PAPER])
    assert found.relations[0].score == pytest.approx(0.3)


def test_an_expected_recall():
    (found,) = ranked(SHARES, recall=0.5, calibration=FITTED).run([PAPER])
    assert [r.tail.id for r in found.relations] == ["D2"]
    assert "1 relation not needed for a recall of 0.5 was left out" in found.warnings
    (found,) = ranked(SHARES, recall=0.99, calibration=FITTED).run([PAPER])
    assert len(found.relations) == 2
    with pytest.raises(InputError, match="recall needs method='rank' and a calibration"):
        ranked(recall=0.5)


def test_nothing_is_asked_without_a_needed_type():
    pipeline = ranked()
    (found,) = pipeline.run([Paper(text=TEXT, entities=[LITHIUM])])
    assert found.result == []
    assert "no entity of type disease" in found.warnings[0]
    assert pipeline.engine.calls == []


def test_too_many_pairs_are_refused():
    text = " ".join(f"a{n} b{n}" for n in range(200))
    given = [
        Entity(text=f"{k}{n}", type=t)
        for k, t in (("a", "drug"), ("b", "disease"))
        for n in range(200)
    ]
    found, other = ranked([0.1] * 4).run([{"text": text, "entities": given}, PAPER])
    assert "40,000 pairs of entities, which make 40,000 clauses, and 20,000 are the most" in (
        found.error.message
    )
    assert len(other.relations) == 2


def test_names_that_the_model_writes_are_candidates():
    written = (
        "the relation between lithium and tremor exists; the relation between li and ulcers exists."
    )
    engine = ScriptedEngine([written], [[0.1] * 4])
    pipeline = Pipeline("bc5cdr", engine, method="rank", entities="decoded")
    (found,) = pipeline.run([{"text": TEXT}])
    assert {(r.head.text, r.tail.text) for r in found.relations} == {
        (head, tail) for head in ("Lithium", "Li") for tail in ("tremor", "ulcers")
    } or len(found.relations) == 2  # the text defines the abbreviation
    assert [decoding.form for decoding in engine.decodings] == ["grounded"]


def test_settings():
    assert settings_of(ranked())["method"] == "rank"
    assert ranked().for_task("pubmedqa").method == "choose"
    assert ranked().for_task("ddi").ranks
    with pytest.raises(InputError, match="not 'rank': task pubmedqa declares no clause"):
        Pipeline("pubmedqa", ScriptedEngine(), method="rank")
    with pytest.raises(InputError, match="not 'ignore', with method 'rank'"):
        ranked(entities="ignore")
    with pytest.raises(InputError, match="not 'decoded', without method 'rank'"):
        Pipeline("bc5cdr", ScriptedEngine(), entities="decoded")
    assert ranked(decoding=Decoding(form="entities")).ranks
