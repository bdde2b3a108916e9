"""Which weights are saved, by the metric, and what the folder says of the run."""

import json
import warnings
from math import isfinite

import pytest
from huggingface_hub import ModelCard

import biogpt_plugins
from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.training import finetune
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.progress import best_first
from biogpt_plugins.training.selection import examiner
from biogpt_plugins.training.start import start_from

NAMES = ("aspirin", "lithium", "cisplatin", "warfarin")
ROWS = [
    {
        "task": "ddi",
        "id": f"{one}-{two}",
        "text": f"{one} raises the effect of {two}.",
        "gold": [{"head": one, "type": "effect", "tail": two}],
    }
    for one in NAMES
    for two in NAMES
    if one != two
]
OPTIONS = {
    "layers": 2,
    "width": 48,
    "heads": 2,
    "positions": 64,
    "merges": 120,
    "tokens_per_batch": 512,
    "max_steps": 30,
    "learning_rate": 0.01,
    "eval_steps": 6,
    "save_dtype": "float32",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "pairs"
    return finetune("ddi", train=data, valid=data, model="fresh", out=out, **OPTIONS)


def rows(folder):
    return [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]


def measured(folder, data):
    gold = read_gold(data, "ddi")
    pipeline = biogpt_plugins.load(str(folder), "ddi", device="cpu", long_texts="cut")
    return evaluate(gold, pipeline.run([each.input for each in gold.documents])).main.value


def test_the_metric_is_measured_by_generation_and_the_best_weights_are_saved(trained, data):
    values = [row["valid_metric"] for row in rows(trained.folder) if "valid_metric" in row]
    assert len(values) == 5
    assert all(map(isfinite, values)), "no prediction at all counts as 0"
    assert trained.figures == (("ddi tp_micro_f1", max(values)),)
    assert measured(trained.folder, data) == pytest.approx(max(values))


def test_the_last_weights_are_kept_beside_the_best(data, tmp_path):
    out = tmp_path / "out"
    # What the model learns of these pairs is wrong of the held-out ones.
    other = tmp_path / "other.jsonl"
    other.write_text(data.read_text().replace('"type": "effect"', '"type": "mechanism"'))
    finetune("ddi", train=data, valid=other, model="fresh", out=out, select="loss", **OPTIONS)
    losses = {row["step"]: row["valid_loss"] for row in rows(out) if "valid_loss" in row}
    assert min(losses, key=losses.get) < max(losses)
    assert biogpt_plugins.load(str(out / "last"), device="cpu").task.name == "ddi"


def test_equal_metrics_are_told_apart_by_the_loss():
    found = [
        {"valid_metric": 0.0, "valid_loss": 3.0},
        {"valid_metric": 0.0, "valid_loss": 2.0},
        {"valid_metric": 0.5, "valid_loss": 4.0},
        {"valid_metric": 0.5, "valid_loss": 4.0},
    ]
    assert best_first(found, Options()) == [2, 3, 1, 0]
    assert best_first(found, Options(select="loss")) == [1, 0, 2, 3]
    assert best_first([{"valid_loss": 2.0}, {"valid_loss": 1.0}], Options()) == [1, 0]


def test_what_cannot_be_scored_is_selected_by_its_loss_which_is_told(tmp_path):
    file = tmp_path / "twice.jsonl"
    file.write_text(json.dumps(ROWS[0]) + "\n" + json.dumps(ROWS[0]) + "\n")
    options = Options(**{**OPTIONS, "layers": 1})
    start = start_from("fresh", ["ddi"], [], out=tmp_path, options=options)
    said = []
    assert (
        examiner(
            start, file, ["ddi", "generate"], options=Options(metric_documents=5), tell=said.append
        )
        is None
    )
    assert len(said) == 1
    assert "ddi is selected by its loss, because its metric cannot be measured" in said[0]
    assert "same id" in said[0]


def test_the_readme_is_a_model_card_of_the_hub(trained, data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        card = ModelCard.load(trained.folder / "README.md")
    told = card.data.to_dict()
    assert told["library_name"] == "transformers"
    assert told["datasets"] == [data.name]
    assert told["metrics"] == ["tp_micro_f1"]
    assert {"biogpt", "ddi"} <= {*told["tags"]}
    [figure] = card.data.eval_results
    assert figure.metric_value == pytest.approx(trained.figures[0][1], abs=1e-4)
    assert "trained anew" in card.text
    assert "optimistic" in card.text, "the weights were selected on these data"
    assert "| learning_rate | 0.01 |" in card.text
    digest = json.loads((trained.folder / "training.json").read_text())["train"][0][1]
    assert digest in card.text


def test_curves_are_drawn_where_matplotlib_is_installed(trained):
    pytest.importorskip("matplotlib", reason="NO TEST of curves: pip install matplotlib")
    assert (trained.folder / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert "(curves.png)" in (trained.folder / "README.md").read_text()
