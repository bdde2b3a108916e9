"""Words for a text without relations, and training without prompts, on tiny models."""

import json
import shutil

import pytest

from biogpt_plugins import load
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.tasks import get_task
from biogpt_plugins.training import estimate, finetune
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.origin import taught
from biogpt_plugins.training.start import start_from
from biogpt_plugins.training.variants import vary
from biogpt_plugins.values.errors import BioGPTError

WORDS = "there is no relation"
FRESH = {"layers": 1, "width": 16, "heads": 2, "positions": 96, "merges": 60, "max_steps": 2}
ROWS = [
    {
        "task": "bc5cdr",
        "text": "Lithium caused tremor. They recovered.",
        "gold": [{"head": "lithium", "type": "CID", "tail": "tremor"}],
    },
    {"task": "bc5cdr", "text": "Nobody fell ill.", "gold": []},
]


@pytest.fixture
def write(tmp_path):
    def written(*rows):
        path = tmp_path / "train.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return written


def card_of(tiny_biogpt, tmp_path, **tasks):
    folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
    ModelCard(tasks=tasks).save(folder)
    return folder


def test_a_model_trained_with_words_has_them(write, tmp_path):
    path, out = write(*ROWS), tmp_path / "out"
    result = finetune("bc5cdr", train=path, model="fresh", out=out, nothing=WORDS, **FRESH)
    assert result.examples == 2
    assert read_card(out).tasks["bc5cdr"].nothing == WORDS
    assert load(str(out)).task.target([]) == f"{WORDS}."
    settings = json.loads((out / "training.json").read_text())
    assert settings["options"]["nothing"] == WORDS
    assert settings["tasks"] == {"bc5cdr": load(str(out)).task.fingerprint}
    assert f'Of a text without relations it writes "{WORDS}."' in (out / "README.md").read_text()


def test_a_model_that_has_words_keeps_them(tiny_biogpt, tmp_path, write):
    folder = card_of(tiny_biogpt, tmp_path, bc5cdr=TaskCard(nothing=WORDS))
    tasks = taught(["bc5cdr", "ddi"], folder, "")
    assert [task.target([]) for task in tasks.values()] == [f"{WORDS}.", "."]
    assert estimate("bc5cdr", train=write(*ROWS), model=folder).examples == 2
    for options in (Options(), Options(nothing=WORDS)):
        start = start_from(folder, ["bc5cdr"], [], out=tmp_path, options=options)
        assert start.card.tasks["bc5cdr"] == TaskCard(nothing=WORDS)


def test_a_task_that_the_model_knows_gets_words(tiny_biogpt, tmp_path):
    folder = card_of(tiny_biogpt, tmp_path, bc5cdr=TaskCard())
    tasks = taught(["bc5cdr", "pubmedqa"], folder, WORDS)
    assert tasks == {
        "bc5cdr": get_task("bc5cdr").taught(TaskCard(nothing=WORDS)),
        "pubmedqa": get_task("pubmedqa"),
    }
    options = Options(nothing=WORDS)
    start = start_from(folder, list(tasks), [], out=tmp_path, options=options)
    assert {name: card.nothing for name, card in start.card.tasks.items()} == {
        "bc5cdr": WORDS,
        "pubmedqa": None,
    }


@pytest.mark.parametrize(
    ("task", "words", "message"),
    [
        ("bc5cdr", "another", f"bc5cdr says '{WORDS}' already: give that"),
        ("pubmedqa", WORDS, "nothing needs a task that writes relations"),
        ("ddi", "none. none", r"must not contain ';' or '\.'"),
    ],
)
def test_words_that_cannot_be_had_are_refused(tiny_biogpt, tmp_path, task, words, message):
    folder = card_of(tiny_biogpt, tmp_path, bc5cdr=TaskCard(nothing=WORDS))
    with pytest.raises(BioGPTError, match=message):
        taught([task], folder, words)


def test_texts_without_a_relation_are_made_in_these_words(write):
    tasks = taught(["bc5cdr"], "fresh", WORDS)
    examples = read_examples(write(*ROWS), list(tasks.values()))
    made = vary(examples, Options(negatives=2), lambda _: None)
    assert [(each.input.text, each.target) for each in made[1:]] == [
        ("They recovered.", f"{WORDS}."),
        ("They recovered.", f"{WORDS}."),
        ("Nobody fell ill.", f"{WORDS}."),
    ]


def test_a_language_model_is_trained_on_passages_without_prompts(write, tmp_path):
    row = {"task": "generate", "text": "The BIG", "gold": "words of it."}
    options = {**FRESH, "loss": "all", "lowercase": True}
    out = tmp_path / "out"
    finetune("generate", train=write(row), model="fresh", out=out, **options)
    assert read_card(out).tasks == {"generate": TaskCard(lowercase=True)}
    vocabulary = (out / "vocab.json").read_text()
    assert "big" in vocabulary
    assert "BIG" not in vocabulary
    prompt = load(str(out)).task.render("The BIG", TaskCard(lowercase=True))
    assert prompt.source.lower() == prompt.source
    assert not prompt.suffix_tokens
    start = start_from(out, ["generate", "bc5cdr"], [], out=tmp_path, options=Options())
    assert start.card.tasks["generate"] == TaskCard(lowercase=True)
    assert len(start.card.tasks["bc5cdr"].learned_tokens) == 9
