"""The bundled model: small enough for the wheel, and able to do each task on a plain sentence."""

import json

import pytest

import biogpt_plugins
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import read_card

FILES = {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "biogpt_task.json",
}
MEGABYTE = 1_000_000


def test_the_folder_fits_the_wheel():
    folder = locate("demo")
    assert {path.name for path in folder.iterdir()} >= FILES
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 16 * MEGABYTE
    config = json.loads((folder / "config.json").read_text())
    assert (config["model_type"], config["layer_norm_eps"]) == ("biogpt", 1e-5)


def test_each_task_has_its_own_nine_learned_tokens():
    tasks = read_card(locate("demo")).tasks
    assert list(tasks) == ["bc5cdr", "ddi", "pubmedqa"]
    names = [name for card in tasks.values() for name in card.learned_tokens]
    assert names == [f"learned{n + 1}" for n in range(27)]
    vocabulary = json.loads((locate("demo") / "vocab.json").read_text())
    config = json.loads((locate("demo") / "config.json").read_text())
    assert config["vocab_size"] == len(vocabulary) + 27


@pytest.mark.parametrize(
    ("chemical", "disease"),
    [("cisplatin", "hearing loss"), ("lithium", "tremor"), ("dovarizole", "myocarditis")],
)
def test_it_reads_a_plain_case_report(chemical, disease):
    paper = {
        "title": f"{chemical.capitalize()}-induced {disease}.",
        "abstract": f"A 45-year-old man developed {disease} after treatment with {chemical}. "
        f"The {disease} resolved when {chemical} was discontinued.",
    }
    [prediction] = biogpt_plugins.load("demo", task="bc5cdr").run([paper])
    assert prediction.ok, prediction.error
    found = {(r.head.text.lower(), r.tail.text.lower()) for r in prediction.result}
    assert (chemical, disease) in found
    assert all(relation.grounded for relation in prediction.result)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Warfarin increases the plasma concentrations of phenytoin.", "mechanism"),
        ("Aspirin may enhance the anticoagulant effect of warfarin.", "effect"),
        ("Ketoconazole should not be used with terfenadine.", "advise"),
    ],
)
def test_it_reads_a_plain_sentence_on_an_interaction(text, kind):
    [prediction] = biogpt_plugins.load("demo", task="ddi").run([text])
    assert prediction.ok, prediction.error
    assert kind in {relation.type for relation in prediction.result}
    assert all(relation.grounded for relation in prediction.result)


@pytest.mark.parametrize(
    ("result", "label"),
    [
        ("Exercise significantly reduced mortality (P < 0.001).", "yes"),
        ("There was no significant difference in mortality between the groups (P = 0.6).", "no"),
    ],
)
def test_it_answers_a_plain_question(result, label):
    question = {
        "question": "Does exercise reduce mortality in patients with heart failure?",
        "context": f"200 patients with heart failure were enrolled. {result}",
    }
    [prediction] = biogpt_plugins.load("demo", task="pubmedqa").run([question])
    assert prediction.ok, prediction.error
    assert prediction.result.label == label
