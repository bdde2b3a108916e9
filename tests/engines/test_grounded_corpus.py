"""Grounded decoding over a real corpus: BC5CDR's abstracts, and what their gold names."""

import dataclasses

import pytest
import tiny
from shared_data import shared

from biogpt_plugins import Pipeline, load
from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.engines import load_engine
from biogpt_plugins.engines.derivations import Derivation
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.evaluation.run import predict
from biogpt_plugins.text.grounding import aligner_of
from biogpt_plugins.training.examples import read_examples

HELD_APART = 100
"""The last documents of valid, which the bundled model was not trained on."""


@pytest.fixture(scope="module")
def gold():
    return read_gold(shared("bc5cdr/valid.json"), "bc5cdr")


def counts(predictions, gold):
    """Unreadable completions, ungrounded ends, ends that differ from their place, ends."""
    texts = [Pipeline("bc5cdr", None).task.read_input(d.input).source for d in gold.documents]
    unreadable = ungrounded = other = ends = 0
    for prediction, text in zip(predictions, texts, strict=True):
        unreadable += not prediction.ok
        for end in (e for r in prediction.result or [] for e in (r.head, r.tail)):
            ends += 1
            ungrounded += not end.grounded
            other += text[slice(end.start, end.end)] != end.text
    return unreadable, ungrounded, other, ends


@pytest.fixture(params=[10, pytest.param(100, marks=pytest.mark.slow)])
def abstracts(request, gold):
    return dataclasses.replace(gold, documents=gold.documents[: request.param])


def test_abstracts_on_the_bundled_model(abstracts):
    gold, number = abstracts, len(abstracts.documents)
    found = list(predict(load("demo", "bc5cdr", decoding="grounded"), gold))
    assert len(found) == number
    *faults, ends = counts(found, gold)
    assert faults == [0, 0, 0]
    assert ends >= number, "a relation has two, and most of these papers state one or more"


def test_abstracts_on_a_random_model(abstracts, tmp_path):
    gold, number = abstracts, len(abstracts.documents)
    engine = load_engine(tiny.build(tmp_path / "model", positions=512), device="cpu")
    card = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
    random = Pipeline("bc5cdr", engine, card=card, decoding="grounded")
    found = list(predict(random.with_decoding(random.decoding.but(max_new_tokens=60)), gold))
    *faults, ends = counts(found, gold)
    assert faults == [0, 0, 0]
    assert ends >= 2 * number


@pytest.mark.slow
def test_the_bundled_model_is_no_worse(gold):
    """But for a hundredth: whose names are all in the text may still relate the wrong ones."""
    apart = dataclasses.replace(gold, documents=gold.documents[-HELD_APART:])
    free, grounded = (
        evaluate(apart, list(predict(load("demo", "bc5cdr", decoding=manner), apart))).default
        for manner in ("free", "grounded")
    )
    assert grounded.value > free.value - 0.01
    assert grounded.unreadable.part == 0


@pytest.mark.parametrize(
    ("split", "share"), [pytest.param("train", 0.997, marks=pytest.mark.slow), ("valid", 0.997)]
)
def test_gold_that_the_text_names_is_admitted(split, share):
    """Of targets all of whose names stand in the text, word by word."""
    pipeline = load("demo", "bc5cdr")
    tokens, task = pipeline.engine._tokens, pipeline.task
    named = admitted = 0
    for example in read_examples(shared(f"bc5cdr/{split}.json"), ["bc5cdr"]):
        prompt = task.render(example.input, pipeline.card)
        relations = task.parse(example.target, prompt.text)
        names = {end.name for r in relations for end in (r.head, r.tail)}
        if not all(_stands_in(prompt.text, name) for name in names):
            continue
        named += 1
        text = tuple(tokens.words_of(prompt.text, 10**6))
        admitted += _admits(Derivation(task.grammar, text, tokens.ids, 10**6), tokens, example)
    assert named > 450
    assert admitted / named >= share, f"{admitted} of {named}"


def _stands_in(text, name):
    return any(text[slice(*span)] == name for span in aligner_of(text).find(name))


def _admits(path, tokens, example):
    for token in tokens.ids(example.target):
        if token not in path.tokens():
            return False
        path.take(token)
    return path.finished
