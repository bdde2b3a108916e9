"""The bundled model: small enough for the wheel, and able to do each task on a plain sentence."""

import json

import bundled
import pytest

import biogpt_plugins
from biogpt_plugins import TASKS, Spec
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.pipeline import loading

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
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 40 * MEGABYTE
    config = json.loads((folder / "config.json").read_text())
    assert (config["model_type"], config["layer_norm_eps"]) == ("biogpt", 1e-5)


def test_each_task_has_its_own_nine_learned_tokens():
    """Only what continues a text, if it was taught that, needs none."""
    tasks = read_card(locate("demo")).tasks
    assert next(iter(tasks)) == "bc5cdr"
    names = [name for card in tasks.values() for name in card.learned_tokens]
    assert len(names) == len(set(names)) == 9 * len(tasks.keys() - {"generate"})
    vocabulary = json.loads((locate("demo") / "vocab.json").read_text())
    config = json.loads((locate("demo") / "config.json").read_text())
    assert config["vocab_size"] == len(vocabulary) + len(names)


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if task.shots])
def test_what_it_was_not_taught_is_shown_by_examples_and_called_unreliable(task):
    tasks = read_card(locate("demo")).tasks
    found = loading._loaded(Spec(model="demo", task=task), TASKS[task])
    if task in tasks:
        assert (found.remark, found.pipeline.card) == (None, tasks[task])
    else:
        said = f"was trained for {', '.join(tasks)}, not {task}: its results are unreliable"
        assert said in found.remark
        assert found.pipeline.card.layout == "few_shot"


@pytest.mark.parametrize(("chemical", "disease"), bundled.CASES)
def test_it_reads_a_plain_case_report(chemical, disease):
    paper = bundled.case(chemical, disease)
    [prediction] = biogpt_plugins.load("demo", task="bc5cdr").run([paper])
    assert prediction.ok, prediction.error
    found = {(r.head.text.lower(), r.tail.text.lower()) for r in prediction.result}
    assert (chemical, disease) in found
    assert all(relation.grounded for relation in prediction.result)


def test_there_is_a_text_that_it_does_not_end():
    assert bundled.endless() in bundled.BEGINNINGS


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
