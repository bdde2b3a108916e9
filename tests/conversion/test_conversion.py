"""Converted fairseq checkpoints: fairseq's own logits, prompts and texts, in every layout."""

import json
import re

import pytest
import torch
from converted import Converted
from fairseq_format import EOS, SPECIAL, WORDS, Model

from biogpt_plugins import Prompt, TruncationWarning
from biogpt_plugins.checkpoints.card import read_card

HOC = {"data": "../../data/HoC/ansis-bin", "save_dir": "../../checkpoints/DC-HoC-BioGPT"}
MODELS = {
    "learned": Model(),
    "one learned": Model(learned=1, **HOC),
    "manual": Model(learned=None, manual="we can  conclude that zebras the zebras"),
    "prefix": Model(prefix=True),
    "manual prefix": Model(learned=None, manual="zebra that", prefix=True),
    "none": Model(learned=None),
    "separator alone": Model(learned=None, prefix=True),
    "pretrained": Model(pretrained=True),
}
TEXTS = [" ".join(WORDS[i : i + 2 + i % 7]) for i in range(0, 36, 12)]
TEXTS += ["aspirins (50%) & warfarin: 2-3 doses...", "a b.c. <9 (β)", "zebras learn zebra"]


@pytest.fixture(scope="module", params=MODELS)
def each(request, tmp_path_factory):
    return Converted(MODELS[request.param], tmp_path_factory.mktemp("conversion"))


def test_logits_are_those_of_fairseq(each):
    for text in TEXTS:
        assert each.distance(text) < 1e-5


def test_transformers_alone_writes_what_the_official_code_writes(each):
    for text in TEXTS:
        ids = each.model.prompt(text)
        assert each.generate(ids) == each.reference.write(ids)


def test_the_pipeline_reads_and_writes_what_the_official_code_does(each):
    pipeline = each.pipeline()
    texts = [f"{text.lower()}." for text in TEXTS]  # as the tasks themselves would make them
    for text, prediction in zip(texts, pipeline.run(texts), strict=True):
        ids = each.model.prompt(text)
        assert _ids(pipeline, pipeline.task.render(text, pipeline.card)) == ids
        written = each.reference.write(ids)[:-1]
        assert prediction.completion == each.text(written)
        assert prediction.usage.prompt_tokens == len(ids)
        assert prediction.usage.completion_tokens == len(written)


def _ids(pipeline, prompt):
    window = pipeline.engine.context_size
    return pipeline.engine._tokens.encode(prompt, window=window, room=1).ids


def test_a_long_source_is_cut_as_officially(each):
    text = " ".join(WORDS) + "."
    pipeline = each.pipeline()
    prompt = pipeline.task.render(text, pipeline.card)
    ids = _ids(pipeline, prompt)
    assert ids == each.model.prompt(text)
    if each.made.task:
        assert prompt.max_source_tokens == 40
        assert ids.count(each.model.id("...")) == 1
        with pytest.warns(TruncationWarning):
            (prediction,) = pipeline.run([text])
        assert prediction.truncated_tokens == len(each.model.source(text)) - 39
        assert prediction.completion == each.text(each.reference.write(ids)[:-1])


def test_names_of_prompt_tokens_in_a_text_are_words(each):
    text = "learned1 dose <seqsep> learned9 </s>"
    ids = _ids(each.pipeline(), Prompt(text=text))
    assert ids == [EOS, *each.model.source(text)]
    assert max(ids) < each.model.dictionary_size
    assert not {0, 1, EOS} & set(ids[1:])


def test_vocabulary(each):
    model, tokenizer = each.model, each.tokenizer
    added = [symbol for symbol in model.symbols if re.fullmatch(r"learned\d|<seqsep>", symbol)]
    words = [symbol for symbol in model.symbols[len(SPECIAL) :] if symbol not in added]
    expected = {name: i for i, name in enumerate(SPECIAL)}
    for word in words:
        name = word.removesuffix("@@") if word.endswith("@@") else f"{word}</w>"
        expected[name] = model.id(word)
    assert json.loads((each.folder / "vocab.json").read_text("utf-8")) == expected
    if not model.manual:
        assert len(expected) == model.dictionary_size
    ids = [model.id(symbol) for symbol in added]
    assert tokenizer.convert_tokens_to_ids(added) == ids
    assert set(ids) <= set(tokenizer.all_special_ids)
    assert each.text(ids) == ""
    assert len(tokenizer) == len(model.symbols) == each.network.config.vocab_size
    for text in TEXTS:
        assert tokenizer(text)["input_ids"] == [EOS, *model.source(text)]


def test_card(each):
    model = each.model
    assert read_card(each.folder) == each.made.card
    assert each.made.notes == ()
    if model.pretrained:
        assert (each.made.task, each.made.card.tasks) == (None, {})
        return
    card = each.made.card.tasks[each.made.task]
    layout = "prefix" if model.prefix else "manual_prompt" if model.manual else "learned_prompt"
    assert card.layout == (layout if model.learned or model.manual else "none")
    assert card.learned_tokens == tuple(f"learned{i + 1}" for i in range(model.learned or 0))
    assert card.manual_prompt == tuple(f"{word}</w>" for word in (model.manual or "").split())
    assert (card.max_source_tokens, card.max_length) == (40, 97)


OTHERS = {
    "activations so small that epsilon shows": Model(quiet=True),
    "embeddings that are not scaled": Model(changes={"model.no_scale_embedding": True}),
    "half precision": Model(dtype=torch.float16),
    "a pattern of its own": Model(pattern="virtual", learned=3),
    "padding as its first choice": Model(likes_padding=True),
    "one layer, one head": Model(layers=1, heads=1),
    "a dictionary that has the first words of its prompt": Model(extra=("learned1", "learned2")),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_networks(tmp_path, kind):
    made = Converted(OTHERS[kind], tmp_path)
    for text in TEXTS:
        assert made.distance(text) < (1e-7 if made.model.quiet else 1e-5)
        if not made.model.quiet:  # where the two best logits differ in their last bits
            ids = made.model.prompt(text)
            written = made.reference.write(ids)
            assert made.generate(ids) == written
            assert made.pipeline().run([text])[0].completion == made.text(written[:-1])


@pytest.mark.parametrize(("positions", "longest"), [(1024, 1023), (1100, 1024)])
def test_the_end_is_forced_at_the_official_length(tmp_path, positions, longest):
    made = Converted(Model(positions=positions, never_ends=True, source_limit=1000), tmp_path)
    text = " ".join(WORDS * 20).lower()
    ids = made.model.prompt(text)
    written = made.reference.write(ids)
    assert len(ids) + len(written) == 1 + longest + 1
    assert written.index(EOS) == len(written) - 1
    assert made.generate(ids) == written
    with pytest.warns(TruncationWarning):
        (prediction,) = made.pipeline().run([text])
    assert prediction.completion == made.text(written[:-1])
    assert prediction.usage.total_tokens == 1 + longest
    assert prediction.finish_reason == "length"


def test_a_source_limit_beyond_the_official_length(tmp_path):
    # BioGPT-Large on PubMedQA takes 1900 tokens, of which the official script reads 1024.
    made = Converted(Model(positions=2048, source_limit=1900), tmp_path).made
    assert made.card.tasks["bc5cdr"].max_length == 2049


def test_settings(tmp_path):
    made = Converted(Model(), tmp_path)
    config = json.loads((made.folder / "config.json").read_text())
    expected = {
        "model_type": "biogpt",
        "architectures": ["BioGptForCausalLM"],
        "dtype": "float32",
        "vocab_size": len(made.model.symbols),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 96,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "scale_embedding": True,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "activation_dropout": 0.0,
        "layerdrop": 0.0,
    }
    assert {name: config[name] for name in expected} == expected
    generation = json.loads((made.folder / "generation_config.json").read_text())
    assert generation["forced_eos_token_id"] == generation["eos_token_id"] == EOS
    assert (generation["max_length"], generation["pad_token_id"]) == (97, 1)
    assert (made.made.folder, made.made.task) == (tmp_path / "made", "bc5cdr")
    assert made.made.checkpoints == ("checkpoint_avg.pt",)
