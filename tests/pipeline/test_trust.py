"""Filters, agreement of samples, calibrated answers, and answers that are not given."""

import math
import shutil
from dataclasses import replace

import pytest
import tiny

from biogpt_plugins import Answer, Decoding, Entity, Pipeline, Prediction, Relation, load
from biogpt_plugins.checkpoints.calibration import (
    AnswerCalibration,
    Calibration,
    RelationCalibration,
    read_calibration,
)
from biogpt_plugins.engine import FEW_SHOT, PRETRAINED, TaskCard
from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, InputError, ModelError, ParseError

CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
PAPER = "Aspirin and codeine cause nausea and ulcers."


def clauses(*pairs):
    return "; ".join(f"the relation between {a} and {b} exists" for a, b in pairs) + "."


ONE = clauses(("aspirin", "nausea"))
TWO = clauses(("aspirin", "nausea"), ("codeine", "ulcers"))
ODD = clauses(("ASPIRIN", "Nausea"), ("codeine", "gout"))


def relations(*completions, engine=ScriptedEngine, **options):
    engine = engine(completions)
    pipe = Pipeline("bc5cdr", engine, card=CARD, **options)
    (found,) = pipe.run([PAPER])
    return found, engine


class Doubtful(ScriptedEngine):
    """Halves the probability of each word of the second clause, and not of the first."""

    def complete(self, prompts, decoding=Decoding()):
        found = super().complete(prompts, decoding)
        return [self.doubting(one) for one in found]

    def doubting(self, one):
        second = one.text.find(";") % (len(one.text) + 1)
        tokens = (replace(t, logprob=math.log(0.5) * (t.start > second)) for t in one.tokens)
        others = tuple(map(self.doubting, one.others))
        return replace(one, tokens=tuple(tokens), others=others)


class TestLeastScore:
    def test_it_asks_for_scores_and_leaves_out_nothing_at_zero(self):
        found, engine = relations(TWO, engine=Doubtful, min_score=0)
        assert [one.score for one in found.result] == pytest.approx([1, 0.5**7])
        assert engine.decodings[0].logprobs
        assert found.warnings == ()

    def test_what_is_left_out_is_counted(self):
        found, engine = relations(TWO, engine=Doubtful, min_score=0.01)
        assert [one.tail.text for one in found.result] == ["nausea"]
        assert found.warnings == ("1 relation with a score below 0.01 was left out",)
        assert len(engine.calls) == 1

    def test_all_may_be_left_out(self):
        found, _ = relations(ONE, min_score=1)
        assert (found.result, found.ok) == ([], True)
        assert found.warnings == ("1 relation with a score below 1 was left out",)

    def test_other_ways_of_decoding_keep_it(self):
        pipe = Pipeline("bc5cdr", Doubtful([TWO]), card=CARD, min_score=0.01)
        (found,) = pipe.with_decoding(Decoding(max_new_tokens=9)).run([PAPER])
        assert len(found.result) == 1
        assert pipe.with_decoding(Decoding()).decoding.logprobs

    def test_of_a_stream_too(self):
        pipe = Pipeline("bc5cdr", Doubtful([TWO]), card=CARD, min_score=0.01)
        *_, last = pipe.stream(PAPER)
        assert len(last.prediction.result) == 1


class TestAgreement:
    def test_the_share_of_samples_that_have_a_relation(self):
        found, engine = relations(TWO, ONE, ODD, ONE, samples=4, min_agreement=0)
        told = [(one.head.text, one.tail.text, one.agreement) for one in found.result]
        assert told == [
            ("Aspirin", "nausea", 1),
            ("codeine", "ulcers", 0.25),
            ("codeine", "gout", 0.25),
        ]
        assert len(engine.calls) == 1
        asked = engine.decodings[0]
        assert (asked.n, asked.temperature, asked.seed, asked.logprobs) == (4, 1, 0, True)

    def test_what_few_have_is_left_out_and_counted(self):
        found, _ = relations(TWO, ONE, ODD, ONE, samples=4)
        assert [one.tail.text for one in found.result] == ["nausea"]
        assert found.warnings == (
            "2 relations found in fewer than 50% of the samples were left out",
        )

    def test_what_cannot_be_read_is_counted_and_no_dissent(self):
        found, _ = relations("rubbish", TWO, ONE, samples=3)
        assert [one.agreement for one in found.result] == [1, 0.5]
        assert found.warnings[0].startswith(
            "1 of 3 samples could not be read: no relation can be read from"
        )
        assert found.completion == "rubbish"

    def test_nothing_found_is_dissent(self):
        found, _ = relations("no relation was found.", ONE, ONE, samples=3)
        assert [one.agreement for one in found.result] == pytest.approx([2 / 3])

    def test_where_nothing_can_be_read_that_is_the_error(self):
        found, _ = relations("rubbish", "more of it", samples=2)
        assert found.error.type == ParseError.__name__
        assert "rubbish" in found.error.message

    def test_a_sample_that_repeats_itself_says_it_once(self):
        found, _ = relations(f"{ONE[:-1]}; {ODD}", ONE, samples=2)
        assert found.result[0].agreement == 1

    def test_the_surest_is_told(self):
        told = clauses(("codeine", "gout"), ("aspirin", "nausea"))
        found, _ = relations(told, TWO, engine=Doubtful, samples=2)
        assert found.result[0].score == 1
        assert found.result[0].confidence.clause == 1

    def test_a_failed_prompt_fails_alone(self):
        engine = ScriptedEngine([ONE, ONE, EngineError("lost"), ONE])
        found = Pipeline("bc5cdr", engine, card=CARD, samples=2).run([PAPER, PAPER])
        assert [one.ok for one in found] == [True, False]

    def test_beams_are_the_best_ones(self):
        found, engine = relations(
            ONE, ONE, ONE, ONE, samples=4, decoding=Decoding(num_beams=2, seed=3)
        )
        asked = engine.decodings[0]
        assert (asked.num_beams, asked.n, asked.temperature) == (4, 4, 0)
        assert found.result[0].agreement == 1

    def test_a_temperature_and_seed_of_ones_own(self):
        _, engine = relations(ONE, ONE, samples=2, decoding=Decoding(temperature=0.3, seed=5))
        assert (engine.decodings[0].temperature, engine.decodings[0].seed) == (0.3, 5)

    def test_scores_are_filtered_too(self):
        found, _ = relations(TWO, TWO, engine=Doubtful, samples=2, min_score=0.01)
        assert [one.tail.text for one in found.result] == ["nausea"]

    def test_a_stream_is_one_completion(self):
        pipe = Pipeline("bc5cdr", ScriptedEngine([ONE]), card=CARD, samples=3)
        *_, last = pipe.stream(PAPER)
        assert last.prediction.result[0].agreement is None

    def test_real_samples_repeat_themselves(self, tiny_biogpt):
        options = {"samples": 4, "min_agreement": 0, "decoding": "grounded"}
        with pytest.warns(UserWarning, match="solved examples"):
            pipe = load(str(tiny_biogpt), "bc5cdr", **options)
        pipe = Pipeline(
            "bc5cdr",
            pipe.engine,
            card=TaskCard(layout="learned_prompt", learned_tokens=tiny.LEARNED),
            **options,
        )
        texts = ["aspirin and lithium, tremor.", "gastric ulcer after warfarin."]
        first, again = pipe.run(texts), pipe.run(texts)
        assert first == again
        assert all(one.result for one in first)
        shares = {relation.agreement for one in first for relation in one.result}
        assert shares <= {0.25, 0.5, 0.75, 1}
        assert Prediction.model_validate_json(first[0].model_dump_json()) == first[0]


QUESTION = {"question": "Does it help?", "context": "It helped."}
OTHER = {"question": "Does it harm?", "context": "It helped."}
SURE, UNSURE, PRIOR = (0.8, 0.1, 0.1), (0.4, 0.35, 0.25), (0.5, 0.3, 0.2)
CONTEXTUAL = Calibration(answers={"pubmedqa": AnswerCalibration(contextual=True)})


def answers(*shares, **options):
    engine = ScriptedEngine(probabilities=shares)
    return Pipeline("pubmedqa", engine, card=CARD, **options), engine


class TestAbstaining:
    def test_there_is_a_reason_instead_of_a_guess(self):
        pipe, _ = answers(SURE, UNSURE, abstain_below=0.5)
        sure, unsure = pipe.run([QUESTION, OTHER])
        assert (sure.result.label, sure.result.abstained) == ("yes", None)
        assert unsure.ok
        assert unsure.result.label is None
        assert unsure.result.abstained == (
            "the most probable answer, yes, has a probability of 0.400, below 0.5"
        )
        assert unsure.result.probabilities == dict(zip(("yes", "no", "maybe"), UNSURE, strict=True))
        assert Prediction.model_validate_json(unsure.model_dump_json()) == unsure

    def test_an_answer_has_a_label_or_a_reason(self):
        for facts in ({}, {"label": "yes", "abstained": "why"}):
            with pytest.raises(ValueError, match="either a label or a reason to abstain"):
                Answer(**facts)

    def test_what_abstained_has_no_text(self):
        with pytest.raises(InputError, match="abstained has no target text: why"):
            TASKS["pubmedqa"].target(Answer(abstained="why"))

    def test_it_is_the_calibrated_probability_that_counts(self):
        cooler = Calibration(answers={"pubmedqa": AnswerCalibration(temperature=0.1)})
        pipe, _ = answers(UNSURE, abstain_below=0.7, calibration=cooler)
        assert pipe.run([QUESTION])[0].result.label == "yes"


class TestCalibratedAnswers:
    def test_a_temperature(self):
        found = AnswerCalibration(temperature=2).correct({"yes": 0.64, "no": 0.36})
        assert found == pytest.approx({"yes": 0.8 / 1.4, "no": 0.6 / 1.4})

    def test_a_prior_is_divided_out(self):
        shares = {"yes": 0.5, "no": 0.3, "maybe": 0.2}
        calibration = AnswerCalibration(contextual=True)
        assert calibration.correct(shares, shares) == pytest.approx(dict.fromkeys(shares, 1 / 3))
        even = dict.fromkeys(shares, 1 / 3)
        assert calibration.correct(shares, even) == pytest.approx(shares)

    def test_nothing_is_no_fault(self):
        found = AnswerCalibration(temperature=0.5, contextual=True).correct(
            {"yes": 1.0, "no": 0.0}, {"yes": 0.0, "no": 1.0}
        )
        assert found["yes"] == pytest.approx(1)

    def test_the_prior_is_asked_in_the_same_call_and_once_a_question(self):
        pipe, engine = answers(UNSURE, SURE, UNSURE, PRIOR, PRIOR, SURE, calibration=CONTEXTUAL)
        longer = {**QUESTION, "context": "It did not."}
        first, second, third = pipe.run([QUESTION, longer, OTHER])
        assert [len(call) for call in engine.calls] == [5]
        (again,) = pipe.run([longer])
        assert [len(call) for call in engine.calls] == [5, 1]
        assert again.result == second.result
        assert first.result.uncalibrated == dict(zip(("yes", "no", "maybe"), UNSURE, strict=True))
        assert first.result.label == "maybe"  # 0.8, 1.17, 1.25
        assert third.result.probabilities == first.result.probabilities

    def test_the_priors_prompt_is_the_same_without_its_context(self):
        pipe, engine = answers(UNSURE, PRIOR, calibration=CONTEXTUAL)
        pipe.run([QUESTION])
        asked, bare = engine.history
        assert bare.source == "question: Does it help? context:  "
        assert asked.source == "question: Does it help? context: It helped. "
        assert (bare.suffix_tokens, bare.target) == (asked.suffix_tokens, asked.target)
        task = TASKS["pubmedqa_reasoning_free"]
        value = task.read_input({**QUESTION, "long_answer": "It helps."})
        for card in (CARD, FEW_SHOT, PRETRAINED):
            bare = task.render_without_text(value, card)
            assert "It help" not in bare.source
            assert bare.source.count("Does it help?") == 1
            assert (bare.head, bare.tail) == ("", "")

    def test_a_prior_that_fails_is_asked_again(self):
        class Failing(ScriptedEngine):
            def choose(self, prompts, choices, *, truncate=True):
                found = super().choose(prompts, choices, truncate=truncate)
                if len(self.calls) == 1:
                    found[-1] = replace(found[-1], error=EngineError("lost"))
                return found

        engine = Failing(probabilities=[UNSURE, PRIOR, UNSURE, PRIOR])
        pipe = Pipeline("pubmedqa", engine, card=CARD, calibration=CONTEXTUAL)
        assert pipe.run([QUESTION])[0].error.message == "lost"
        assert pipe.run([QUESTION])[0].ok
        assert [len(call) for call in engine.calls] == [2, 2]

    def test_without_a_calibration_nothing_is_asked_or_told(self):
        pipe, engine = answers(UNSURE)
        assert pipe.run([QUESTION])[0].result.uncalibrated is None
        assert len(engine.history) == 1

    def test_another_task_of_the_model_is_calibrated_too(self):
        engine = ScriptedEngine(probabilities=[UNSURE, PRIOR])
        pipe = Pipeline("bc5cdr", engine, min_score=0.5, calibration=CONTEXTUAL)
        (found,) = pipe.for_task("pubmedqa").run([QUESTION])
        assert found.result.label == "maybe"

    def test_on_a_real_model(self, tiny_biogpt):
        with pytest.warns(UserWarning, match="solved examples"):
            engine = load(str(tiny_biogpt), "pubmedqa").engine
        card = TaskCard(layout="learned_prompt", learned_tokens=tiny.LEARNED)
        (found,) = Pipeline("pubmedqa", engine, card=card, calibration=CONTEXTUAL).run([QUESTION])
        assert sum(found.result.probabilities.values()) == pytest.approx(1)
        assert found.result.probabilities != pytest.approx(found.result.uncalibrated, abs=1e-3)


@pytest.mark.parametrize(
    "options",
    [{"min_score": 0}, {"samples": 2}, {"min_agreement": 0}, {"calibration": CONTEXTUAL}, {}],
)
def test_hosts_that_keep_results_are_told(options):
    pipe = Pipeline("bc5cdr", ScriptedEngine(), **options)
    usual = LLMFields.from_pipeline(Pipeline("bc5cdr", ScriptedEngine()))
    told = LLMFields.from_pipeline(pipe)
    assert (told.model_dump() != usual.model_dump()) == bool(options)
    assert told.bind_task("bc5cdr") is pipe


def test_scores_become_probabilities_of_being_right():
    calibration = RelationCalibration(slope=1, intercept=math.log(3))
    assert calibration.correct(1) == pytest.approx(0.75)
    assert calibration.correct(0) < 1e-9
    found, _ = relations(
        TWO,
        engine=Doubtful,
        min_score=0.1,
        calibration=Calibration(relations={"bc5cdr": calibration}),
    )
    assert [one.score for one in found.result] == pytest.approx([0.75])
    assert found.result[0].confidence.clause == 1
    assert found.warnings == ("1 relation with a score below 0.1 was left out",)


@pytest.mark.parametrize(
    ("task", "options", "says"),
    [
        (
            "pubmedqa",
            {"min_score": 0.1},
            "min_score applies only to relations: leave it out for pubmedqa",
        ),
        ("hoc", {"samples": 3}, "samples applies only to relations: leave it out for hoc"),
        (
            "bc5cdr",
            {"abstain_below": 0.5},
            "abstain_below applies only to answers: leave it out for bc5cdr",
        ),
        ("pubmedqa", {"abstain_below": 0.5, "method": "complete"}, "method='choose'"),
        ("bc5cdr", {"samples": 1}, "samples must be at least 2, not 1"),
        ("bc5cdr", {"min_score": 2}, "min_score must be from 0 to 1, not 2"),
        ("bc5cdr", {"min_agreement": -1}, "min_agreement must be from 0 to 1, not -1"),
        ("pubmedqa", {"abstain_below": 40}, "abstain_below must be from 0 to 1, not 40"),
    ],
)
def test_what_cannot_be_had_is_told(task, options, says):
    with pytest.raises(InputError, match=says):
        Pipeline(task, ScriptedEngine(), **options)


class TestItsFile:
    found = CONTEXTUAL.with_task("bc5cdr", RelationCalibration(slope=0.5))

    def test_it_is_read_as_it_was_written(self, tmp_path):
        self.found.save(tmp_path)
        self.found.save(tmp_path / "own.json")
        assert read_calibration(tmp_path) == read_calibration(tmp_path / "own.json") == self.found

    def test_a_folder_may_have_none(self, tmp_path):
        assert read_calibration(tmp_path) == Calibration()

    @pytest.mark.parametrize("text", ["{", '{"answers": {"pubmedqa": {"temperature": 0}}}', None])
    def test_what_is_none_is_told(self, tmp_path, text):
        path = tmp_path / "own.json"
        if text:
            path.write_text(text)
        with pytest.raises(
            ModelError, match=r"(?s)cannot read the calibration .*own\.json.*biogpt calibrate"
        ):
            read_calibration(path)

    def test_load_finds_it_beside_the_model(self, tiny_biogpt, tmp_path):
        folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
        self.found.save(folder)
        self.found.with_task("hoc", AnswerCalibration()).save(tmp_path / "own.json")
        with pytest.warns(UserWarning, match="solved examples"):
            assert load(str(folder), "pubmedqa").trust.calibration == self.found
        with pytest.warns(UserWarning, match="solved examples"):
            given = load(str(folder), "pubmedqa", calibration=tmp_path / "own.json")
        assert "hoc" in given.trust.calibration.answers
        with pytest.warns(UserWarning, match="solved examples"):
            none = load(str(folder), "pubmedqa", calibration=Calibration())
        assert none.trust.calibration == Calibration()


def test_relations_without_a_score_are_kept_and_told():
    """A task that alone knows how to read its completions gives no scores."""
    bare = replace(TASKS["bc5cdr"], clause=None, read=_read_only)
    (found,) = Pipeline(bare, ScriptedEngine(["x"]), min_score=0.9).run(["Lithium, tremor."])
    assert len(found.result) == 1
    assert found.warnings == (
        "1 relation has no score and was kept despite min_score 0.9: task bc5cdr declares no "
        "clause, which scores need",
    )


def _read_only(*_):
    ends = {
        "head": Entity(text="lithium", type="chemical"),
        "tail": Entity(text="tremor", type="disease"),
    }
    return Reading([Relation(type="CID", **ends)])
