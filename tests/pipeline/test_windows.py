"""Long texts in windows: nothing missed, nothing twice, offsets in the whole paper."""

from itertools import pairwise

import pytest
from doubles import Ruled

from biogpt_plugins import EntityDictionary, Paper, Pipeline, load
from biogpt_plugins.pipeline.windows import OVERLAP, predict, windows
from biogpt_plugins.values.errors import EngineError

TITLE = "A series of cases."


def paper(cases=60, *, title=TITLE, every="In it drug{n} caused illness{n}."):
    text = " ".join(f"{every.format(n=n)} Nothing else was seen." for n in range(cases))
    return Paper(id="7", title=title, text=text)


def pipeline(context_size=165, **options):
    return Pipeline("bc5cdr", Ruled(context_size), **options)


def test_a_text_that_fits_is_asked_as_it_is():
    asking = pipeline(1024)
    (found,) = predict(asking, [paper()])
    assert len(found.result) == 60
    assert found.warnings == ()
    assert len(asking.engine.calls) == 1


def test_a_long_text_is_read_in_windows_and_told_as_a_whole():
    asking, whole = pipeline(), paper()
    (found,) = predict(asking, [whole])
    (at_once,) = predict(pipeline(1024), [whole])
    assert found.result == at_once.result, "offsets, evidence and order are those of the whole"
    assert (found.id, found.truncated_tokens) == ("7", 0)
    (said,) = found.warnings
    pieces = len(windows(asking, whole))
    assert pieces > 3
    assert said == (
        f"the text is longer than the model takes: it was read in {pieces} windows of whole "
        "sentences"
    )
    assert [len(call) for call in asking.engine.calls] == [1, pieces], "all of them in one call"


@pytest.mark.parametrize("title", [TITLE, ""])
def test_every_mention_and_sentence_stands_in_the_whole(title):
    whole = paper(title=title, every="Also in this case, drug{n} caused illness{n}.")
    (found,) = predict(pipeline(), [whole])
    assert len(found.result) == 60
    for relation in found.result:
        for end in (relation.head, relation.tail):
            assert whole.source[end.start : end.end] == end.text
        for sentence in relation.evidence:
            assert whole.source[sentence.start : sentence.end] == sentence.text
            assert relation.head.text in sentence.text


def test_windows_are_whole_sentences_that_overlap_and_have_the_title():
    whole = paper()
    pieces = windows(pipeline(), whole)
    assert pieces[0].span.start == len(TITLE) + 1
    assert pieces[-1].span.end == len(whole.source)
    for piece, following in pairwise(pieces):
        shared = whole.source[following.span.start : piece.span.end]
        assert shared.count(".") == OVERLAP
    for piece in pieces:
        part = whole.source[slice(*piece.span)]
        assert piece.value.source == f"{TITLE} {part}"
        assert part.endswith(".")


def test_a_relation_of_two_windows_is_told_once_with_all_its_evidence():
    whole = paper(every="Again drug1 caused illness1.")
    (found,) = predict(pipeline(), [whole])
    (relation,) = found.result
    assert len(relation.evidence) == 60


def test_an_abbreviation_that_another_window_defines_is_known_in_all():
    begin = "We gave delayed renal urate granules 1 (drug1)."
    filling = "Nothing else was seen by any of the doctors who looked at it. " * 40
    whole = Paper(text=f"{begin} {filling}In the end drug1 caused illness1.")
    dictionary = EntityDictionary([("delayed renal urate granules 1", "D1")])
    (found,) = predict(pipeline(dictionary=dictionary), [whole])
    (relation,) = [one for one in found.result if one.head.text == "drug1"]
    assert relation.head.start > len(filling)
    assert relation.head.long_form == "delayed renal urate granules 1"
    assert (relation.head.id, relation.head.id_match) == ("D1", "abbreviation")


class Failing(Ruled):
    def _one(self, prompt, decoding):
        found = super()._one(prompt, decoding)
        broken = not found.error and "drug30 " in prompt.text
        return type(found)(error=EngineError("boom")) if broken else found


def test_a_window_that_fails_is_told_and_costs_the_others_nothing():
    (found,) = predict(Pipeline("bc5cdr", Failing(165)), [paper()])
    assert 40 < len(found.result) < 60
    assert any("has no result: boom" in said and "characters" in said for said in found.warnings)


def test_a_sentence_that_does_not_fit_is_cut_which_is_told():
    whole = Paper(
        text="drug1 caused illness1 " + "and so on " * 100 + ". Then drug2 caused illness2."
    )
    (found,) = predict(pipeline(), [whole])
    assert [relation.head.text for relation in found.result] == ["drug1", "drug2"]
    assert found.truncated_tokens > 0
    assert any("was cut" in said for said in found.warnings)


def test_tasks_that_find_no_relations_read_the_beginning():
    asking = Pipeline("pubmedqa", Ruled())
    predict(asking, [asking.task.read_input({"question": "q?", "context": "c " * 3000})])
    assert len(asking.engine.calls) == 1


def test_on_a_real_model():
    asking = load("demo", "bc5cdr")
    case = "Case {}. Two patients who were given lithium had a severe tremor after {} days. "
    whole = Paper(id="1", title="Tremor.", text="".join(case.format(n, n) for n in range(1, 60)))
    short = Paper(id="2", title="Tremor.", text=case.format(1, 1))
    long_, brief = predict(asking, [whole, short])
    assert (long_.id, brief.id) == ("1", "2")
    assert long_.truncated_tokens == 0
    assert any("windows" in said for said in long_.warnings)
    grounded = [relation for relation in long_.result if relation.grounded]
    assert grounded
    for relation in grounded:
        for end in (relation.head, relation.tail):
            assert whole.source[end.start : end.end] == end.text
    assert not any("windows" in said for said in brief.warnings)
