"""Keys and values in places of their own: what is shared, moved and grown changes no result."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest
import tiny
import torch
from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins import Pipeline
from biogpt_plugins.engine import Decoding, Prompt, TaskCard
from biogpt_plugins.engines import load_engine
from biogpt_plugins.engines.graphs import DecodingStep
from biogpt_plugins.engines.jobs import BeamSearch, Branches, Scoring
from biogpt_plugins.engines.packed import read_packed
from biogpt_plugins.engines.passes import Span, read
from biogpt_plugins.engines.runner import ReadBatch, TransformersRunner
from biogpt_plugins.engines.slots import Slots, common
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from biogpt_plugins.tasks.pubmedqa import STEM

EIGHT = Decoding(max_new_tokens=8)
WORDS = tiny.WORDS
HEAD = " ".join([*WORDS[:30], *WORDS[10:30]])
TAILS = [" ".join(WORDS[i : i + 1 + i % 5]) for i in range(12)]


class Watched(BioGptForCausalLM):
    """A BioGPT that notes how much it reads of each row, and waits at a gate before it does."""

    def __init__(self, config):
        super().__init__(config)
        self.passes, self.gate = [], threading.Event()
        self.gate.set()

    def forward(self, input_ids=None, **kwargs):
        assert self.gate.wait(60)
        rows, width = input_ids.shape
        self.passes.append(kwargs["rows"].sizes if "rows" in kwargs else [width] * rows)
        assert input_ids.numel() == sum(self.passes[-1]), "nothing is read twice"
        return super().forward(input_ids, **kwargs)

    @property
    def read(self):
        """The passes that read prompts."""
        return [sizes for sizes in self.passes if max(sizes) > 1]


@pytest.fixture
def model(tiny_biogpt):
    return Watched.from_pretrained(tiny_biogpt)


@pytest.fixture
def engine(model, tiny_biogpt):
    tokenizer = BioGptTokenizer.from_pretrained(tiny_biogpt)
    found = TransformersEngine(model, tokenizer, model_name="tiny")
    found.drafts = False  # a pass that is wider than one token reads prompts
    return found


@pytest.fixture
def padded(engine, model):
    """The engine as it runs where rows are padded: on other devices than a CPU."""
    runner = TransformersRunner(model, slots_of(model), places=99, room=512)
    engine._scheduler._workers[0].runner = runner
    return engine


def slots_of(model, **options):
    return Slots(model.config, device=model.device, dtype=model.dtype, **options)


def alone(model, ids):
    """Logits behind each token of a row, without any cache."""
    return model(torch.tensor([ids]), use_cache=False).logits[0]


@pytest.fixture
def rows():
    random = torch.Generator().manual_seed(0)
    return [torch.randint(4, 300, (n,), generator=random).tolist() for n in (9, 4, 7, 12, 1)]


@pytest.fixture(params=["packed", "padded"])
def way(request, model):
    """Slots, how spans are read into them, and how rows advance: on a CPU, and elsewhere."""

    def begin(places):
        packed = request.param == "packed"
        slots = slots_of(model, places=places, packed=packed)
        reading = partial(read_packed if packed else read, model, slots)
        return slots, reading, reading if packed else DecodingStep(model, slots)

    return begin


def split(logits, counts):
    """Logits of each span, of which so many were asked for."""
    return [logits.all[first:][:count] for first, count in zip(logits.first, counts, strict=True)]


class TestPasses:
    @pytest.fixture(autouse=True)
    def _inference(self):
        with torch.inference_mode():
            yield

    def test_spans_of_any_length_equal_rows_alone(self, model, rows, way):
        _, reading, _ = way(5)
        places = [3, 0, 4, 1, 2]
        first = reading([Span(p, 0, row) for p, row in zip(places, rows, strict=True)])
        for row, logits in zip(rows, split(first, [1] * 5), strict=True):
            assert torch.allclose(logits[0], alone(model, row)[-1], atol=1e-5)
        more = [[7, 8, 9], [5], [6, 7], [8, 8, 8, 8], [4, 5]]
        kept = [2, 1, 1, 4, 2]
        found = reading(
            [
                Span(p, len(r), m, keep=k)
                for p, r, m, k in zip(places, rows, more, kept, strict=True)
            ]
        )
        for row, new, logits in zip(rows, more, split(found, kept), strict=True):
            assert torch.allclose(logits, alone(model, row + new)[-len(logits) :], atol=1e-5)

    def test_branches_are_as_if_each_stood_alone(self, model, rows, way):
        branches = [[11, 12, 13], [], [14], [11, 15]]  # two begin alike, which is read once
        tree = Branches(branches)
        _, reading, _ = way(5)
        begun = reading([Span(place, 0, row[:3]) for place, row in enumerate(rows)])
        assert len(begun.first) == 5
        starts = [min(3, len(row) - 1) for row in rows]
        spans = [
            Span(p, at, row[at:]) for p, (at, row) in enumerate(zip(starts, rows, strict=True))
        ]
        found = split(reading(spans, tree), [1 + len(tree)] * 5)
        for row, logits in zip(rows, found, strict=True):
            assert torch.allclose(logits[0], alone(model, row)[-1], atol=1e-5)
            for branch, path in zip(branches, tree.paths, strict=True):
                expected = alone(model, row + branch)[len(row) :]
                nodes = [1 + node for node in path[1:]]
                assert torch.allclose(logits[nodes], expected, atol=1e-5)
        again = reading([Span(p, len(r), [9]) for p, r in enumerate(rows)])
        for row, logits in zip(rows, again.all, strict=True):
            assert torch.allclose(logits, alone(model, [*row, 9])[-1], atol=1e-5)

    def test_places_without_a_row_do_no_harm(self, model, rows, way):
        _, reading, step = way(8)
        reading([Span(1, 0, rows[0]), Span(3, 0, rows[1])])
        one, other = len(rows[0]), len(rows[1])
        none = [Span(place, 0, ()) for place in range(4)]
        found = step([none[0], Span(1, one, [7]), none[2], Span(3, other, [8, 9, 5], keep=3)])
        _, first, _, second = split(found, [0, 1, 0, 3])
        assert torch.allclose(first[0], alone(model, [*rows[0], 7])[-1], atol=1e-5)
        assert torch.allclose(second, alone(model, [*rows[1], 8, 9, 5])[other:], atol=1e-5)
        _, again = split(step([none[0], Span(1, one, [7])]), [0, 1])
        assert torch.allclose(again, first, atol=1e-6)
        after = step([none[0], none[1], none[2], Span(3, other + 1, [4])])  # drafts were wrong
        *_, last = split(after, [0, 0, 0, 1])
        assert torch.allclose(last[0], alone(model, [*rows[1], 8, 4])[-1], atol=1e-5)

    def test_what_is_held_survives_growing_shrinking_and_copying(self, model, rows, way):
        slots, reading, _ = way(2)
        reading([Span(0, 0, rows[0])])
        slots.fit(5, 1100)
        assert (slots.places, slots.length) == ((32, 1279) if slots.packed else (8, 1151))
        slots.copy(0, 4, len(rows[0]))
        slots.fit(5, 40)
        assert slots.length == (255 if slots.packed else 1151)
        found = reading([Span(0, len(rows[0]), [7]), Span(4, len(rows[0]), [8])])
        assert torch.allclose(found.all[0], alone(model, [*rows[0], 7])[-1], atol=1e-5)
        assert torch.allclose(found.all[1], alone(model, [*rows[0], 8])[-1], atol=1e-5)

    def test_long_and_short_rows_in_turns_do_not_resize_it_each_time(self, model):
        slots = slots_of(model, packed=True)
        sizes = []
        for length in 100 * [1100, *3 * [40]]:
            slots.fit(5, length)
            sizes.append(slots.length)
        assert sum(some != other for some, other in pairwise(sizes)) == 4
        assert slots.length == 1279
        for _ in range(4):
            slots.fit(5, 40)
        assert slots.length == 255, "a long row that was alone leaves no long places behind"

    def test_which_place_holds_how_much(self, model):
        slots = slots_of(model, places=3)
        slots.hold(0, range(40))
        slots.hold(1, [*range(50), 99])
        assert slots.held([*range(50), 7]) == (1, 50)
        assert slots.held(list(range(45))) == (1, 45)
        assert slots.held([*range(31), 7, 8])[1] == 0, "few are computed anew"
        assert slots.held([5])[1] == 0
        slots.copy(1, 2, 33)
        assert slots.held([*range(50), 7]) == (1, 50)
        slots.hold(1, [])
        assert slots.held([*range(50), 7]) == (0, 40)


@pytest.mark.parametrize(
    ("some", "others", "count"),
    [([], [], 0), ([1], [], 0), ([1, 2], [1, 2, 3], 2), ([1, 2, 3], [1, 9, 3], 1), ([4], [5], 0)],
)
def test_common(some, others, count):
    assert common(some, others) == count


class TestSharing:
    """What prompts have in common at their beginning is read once."""

    def test_in_one_call(self, engine, model):
        head = engine.count_tokens(HEAD)
        prompts = [Prompt(text=tail, head=f"{HEAD} ") for tail in TAILS]
        engine.complete(prompts, EIGHT)
        assert len(model.read[0]) == 1
        assert sum(map(sum, model.read[1:])) < len(TAILS) * 12
        assert head > 32

    def test_between_calls_and_with_other_ends(self, engine, model):
        engine.complete([f"{HEAD} dose"], EIGHT)
        model.passes.clear()
        engine.complete([f"{HEAD} effect study"], EIGHT)
        engine.choose([f"{HEAD} treatment"], ["yes", "no"])
        assert all(max(sizes) <= 4 for sizes in model.read)

    def test_samples_of_a_prompt_are_read_once(self, engine, model):
        engine.complete([HEAD], Decoding(max_new_tokens=5, temperature=1.0, seed=1, n=6))
        assert [len(sizes) for sizes in model.passes[:2]] == [1, 5]
        assert model.passes[1] == [1] * 5

    @pytest.mark.parametrize("way", ["engine", "padded"])
    def test_it_changes_nothing(self, model, way, request):
        engine = request.getfixturevalue(way)
        prompts = [f"{HEAD} {tail}" for tail in TAILS]
        together = engine.complete([*prompts, *TAILS], EIGHT)
        chosen = engine.choose(prompts, ["yes", "no", "maybe"])
        for prompt, found, choice in zip(prompts, together, chosen, strict=False):
            fresh = TransformersEngine(model, engine.tokenizer, model_name="tiny")
            assert fresh.complete([prompt], EIGHT) == [found]
            (alone,) = fresh.choose([prompt], ["yes", "no", "maybe"])
            assert choice.probabilities == pytest.approx(alone.probabilities, abs=1e-5)

    @pytest.mark.parametrize("way", ["engine", "padded"])
    def test_rows_that_move_take_theirs_along(self, way, request):
        engine = request.getfixturevalue(way)
        prompts = [f"{HEAD} {tail}" for tail in TAILS] + TAILS
        expected = [engine.complete([prompt], EIGHT)[0] for prompt in prompts]
        for seed in range(3):
            sampled = Decoding(max_new_tokens=40, temperature=2, seed=seed)
            engine.complete(prompts, sampled)  # rows end at different times
            assert engine.complete(prompts, EIGHT) == expected


class TestQuestions:
    """Several questions about a text share the work of reading it, if the text stands first."""

    QUESTIONS = ("Is it?", "Was it?", "Does it?", "May it be?", "Is it not?", "Has it?", "Can it?")

    def sizes(self, engine, model, card, text):
        model.passes.clear()
        asked = Pipeline("pubmedqa", engine, card=card)
        found = asked.run([{"question": q, "context": text} for q in self.QUESTIONS])
        shares = [list(one.result.probabilities.values()) for one in found]
        alone = [
            TransformersEngine(model, engine.tokenizer, model_name="fresh").choose(
                [replace(asked.task.render({"question": q, "context": text}, card), target=STEM)],
                ("yes", "no", "maybe"),
            )[0]
            for q in self.QUESTIONS
        ]
        expected = [list(choice.probabilities.values()) for choice in alone]
        assert shares == [pytest.approx(one, abs=1e-5) for one in expected]
        passes = len(model.read) - len(alone)
        read = [*map(sum, model.read)]
        return sum(read[:passes]), sum(read[passes:])

    def test_of_one_text(self, engine, model):
        text = " ".join(WORDS[:30])
        together, apart = self.sizes(engine, model, TaskCard(text_first=True), text)
        assert 2 * together < apart
        together, apart = self.sizes(engine, model, TaskCard(), " ".join(WORDS[5:35]))
        assert together >= apart, "the question comes first: nothing can be shared"


class TestBatches:
    """What is read together counts by what is left to read of it."""

    def jobs(self, count, *, shared, own):
        begin = [7] * shared
        return [Scoring(prompt=begin + [10 + i] * own, labels=((1,),)) for i in range(count)]

    @pytest.mark.parametrize(("shared", "fits"), [(0, 2), (20, 2), (200, 8)])
    def test_what_begins_alike_takes_no_room(self, model, shared, fits):
        batch = ReadBatch(slots_of(model), room=460)
        jobs = self.jobs(8, shared=shared, own=220 - shared)
        assert [batch.add(job) for job in jobs] == [True] * fits + [False] * (8 - fits)
        assert batch.jobs == jobs[:fits]

    def test_what_is_held_takes_no_room(self, model):
        slots = slots_of(model)
        slots.hold(3, [7] * 300)
        batch = ReadBatch(slots, room=100)
        jobs = self.jobs(8, shared=300, own=12)
        assert [batch.add(job) for job in jobs] == [True] * 8

    def test_packed_jobs_need_not_be_alike(self, model):
        batch = ReadBatch(slots_of(model, packed=True), room=460)
        jobs = [Scoring(prompt=[10 + i] * i, labels=((1,),)) for i in (300, 100, 50, 20, 10)]
        assert [batch.add(job) for job in jobs] == [True, True, True, False, True]

    def test_beam_search_pads_in_any_case(self, model):
        batch = ReadBatch(slots_of(model, packed=True), room=460)
        beams = Decoding(max_new_tokens=8, num_beams=2)
        for size, fits in ((200, True), (190, True), (20, False)):
            prompt = [2] * size
            rows = [SimpleNamespace(budget=8)]
            assert batch.add(BeamSearch(prompt=prompt, decoding=beams, rows=rows)) is fits

    def test_a_work_larger_than_the_room_goes_alone(self, model):
        batch = ReadBatch(slots_of(model), room=100)
        first, second = self.jobs(2, shared=0, own=300)
        assert batch.add(first)
        assert not batch.add(second)

    def test_questions_on_a_long_text_are_read_in_two_passes(self, model):
        runner = TransformersRunner(model, slots_of(model), places=99, room=100)
        batch = runner.batch()
        jobs = self.jobs(8, shared=80, own=5)
        assert all(map(batch.add, jobs))
        runner.start(batch.jobs)
        assert model.read == [[85], [5] * 7]
        assert all(job.done for job in jobs)

    def test_prompts_are_read_apart_where_padding_takes_longer(self, model):
        runner = TransformersRunner(model, slots_of(model), places=99, room=900, spare=16)
        sizes = (20, 60, 20)
        jobs = [Scoring(prompt=[10 + i] * n, labels=((1,),)) for i, n in enumerate(sizes)]
        runner.start(jobs)
        assert model.read == [[60], [20, 20]]
        assert all(job.done for job in jobs)


class TestCallers:
    """Calls of one prompt each, from many threads, run like one call of many."""

    def test_they_are_read_together(self, engine, model):
        prompts = [" ".join(WORDS[i : i + 4]) for i in range(32)]
        expected = engine.complete(prompts, EIGHT)
        model.passes.clear()
        model.gate.clear()
        with ThreadPoolExecutor(33) as pool:
            first = pool.submit(engine.complete, ["dose"], EIGHT)
            scheduler = engine._scheduler
            while not scheduler._workers[0].active:
                pass
            found = [pool.submit(engine.complete, [prompt], EIGHT) for prompt in prompts]
            while len(scheduler._requests) < 31:
                pass
            model.gate.set()
            first.result(60)
            assert [future.result(60)[0] for future in found] == expected
        assert len(model.passes) < 24, model.passes

    def test_who_comes_late_is_not_kept_waiting(self, engine, model):
        expected = engine.complete(["effect of dose"], EIGHT)
        long = Decoding(max_new_tokens=90, temperature=2, seed=4)
        whole = engine.complete(["lithium"], long)
        model.passes.clear()
        stream = engine.stream("lithium", long)
        first = next(stream)
        assert engine.complete(["effect of dose"], EIGHT) == expected
        assert len(model.passes) < 60
        *_, last = stream
        assert first.text
        assert last.completion == whole[0]


def test_a_long_row_that_waits_for_its_reader_keeps_what_it_has(tmp_path):
    """Short rows go on meanwhile, for which the cache would be shorter."""
    engine = load_engine(tiny.build(tmp_path / "long", positions=1200), device="cpu")
    engine.drafts = False
    decoding = Decoding(max_new_tokens=60, temperature=2, seed=4)
    long = " ".join(WORDS[i % 40] for i in range(1100))
    whole = engine.complete([long], decoding)
    engine.complete(["lithium"] * 2, EIGHT)
    stream = engine.stream(long, decoding)
    next(stream)
    for _ in range(9):
        engine.complete(["effect of dose"], EIGHT)
    assert [chunk.completion for chunk in stream][-1:] == whole
    assert len(whole[0].text) > 99


def test_copies_of_the_model_share_the_work(model, tiny_biogpt):
    tokenizer = BioGptTokenizer.from_pretrained(tiny_biogpt)
    other = Watched.from_pretrained(tiny_biogpt)
    prompts = [" ".join(WORDS[i : i + 4]) for i in range(32)] * 2
    single = TransformersEngine(other, tokenizer, model_name="tiny").complete(prompts, EIGHT)
    other.passes.clear()
    both = TransformersEngine(model, tokenizer, model_name="tiny", copies=[other], batch_size=4)
    both.drafts = False
    assert both.complete(prompts, EIGHT) == single
    assert model.read
    assert other.read
    assert sum(map(len, model.read + other.read)) == len(prompts)
