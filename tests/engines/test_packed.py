"""Passes without padding: what they compute and copy is counted, and equals other ways."""

import copy
from pathlib import Path

import pytest
import tiny
import torch
from transformers import BioGptConfig, BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.engine import Continuation, Decoding
from biogpt_plugins.engines import load_engine
from biogpt_plugins.engines.jobs import Branches
from biogpt_plugins.engines.network import BioGPT, read_network
from biogpt_plugins.engines.packed import read_packed
from biogpt_plugins.engines.passes import Span
from biogpt_plugins.engines.prepacked import PrepackedLinear, prepack, supported
from biogpt_plugins.engines.slots import Slots
from biogpt_plugins.engines.transformers_engine import TransformersEngine

PROMPTS = [" ".join(tiny.WORDS[:count]) for count in (3, 30, 7, 1, 18, 12, 24, 5)]
SIZES = [1 + count for count in (3, 30, 7, 1, 18, 12, 24, 5)]  # with the leading `</s>`


class Counted(BioGptForCausalLM):
    """A BioGPT that counts what it computes."""

    def __init__(self, config):
        super().__init__(config)
        self.tokens, self.logits = [], []

    def forward(self, input_ids=None, **kwargs):
        self.tokens.append(input_ids.numel())
        found = super().forward(input_ids, **kwargs)
        self.logits.append(found.logits.shape[0] * found.logits.shape[1])
        return found


@pytest.fixture
def model(tiny_biogpt):
    return Counted.from_pretrained(tiny_biogpt)


@pytest.fixture
def engine(model, tiny_biogpt):
    tokenizer = BioGptTokenizer.from_pretrained(tiny_biogpt)
    found = TransformersEngine(model, tokenizer, model_name="tiny")
    found.drafts = False
    return found


def copied(engine):
    return engine._scheduler._workers[0].runner._slots.copied


class TestCounts:
    """What a fixed input costs, on any machine."""

    def test_prompts_of_any_length_are_read_in_one_pass_without_padding(self, engine, model):
        engine.complete(PROMPTS, Decoding(max_new_tokens=1))
        assert model.tokens == [sum(SIZES)]
        assert model.logits == [len(PROMPTS)], "only the last tokens are projected"
        assert engine.load.read == sum(SIZES)

    def test_a_token_of_a_row_is_computed_once(self, engine, model):
        found = engine.complete(PROMPTS, Decoding(max_new_tokens=9))
        written = sum(one.usage.completion_tokens for one in found)
        ends = sum(one.finish_reason == "stop" for one in found)
        # The last token of a row is not read, but for the `</s>` that ends it.
        assert sum(model.tokens) == sum(SIZES) + written - len(found) + ends
        assert sum(model.logits) == written + ends
        assert len(model.tokens) <= 9

    def test_rows_write_in_the_passes_that_read_other_prompts(self, engine, model):
        """Prompts for which there was no room cost one pass more, and no step for few rows."""
        engine._scheduler._workers[0].runner._room = 60
        found = engine.complete(PROMPTS, Decoding(max_new_tokens=2))
        assert [one.usage.completion_tokens for one in found] == [2] * len(PROMPTS)
        first, second = sorted(SIZES, reverse=True), []
        while sum(first) > 60:
            second.append(first.pop())
        assert model.tokens == [sum(first), sum(second) + len(first), len(second)]
        assert model.logits == [len(first), len(PROMPTS), len(second)]
        assert (engine.load.passes, engine.load.rows) == (3, sum(model.logits))

    def test_a_cache_that_grows_copies_what_is_written(self, engine, model):
        engine.complete([" ".join(tiny.WORDS[:40])], Decoding(max_new_tokens=9))
        assert copied(engine) == 0
        engine.complete([" ".join(tiny.WORDS[10:20])] * 33, Decoding(max_new_tokens=1))
        config = model.config
        a_token = 4 * 2 * config.num_hidden_layers * config.hidden_size
        assert copied(engine) <= a_token * (41 + 9), "not all places, and not up to their ends"

    def test_nothing_is_copied_once_there_is_room(self, engine):
        engine.complete(PROMPTS, Decoding(max_new_tokens=9))
        before = copied(engine)
        for count in range(3):
            engine.complete([f"{count} {p}" for p in PROMPTS], Decoding(max_new_tokens=9))
        assert copied(engine) == before

    def test_a_beginning_that_is_held_is_copied_and_not_read(self, engine, model):
        head = " ".join(tiny.WORDS[:40])
        engine.complete([head], Decoding(max_new_tokens=1))
        before = copied(engine)
        model.tokens.clear()
        engine.complete([f"{head} dose", f"{head} yes"], Decoding(max_new_tokens=1))
        assert model.tokens == [2]
        config = model.config
        numbers = 2 * config.num_hidden_layers * config.hidden_size * 41
        assert copied(engine) - before in (4 * numbers, 8 * numbers)
        assert engine.load.read == 41 + 2

    def test_passes_have_a_bounded_number_of_tokens(self, engine, model):
        engine._scheduler._workers[0].runner._room = 60
        engine.complete(PROMPTS, Decoding(max_new_tokens=1))
        assert sum(model.tokens) == sum(SIZES)
        assert max(model.tokens) <= 60
        assert len(model.tokens) == 2


class TestAttention:
    """In dtypes whose fused attention is slow it is computed in float32."""

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    @pytest.mark.parametrize("held", [torch.float32, torch.bfloat16])
    def test_either_way_equals_the_model_alone(self, model, dtype, held):
        model = model.to(dtype)
        slots = Slots(model.config, device=model.device, dtype=held, packed=True)
        row, tree = tiny_row(21), Branches([[5, 6], [7]])
        with torch.inference_mode():
            read_packed(model, slots, [Span(0, 0, row[:9]), Span(1, 0, row[:1])])
            spans = [Span(1, 1, row[1:]), Span(0, 9, row[9:])]
            found = read_packed(model, slots, spans, tree)
            alone = model(torch.tensor([[*row, 5, 6]]), use_cache=False).logits[0]
        spread = alone.float().abs().max()
        for first in found.first:
            difference = found.all[first : first + 3].float() - alone[-3:].float()
            assert (
                difference.abs().max()
                < (0.05 if torch.bfloat16 in (dtype, held) else 1e-5) * spread
            )

    @pytest.mark.parametrize("units", [True, False])
    def test_keys_and_values_are_held_in_the_dtype_of_attention(
        self, model, tiny_biogpt, monkeypatch, units
    ):
        def fused(dtype):
            return units or dtype == torch.float32

        monkeypatch.setattr("biogpt_plugins.engines.transformers_engine.fused_attention", fused)
        tokenizer = BioGptTokenizer.from_pretrained(tiny_biogpt)
        engine = TransformersEngine(model.to(torch.bfloat16), tokenizer, model_name="tiny")
        slots = engine._scheduler._workers[0].runner._slots
        assert slots.keys[0].dtype == (torch.bfloat16 if units else torch.float32)
        found = engine.complete(PROMPTS, Decoding(max_new_tokens=4))
        assert not any(one.error for one in found)

    def test_the_models_own_attention_is_left_as_it_was(self, engine, model):
        before = model.config._attn_implementation
        engine.complete(PROMPTS[:2], Decoding(max_new_tokens=2))
        assert model.config._attn_implementation == before
        engine.complete(PROMPTS[:1], Decoding(max_new_tokens=3, num_beams=2))


def tiny_row(size):
    random = torch.Generator().manual_seed(1)
    return torch.randint(4, 300, (size,), generator=random).tolist()


class TestPrepacked:
    """Weights in oneDNN's order, where torch can do so; elsewhere the model is left as it is."""

    @pytest.fixture
    def pair(self):
        torch.manual_seed(0)
        config = BioGptConfig(
            vocab_size=300,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
            initializer_range=0.2,
        )
        plain = BioGptForCausalLM(config).to(torch.bfloat16).eval()
        return plain, prepack(BioGPT.of(copy.deepcopy(plain), Path("nowhere")))

    def test_it_computes_what_it_did(self, pair):
        plain, quick = pair
        ids = tiny_row(30)
        slots = Slots(plain.config, device=plain.device, dtype=torch.float32, packed=True)
        with torch.inference_mode():
            expected = plain(torch.tensor([ids])).logits[0].float()
            found = read_packed(quick, slots, [Span(0, 0, ids, keep=len(ids))]).all.float()
            again = quick.whole(torch.tensor([ids])).logits[0].float()
        assert (found - expected).abs().max() < 0.05 * expected.abs().max()
        assert torch.equal(again, expected), "beam search has the weights in their own order"
        assert quick.num_parameters() >= plain.num_parameters(), "rooms are made by them"
        assert quick.dtype == torch.bfloat16

    def test_a_long_pass_is_filled_up_and_nothing_else_changes(self, pair):
        """A new number of tokens takes oneDNN as long as reading dozens of them."""
        plain, quick = pair
        computed: list[int] = []
        quick.biogpt.layers[0].register_forward_hook(lambda *own: computed.append(own[2].shape[1]))
        rows = [tiny_row(size) for size in (140, 101, 60)]
        slots = Slots(plain.config, device=plain.device, dtype=torch.float32, packed=True)
        slots.fit(4, 300)
        with torch.inference_mode():
            spans = [Span(place, 0, row, keep=2) for place, row in enumerate(rows)]
            found = read_packed(quick, slots, spans)
            (stepped,) = read_packed(quick, slots, [Span(1, 101, [7])]).all.float()
            for row, first in zip(rows, found.first, strict=True):
                expected = plain(torch.tensor([row])).logits[0, -2:].float()
                difference = found.all[first : first + 2].float() - expected
                assert difference.abs().max() < 0.05 * expected.abs().max()
            expected = plain(torch.tensor([[*rows[1], 7]])).logits[0, -1].float()
            assert (stepped - expected).abs().max() < 0.05 * expected.abs().max()
        can = supported(torch.device("cpu"), torch.bfloat16)
        assert computed == [320 if can else 301, 1]
        assert len(found.all) == 6

    def test_all_layers_are_where_torch_can(self, pair):
        _, quick = pair
        can = supported(torch.device("cpu"), torch.bfloat16)
        plain = [m for m in quick.modules() if isinstance(m, torch.nn.Linear)]
        prepacked = [m for m in quick.modules() if isinstance(m, PrepackedLinear)]
        # The projection of the plain network is that of its embeddings.
        assert (len(plain), len(prepacked)) == ((0, 9) if can else (8, 0))

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
    def test_a_loaded_model_has_them_where_torch_can(self, tiny_biogpt, dtype):
        loaded = load_engine(tiny_biogpt, device="cpu", dtype=dtype)
        modules = [*loaded._scheduler._workers[0].runner._model.modules()]
        prepacked = any(isinstance(module, PrepackedLinear) for module in modules)
        assert prepacked == supported(torch.device("cpu"), getattr(torch, dtype))
        free, beams = (
            loaded.complete(PROMPTS[:2], Decoding(max_new_tokens=4, num_beams=n)) for n in (1, 2)
        )
        assert not any(one.error for one in [*free, *beams])

    def test_other_models_are_left_alone(self, tiny_biogpt):
        network = read_network(tiny_biogpt, torch.float32, "sdpa")
        before = dict(network.named_modules())
        assert dict(prepack(network).named_modules()) == before
        assert not supported(torch.device("meta"), torch.bfloat16)


@pytest.mark.parametrize("form", ["free", "scored"])
def test_late_comers_change_nothing(engine, form):
    def ask(prompts):
        if form == "free":
            return engine.complete(prompts, Decoding(max_new_tokens=12))
        asked: list[list[Continuation]] = [["yes", "no it is", "may be"]] * len(prompts)
        scored = engine.score(prompts, asked)
        return [[t.logprob for c in one.tokens for t in c] for one in scored]

    alone = [ask([prompt])[0] for prompt in PROMPTS]
    engine.limit_batches(3)
    together = ask(PROMPTS)
    if form == "free":
        assert together == alone
    else:
        assert together == [pytest.approx(one, abs=1e-5) for one in alone]
