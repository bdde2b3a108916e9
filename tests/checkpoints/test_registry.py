"""The models known by name: what is said of them, and the cards of those that carry none."""

import json

import pytest

from biogpt_plugins import TASKS
from biogpt_plugins.checkpoints import BUNDLED, locate
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.registry import KNOWN, LEARNED, advice, find_known, right_models
from biogpt_plugins.values.errors import ModelError

LARGE_QA = "microsoft/BioGPT-Large-PubMedQA"


def test_the_bundled_models_are_what_their_cards_say():
    assert [name for name, model in KNOWN.items() if model.home == "package"] == list(BUNDLED)
    for name in BUNDLED:
        model, card = KNOWN[name], read_card(locate(name))
        assert (model.tasks, model.description) == (tuple(card.tasks), card.description)
        asked = [own for task, own in card.tasks.items() if TASKS[task].kind != "text"]
        for own in asked:  # a text is continued as it is
            assert len(own.learned_tokens) == model.prompt_tokens
            assert own.max_source_tokens == model.max_source_tokens


def test_models_of_the_hub_have_cards():
    pretrained = KNOWN["microsoft/BioGPT-Large"]
    assert read_card(None, pretrained.name) == ModelCard(description=pretrained.description)
    assert tuple(read_card(None, LARGE_QA).tasks) == KNOWN[LARGE_QA].tasks
    assert read_card(None, "RE-DDI-BioGPT") == ModelCard(), "it has none until it is converted"


@pytest.mark.parametrize("model", KNOWN.values(), ids=KNOWN)
def test_what_is_said_of_a_model(model):
    assert set(model.tasks) <= set(TASKS)
    assert model.licence == "MIT"
    assert (model.metric is None) == (model.figure is None)
    assert bool(model.prompt_tokens) == any(TASKS[name].kind != "text" for name in model.tasks)


@pytest.mark.parametrize(
    ("name", "layout", "get", "figure"),
    [
        (
            "RE-BC5CDR-BioGPT",
            "at most 640 tokens of the text, then 9 learned tokens",
            "no longer downloadable; if you have it: biogpt convert RE-BC5CDR-BioGPT.tgz FOLDER",
            ("F1", 44.98, 49.44, 41.28),
        ),
        (
            "DC-HoC-BioGPT",
            "at most 900 tokens of the text, then 1 learned token",
            "no longer downloadable; if you have it: biogpt convert DC-HoC-BioGPT.tgz FOLDER",
            ("micro-F1", 85.12, None, None),
        ),
        (
            "microsoft/biogpt",
            "the text, unchanged",
            "fetched from the hub by name",
            (None, None, None, None),
        ),
    ],
)
def test_in_words(name, layout, get, figure):
    model = KNOWN[name]
    assert (model.layout, model.get) == (layout, get)
    assert (model.metric, model.figure, model.precision, model.recall) == figure


@pytest.mark.parametrize(
    ("task", "names", "sentence"),
    [
        (
            "bc5cdr",
            ["RE-BC5CDR-BioGPT"],
            "For bc5cdr train a model with `biogpt reproduce bc5cdr`: RE-BC5CDR-BioGPT can no "
            "longer be downloaded; if you have it, run `biogpt convert RE-BC5CDR-BioGPT.tgz "
            "FOLDER`.",
        ),
        (
            "pubmedqa_reasoning_free",
            [LARGE_QA],
            f"For pubmedqa_reasoning_free use {LARGE_QA}.",
        ),
        (
            "pubmedqa",
            [LARGE_QA],
            f"No published model was trained for pubmedqa; use {LARGE_QA} for "
            "pubmedqa_reasoning_free.",
        ),
        (
            "describe",
            ["microsoft/biogpt", "microsoft/BioGPT-Large"],
            "For describe use microsoft/biogpt or microsoft/BioGPT-Large.",
        ),
        (
            "chess",
            [],
            "Load a model that was fine-tuned for it, or fine-tune one with `biogpt finetune`.",
        ),
    ],
)
def test_the_right_model_for_a_task(task, names, sentence):
    assert [model.name for model in right_models(task)] == names
    assert advice(task) == sentence


@pytest.mark.parametrize(
    ("name", "folder", "found"),
    [
        (LARGE_QA, None, LARGE_QA),
        ("Microsoft/BioGPT", None, "microsoft/biogpt"),
        ("/models/BioGPT-Large", "BioGPT-Large", "microsoft/BioGPT-Large"),
        ("RE-DDI-BioGPT", None, "RE-DDI-BioGPT"),
        ("lab/biogpt", "a" * 40, None),
        ("biogpt", None, None),
        ("my-model", "my-model", None),
        ("", None, None),
    ],
)
def test_known_by_name_or_by_the_folders(tmp_path, name, folder, found):
    model = find_known(name, tmp_path / folder if folder else None)
    assert (model and model.name) == found


WORDS = tuple(f"{name}</w>" for name in LEARNED)


@pytest.mark.parametrize(
    ("vocabulary", "rows", "learned"),
    [
        (("dose", *LEARNED), 10, LEARNED),
        (("dose", *WORDS), 10, WORDS),
        (("dose",), 10, LEARNED),
        (("dose",), 1, ()),
        (("dose",), 9, ()),
        (("dose", *LEARNED[:8]), 9, ()),
    ],
)
def test_the_learned_tokens_of_a_model_without_a_card(tmp_path, vocabulary, rows, learned):
    (tmp_path / "vocab.json").write_text(json.dumps({n: i for i, n in enumerate(vocabulary)}))
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": rows}))
    (card,) = read_card(tmp_path, LARGE_QA).tasks.values()
    assert card.layout == ("learned_prompt" if learned else "none")
    assert card.learned_tokens == learned
    assert (card.max_source_tokens, card.lowercase) == (1900, False)
    assert read_card(tmp_path, "lab/another") == ModelCard()


@pytest.mark.parametrize("text", ["{", "[1]", None])
def test_a_vocabulary_that_cannot_be_read(tmp_path, text):
    if text:
        (tmp_path / "vocab.json").write_text(text)
    with pytest.raises(
        ModelError, match=r"cannot read .*vocab.json.* download or write the model again"
    ):
        read_card(tmp_path, LARGE_QA)


def test_a_card_that_cannot_be_read(tmp_path):
    (tmp_path / "biogpt_task.json").write_text('{"tasks": {"bc5cdr": {"layout": "new"}}}')
    with pytest.raises(ModelError, match=r"(?s)this version cannot read the model card.*Convert"):
        read_card(tmp_path)
