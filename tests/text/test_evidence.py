"""What relations rest on: sentences, flags, abbreviations; from completions to Predictions."""

import json

import pytest
from shared_data import shared

from biogpt_plugins import TASKS, Entity, Paper, Pipeline, Prediction, Relation
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.text.evidence import with_evidence
from biogpt_plugins.text.grounding import ground, sentences

TITLE = "Nephrotoxicity of cyclosporine A (CsA)."
ABSTRACT = "Twelve rats were given CsA. In mice, CsA did not cause nephrotoxicity. It went."
TEXT = f"{TITLE} {ABSTRACT}"


def clause(head, tail):
    return f"the relation between {head} and {tail} exists"


def relation(head, tail, text):
    ends = (Entity(text=head, type="chemical"), Entity(text=tail, type="disease"))
    (found,) = with_evidence(ground([Relation(head=ends[0], type="CID", tail=ends[1])], text), text)
    return found


def read(completion, text=TEXT, **options):
    return TASKS["bc5cdr"].interpret(completion, text, **options)


def test_the_sentences_that_mention_both_ends_by_whichever_name():
    (found,) = read(clause("cyclosporine a", "nephrotoxicity") + ".").result
    first, second = found.evidence
    assert (first.text, first.start, first.end) == (TITLE, 0, len(TITLE))
    assert second.text == "In mice, CsA did not cause nephrotoxicity."
    assert TEXT[second.start : second.end] == second.text
    assert [one.holds for one in found.evidence] == ["both", "both"]
    assert [one.negated for one in found.evidence] == [False, True]
    (cue,) = second.cues
    assert (cue.kind, cue.text) == ("negation", "did not")
    assert TEXT[cue.start : cue.end] == "did not"
    assert (found.stated, found.negated, found.speculated) == (True, True, False)


def test_the_nearest_two_sentences_where_none_has_both():
    text = "Lithium was given. It may be stopped. No tremor was seen. Lithium went on. Ataxia came."
    found = relation("lithium", "tremor", text)
    assert [(one.text, one.holds) for one in found.evidence] == [
        ("No tremor was seen.", "tail"),
        ("Lithium went on.", "head"),
    ]
    assert (found.stated, found.negated) == (False, True)


@pytest.mark.parametrize(
    ("text", "stated", "negated", "speculated"),
    [
        ("Lithium caused tremor.", True, False, False),
        ("Lithium may cause tremor.", False, False, True),
        ("Lithium did not cause tremor.", False, True, False),
        ("Lithium may not cause tremor.", False, True, True),
        ("Lithium may cause tremor. Lithium caused tremor.", True, False, False),
        ("Lithium may cause tremor. Lithium did not cause tremor.", False, True, True),
        ("Lithium. Tremor.", True, False, False),
        ("Possible lithium. Tremor.", False, False, True),
    ],
)
def test_what_sentences_come_to(text, stated, negated, speculated):
    found = relation("lithium", "tremor", text)
    assert (found.stated, found.negated, found.speculated) == (stated, negated, speculated)


def test_without_both_ends_in_the_text_there_is_no_evidence():
    found = relation("lithium", "ataxia", "Lithium did not cause tremor.")
    assert found.evidence == ()
    assert (found.stated, found.negated, found.speculated) == (False, False, False)


def test_without_the_text_there_is_none_either():
    (found,) = TASKS["bc5cdr"].interpret(clause("csa", "tremor") + ".").result
    assert found.evidence == ()


@pytest.mark.parametrize("name", ["csa", "cyclosporine a", "Cyclosporine-A"])
def test_both_forms_have_the_long_form(name):
    head = relation(name, "nephrotoxicity", TEXT).head
    assert (head.short_form, head.long_form) == ("CsA", "cyclosporine A")
    assert head.canonical == "cyclosporine A"
    assert TEXT[head.start : head.end] == head.text, "the mention stays what it is"


def test_relations_that_are_one_by_their_long_forms_become_one():
    text = f"{clause('csa', 'nephrotoxicity')}; {clause('x', 'y')}; "
    text += f"{clause('cyclosporine a', 'nephrotoxicity')}."
    alone = read(f"{clause('csa', 'nephrotoxicity')}.").result[0]
    reading = read(text)
    assert [r.head.name for r in reading.result] == ["csa", "x"]
    assert reading.result[0].evidence == alone.evidence
    assert [text[slice(*span)][:24] for span in reading.spans] == [
        "the relation between csa",
        "the relation between x a",
    ]
    (note,) = reading.notes
    assert note.startswith("merged the relations of 'CsA' and 'cyclosporine A'")
    assert len(read(text, evidence=False).result) == 3


def test_of_two_that_are_one_the_surer_is_kept():
    first, second = clause("csa", "nephrotoxicity"), clause("cyclosporine a", "nephrotoxicity")
    pipeline = Pipeline("bc5cdr", ScriptedEngine([f"{first}; {second}."]), decoding=None)
    pipeline = pipeline.with_decoding(pipeline.decoding.but(logprobs=True))
    (found,) = pipeline.run([Paper(title=TITLE, text=ABSTRACT)])
    assert len(found.result) == 1
    assert found.result[0].score is not None
    assert len(found.warnings) == 1


def test_names_that_the_text_does_not_abbreviate_are_left_apart():
    text = "Seizure and seizures after lithium."
    reading = read(f"{clause('lithium', 'seizure')}; {clause('lithium', 'seizures')}.", text)
    assert len(reading.result) == 2


def test_a_relation_moves_with_its_evidence():
    found = relation("csa", "nephrotoxicity", TEXT)
    moved = found.moved(7)
    longer = f"Before {TEXT}"
    assert moved.moved(-7) == found
    assert longer[moved.head.start : moved.head.end] == moved.head.text
    for one in moved.evidence:
        assert longer[one.start : one.end] == one.text
        assert all(longer[cue.start : cue.end] == cue.text for cue in one.cues)


def test_json_round_trip():
    (found,) = Pipeline("bc5cdr", ScriptedEngine([clause("csa", "nephrotoxicity") + "."])).run(
        [Paper(id="1", title=TITLE, text=ABSTRACT)]
    )
    assert found.result[0].evidence
    assert Prediction.model_validate_json(found.model_dump_json()) == found


def test_json_of_before_is_read():
    entity = {"text": "a", "type": "t", "start": 0, "end": 1, "id": None, "name": "a"}
    written = {"task": "bc5cdr", "result": [{"head": entity, "type": "CID", "tail": entity}]}
    (found,) = Prediction.model_validate_json(json.dumps(written)).result
    assert (found.evidence, found.head.long_form, found.negated) == ((), None, False)


@pytest.mark.parametrize(
    "text",
    [
        "lithium tremor",
        "lithium " + "not ( may " * 10_000 + "tremor",
        "lithium tremor " * 10_000,
        "lithium (" * 5_000 + "tremor",
        "lithium )( [tremor",
        "\N{ZERO WIDTH SPACE}lithium\u0301 tremor \N{DNA DOUBLE HELIX}",
        "LITHIUM DID NOT CAUSE TREMOR.",
    ],
    ids=lambda text: text[:20],
)
def test_texts_of_all_kinds(text):
    found = relation("lithium", "tremor", text)
    for one in found.evidence:
        assert text[one.start : one.end] == one.text
        assert all(text[cue.start : cue.end] == cue.text for cue in one.cues)


def test_real_abstracts_hold_together():
    papers = json.loads(shared("bc5cdr/valid.json").read_text(encoding="utf-8"))
    stated = seen = 0
    for paper in list(papers.values())[:150]:
        text = f"{paper['title']} {paper['abstract']}"
        names = [{i: n for n, i in paper[f"{kind}2id"].items()} for kind in ("chemical", "disease")]
        places = set(sentences(text))
        for one in paper["relations"]:
            ends = [names[0].get(one["chemical"]), names[1].get(one["disease"])]
            if None in ends:
                continue
            found = relation(*ends, text)
            assert {(e.start, e.end) for e in found.evidence} <= places
            assert bool(found.evidence) == found.grounded
            seen += found.grounded
            stated += found.stated
    assert stated > 0.75 * seen, "what annotators took from a paper is stated there as a rule"
