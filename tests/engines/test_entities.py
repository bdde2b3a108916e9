"""Decoding among entities with real engines: every end is one of the given mentions."""

import re

import pytest
import tiny
from doubles import unscored_all

from biogpt_plugins import Entity, Paper, Pipeline
from biogpt_plugins.engine import Decoding, Prompt, TaskCard
from biogpt_plugins.engines import load_engine
from biogpt_plugins.engines.derivations import _OneOf
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError

CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
NAMES = {"aspirin": "Chemical", "lithium": "Chemical", "α-1 [x]": "Chemical", "warfarin": "Drug"}
NAMES |= {"tremor": "Disease", "gastric ulcer": "Disease", "ulcer": "Disease", "failure": "Disease"}


def paper(text, title=""):
    source = f"{title} {text}" if title else text
    found = [(m, name) for name in NAMES for m in re.finditer(re.escape(name), source, re.I)]
    entities = [
        Entity(text=m[0], type=NAMES[name], start=m.start(), end=m.end(), id=f"#{name}")
        for m, name in found
    ]
    return Paper(title=title, text=text, entities=entities)


PAPERS = [
    paper("Lithium induced tremor. Lithium caused a gastric ulcer; so did α-1 [x]."),
    paper("Gastric ulcer after Aspirin; renal failure after warfarin."),
    paper("Tremor, tremor and an ulcer with lithium."),
    *(paper(f"{' '.join(tiny.WORDS[i : i + 4])} aspirin failure.") for i in range(6, 30, 4)),
]


@pytest.fixture(params=["transformers", "ctranslate2"], scope="module")
def engine(request, tiny_biogpt):
    return load_engine(tiny_biogpt, engine=request.param, dtype="float32", device="cpu")


def pipeline(engine, task="bc5cdr", **options):
    made = Pipeline(task, engine, card=CARD, decoding="entities")
    return made.with_decoding(made.decoding.but(**options))


def are_annotations(papers, predictions):
    assert [one.error for one in predictions] == [None] * len(papers)
    known = [{(e.text, e.start, e.type, e.id) for e in paper.entities} for paper in papers]
    ends = [
        (end.text, end.start, end.type, end.id) in given
        for given, one in zip(known, predictions, strict=True)
        for relation in one.relations
        for end in (relation.head, relation.tail)
    ]
    return len(ends) > len(papers) and all(ends)


WAYS = [{}, {"temperature": 1.0, "seed": 3}, {"temperature": 2.0, "top_k": 9, "top_p": 0.9}]


@pytest.mark.parametrize("way", WAYS, ids=["greedy", "sampled", "narrowed"])
def test_every_end_is_a_given_mention(engine, way):
    assert are_annotations(PAPERS, pipeline(engine, **way).run(PAPERS))


def test_together_as_alone_and_streamed(engine):
    asked = pipeline(engine)
    together = unscored_all(asked.run(PAPERS))
    assert together == unscored_all([asked.run([one])[0] for one in PAPERS])
    for one, found in zip(PAPERS, together, strict=True):
        *pieces, last = asked.stream(one)
        assert unscored_all([last.prediction]) == [found]
        assert "".join(piece.text for piece in pieces) == found.completion


def test_samples_agree_on_ids(engine):
    made = Pipeline("bc5cdr", engine, card=CARD, decoding="entities", samples=4, min_agreement=0)
    found = made.run(PAPERS)
    assert are_annotations(PAPERS, found)
    assert all(0 < r.agreement <= 1 for one in found for r in one.relations)


def test_beams(tiny_biogpt):
    engine = load_engine(tiny_biogpt, device="cpu", dtype="float32")
    found = pipeline(engine, num_beams=3, n=2, logprobs=True).run(PAPERS[:3])
    assert are_annotations(PAPERS[:3], found)
    assert all(r.score is not None for one in found for r in one.relations)


def test_long_texts_are_read_in_windows(engine):
    text = " ".join(p.text for p in PAPERS[:3]) * 3
    long = paper(text, title="Warfarin.")
    (found,) = pipeline(engine, max_length=90).run([long])
    assert "windows of whole sentences" in found.warnings[0]
    assert are_annotations([long], [found])


def test_a_prompt_without_entities_is_refused(engine):
    prompt = Prompt(text="lithium", grammar=get_task("bc5cdr").grammar)
    (found,) = engine.complete([prompt], Decoding(form="entities"))
    assert isinstance(found.error, InputError)
    assert "needs entities" in str(found.error)


def test_a_thousand_names_share_their_beginnings():
    wordings = [(1, *map(int, str(n))) for n in range(1000)]
    part = _OneOf(wordings)
    assert part.least == 2
    start = (-1, 0)
    assert [*part.tokens(start, 9)] == [1]
    (state,) = part.after(start, 9, 1)
    assert {*part.tokens(state, 8)} == set(range(10))
    # "1" and "10" are names: one ends here, and one goes on if there is room
    assert [after is None for after in part.after(state, 8, 1)] == [True, False]
    assert [after is None for after in part.after(state, 1, 1)] == [True]
