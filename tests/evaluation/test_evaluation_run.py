"""Runs over a corpus: what is written, gone on from, and refused."""

import pytest
from doubles import Ruled

from biogpt_plugins import Decoding, Pipeline, aggregate
from biogpt_plugins.checkpoints.calibration import Calibration, RelationCalibration
from biogpt_plugins.corpus.predictions import read_predictions
from biogpt_plugins.corpus.run import outcomes, results
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.evaluation.run import count_done, predict
from biogpt_plugins.scoring import Document, GoldSet
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, InputError

FOUND = "the relation between aspirin and nausea exists."


def corpus(documents=5, *, task="bc5cdr", text="Aspirin gave nausea", first=1, **facts):
    numbers = range(first, first + documents)
    return GoldSet(
        task=task,
        documents=tuple(
            Document(str(n), (), {"text": f"{text} {n}.", **facts}, f"gold.json:{n}")
            for n in numbers
        ),
    )


def pipeline(completions=5, *, task="bc5cdr", engine=None, **options):
    return Pipeline(task, engine or ScriptedEngine([FOUND] * completions), **options)


def asked(pipeline):
    return [prompt.text.split()[-1] for prompt in pipeline.engine.history]


def written(folder):
    return list(results(folder))


def test_a_run_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    binding = pipeline()
    found = list(predict(binding, corpus(), chunk_size=2))
    assert [prediction.id for prediction in found] == ["1", "2", "3", "4", "5"]
    assert [len(call) for call in binding.engine.calls] == [2, 2, 1]
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_written_as_it_goes_on(tmp_path):
    folder = tmp_path / "new" / "run"
    run = predict(pipeline(), corpus(), folder=folder, chunk_size=2)
    first = next(run)
    (part,) = (folder / "shards").iterdir()
    assert part.read_bytes().count(b"\n") == 2, "the first chunk"
    assert written(folder) == [], "what is not finished is not read"
    assert [first, *run] == written(folder)
    assert [one.where for one in outcomes(folder)] == [f"gold.json:{n}" for n in range(1, 6)]


def test_the_folder_is_one_of_a_run(tmp_path):
    list(predict(pipeline(), corpus(2), folder=tmp_path))
    (edge,) = aggregate(read_predictions([str(tmp_path)]))
    assert edge.supporting == ("1", "2")


def test_long_documents_are_read_in_windows_and_identical_ones_once(tmp_path):
    text = " ".join(f"In it drug{n} caused illness{n}. Nothing else was seen." for n in range(60))
    documents = tuple(Document(name, (), {"text": text}) for name in "ab")
    asking = pipeline(engine=Ruled(165))
    found = list(predict(asking, GoldSet("bc5cdr", documents), folder=tmp_path))
    assert [(one.id, len(one.result)) for one in found] == [("a", 60), ("b", 60)]
    assert [one.same_as for one in outcomes(tmp_path)] == [None, "a"]
    assert len(asking.engine.calls) == 1


class _Interrupted(ScriptedEngine):
    def complete(self, prompts, decoding):
        if len(self.calls) == 2:
            raise KeyboardInterrupt
        return super().complete(prompts, decoding)


def test_an_interrupted_run_goes_on_and_asks_nothing_twice(tmp_path):
    first = pipeline(engine=_Interrupted([FOUND] * 5))
    with pytest.raises(KeyboardInterrupt):
        list(predict(first, corpus(), folder=tmp_path, chunk_size=2))
    assert len(written(tmp_path)) == 4
    second = pipeline(1)
    found = list(predict(second, corpus(), folder=tmp_path, chunk_size=2))
    assert asked(second) == ["5."]
    assert found == written(tmp_path)
    third = pipeline(0)
    assert list(predict(third, corpus(), folder=tmp_path)) == found
    assert third.engine.calls == []


def test_what_is_done_is_not_done_again_if_a_caller_stops_early(tmp_path):
    run = predict(pipeline(), corpus(), folder=tmp_path, chunk_size=5)
    next(run)
    next(run)
    run.close()
    again = pipeline(0)
    assert len(list(predict(again, corpus(), folder=tmp_path))) == 5
    assert again.engine.calls == []


def test_a_shard_that_was_not_finished_is_done_again(tmp_path):
    list(predict(pipeline(), corpus(2), folder=tmp_path))
    (tmp_path / "shards/000001.part").write_bytes(b'{"where": ')
    again = pipeline(1)
    assert len(list(predict(again, corpus(3), folder=tmp_path))) == 3
    assert asked(again) == ["3."]
    assert [prediction.id for prediction in written(tmp_path)] == ["1", "2", "3"]


def test_a_run_that_got_nowhere_leaves_nothing_to_go_on_from(tmp_path):
    broken = pipeline(engine=_Interrupted())
    broken.engine.calls = [[], []]
    with pytest.raises(KeyboardInterrupt):
        next(predict(broken, corpus(), folder=tmp_path))
    other = pipeline(2, task="ddi")
    assert len(list(predict(other, corpus(2, task="ddi"), folder=tmp_path))) == 2
    assert [prediction.task for prediction in written(tmp_path)] == ["ddi", "ddi"]


def test_a_failure_is_a_prediction_like_any_other(tmp_path):
    broken = pipeline(engine=ScriptedEngine([EngineError("fire"), FOUND]))
    found = list(predict(broken, corpus(2), folder=tmp_path))
    assert [prediction.ok for prediction in found] == [False, True]
    assert list(predict(pipeline(0), corpus(2), folder=tmp_path)) == found


def test_limits(tmp_path):
    list(predict(pipeline(), corpus(3), folder=tmp_path))
    smaller = pipeline(0)
    assert [p.id for p in predict(smaller, corpus(2), folder=tmp_path)] == ["1", "2"]
    assert len(written(tmp_path)) == 3, "nothing is lost"
    larger = pipeline(2)
    assert [p.id for p in predict(larger, corpus(5), folder=tmp_path)] == list("12345")
    assert asked(larger) == ["4.", "5."]
    # The texts that were added are known from then on.
    with pytest.raises(InputError, match=r"starting at 4 \(gold.json:4\)"):
        list(predict(pipeline(), GoldSet("bc5cdr", _but_the_fourth()), folder=tmp_path))


def _but_the_fourth():
    documents = corpus(5).documents
    return (*documents[:3], Document("4", (), {"text": "Other."}, "gold.json:4"), documents[4])


def _other_model():
    engine = ScriptedEngine([FOUND] * 5)
    engine.model_name = "another"
    return pipeline(engine=engine)


def _other_dtype():
    engine = ScriptedEngine([FOUND] * 5)
    engine.dtype = "torch.float16"
    return pipeline(engine=engine)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (_other_model, "(model 'scripted', now 'another')"),
        (_other_dtype, "(dtype '', now 'float16')"),
        (lambda: pipeline(task="ddi"), "(task 'bc5cdr', now 'ddi')"),
        (lambda: pipeline(card=TaskCard()), "(card layout 'few_shot', now 'none')"),
        (
            lambda: pipeline(decoding="grounded"),
            "(decoding form 'free', now 'grounded')",
        ),
        (lambda: pipeline(samples=2), "(samples None, now 2)"),
        (lambda: pipeline(min_score=0.5), "(min_score None, now 0.5)"),
        (
            lambda: pipeline(
                calibration=Calibration().with_task("bc5cdr", RelationCalibration(slope=2))
            ),
            "(calibration None, now {'slope': 2.0, 'intercept': 0.0, 'examples': 0})",
        ),
        (
            lambda: pipeline(decoding=Decoding(num_beams=5)),
            "(decoding max_new_tokens 200, now None)",
        ),
    ],
)
def test_another_run_is_refused_in_one_line(tmp_path, make, fault):
    list(predict(pipeline(), corpus(2), folder=tmp_path))
    before = written(tmp_path)
    other = make()
    with pytest.raises(InputError) as error:
        list(predict(other, corpus(3, task=other.task.name), folder=tmp_path))
    said = f"{tmp_path} holds another run {fault}: name another folder, or remove that one"
    assert str(error.value) == said
    assert other.engine.calls == []
    assert written(tmp_path) == before


def test_labels_that_were_scored_are_another_run(tmp_path):
    gold = corpus(1, task="pubmedqa", question="Why?")
    scored = pipeline(task="pubmedqa", engine=ScriptedEngine(probabilities=[(1, 0, 0)]))
    list(predict(scored, gold, folder=tmp_path))
    with pytest.raises(InputError, match=r"method 'choose', now 'complete'"):
        list(predict(pipeline(task="pubmedqa", method="complete"), gold, folder=tmp_path))


@pytest.mark.parametrize(
    ("other", "place"),
    [
        (corpus(3, first=2), "2 (gold.json:2)"),
        (corpus(3, text="Other words"), "1 (gold.json:1)"),
        (corpus(1, title="Other title"), "1 (gold.json:1)"),
        (GoldSet("bc5cdr", (*corpus(1).documents, *corpus(1, first=7).documents)), "7 (gold"),
    ],
)
def test_other_documents_are_refused_whatever_their_ids(tmp_path, other, place):
    list(predict(pipeline(), corpus(2), folder=tmp_path))
    refused = pipeline()
    with pytest.raises(InputError) as error:
        list(predict(refused, other, folder=tmp_path))
    assert str(error.value).startswith(
        f"the run in {tmp_path} has other documents, starting at {place}"
    )
    assert refused.engine.calls == []


def test_gold_that_was_corrected_is_no_other_run(tmp_path):
    list(predict(pipeline(), corpus(2), folder=tmp_path))
    corrected = tuple(
        Document(d.id, (("D1", "D2"),), d.input, "moved:1") for d in corpus(2).documents
    )
    assert len(list(predict(pipeline(0), GoldSet("bc5cdr", corrected), folder=tmp_path))) == 2


def test_what_is_no_run_is_left_alone(tmp_path):
    list(predict(pipeline(), corpus(1), folder=tmp_path))
    assert count_done(tmp_path) == 1
    (tmp_path / "run.json").write_text('{"task": ')
    with pytest.raises(InputError, match="this version cannot read the manifest"):
        list(predict(pipeline(), corpus(2), folder=tmp_path))
    (tmp_path / "run.json").unlink()
    with pytest.raises(InputError, match=r"has results but no run\.json, which records"):
        list(predict(pipeline(), corpus(2), folder=tmp_path))


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "predictions.jsonl").write_text("a line without an end")
    with pytest.raises(InputError, match="holds files that are not a run"):
        list(predict(pipeline(), corpus(1), folder=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.jsonl"]


@pytest.mark.parametrize(
    ("gold", "fault"),
    [
        (GoldSet("bc5cdr", (Document("7", (), where="a:3"),)), r"document 7 \(a:3\) has no text"),
        (GoldSet("bc5cdr", (Document("7", ()),)), r"document 7 has no text .* \(`biogpt score`\)"),
        (corpus(task="ddi"), "a pipeline for bc5cdr cannot predict ddi gold"),
    ],
)
def test_a_corpus_that_cannot_be_predicted(tmp_path, gold, fault):
    folder = tmp_path / "run"
    with pytest.raises(InputError, match=fault):
        list(predict(pipeline(), gold, folder=folder))
    assert not folder.exists()


def test_the_ids_are_those_of_the_corpus(tmp_path):
    facts = [{"id": 7, "text": "A."}, {"pmid": "8", "text": "B."}, {"text": "C."}]
    documents = tuple(
        Document(id_, (), given) for id_, given in zip(("seven", "8", "3"), facts, strict=True)
    )
    found = list(predict(pipeline(), GoldSet("bc5cdr", documents), folder=tmp_path))
    assert [prediction.id for prediction in found] == ["seven", "8", "3"]
    assert [one.id for one in results(tmp_path)] == ["seven", "8", "3"]
