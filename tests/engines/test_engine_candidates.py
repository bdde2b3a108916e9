"""Several completions of a prompt, log-probabilities of tokens, and cancelling."""

import asyncio
import math
import threading
from dataclasses import replace

import pytest
import tiny
import torch
from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins import Pipeline, Prompt
from biogpt_plugins.engine import Decoding, TaskCard, cancelled, in_thread
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ContextOverflowError, EngineError, InputError

PROMPTS = [" ".join(tiny.WORDS[i : i + 3]) for i in range(0, 30, 3)]
SAMPLED = Decoding(max_new_tokens=20, temperature=1.5, seed=7)
CARD = TaskCard(layout="learned_prompt", learned_tokens=tiny.LEARNED)
BEAMS = Decoding(max_new_tokens=12, num_beams=4)


class Watched(BioGptForCausalLM):
    """Counts its forward passes, keeps the last logits of each, and does something before it."""

    def __init__(self, config):
        super().__init__(config)
        self.steps, self.logits, self.before = 0, [], lambda _: None

    def forward(self, *args, **kwargs):
        self.steps += 1
        self.before(self.steps)
        found = super().forward(*args, **kwargs)
        self.logits.append(found.logits[:, -1])
        return found


@pytest.fixture
def model(tiny_biogpt):
    return Watched.from_pretrained(tiny_biogpt)


@pytest.fixture
def engine(model, tiny_biogpt):
    tokenizer = BioGptTokenizer.from_pretrained(tiny_biogpt)
    return TransformersEngine(model, tokenizer, model_name="tiny")


class TestSeveralCompletions:
    def test_samples_differ_and_the_first_is_the_one_alone(self, engine):
        alone = engine.complete(PROMPTS, SAMPLED)
        several = engine.complete(PROMPTS, SAMPLED.but(n=3))
        assert [c.text for c in several] == [c.text for c in alone]
        assert [len(c.others) for c in several] == [2] * len(PROMPTS)
        texts = [{c.text, *(o.text for o in c.others)} for c in several]
        assert sum(map(len, texts)) > 2 * len(PROMPTS), "samples of one prompt are alike"

    def test_a_seed_repeats_them_in_any_batch(self, engine):
        first = engine.complete(PROMPTS, SAMPLED.but(n=3))
        engine.limit_batches(2)
        assert engine.complete(PROMPTS, SAMPLED.but(n=3)) == first
        again = engine.complete(PROMPTS, SAMPLED.but(n=3, seed=8))
        assert [c.others for c in again] != [c.others for c in first]

    def test_sampling_leaves_the_global_random_state_alone(self, engine):
        before = torch.random.get_rng_state()
        engine.complete(PROMPTS, SAMPLED.but(n=2, seed=None))
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_beams_give_the_best_in_order(self, engine, model):
        (found,) = engine.complete(PROMPTS[:1], BEAMS.but(n=3))
        (alone,) = engine.complete(PROMPTS[:1], BEAMS)
        _, rows = beam_ids(model, engine, PROMPTS[0], 3)
        learned = set(engine.tokenizer.convert_tokens_to_ids(list(tiny.LEARNED)))
        rows = [[token for token in row if token not in learned] for row in rows]
        texts = [engine.tokenizer.decode(row, skip_special_tokens=True) for row in rows]
        assert [found.text, *(other.text for other in found.others)] == texts
        assert alone.text == found.text

    def test_a_failed_prompt_fails_alone(self, engine):
        asked = [PROMPTS[0], " ", PROMPTS[1]]
        for decoding in (SAMPLED.but(n=2), BEAMS.but(n=2)):
            found = engine.complete(asked, decoding)
            assert [type(c.error) for c in found] == [type(None), InputError, type(None)]
            assert [len(c.others) for c in found] == [1, 0, 1]

    @pytest.mark.parametrize("options", [{"n": 2}, {"n": 3, "num_beams": 2}, {"n": 0}])
    def test_what_cannot_be_had_is_told(self, options):
        with pytest.raises(InputError, match=r"^n (= \d|must be 1 or more, not 0)"):
            Decoding(**options)

    def test_a_stream_is_one(self, engine):
        *_, last = engine.stream(PROMPTS[0], SAMPLED.but(n=3))
        assert last.completion == engine.complete(PROMPTS[:1], SAMPLED)[0]
        *_, last = ScriptedEngine(["a b", "c"]).stream("x", SAMPLED.but(n=2))
        assert (last.completion.text, last.completion.others) == ("a b", ())


def beam_ids(model, engine, prompt, n):
    """Ids that `generate` writes, beam by beam, without the end."""
    ids = torch.tensor([engine.tokenizer(prompt)["input_ids"]])
    found = model.generate(
        ids,
        max_length=ids.shape[1] + 13,
        num_beams=4,
        num_return_sequences=n,
        early_stopping=True,
        suppress_tokens=[model.config.pad_token_id],
        forced_eos_token_id=model.config.eos_token_id,
    )
    end = model.config.eos_token_id
    rows = [row[ids.shape[1] :].tolist() for row in found]
    return ids, [row[: row.index(end)] if end in row else row for row in rows]


def log_softmax(logits, model):
    logits = logits.float().clone()
    logits[..., model.config.pad_token_id] = -math.inf  # never written
    return logits.log_softmax(-1)


class TestLogProbabilities:
    @pytest.mark.parametrize(
        "decoding",
        [Decoding(max_new_tokens=20), SAMPLED, SAMPLED.but(top_k=5, top_p=0.8)],
        ids=["greedy", "sampled", "top"],
    )
    def test_they_are_the_models_own_at_each_step(self, engine, model, decoding):
        engine.drafts = False  # so that each pass is a step
        vocabulary, checked = engine.tokenizer.get_vocab(), 0
        for prompt in PROMPTS:
            model.logits.clear()
            (found,) = engine.complete([prompt], decoding.but(logprobs=True))
            steps = (log_softmax(logits[0], model) for logits in model.logits)
            for token in found.tokens:
                spelt = [vocabulary.get(token.text), vocabulary.get(f"{token.text}</w>")]
                own = [i for i in spelt if i is not None]
                # Steps between are of tokens that have no text.
                assert any(
                    token.logprob == pytest.approx(float(logs[i]), abs=1e-4)
                    for logs in steps
                    for i in own
                )
                checked += 1
        assert checked > 50

    def test_they_are_those_of_the_beams(self, engine, model):
        (found,) = engine.complete(PROMPTS[:1], BEAMS.but(n=3, logprobs=True))
        ids, rows = beam_ids(model, engine, PROMPTS[0], 3)
        for completion, row in zip((found, *found.others), rows, strict=True):
            with torch.inference_mode():
                whole = torch.tensor([ids[0].tolist() + row])
                logs = log_softmax(model(whole).logits[0], model)
            told = {i: float(logs[ids.shape[1] - 1 + i, token]) for i, token in enumerate(row)}
            assert completion.tokens
            for token in completion.tokens:
                assert any(token.logprob == pytest.approx(log, abs=1e-4) for log in told.values())

    def test_tokens_stand_where_they_say(self, engine):
        pieces = whole = 0
        for found in engine.complete(PROMPTS, SAMPLED.but(n=4, logprobs=True)):
            for completion in (found, *found.others):
                starts = [token.start for token in completion.tokens]
                assert starts == sorted(starts)
                for token in completion.tokens:
                    assert token.start < len(completion.text)
                    pieces += 1
                    whole += completion.text.startswith(token.text, token.start)
        assert whole > 0.9 * pieces

    def test_nothing_behind_a_stop_string_is_told(self, engine):
        (found,) = engine.complete(["lithium"], Decoding(max_new_tokens=20, logprobs=True))
        stop = found.text.split()[3]
        options = {"max_new_tokens": 20, "logprobs": True, "stop": (f" {stop}",)}
        (short,) = engine.complete(["lithium"], Decoding(**options))
        assert short.finish_reason == "stop"
        assert short.tokens == tuple(t for t in found.tokens if t.start < len(short.text))

    def test_a_stream_tells_them_at_its_end(self, engine):
        decoding = Decoding(max_new_tokens=10, logprobs=True)
        *_, last = engine.stream("lithium", decoding)
        assert last.completion.tokens == engine.complete(["lithium"], decoding)[0].tokens

    def test_nobody_who_does_not_ask_gets_them(self, engine):
        assert engine.complete(["lithium"], SAMPLED)[0].tokens == ()

    def test_relations_get_the_score_of_their_clause(self):
        told = "the relation between a and b exists; the relation between c and d exists."

        class Unsure(ScriptedEngine):
            def complete(self, prompts, decoding=Decoding()):
                (found,) = super().complete(prompts, decoding)
                half = len(found.tokens) // 2
                tokens = [replace(t, logprob=math.log(0.9)) for t in found.tokens[:half]]
                tokens += [replace(t, logprob=math.log(0.4)) for t in found.tokens[half:]]
                return [replace(found, tokens=tuple(tokens))]

        asked = Pipeline("bc5cdr", Unsure([told, f"learned1 learned2 {told}"]))
        for _ in range(2):
            (found,) = asked.with_decoding(Decoding(logprobs=True)).run(["A b. C d."])
            if "learned" not in found.completion:
                assert [r.score for r in found.result] == pytest.approx([0.9**7, 0.4**7])
            assert all(0.4**7 <= r.score <= 0.9**7 for r in found.result)
            assert all(r.grounded for r in found.result)
        again = type(found).model_validate_json(found.model_dump_json())
        assert again.result == found.result

    def test_no_score_without_them(self):
        told = ["the relation between a and b exists."]
        (found,) = Pipeline("bc5cdr", ScriptedEngine(told)).run(["A b."])
        assert found.result[0].score is None


class TestCancelling:
    async def cancelled_at(self, step, work, model):
        """Cancel the waiting task when the model is at a step; the thread's own result."""
        begun, done = asyncio.Event(), threading.Event()
        loop, results = asyncio.get_running_loop(), []

        def before(number):
            if number == step:
                loop.call_soon_threadsafe(begun.set)
                done.wait(60)  # goes on once the task is cancelled

        model.before = before

        def watched():
            results.append(work())

        task = asyncio.create_task(in_thread(watched))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        done.set()
        for _ in range(6000):
            if results:
                return results[0]
            await asyncio.sleep(0.01)
        raise AssertionError("the thread went on")

    async def test_writing_stops_at_the_next_step(self, engine, model):
        engine.limit_batches(4)
        long = Decoding(max_new_tokens=60, temperature=2, seed=1)
        found = await self.cancelled_at(3, lambda: engine.complete(PROMPTS, long), model)
        assert model.steps == 3
        assert [c.finish_reason for c in found].count("cancelled") >= len(PROMPTS) - 4
        assert engine.complete(PROMPTS[:1], SAMPLED)[0].finish_reason != "cancelled"

    async def test_beams_stop_too(self, engine, model):
        long = Decoding(max_new_tokens=60, num_beams=3)
        found = await self.cancelled_at(2, lambda: engine.complete(PROMPTS[:1], long), model)
        assert model.steps <= 3
        assert found[0].finish_reason == "cancelled"

    async def test_so_does_a_stream_and_what_was_written_is_kept(self, engine, model):
        long = Decoding(max_new_tokens=60, temperature=2, seed=1)
        *_, last = await self.cancelled_at(4, lambda: list(engine.stream(PROMPTS[0], long)), model)
        assert model.steps == 4
        assert last.completion.finish_reason == "cancelled"
        assert last.completion.usage.completion_tokens == 4

    async def test_so_does_scoring_between_batches(self, engine, model):
        engine.limit_batches(2)
        found = await self.cancelled_at(1, lambda: engine.choose(PROMPTS, ["yes", "no"]), model)
        assert model.steps == 1
        assert [type(c.error) for c in found].count(EngineError) == len(PROMPTS) - 2

    async def test_pipelines_are_cancelled(self, engine, model):
        def run():
            asked = Pipeline("bc5cdr", engine, decoding=Decoding(max_new_tokens=60), card=CARD)
            return asked.run(["lithium tremor"])

        (found,) = await self.cancelled_at(2, run, model)
        assert found.finish_reason == "cancelled"

    async def test_nobody_else_is(self):
        assert not cancelled()
        assert await in_thread(cancelled) is False
        engine = ScriptedEngine(["a"])
        assert (await in_thread(engine.complete, ["x"]))[0].text == "a"


def test_token_ids_are_the_tokenizers_own(engine):
    for text in (*PROMPTS, "COVID-19 is \u03b1-tocopherol (5%)."):
        ids = engine.tokenizer(text)["input_ids"][1:]
        assert engine.token_ids(text) == ids
        assert engine.count_tokens(text) == len(ids)


def test_a_long_prompt_that_must_not_be_cut_fails_alone(engine):
    decoding = Decoding(max_new_tokens=5, truncate=False, temperature=1, n=2)
    found = engine.complete([Prompt(text="lithium " * 200), "lithium"], decoding)
    assert [type(c.error) for c in found] == [ContextOverflowError, type(None)]
