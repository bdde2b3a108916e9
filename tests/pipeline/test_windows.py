"""Long texts in windows: nothing missed, nothing twice, offsets in the whole paper."""

from dataclasses import replace
from itertools import pairwise

import pytest
from doubles import Ruled

from biogpt_plugins import EntityDictionary, Paper, Pipeline, load
from biogpt_plugins.pipeline.windows import OVERLAP, windows
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, TruncationWarning

TITLE = "A series of cases."


def paper(cases=60, *, title=TITLE, every="In it drug{n} caused illness{n}."):
    text = " ".join(f"{every.format(n=n)} Nothing else was seen." for n in range(cases))
    return Paper(id="7", title=title, text=text)


def pipeline(context_size=165, **options):
    return Pipeline("bc5cdr", Ruled(context_size), **options)


def divided(asking, text):
    prompt = asking.task.render(text, asking.card)
    return windows(text, prompt, asking.engine, asking.decoding)


def test_a_text_that_fits_is_asked_as_it_is():
    asking = pipeline(1024)
    (found,) = asking.run([paper()])
    assert len(found.result) == 60
    assert found.warnings == ()
    assert len(asking.engine.calls) == 1


def test_a_long_text_is_read_in_windows_and_told_as_a_whole():
    asking, whole = pipeline(), paper()
    (found,) = asking.run([whole])
    (at_once,) = pipeline(1024).run([whole])
    assert found.result == at_once.result, "offsets, evidence and order are those of the whole"
    assert (found.id, found.truncated_tokens) == ("7", 0)
    (said,) = found.warnings
    pieces = len(divided(asking, whole))
    assert pieces > 3
    assert said == (
        f"the text is longer than the model's limit: it was read in {pieces} windows of whole "
        "sentences"
    )
    assert [len(call) for call in asking.engine.calls] == [pieces], "all of them in one call"


@pytest.mark.parametrize("title", [TITLE, ""])
def test_every_mention_and_sentence_stands_in_the_whole(title):
    whole = paper(title=title, every="Also in this case, drug{n} caused illness{n}.")
    (found,) = pipeline().run([whole])
    assert len(found.result) == 60
    for relation in found.result:
        for end in (relation.head, relation.tail):
            assert whole.source[end.start : end.end] == end.text
        for sentence in relation.evidence:
            assert whole.source[sentence.start : sentence.end] == sentence.text
            assert relation.head.text in sentence.text


def test_windows_are_whole_sentences_that_overlap_and_have_the_title():
    whole = paper()
    pieces = divided(pipeline(), whole)
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
    (found,) = pipeline().run([whole])
    (relation,) = found.result
    assert len(relation.evidence) == 60


def test_an_abbreviation_that_another_window_defines_is_known_in_all():
    begin = "We gave delayed renal urate granules 1 (drug1)."
    filling = "Nothing else was seen by any of the doctors who looked at it. " * 40
    whole = Paper(text=f"{begin} {filling}In the end drug1 caused illness1.")
    dictionary = EntityDictionary([("delayed renal urate granules 1", "D1")])
    (found,) = pipeline(dictionary=dictionary).run([whole])
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
    (found,) = Pipeline("bc5cdr", Failing(165)).run([paper()])
    assert 40 < len(found.result) < 60
    assert any("has no result: boom" in said and "characters" in said for said in found.warnings)


def test_a_sentence_that_does_not_fit_is_cut_which_is_told():
    whole = Paper(
        text="drug1 caused illness1 " + "and so on " * 100 + ". Then drug2 caused illness2."
    )
    with pytest.warns(TruncationWarning, match="the text does not fit the model: 2.. of its tok"):
        (found,) = pipeline().run([whole])
    assert [relation.head.text for relation in found.result] == ["drug1", "drug2"]
    assert found.truncated_tokens > 0
    assert any("was cut" in said for said in found.warnings)


def test_tasks_that_find_no_relations_read_the_beginning():
    asking = Pipeline("pubmedqa", Ruled())
    asking.run([{"question": "q?", "context": "c " * 3000}])
    assert [len(call) for call in asking.engine.calls] == [1]


class Cutting(ScriptedEngine):
    def choose(self, prompts, choices, *, truncate=True):
        found = super().choose(prompts, choices, truncate=truncate)
        return [
            replace(one, truncated_tokens=len(prompt.text) // 100)
            for one, prompt in zip(found, prompts, strict=True)
        ]


def test_what_is_cut_is_told_by_one_warning_a_call():
    asking = Pipeline("pubmedqa", Cutting(probabilities=[(0.6, 0.3, 0.1)] * 4))
    texts = ["short", "c " * 500, "c " * 1000]
    asked = [{"question": "q?", "context": text} for text in texts]
    with pytest.warns(TruncationWarning) as told:
        found = asking.run([*asked, ""])
    assert [str(one.message) for one in told] == [
        "2 of 3 texts do not fit the model: up to 19 tokens of a text were cut and not read. "
        "Shorten or split long texts"
    ]
    assert told[0].filename == __file__
    assert [bool(one.warnings) for one in found] == [False, True, True, False]
    assert asking.run(asked[:1])[0].truncated_tokens == 0, "and no warning"


def test_windows_of_several_texts_and_texts_that_fit_are_one_call():
    asking = pipeline()
    found = asking.run([paper(60), "In it drug1 caused illness1.", paper(40), "", paper(1)])
    assert [len(one.result or ()) for one in found] == [60, 1, 40, 0, 1]
    assert len(asking.engine.calls) == 1
    assert [any("windows" in said for said in one.warnings) for one in found] == [
        True, False, True, False, False,
    ]  # fmt: skip


def test_a_stream_reads_the_same_windows_one_after_another():
    asking, whole = pipeline(), paper()
    *pieces, last = asking.stream(whole)
    (run,) = pipeline().run([whole])
    assert last.prediction == run
    assert "".join(piece.text for piece in pieces) == run.completion
    assert {len(call) for call in asking.engine.calls} == {1}
    assert len(asking.engine.calls) == len(divided(asking, whole))


def test_a_stream_says_what_was_cut():
    with pytest.warns(TruncationWarning):
        *_, last = pipeline().stream("drug1 caused illness1 " + "and so on " * 100)
    assert last.prediction.truncated_tokens


def test_a_closed_stream_asks_for_no_more_windows():
    asking = pipeline()
    stream = asking.stream(paper())
    next(stream)
    stream.close()
    assert len(asking.engine.calls) == 1


def test_a_title_that_leaves_little_room_is_read_in_windows_too():
    title = " ".join(f"In it drug{n} caused illness{n}." for n in range(12))
    whole = paper(30, title=title, every="In it drug9{n} caused illness9{n}.")
    (found,) = pipeline().run([whole])
    assert len(found.result) == 42
    assert found.truncated_tokens == 0


def test_an_engine_that_cannot_count_costs_no_input():
    class Broken(Ruled):
        def count_tokens(self, _):
            raise RuntimeError("on fire")

    asking = Pipeline("bc5cdr", Broken())
    (found,) = asking.run(["a"])
    (chunk,) = asking.stream("a")
    assert found == chunk.prediction
    assert found.error.message == "the engine failed with RuntimeError: on fire"


def test_on_a_real_model():
    asking = load("demo", "bc5cdr")
    case = "Case {}. Two patients who were given lithium had a severe tremor after {} days. "
    whole = Paper(id="1", title="Tremor.", text="".join(case.format(n, n) for n in range(1, 60)))
    short = Paper(id="2", title="Tremor.", text=case.format(1, 1))
    long_, brief = asking.run([whole, short])
    assert (long_.id, brief.id) == ("1", "2")
    assert long_.truncated_tokens == 0
    assert any("windows" in said for said in long_.warnings)
    grounded = [relation for relation in long_.result if relation.grounded]
    assert grounded
    for relation in grounded:
        for end in (relation.head, relation.tail):
            assert whole.source[end.start : end.end] == end.text
    assert not any("windows" in said for said in brief.warnings)
