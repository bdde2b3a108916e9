"""Our network beside that of transformers, and what is read without transformers."""

import json
import shutil
import subprocess
import sys

import bundled
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.checkpoints.network import Network
from biogpt_plugins.checkpoints.registry import LEARNED
from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.engines import TransformersEngine, load_engine
from biogpt_plugins.engines.network import BioGPT, read_network
from biogpt_plugins.engines.packed import read_packed
from biogpt_plugins.engines.passes import Span, read
from biogpt_plugins.engines.slots import Slots
from biogpt_plugins.engines.vocabulary import Vocabulary, read_vocabulary
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.inputs import Paper

PAPERS = [
    Paper(text=f"Lithium {n} mg caused tremor and renal failure in {n} men." * n) for n in (1, 5)
]
PROMPTS = [Prompt(text="aspirin dose"), Prompt(text="the relation between aspirin and " * 3)]


def theirs(folder, dtype, attention):
    return BioGptForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention)


def of_transformers(folder):
    tokenizer = BioGptTokenizer.from_pretrained(folder)
    return TransformersEngine(theirs(folder, torch.float32, "sdpa"), tokenizer, model_name="theirs")


@pytest.mark.parametrize("way", [read, read_packed])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("model", ["tiny", "demo"])
@torch.inference_mode()
def test_logits_are_those_of_transformers(model, dtype, attention, way, tiny_biogpt):
    folder = tiny_biogpt if model == "tiny" else bundled.DEMO
    ours = read_network(folder, dtype, attention)
    assert isinstance(ours, BioGPT)
    logits = []
    for network, reads in ((ours, way), (theirs(folder, dtype, attention), read)):
        slots = Slots(
            network.config, device=network.device, dtype=network.dtype, packed=reads is read_packed
        )
        slots.fit(2, 40)
        rows = [Span(0, 0, [2, *range(4, 30)], keep=3), Span(1, 0, [2, 9, 8, 7], keep=3)]
        more = [Span(0, 27, [5]), Span(1, 4, [6, 4, 9], keep=3)]
        logits.append([])
        for spans in (rows, more):
            found = reads(network, slots, spans)
            for span, first in zip(spans, found.first, strict=True):
                logits[-1].append(found.all[first : first + span.keep].float())
    loose = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 0.1, "atol": 0.2}
    for own, other in zip(*logits, strict=True):
        torch.testing.assert_close(own, other, **loose)


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(max_new_tokens=24),
        Decoding(max_new_tokens=24, logprobs=True, top_logprobs=2),
        Decoding(max_new_tokens=24, temperature=1.0, seed=7, n=2),
        Decoding(max_new_tokens=24, num_beams=3),
    ],
)
def test_a_loaded_model_writes_what_transformers_network_writes(decoding, tiny_biogpt):
    task = get_task("bc5cdr")
    for folder, prompts in (
        (tiny_biogpt, PROMPTS),
        (bundled.DEMO, [task.render(paper) for paper in PAPERS]),
    ):
        one = load_engine(folder, device="cpu", dtype="float32").complete(prompts, decoding)
        other = of_transformers(folder).complete(prompts, decoding)
        for ours, others in zip(one, other, strict=True):
            assert (ours.text, ours.others) == (others.text, others.others) or decoding.logprobs
            assert [token.text for token in ours.tokens] == [token.text for token in others.tokens]
            assert [t.logprob for t in ours.tokens] == pytest.approx(
                [t.logprob for t in others.tokens], abs=1e-3
            )


def changed(folder, source, **settings):
    shutil.copytree(source, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **settings}))
    return folder


def test_weights_of_another_form_are_left_to_transformers(tiny_biogpt, tmp_path):
    assert read_network(tiny_biogpt, torch.float32, "sdpa")
    weights = load_file(tiny_biogpt / "model.safetensors")

    def reads(name, changes=None, **settings):
        folder = changed(tmp_path / name, tiny_biogpt, **settings)
        if changes is not None:
            save_file(changes, folder / "model.safetensors", metadata={"format": "pt"})
        return read_network(folder, torch.float32, "sdpa") is not None

    layer = "biogpt.layers.1.fc1.weight"
    assert reads("same", dict(weights))
    assert not reads("less", {name: one for name, one in weights.items() if name != layer})
    assert not reads("more", {**weights, "classifier.weight": torch.zeros(2, 32)})
    assert not reads("shape", {**weights, layer: torch.zeros(3, 3)})
    assert not reads("bytes", {**weights, layer: weights[layer].to(torch.int8)})
    assert not reads("activation", hidden_act="mish")
    assert not reads("quantized", quantization_config={"load_in_4bit": True})
    (tmp_path / "same/model.safetensors").write_bytes(b"damaged")
    assert read_network(tmp_path / "same", torch.float32, "sdpa") is None
    shutil.copy(tiny_biogpt / "model.safetensors", tmp_path / "more/another.safetensors")
    assert read_network(tmp_path / "more", torch.float32, "sdpa") is None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_transformers_reads_is_computed_by_our_network(dtype, tiny_biogpt, tmp_path):
    shutil.copytree(tiny_biogpt, tmp_path / "shards")
    (tmp_path / "shards/model.safetensors").unlink()
    whole = theirs(tiny_biogpt, torch.float32, "sdpa")
    whole.save_pretrained(tmp_path / "shards", max_shard_size="30KB")
    assert len([*(tmp_path / "shards").glob("*.safetensors")]) > 1
    engine = load_engine(tmp_path / "shards", device="cpu", dtype=dtype)
    assert isinstance(engine._scheduler._workers[0].runner._model, BioGPT)
    plain = load_engine(tiny_biogpt, device="cpu", dtype=dtype)
    for decoding in (Decoding(max_new_tokens=12), Decoding(max_new_tokens=12, num_beams=2)):
        found, expected = (one.complete(PROMPTS, decoding) for one in (engine, plain))
        assert [one.text for one in found] == [one.text for one in expected]


def test_what_only_transformers_computes_is_left_to_it(tiny_biogpt, tmp_path):
    folder = changed(tmp_path / "mish", tiny_biogpt, hidden_act="mish")
    engine = load_engine(folder, device="cpu")
    assert isinstance(engine._scheduler._workers[0].runner._model, BioGptForCausalLM)
    assert not any(one.error for one in engine.complete(PROMPTS, Decoding(max_new_tokens=4)))


def test_a_head_of_its_own_is_used(tiny_biogpt, tmp_path):
    folder = changed(tmp_path / "own", tiny_biogpt, tie_word_embeddings=False)
    weights = load_file(tiny_biogpt / "model.safetensors")
    head = weights["biogpt.embed_tokens.weight"].flip(0).contiguous()
    weights["output_projection.weight"] = head
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    found = load_engine(folder, device="cpu").complete(PROMPTS, Decoding(max_new_tokens=8))
    expected = of_transformers(folder).complete(PROMPTS, Decoding(max_new_tokens=8))
    assert [one.text for one in found] == [one.text for one in expected]
    tied = load_engine(tiny_biogpt, device="cpu").complete(PROMPTS, Decoding(max_new_tokens=8))
    assert [one.text for one in found] != [one.text for one in tied]


def test_weights_outlive_their_file(tiny_biogpt, tmp_path):
    shutil.copytree(tiny_biogpt, tmp_path / "model")
    network = read_network(tmp_path / "model", torch.float32, "sdpa")
    before = network.biogpt.embed_tokens.weight.clone()
    with open(tmp_path / "model/model.safetensors", "r+b") as file:
        file.seek(-4000, 2)
        file.write(b"\1" * 4000)
    assert torch.equal(network.biogpt.embed_tokens.weight, before)
    assert network.num_parameters() == Network(**network.config.model_dump()).parameters


SPECIAL = {"content": "<extra>", "special": True}


@pytest.mark.parametrize(
    ("files", "known"),
    [
        ({}, True),
        ({"tokenizer_config.json": {}}, True),
        ({"tokenizer_config.json": {"pad_token": "learned9", "sep_token": "<s>"}}, True),
        ({"tokenizer_config.json": {"added_tokens_decoder": {"999": SPECIAL}}}, True),
        (
            {
                "tokenizer_config.json": {
                    "added_tokens_decoder": {"999": SPECIAL},
                    "extra_special_tokens": ["<extra>", "learned1"],
                }
            },
            True,
        ),
        ({"tokenizer_config.json": {"unk_token": "<new>"}}, False),
        ({"tokenizer_config.json": {"cls_token": "learned2"}}, False),
        ({"tokenizer_config.json": {"extra_special_tokens": ["<nowhere>"]}}, False),
        ({"tokenizer_config.json": {"unk_token": {"content": "<unk>"}}}, False),
        ({"special_tokens_map.json": {"unk_token": "learned3"}}, False),
        ({"added_tokens.json": {"<extra>": 999}}, False),
    ],
)
def test_vocabularies_are_read_as_transformers_reads_them(files, known, tiny_biogpt, tmp_path):
    shutil.copytree(tiny_biogpt, tmp_path, dirs_exist_ok=True)
    for name, settings in files.items():
        (tmp_path / name).write_text(json.dumps(settings))
    found = read_vocabulary(tmp_path, 2000)
    assert (found is not None) == known
    if found:
        expected = BioGptTokenizer.from_pretrained(tmp_path)
        assert found == Vocabulary.of(expected)
        assert found.tokenizer.get_vocab() == expected.get_vocab()


def test_saved_vocabularies_are_read_as_transformers_reads_them(tiny_biogpt, tmp_path):
    BioGptTokenizer.from_pretrained(tiny_biogpt).save_pretrained(tmp_path)
    for folder in (tmp_path, bundled.DEMO):
        expected = Vocabulary.of(BioGptTokenizer.from_pretrained(folder))
        assert read_vocabulary(folder, 9999) == expected
        # A fairseq model with only its dictionary has the learned tokens as further rows.
        assert read_vocabulary(folder, len(expected.names) + len(LEARNED)) is None
    (tmp_path / "vocab.json").write_text("{")
    assert read_vocabulary(tmp_path, 9999) is None


def test_a_tokenizer_is_there_when_it_is_asked_for(tiny_biogpt):
    engine = load_engine(tiny_biogpt, device="cpu")
    assert isinstance(engine.tokenizer, BioGptTokenizer)
    assert engine.tokenizer is engine.tokenizer
    assert engine.tokenizer("aspirin dose")["input_ids"][1:] == engine.token_ids("aspirin dose")
    assert {*tiny.LEARNED} <= engine.tokenizer.get_vocab().keys()


@pytest.mark.parametrize(
    "args",
    [
        ["ask", "Is it?", "-c", "Aspirin reduced stroke."],
        ["extract", "papers.jsonl"],
        ["generate", "aspirin", "--model", "demo", "-n", "4"],
        ["generate", "aspirin", "--model", "demo", "-n", "4", "--dtype", "bfloat16"],
    ],
)
def test_a_model_is_asked_without_transformers(args, tmp_path):
    """Nor the compiler of torch and what computes symbols for it, which take seconds to import."""
    (tmp_path / "papers.jsonl").write_text('{"title": "Lithium", "abstract": "caused tremor."}\n')
    code = (
        "import sys; from biogpt_plugins.cli import app; app(sys.argv[1:], standalone_mode=False); "
        "names = {'transformers', 'scipy', 'sympy', 'sklearn', 'torch._dynamo', 'ctranslate2'}; "
        "print(*sorted(names & set(sys.modules)), 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, *args]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "True"
