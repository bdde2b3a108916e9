"""The transformers engine: completing, streaming, choosing; alone, in batches, under threads."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import NoneType

import pytest
import tiny
import torch
from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from biogpt_plugins.values.errors import ContextOverflowError, EngineError, InputError

PROMPTS = [" ".join(tiny.WORDS[i : i + 2 + i % 7]) for i in range(0, 36, 3)]
LEARNED = Prompt(text="lithium tremor", suffix_tokens=tiny.LEARNED, target="the answer")
SHORT = Decoding(max_new_tokens=12)
LONGER = Decoding(max_new_tokens=28)
SAMPLED = Decoding(max_new_tokens=30, temperature=1.5, seed=7)


class Watched(BioGptForCausalLM):
    """A BioGPT that keeps the rows and last logits of every forward pass, and fails on demand."""

    def __init__(self, config):
        super().__init__(config)
        self.sizes, self.logits, self.fails = [], [], lambda _: None

    # `generate` looks for the names.
    def forward(self, input_ids=None, attention_mask=None, position_ids=None, **kwargs):
        packed = "rows" in kwargs
        rows = input_ids[0].split(kwargs["rows"].sizes) if packed else input_ids
        self.sizes.append(len(rows))
        if error := self.fails(rows):
            raise error
        found = super().forward(input_ids, attention_mask, position_ids=position_ids, **kwargs)
        self.logits.append(found.logits[0] if packed else found.logits[:, -1])
        return found


@pytest.fixture
def model(tiny_biogpt):
    return Watched.from_pretrained(tiny_biogpt)


@pytest.fixture
def engine(model, tiny_biogpt):
    tokenizer = BioGptTokenizer.from_pretrained(tiny_biogpt)
    return TransformersEngine(model, tokenizer, model_name="tiny")


def ids_of(engine, prompt):
    prompt = prompt if isinstance(prompt, Prompt) else Prompt(text=prompt)
    vocabulary = engine.tokenizer.get_vocab()
    source = engine.tokenizer(prompt.source)["input_ids"]
    learned = [vocabulary[name] for name in prompt.suffix_tokens]
    target = engine.tokenizer(prompt.target)["input_ids"][1:] if prompt.target else []
    return source + learned + target


def text_of(engine, ids):
    learned = [engine.tokenizer.get_vocab()[name] for name in tiny.LEARNED]
    return engine.tokenizer.decode([i for i in ids if i not in learned], skip_special_tokens=True)


def alone(engine, model, prompt, max_length):
    """What transformers' own greedy generation of the official set-up writes."""
    ids = ids_of(engine, prompt)
    found = model.generate(
        input_ids=torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        num_beams=1,
        do_sample=False,
        max_length=max_length,
        eos_token_id=2,
        forced_eos_token_id=2,
        pad_token_id=1,
    )[0, len(ids) :].tolist()
    return found[: found.index(2)], text_of(engine, found)


def test_logits_of_packed_rows_equal_those_of_rows_alone(engine, model):
    prompts = sorted([*PROMPTS, LEARNED], key=lambda prompt: -len(ids_of(engine, prompt)))
    engine.limit_batches(len(prompts))
    engine.complete(prompts, Decoding(max_new_tokens=1))
    (packed,) = model.logits
    for prompt, found in zip(prompts, packed, strict=True):
        with torch.inference_mode():
            expected = model(torch.tensor([ids_of(engine, prompt)])).logits[0, -1]
        assert (found - expected).abs().max() < 1e-4
        assert found.argmax() == expected.argmax()


def test_greedy_batches_equal_generate_one_by_one(engine, model):
    found = engine.complete([*PROMPTS, LEARNED])
    assert {completion.finish_reason for completion in found} == {"stop", "length"}
    for prompt, completion in zip([*PROMPTS, LEARNED], found, strict=True):
        ids, text = alone(engine, model, prompt, max_length=97)
        assert completion.text == text
        assert completion.usage.completion_tokens == len(ids)
        prompt_tokens = len(ids_of(engine, prompt))
        assert completion.usage.prompt_tokens == prompt_tokens
        # All 96 positions are written; the end that is forced behind them is a limit, not a stop.
        is_cut = prompt_tokens + len(ids) == 96
        assert completion.finish_reason == ("length" if is_cut else "stop")


def test_max_length_means_what_it_means_to_generate(engine, model):
    for prompt, completion in zip(
        PROMPTS, engine.complete(PROMPTS, Decoding(max_length=40)), strict=True
    ):
        ids, text = alone(engine, model, prompt, max_length=40)
        assert (completion.text, completion.usage.completion_tokens) == (text, len(ids))


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_order_and_batch_size_change_nothing(engine, batch_size):
    expected = engine.complete(PROMPTS, SHORT)
    engine.limit_batches(batch_size)
    order = random.Random(batch_size).sample(range(len(PROMPTS)), len(PROMPTS))
    found = engine.complete([PROMPTS[i] for i in order], SHORT)
    assert found == [expected[i] for i in order]


def test_finished_rows_leave_the_batch(engine, model):
    engine.limit_batches(100)
    engine.complete(PROMPTS)
    assert model.sizes[0] == len(PROMPTS)
    assert 1 <= model.sizes[-1] < len(PROMPTS)


@pytest.mark.parametrize(
    ("decoding", "total"),
    # The final `</s>` counts for max_length, and is no token of the completion.
    [(Decoding(max_length=40), 39), (Decoding(max_length=500), 96), (Decoding(), 96)],
)
def test_max_length_counts_the_prompt_and_the_end(engine, decoding, total):
    for completion in engine.complete(PROMPTS, decoding):
        if completion.finish_reason == "length":
            assert completion.usage.total_tokens == total
        else:
            assert completion.usage.total_tokens < total


def test_bad_prompts_do_not_touch_the_others(engine):
    long = Prompt(text="dose " * 200)
    bad = ["", Prompt(text="dose", suffix_tokens=("nine",)), Prompt(text="a", head="the " * 99), 5]
    found = engine.complete([bad[0], PROMPTS[0], bad[1], bad[2], long, PROMPTS[1], bad[3]], SHORT)
    assert [type(c.error) for c in found] == [
        InputError, NoneType, InputError, ContextOverflowError, NoneType, NoneType, InputError,
    ]  # fmt: skip
    assert [found[1], found[5]] == engine.complete(PROMPTS[:2], SHORT)
    assert found[4].truncated_tokens == 200 - (96 - 1 - 12) + 1
    (refused,) = engine.complete([long], Decoding(truncate=False))
    assert isinstance(refused.error, ContextOverflowError)
    assert engine.complete([]) == engine.choose([], ["yes"]) == []


def test_beams(engine, model):
    decoding = Decoding(num_beams=3, max_new_tokens=10)
    found = engine.complete([*PROMPTS, "dose " * 200], decoding)
    ids = ids_of(engine, PROMPTS[3])
    beams = model.generate(
        input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        num_beams=3, max_new_tokens=11, forced_eos_token_id=2, eos_token_id=2, pad_token_id=1,
        do_sample=False,
    )  # fmt: skip
    assert found[3].text == text_of(engine, beams[0, len(ids) :].tolist())
    assert all(c.error is None and c.usage.completion_tokens <= 10 for c in found)
    # Limits that differ from row to row.
    assert all(c.usage.total_tokens <= 96 for c in engine.complete(PROMPTS, Decoding(num_beams=2)))
    with pytest.raises(InputError, match="cannot be combined with temperature"):
        engine.complete(PROMPTS, Decoding(num_beams=2, temperature=1))


def test_a_seed_repeats_itself_whatever_the_batch(engine):
    state = torch.random.get_rng_state()
    found = engine.complete(PROMPTS, SAMPLED)
    assert found == engine.complete(PROMPTS, SAMPLED)
    assert found[4:5] == engine.complete(PROMPTS[4:5], SAMPLED)
    assert found != engine.complete(PROMPTS, SAMPLED.but(seed=8))
    free = Decoding(max_new_tokens=30, temperature=1.5)
    assert engine.complete(PROMPTS, free) != engine.complete(PROMPTS, free)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}])
def test_the_narrowest_sampling_is_greedy(engine, narrow):
    sampled = engine.complete(PROMPTS, SAMPLED.but(**narrow))
    assert sampled == engine.complete(PROMPTS, Decoding(max_new_tokens=30))


def test_sampling_follows_the_probabilities(engine, model):
    draws = [
        engine.complete(PROMPTS[:1], Decoding(max_new_tokens=1, temperature=3.0, top_k=3, seed=s))
        for s in range(200)
    ]
    logits = model.logits[0][0] / 3.0
    top = logits.topk(3)
    expected = top.values.softmax(-1)
    texts = [text_of(engine, [i]) for i in top.indices.tolist()]
    seen = [draw[0].text for draw in draws]
    for text, share in zip(texts, expected.tolist(), strict=True):
        assert abs(seen.count(text) / 200 - share) < 0.12


def stops_of(text):
    """Stop strings of all kinds that occur in a text."""
    middle = text.index(" ", len(text) // 3)
    return [
        (text[:2],),
        (text[middle - 1 : middle + 2],),
        (text[middle - 3 : middle + 5],),
        (text[middle:],),
        (text[-1],),
        (" ",),
        (text[middle + 1 :], text[middle - 2 : middle]),
        ("never", text[middle + 1 : middle + 3]),
    ]


@pytest.mark.parametrize("case", range(8))
def test_stop_strings_end_text_and_generation(engine, model, case):
    prompts = PROMPTS[:4]
    for prompt, before in zip(prompts, engine.complete(prompts, LONGER), strict=True):
        stop = stops_of(before.text)[case]
        decoding = LONGER.but(stop=stop)
        end = min(before.text.index(s) for s in stop if s in before.text)
        model.sizes.clear()
        (found,) = engine.complete([prompt], decoding)
        assert found.text == before.text[:end]
        assert found.finish_reason == "stop"
        assert len(model.sizes) <= before.usage.completion_tokens
        if " " in before.text[end + len(stop[0]) :].strip():
            assert len(model.sizes) < before.usage.completion_tokens
        chunks = list(engine.stream(prompt, decoding))
        assert "".join(chunk.text for chunk in chunks) == found.text
        assert chunks[-1].completion == found


def test_a_stop_string_ends_only_its_row(engine):
    whole = engine.complete(PROMPTS, LONGER)
    stop = whole[3].text[4:7]
    found = engine.complete(PROMPTS, LONGER.but(stop=(stop,)))
    assert [c.text for c in found] == [c.text.split(stop)[0] for c in whole]


DECODINGS = [Decoding(), SHORT, *(SAMPLED.but(seed=seed, temperature=2.0) for seed in range(6))]


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("prompt", [*PROMPTS[:3], LEARNED])
def test_a_stream_adds_up_to_the_completion(engine, prompt, decoding):
    chunks = list(engine.stream(prompt, decoding))
    (completion,) = engine.complete([prompt], decoding)
    assert "".join(chunk.text for chunk in chunks) == completion.text
    assert chunks[-1].completion == completion
    assert all(chunk.text and chunk.completion is None for chunk in chunks[:-1])


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("prompt", PROMPTS[:3])
def test_the_tokens_of_the_pieces_are_those_of_the_completion(engine, prompt, decoding):
    chunks = list(engine.stream(prompt, decoding.but(logprobs=True)))
    told = [token for chunk in chunks for token in chunk.tokens]
    assert told == list(chunks[-1].completion.tokens)
    assert not any(chunk.tokens for chunk in engine.stream(prompt, decoding))


def test_a_stream_streams_and_stops_when_closed(engine, model):
    stream = engine.stream(PROMPTS[3])
    assert model.sizes == []
    words = "".join(chunk.text for chunk in islice(stream, 2))
    assert words
    stream.close()
    engine.complete(PROMPTS[:1], Decoding(max_new_tokens=1))  # waits for what was under way
    steps = len(model.sizes)
    assert 0 < steps < 40
    assert list(stream) == []
    assert len(model.sizes) == steps


def test_a_stalled_stream_holds_nobody_up(engine):
    expected = engine.complete(PROMPTS, SHORT)
    stream = engine.stream(PROMPTS[3])
    first = next(stream)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(engine.complete, PROMPTS, SHORT).result(timeout=60) == expected
    assert first.text + "".join(c.text for c in stream) == engine.complete(PROMPTS[3:4])[0].text


@pytest.mark.parametrize(
    ("prompt", "error"), [("", InputError), (Prompt(text="a", target="b " * 99), InputError)]
)
def test_a_stream_refuses_a_prompt_at_once(engine, prompt, error):
    with pytest.raises(error):
        engine.stream(prompt)


def test_a_stream_hands_on_the_runtimes_error(engine, model):
    model.fails = lambda _: RuntimeError("device lost") if len(model.sizes) > 20 else None
    stream = engine.stream(PROMPTS[3])
    before = next(stream).text
    # What was written ahead of the reader may still come before the error does.
    with pytest.raises(EngineError, match="device lost") as caught:
        before += "".join(chunk.text for chunk in stream)
    assert isinstance(caught.value.__cause__, RuntimeError)
    model.fails = lambda _: None
    assert engine.complete(PROMPTS[3:4])[0].text.startswith(before)


CHOICES = ["yes", "no", "maybe", "increases risk", "warfarin dose effect"]


def test_choose_equals_an_unpadded_loop(engine, model):
    prompts = [*PROMPTS, LEARNED]
    found = engine.choose(prompts, CHOICES)
    assert model.sizes == [len(prompts)]
    for prompt, choice in zip(prompts, found, strict=True):
        ids = ids_of(engine, prompt)
        sums = []
        for label in CHOICES:
            tokens = engine.tokenizer(label)["input_ids"][1:]
            with torch.inference_mode():
                logs = model(torch.tensor([ids + tokens])).logits[0].log_softmax(-1)
            places = range(len(ids) - 1, len(ids) + len(tokens) - 1)
            sums.append(sum(logs[i, t] for i, t in zip(places, tokens, strict=True)))
        expected = torch.stack(sums).softmax(-1)
        probabilities = torch.tensor(list(choice.probabilities.values()))
        assert list(choice.probabilities) == CHOICES
        assert (probabilities - expected).abs().max() < 1e-4
        # And in logarithms, where unlikely labels count as much as likely ones.
        assert (probabilities.log() - expected.log()).abs().max() < 1e-4
        assert choice.label == CHOICES[int(expected.argmax())]
        assert choice.usage.prompt_tokens == len(ids)


@pytest.mark.parametrize("choices", [["yes"], ["yes", "no"], ["effect.", "effect dose."]])
def test_choices_of_few_tokens(engine, choices):
    for choice in engine.choose(PROMPTS, choices):
        assert sum(choice.probabilities.values()) == pytest.approx(1)


def test_choose_keeps_errors_apart(engine):
    found = engine.choose(["dose", "", "dose " * 200], ["yes", "maybe"])
    assert [type(c.error) for c in found] == [NoneType, InputError, NoneType]
    assert found[1].probabilities == {}
    # One token stays free for "yes", as many as it has for "maybe".
    assert found[2].usage.prompt_tokens + engine.count_tokens("maybe") == 96
    (refused,) = engine.choose(["dose " * 200], ["yes"], truncate=False)
    assert isinstance(refused.error, ContextOverflowError)


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ([], "at least one label"),
        ("yes", "at least one label"),
        (["yes", ""], "is empty"),
        (["yes", "yes"], "is the beginning of 'yes'"),
        (["effect", "no", "effect dose"], "is the beginning of 'effect dose'"),
    ],
)
def test_choices_that_cannot_be_told_apart(engine, choices, says):
    with pytest.raises(InputError, match=says):
        engine.choose(PROMPTS, choices)


def test_32_threads_share_an_engine(engine):
    expected = engine.complete(PROMPTS, SHORT)
    chosen = engine.choose(PROMPTS, CHOICES)
    barrier = threading.Barrier(32)

    def work(thread):
        barrier.wait()
        for turn in range(2):
            i = (thread + turn) % len(PROMPTS)
            if thread % 4 == 0:
                *_, last = engine.stream(PROMPTS[i], SHORT)
                assert last.completion == expected[i]
            elif thread % 4 == 1:
                (choice,) = engine.choose([PROMPTS[i]], CHOICES)
                assert choice.probabilities == pytest.approx(chosen[i].probabilities, abs=1e-4)
            else:
                assert engine.complete(PROMPTS[: i + 1], SHORT) == expected[: i + 1]
        return True

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(work, range(32), timeout=300))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        RuntimeError("MPS backend out of memory"),
        MemoryError(),
    ],
)
def test_batches_halve_when_memory_runs_out_and_grow_back(engine, model, error):
    expected = engine.complete(PROMPTS, SHORT)
    model.sizes.clear()
    model.fails = lambda rows: error if len(rows) > 3 else None
    assert engine.complete(PROMPTS, SHORT) == expected
    assert model.sizes[:3] == [12, 6, 3]
    model.fails = lambda _: None
    for _ in range(8):
        assert engine.complete(PROMPTS, SHORT) == expected
    model.sizes.clear()
    engine.complete(PROMPTS, SHORT)
    assert model.sizes[0] > 3


def test_one_prompt_that_does_not_fit_is_an_error_of_its_own(engine, model):
    expected = engine.complete(PROMPTS, SHORT)
    longest = max(len(ids_of(engine, prompt)) for prompt in PROMPTS)
    model.fails = lambda rows: MemoryError() if max(map(len, rows)) == longest else None
    found = engine.complete(PROMPTS, SHORT)
    for prompt, before, after in zip(PROMPTS, expected, found, strict=True):
        if len(ids_of(engine, prompt)) == longest:
            assert isinstance(after.error, EngineError)
            assert "does not fit" in str(after.error)
        else:
            assert after == before


def test_a_failing_runtime_costs_only_the_prompts_that_fail(engine, model):
    expected = engine.complete(PROMPTS, SHORT)
    marked = engine.tokenizer(PROMPTS[2])["input_ids"][1]
    hit = [marked in ids_of(engine, prompt) for prompt in PROMPTS]
    assert 0 < sum(hit) < len(PROMPTS)
    model.fails = lambda rows: (
        ValueError("no") if any(len(row) > 1 and marked in row for row in rows) else None
    )
    for is_hit, before, after in zip(hit, expected, engine.complete(PROMPTS, SHORT), strict=True):
        assert isinstance(after.error, EngineError) if is_hit else after == before
    model.fails = lambda _: KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        engine.complete(PROMPTS, SHORT)
    model.fails = lambda _: None
    assert engine.complete(PROMPTS, SHORT) == expected


def test_counts(engine):
    assert engine.count_tokens("aspirin dose") == 2
    assert engine.context_size == 96
    assert engine.model_name == "tiny"
    with pytest.raises(InputError, match="at least 1"):
        engine.limit_batches(0)
