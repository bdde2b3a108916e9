"""The engine on CTranslate2: what transformers writes, in whole batches that rows can leave."""

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import bundled
import ctranslate2
import numpy as np
import pytest
import tiny
import torch
from doubles import unscored_all
from transformers import BioGptTokenizer

from biogpt_plugins import load
from biogpt_plugins.engine import Decoding, Prompt, in_thread
from biogpt_plugins.engines import CTranslate2Engine, load_engine
from biogpt_plugins.engines.ctranslate2_folder import vocabulary, write_folder
from biogpt_plugins.values.errors import ContextOverflowError, EngineError, InputError

PROMPTS = [" ".join(tiny.WORDS[i : i + 2 + i % 7]) for i in range(0, 36, 3)]
LEARNED = Prompt(text="lithium tremor", suffix_tokens=tiny.LEARNED, target="the answer")
CUT = "dose " * 200
ALL = [*PROMPTS, LEARNED, CUT, Prompt(text="warfarin dose", head="of patients ", tail=" . yes")]
SAMPLED = Decoding(max_new_tokens=30, temperature=1.5, seed=7)


class Steps:
    """What callbacks are told; apart, as they must not keep a generator alive."""

    def __init__(self):
        self.told, self.at = 0, lambda: None

    def watch(self, callback):
        def told(step):
            self.told += 1
            self.at()
            return callback(step)

        return told


class Watched:
    """A generator that keeps what it was asked, counts the tokens told, and fails on demand."""

    def __init__(self, folder):
        self._generator = ctranslate2.Generator(
            str(folder), compute_type="float32", intra_threads=1
        )
        self.calls, self.steps, self.fails = [], Steps(), lambda _: None

    def generate_batch(self, prompts, *, callback=None, **options):
        self.calls.append((prompts, options))
        if error := self.fails(prompts):
            raise error
        return self._generator.generate_batch(
            prompts, callback=callback and self.steps.watch(callback), **options
        )

    @property
    def sizes(self):
        return [len(prompts) for prompts, _ in self.calls]


@pytest.fixture(scope="module")
def plain(tiny_biogpt):
    return load_engine(tiny_biogpt, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def exact(tiny_biogpt):
    return load_engine(tiny_biogpt, engine="ctranslate2", dtype="float32")


@pytest.fixture(scope="module")
def folder(tiny_biogpt, tmp_path_factory):
    made = tmp_path_factory.mktemp("converted")
    write_folder(tiny_biogpt, made, name="tiny", int8=False)
    return made


@pytest.fixture
def watched(folder):
    return Watched(folder)


@pytest.fixture
def engine(watched, folder):
    return CTranslate2Engine(
        [watched],
        BioGptTokenizer.from_pretrained(folder),
        names=vocabulary(folder),
        context_size=96,
        hidden_size=32,
        device=torch.device("cpu"),
        dtype="float32",
        model_name="tiny",
    )


def without_numbers(completion):
    tokens = tuple(replace(token, logprob=0) for token in completion.tokens)
    others = tuple(without_numbers(other) for other in completion.others)
    end = completion.end and replace(completion.end, logprob=0)
    return replace(completion, tokens=tokens, others=others, end=end)


def numbers(completion):
    own = [token.logprob for token in (*completion.tokens, completion.end) if token]
    return own + [number for other in completion.others for number in numbers(other)]


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(),
        Decoding(max_length=40),
        Decoding(max_new_tokens=1),
        Decoding(max_new_tokens=12, logprobs=True),
        Decoding(stop=("risk", "dose x", "e")),
        SAMPLED,
        Decoding(max_new_tokens=20, temperature=0.8, seed=3, top_k=20, top_p=0.9, n=3),
        Decoding(max_new_tokens=9, temperature=2, seed=4, logprobs=True),
        Decoding(max_new_tokens=15, num_beams=4, n=3, logprobs=True),
    ],
    ids=str,
)
def test_in_float32_it_writes_what_transformers_does(plain, exact, decoding):
    expected = plain.complete(ALL, decoding)
    found = exact.complete(ALL, decoding)
    for own, other in zip(found, expected, strict=True):
        assert without_numbers(own) == without_numbers(other)
        assert numbers(own) == pytest.approx(numbers(other), abs=1e-4)
    assert bool(numbers(found[0])) == decoding.logprobs


def test_the_end_that_models_come_to_is_one_too(exact):
    found = exact.complete(ALL)
    assert {completion.finish_reason for completion in found} == {"stop", "length"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_random_models_write_alike(tmp_path, seed):
    folder = tiny.build(tmp_path / "model", seed=seed)
    expected = load_engine(folder, device="cpu").complete(ALL)
    assert load_engine(folder, engine="ctranslate2", dtype="float32").complete(ALL) == expected


@pytest.mark.parametrize("choices", [["yes", "no", "maybe"], ["may be yes", "may not"], ["risk"]])
def test_labels_are_scored_alike(plain, exact, choices):
    expected, found = plain.choose(ALL, choices), exact.choose(ALL, choices)
    for own, other in zip(found, expected, strict=True):
        assert own.probabilities == pytest.approx(other.probabilities, abs=1e-5)
        assert (own.usage, own.truncated_tokens) == (other.usage, other.truncated_tokens)
        assert own.error is None


def test_scores_are_log_probabilities_of_whole_labels(engine, plain):
    engine.choose([LEARNED], ["may be yes", "no"])
    plain_logs, logs = (
        _logs(one, LEARNED, ["may be yes", "no", "may not"]) for one in (plain, engine)
    )
    assert logs == pytest.approx(plain_logs, abs=1e-4)


def _logs(engine, prompt, labels):
    (scored,) = engine.score([prompt], [labels])
    return [sum(token.logprob for token in tokens) for tokens in scored.tokens]


def test_each_prompt_has_its_own_error(exact):
    first, second, third = exact.complete(["", *PROMPTS[:1], CUT], Decoding(truncate=False))
    assert isinstance(first.error, InputError)
    assert second.error is None
    assert isinstance(third.error, ContextOverflowError)
    choices = exact.choose(["", PROMPTS[0]], ["yes", "no"])
    assert [choice.error is None for choice in choices] == [False, True]


@pytest.mark.parametrize("decoding", [Decoding(), Decoding(num_beams=2)], ids=["rows", "beams"])
def test_one_that_the_runtime_fails_on_fails_alone(engine, watched, decoding):
    expected = engine.complete(PROMPTS, decoding)
    watched.fails = lambda prompts: (
        RuntimeError("lost") if any("warfarin</w>" in prompt for prompt in prompts) else None
    )
    found = engine.complete(PROMPTS, decoding)
    bad = [i for i, prompt in enumerate(PROMPTS) if "warfarin" in prompt]
    assert bad
    assert len(bad) < len(PROMPTS)
    for i, (own, other) in enumerate(zip(found, expected, strict=True)):
        if i in bad:
            assert isinstance(own.error, EngineError)
            assert "RuntimeError: lost" in str(own.error)
        else:
            assert own == other


class TestBatches:
    def test_prompts_of_like_length_are_one_call(self, engine, watched):
        engine.complete(PROMPTS)
        assert watched.sizes == [len(PROMPTS)]

    def test_others_are_not(self, engine, watched):
        engine.complete(["risk " * 60, *PROMPTS[:3], "dose " * 59], Decoding(max_new_tokens=20))
        assert sorted(watched.sizes) == [2, 3]

    def test_with_little_to_write_only_those_of_nearly_one_length_are(self, engine, watched):
        prompts = ["risk " * length for length in (10, 20, 21)]
        engine.complete(prompts, Decoding(max_new_tokens=20))
        engine.complete(prompts, Decoding(max_new_tokens=2))
        assert watched.sizes == [3, 2, 1]

    def test_beams_are_of_one_length(self, engine, watched):
        engine.complete(["risk yes", "risk no", "risk"], Decoding(num_beams=2, max_new_tokens=5))
        assert sorted(watched.sizes) == [1, 2]

    def test_budgets_stop_strings_and_samplings_of_many_callers(self, engine, exact):
        decodings = [
            Decoding(max_new_tokens=3),
            Decoding(max_new_tokens=9, logprobs=True),
            Decoding(stop=("e",)),
            SAMPLED,
            replace(SAMPLED, seed=8),
            Decoding(num_beams=3, max_new_tokens=9),
        ]
        with ThreadPoolExecutor(len(decodings)) as pool:
            found = list(pool.map(lambda decoding: engine.complete(ALL, decoding), decodings))
        for decoding, own in zip(decodings, found, strict=True):
            for one, other in zip(own, exact.complete(ALL, decoding), strict=True):
                assert without_numbers(one) == without_numbers(other)

    def test_what_prompts_have_in_common_is_read_once(self, engine, watched, exact):
        head = " ".join(tiny.WORDS[:50])
        prompts = [f"{head} {prompt}" for prompt in PROMPTS[:4]]
        decoding = Decoding(max_new_tokens=8)
        assert engine.complete(prompts, decoding) == [
            exact.complete([prompt], decoding)[0] for prompt in prompts
        ]
        ((rests, options),) = watched.calls
        assert len(options["static_prompt"]) > 40
        assert max(map(len, rests)) < 20

    def test_samples_of_one_prompt_read_it_once(self, engine, watched):
        prompt = " ".join(tiny.WORDS[:50])
        (found,) = engine.complete([prompt], Decoding(max_new_tokens=8, temperature=2, n=4))
        assert len({found.text, *(other.text for other in found.others)}) > 1
        ((rests, options),) = watched.calls
        assert list(map(len, rests)) == [1] * 4
        assert options["static_prompt"]

    def test_batch_size_is_the_most(self, engine, watched):
        engine.limit_batches(5)
        engine.complete(PROMPTS, Decoding(max_new_tokens=3))
        assert max(watched.sizes) == 5


class TestSampling:
    def test_a_seed_repeats_itself_whatever_else_is_written(self, exact):
        one = exact.complete(PROMPTS[:1], SAMPLED)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: exact.complete(PROMPTS, SAMPLED)[0], range(4)))
        assert found == one * 4
        assert exact.complete(PROMPTS[:1], replace(SAMPLED, seed=8)) != one

    def test_without_one_samples_differ(self, exact):
        decoding = replace(SAMPLED, seed=None)
        found = {exact.complete(PROMPTS[:1], decoding)[0].text for _ in range(4)}
        assert len(found) > 1

    def test_narrow_samples_are_greedy(self, exact):
        greedy = exact.complete(PROMPTS, Decoding(max_new_tokens=9))
        narrow = {"top_k": {"top_k": 1}, "top_p": {"top_p": 1e-6}, "both": {"top_k": 10**9}}
        for options in (narrow["top_k"], narrow["top_p"]):
            for seed in (None, 5):
                decoding = Decoding(max_new_tokens=9, temperature=2, seed=seed, **options)
                assert exact.complete(PROMPTS, decoding) == greedy
        wide = Decoding(max_new_tokens=9, temperature=2, **narrow["both"])
        assert all(completion.error is None for completion in exact.complete(PROMPTS, wide))

    def test_log_probabilities_of_samples_are_those_of_the_model(self, exact, plain):
        decoding = Decoding(max_new_tokens=1, temperature=3, logprobs=True)
        found = exact.complete(PROMPTS, decoding)
        names = exact.tokenizer.get_vocab()
        runner = plain._scheduler._workers[0].runner
        for prompt, completion in zip(PROMPTS, found, strict=True):
            ids = torch.tensor([exact._encode(prompt, decoding).ids])
            with torch.no_grad():
                logits = runner._model.whole(ids).logits[0, -1]
            logits[1] = -torch.inf
            for token in completion.tokens:  # none if it drew the end
                spellings = [token.text, f"{token.text}</w>"]
                logs = [logits.log_softmax(-1)[names[s]].item() for s in spellings if s in names]
                assert min(abs(log - token.logprob) for log in logs) < 1e-4


class TestStreams:
    @pytest.mark.parametrize("prompt", ALL, ids=str)
    @pytest.mark.parametrize("decoding", [Decoding(), Decoding(stop=("e",)), SAMPLED], ids=str)
    def test_pieces_add_up(self, exact, prompt, decoding):
        chunks = list(exact.stream(prompt, decoding))
        (whole,) = exact.complete([prompt], decoding)
        assert "".join(chunk.text for chunk in chunks) == whole.text
        assert chunks[-1].completion == whole

    def test_it_is_told_while_it_is_written(self, engine, watched):
        stream = engine.stream(PROMPTS[0], Decoding())
        next(stream)
        assert watched.steps.told < 60
        assert "".join(chunk.text for chunk in stream)

    def test_it_is_a_little_ahead_of_its_reader_and_closing_it_is_the_end(self, engine, watched):
        stream = engine.stream(PROMPTS[0])
        next(stream)
        wait(lambda: not engine._scheduler._workers[0].running)
        assert watched.steps.told <= 32
        stream.close()
        assert watched.steps.told <= 32

    def test_one_that_nobody_reads_holds_nobody_up(self, engine):
        stream = engine.stream(PROMPTS[0])
        next(stream)
        assert engine.complete(PROMPTS[1:3])[0].error is None
        assert "".join(chunk.text for chunk in stream)


def wait(condition):
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come about in 30 s")


class TestTheEnd:
    @pytest.mark.parametrize("decoding", [Decoding(), SAMPLED], ids=["greedy", "seeded"])
    async def test_cancelling_a_task_stops_the_model(self, engine, watched, decoding):
        loop, reached, cancelled = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        reach = 5 if decoding.seed else 2 * len(PROMPTS)

        def at():
            if watched.steps.told == 2 * len(PROMPTS) or (
                decoding.seed and watched.steps.told == 2
            ):
                loop.call_soon_threadsafe(reached.set)
                assert cancelled.wait(30)

        watched.steps.at = at
        task = asyncio.create_task(in_thread(engine.complete, PROMPTS, decoding))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled.set()
        await asyncio.to_thread(wait, lambda: not engine._scheduler._workers[0].running)
        assert watched.steps.told <= reach + len(PROMPTS)

    def test_closing_the_engine_ends_what_is_written(self, engine, watched):
        reached, closing = threading.Event(), threading.Event()

        def at():
            if watched.steps.told == 5:
                reached.set()
                assert closing.wait(30)

        watched.steps.at = at
        found = []
        thread = threading.Thread(target=lambda: found.extend(engine.complete(PROMPTS)))
        thread.start()
        assert reached.wait(30)
        closer = threading.Thread(target=engine.close)
        closer.start()
        wait(lambda: engine._scheduler._closed)
        closing.set()
        thread.join(30)
        closer.join(30)
        assert {completion.finish_reason for completion in found} == {"cancelled"}
        assert engine.closed

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_forked_process_is_told_to_load_the_model_itself(self, exact):
        exact.complete(PROMPTS[:1])
        read, write = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(30)
            (found,) = exact.complete(PROMPTS[:1])
            os.write(write, str(found.error).encode())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0
        assert "load the model in the forked process" in os.read(read, 1000).decode()


class TestEightBits:
    def test_they_are_the_default_and_repeat_themselves(self, tiny_biogpt, exact):
        engine = load_engine(tiny_biogpt, engine="ctranslate2")
        assert (engine.dtype, engine.device, engine.runtime) == (
            "int8",
            torch.device("cpu"),
            "ctranslate2",
        )
        assert load_engine(tiny_biogpt, engine="ctranslate2", dtype="int8") is engine
        found = engine.complete(ALL, Decoding(logprobs=True))
        assert all(completion.error is None for completion in found)
        assert engine.complete(ALL, Decoding(logprobs=True)) == found
        near, right = engine.choose(ALL, ["yes", "no"]), exact.choose(ALL, ["yes", "no"])
        assert engine.choose(ALL, ["yes", "no"]) == near
        for own, other in zip(near, right, strict=True):
            assert own.probabilities == pytest.approx(other.probabilities, abs=0.1)

    def test_rounding_is_ctranslate2s_own(self, tiny_biogpt, folder, tmp_path):
        write_folder(tiny_biogpt, tmp_path, name="tiny", int8=True)
        prompt = [["</s>", "aspirin</w>", "risk</w>", "dose</w>"]]
        ours, theirs = (
            np.array(ctranslate2.Generator(str(one), compute_type="int8").forward_batch(prompt))
            for one in (tmp_path, folder)
        )
        assert np.abs(ours - theirs).max() < 1e-5


def test_the_bundled_model_extracts_the_same_relations():
    paper = bundled.case()
    expected = load("demo", "bc5cdr", device="cpu").run([paper] * 2)
    assert expected[0].relations
    found = load("demo", "bc5cdr", engine="ctranslate2", dtype="float32").run([paper] * 2)
    assert unscored_all(found) == unscored_all(expected)
    (rounded,) = load("demo", "bc5cdr", engine="ctranslate2").run([paper])
    assert rounded.ok
