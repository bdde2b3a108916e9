"""`recipes/demo/evaluate.py`: what it works out by itself."""

import importlib.util
import sys
from pathlib import Path

import pytest

from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.values.results import Answer, Prediction

RECIPE = Path(__file__).parents[2] / "recipes/demo/evaluate.py"


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("demo_evaluation", RECIPE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.setitem(sys.modules, spec.name, module)  # dataclasses look for it there
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([("yes", 0.6), ("yes", 0.5), ("no", 0.4)], 1),
        ([("yes", 0.2), ("no", 0.4)], 0),
        ([("yes", 0.4), ("no", 0.4), ("maybe", 0.1)], 0.5),
        ([("yes", 0.6), ("yes", 0.3), ("no", 0.4)], 0.5),
    ],
)
def test_auroc_is_the_share_of_pairs_in_order(recipe, shares, expected):
    documents = [Document(id=str(n), gold=label) for n, (label, _) in enumerate(shares)]
    found = [
        Prediction(
            task="pubmedqa",
            result=Answer(label="yes", probabilities={"yes": p, "no": 0.8 - p, "maybe": 0.2}),
        )
        for _, p in shares
    ]
    gold = GoldSet(task="pubmedqa", documents=tuple(documents))
    assert recipe.auroc(gold, found) == expected


def test_an_unrelated_sentence_names_both_types_but_no_pair_of_the_gold(recipe):
    names = {"Lithium": "D008094", "Tremor": "D014202", "nausea": "D009325"}
    text = "Lithium and aspirin. Tremor from Lithium. Lithium for nausea. Lithium and nausea."
    entities = [
        {
            "text": name,
            "start": at,
            "end": at + len(name),
            "type": "Chemical" if name == "Lithium" else "Disease",
            "id": id_,
        }
        for name, id_ in names.items()
        for at in range(len(text))
        if text.startswith(name, at)
    ]
    paper = Document(
        id="1", gold=(("D008094", "D014202"),), input={"text": text}, entities=entities
    )
    gold = GoldSet(task="bc5cdr", documents=(paper,))
    assert list(recipe.unrelated(gold)) == ["Lithium for nausea."]


def test_a_table_has_the_columns_of_all_rows(recipe):
    told = recipe.markdown(
        "Answers", {"ours": {"right": 3, "of": None}, "*always*": {"right": 2, "of": 4}}
    )
    assert told.splitlines()[2:] == [
        "|  | right | of |",
        "| --- | --- | --- |",
        "| ours | 3 |  |",
        "| *always* | 2 | 4 |",
    ]


def test_the_parts_have_nothing_in_common(recipe):
    papers, questions = list(range(500)), list(range(500))
    last, dev = recipe.PARTS["last"], recipe.PARTS["dev"]
    assert papers[dev.papers] == list(range(350, 400))
    assert papers[last.papers] == list(range(400, 500))
    assert questions[dev.questions] == list(range(350, 400))
    assert questions[last.questions] == list(range(400, 500))
