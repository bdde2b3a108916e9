"""Grounded decoding with real engines: what is written can be read, and stands in the text."""

from dataclasses import replace

import pytest
import tiny
from doubles import unscored_all

from biogpt_plugins import Pipeline, TruncationWarning, load
from biogpt_plugins.engine import Decoding, Prompt, TaskCard
from biogpt_plugins.engines import load_engine
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.values.errors import InputError

WORDS = tiny.WORDS
PAPERS = [
    {"title": "Lithium-induced tremor.", "abstract": "Lithium (Li+) caused tremor in 4 patients."},
    {"abstract": "Gastric ulcer after Aspirin; renal failure after BRCA1 inhibitor-treatment."},
    {"abstract": "Warfarin increases risk of 1,2-dichloroethane failure & of ulcer [studied]."},
    *({"abstract": " ".join(WORDS[i : i + 4 + i % 9]) + "."} for i in range(6, 38, 4)),
]
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
WITH_GRAMMAR = sorted(name for name, task in TASKS.items() if task.grammar)


@pytest.fixture(params=["transformers", "ctranslate2"], scope="module")
def engine(request, tiny_biogpt):
    return load_engine(tiny_biogpt, engine=request.param, dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def plain(tiny_biogpt):
    return load_engine(tiny_biogpt, device="cpu", dtype="float32")


def pipeline(engine, task="bc5cdr", **options):
    made = Pipeline(task, engine, card=CARD, method="complete", decoding="grounded")
    return made.with_decoding(made.decoding.but(**options))


def all_grounded(predictions):
    return all(end.grounded for one in predictions for r in one.result for end in (r.head, r.tail))


class TestEngines:
    def test_everything_can_be_read_and_stands_in_the_text(self, engine):
        found = pipeline(engine).run(PAPERS)
        assert [one.error for one in found] == [None] * len(PAPERS)
        assert all(one.finish_reason == "stop" for one in found)
        # A random model also relates a thing to itself.
        assert all(one.result or "with itself" in " ".join(one.warnings) for one in found)
        assert all_grounded(found)
        free = pipeline(engine).with_decoding(Decoding(max_length=96)).run(PAPERS)
        assert not any(one.ok for one in free), "a random model writes nothing of the kind freely"

    def test_together_as_alone(self, engine):
        asked = pipeline(engine)
        alone = [asked.run([paper])[0] for paper in PAPERS]
        assert unscored_all(asked.run(PAPERS)) == unscored_all(alone)

    def test_engines_write_the_same(self, engine, plain):
        expected = pipeline(plain).run(PAPERS)
        found = pipeline(engine).run(PAPERS)
        assert [one.completion for one in found] == [one.completion for one in expected]

    @pytest.mark.parametrize("seed", range(3))
    def test_draws(self, engine, plain, seed):
        options = {"temperature": 2.0, "top_k": 40, "seed": seed}
        found = pipeline(engine, **options).run(PAPERS)
        assert all(one.ok for one in found)
        assert all_grounded(found)
        expected = pipeline(plain, **options).run(PAPERS)
        assert [one.completion for one in found] == [one.completion for one in expected]
        greedy = pipeline(engine).run(PAPERS)
        assert [one.completion for one in found] != [one.completion for one in greedy]

    def test_several_draws_of_a_prompt(self, engine):
        asked = pipeline(engine, temperature=2.0, seed=1, n=4)
        prompt = asked.task.render(PAPERS[0], CARD)
        (one,) = engine.complete([prompt], asked.decoding)
        texts = [one.text, *(other.text for other in one.others)]
        assert len(set(texts)) > 1
        source = prompt.source
        for text in texts:
            assert all(r.grounded for r in asked.task.interpret(text, source).result)

    def test_streams(self, engine):
        asked = pipeline(engine)
        whole = asked.run(PAPERS[:1])[0]
        *pieces, last = asked.stream(PAPERS[0])
        assert "".join(piece.text for piece in pieces) == whole.completion
        assert last.prediction == whole

    @pytest.mark.parametrize("budget", [8, 12, 20])
    def test_the_end_is_within_the_budget(self, engine, budget):
        found = pipeline(engine, max_new_tokens=budget).run(PAPERS)
        for one in found:
            assert one.ok, one.error
            assert one.usage.completion_tokens <= budget
            assert one.finish_reason == "stop"

    def test_free_and_grounded_ones_together(self, engine):
        grounded = pipeline(engine)
        prompt = grounded.task.render(PAPERS[0], CARD)
        free = replace(grounded.decoding, form="free")
        apart = engine.complete([prompt], free) + engine.complete([prompt], grounded.decoding)
        assert apart[0].text != apart[1].text
        assert engine.complete([replace(prompt, grammar=None)], free) == apart[:1]

    def test_log_probabilities_are_the_models_own(self, engine):
        asked = pipeline(engine, logprobs=True)
        prompt = asked.task.render(PAPERS[0], CARD)
        (one,) = engine.complete([prompt], asked.decoding)
        assert len(one.tokens) == one.usage.completion_tokens
        assert sum(token.logprob for token in one.tokens) < -5, "a mask would make them likely"

    def test_a_prompt_without_a_form_fails_alone(self, engine):
        asked = pipeline(engine)
        prompt = asked.task.render(PAPERS[0], CARD)
        none, one = engine.complete([Prompt(text="lithium"), prompt], asked.decoding)
        assert isinstance(none.error, InputError)
        assert "give it a grammar, or use free decoding" in str(none.error)
        assert one.error is None

    @pytest.mark.parametrize("abstract", ["...", "; , .", "?!"])
    def test_a_text_that_names_nothing(self, engine, abstract):
        (one,) = pipeline(engine).run([{"abstract": abstract}])
        assert (one.result, one.completion) == ([], "")

    def test_a_text_that_was_cut_lends_names_from_what_is_left(self, engine):
        abstract = "lithium tremor " * 10 + "warfarin ulcer " * 60
        asked = pipeline(engine)
        with pytest.warns(TruncationWarning):  # one sentence is one window
            (one,) = asked.run([{"abstract": abstract}])
        assert one.truncated_tokens
        assert one.ok
        kept = len("lithium tremor " * 10) + len("warfarin ulcer ") * 20
        assert all(end.start < kept for r in one.result for end in (r.head, r.tail))

    @pytest.mark.parametrize("task", WITH_GRAMMAR)
    def test_every_task_that_has_a_form(self, engine, task):
        asked = pipeline(engine, task)
        needed = [name for name, must in asked.task.variables.items() if must]
        value = dict.fromkeys(needed, "Aspirin with warfarin increases risk of ulcer.")
        (one,) = asked.run([value])
        assert one.ok, one.error


class TestBeams:
    def test_on_transformers(self, plain):
        found = pipeline(plain, num_beams=4).run(PAPERS)
        assert all(one.ok for one in found)
        assert all_grounded(found)

    def test_several_best(self, plain):
        asked = pipeline(plain, num_beams=4, n=3)
        prompts = [asked.task.render(paper, CARD) for paper in PAPERS]
        for prompt, one in zip(prompts, plain.complete(prompts, asked.decoding), strict=True):
            texts = [one.text, *(other.text for other in one.others)]
            assert len(set(texts)) == 3
            for text in texts:
                found = asked.task.interpret(text, prompt.source).result
                assert all(r.grounded for r in found)

    def test_not_on_ctranslate2(self, tiny_biogpt):
        engine = load_engine(tiny_biogpt, engine="ctranslate2", dtype="float32", device="cpu")
        found = pipeline(engine, num_beams=4).run(PAPERS)
        assert {one.error.type for one in found} == {"EngineError"}
        assert "use num_beams=1, free decoding, or the engine" in found[0].error.message


class TestPipelines:
    def test_by_name(self):
        asked = load("demo", "bc5cdr", decoding="grounded")
        assert asked.decoding == replace(load("demo", "bc5cdr").decoding, form="grounded")
        with pytest.raises(InputError, match="'grounded' or 'entities', not 'strict'"):
            load("demo", "bc5cdr", decoding="strict")

    def test_tasks_without_a_form(self, plain):
        with pytest.raises(InputError, match="task generate has no grammar"):
            Pipeline("generate", plain, decoding="grounded")

    def test_the_bundled_model(self):
        found = load("demo", "bc5cdr", decoding="grounded").run(PAPERS[:3])
        assert all(one.ok for one in found)
        assert all_grounded(found)
