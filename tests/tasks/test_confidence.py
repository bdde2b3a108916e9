"""How sure a model was of a relation: the probabilities of its words, as the model gave them."""

import math
from contextlib import contextmanager

import bundled
import pytest
import torch
from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins import Confidence, Pipeline, Relation
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.demo import demo
from biogpt_plugins.engine import TaskCard, Token
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from biogpt_plugins.tasks import TASKS

CARD = TaskCard(layout="learned_prompt", learned_tokens=tuple(f"learned{i}" for i in range(1, 10)))
TEXTS = [
    "Aspirin caused a gastric ulcer.",
    "Lithium-induced tremor in patients, treatment with warfarin.",
    "Renal failure after lithium and warfarin",
]


# --- where the words of a clause stand ---------------------------------------------------------


def rated(task, completion, source=None, logs=None):
    """The relations of a completion whose tokens are its words, each with its log-probability."""
    tokens, at = [], 0
    for number, word in enumerate(completion.split()):
        at = completion.index(word, at)
        log = logs[number] if logs else math.log(0.5)
        tokens.append(Token(text=word, start=at, logprob=log))
        at += len(word)
    return TASKS[task].interpret(completion, source, tokens=tokens).result


@pytest.mark.parametrize(
    ("task", "completion", "words"),
    [
        ("bc5cdr", "the relation between a and b exists.", [(7, 1, 1, 1)]),
        ("bc5cdr", "the relation between a x and b y z exists .", [(10, 2, 3, 1)]),
        (
            "bc5cdr",
            "the relation between a and b exists; the relation between c d and e exists.",
            [(7, 1, 1, 1), (8, 2, 1, 1)],
        ),
        ("bc5cdr", "we have that the relation between a and b exists.", [(7, 1, 1, 1)]),
        ("bc5cdr", "The Relation between a and b Exists.", [(7, 1, 1, 1)]),
        ("ddi", "the interaction between a and b is effect.", [(8, 1, 1, 1)]),
        ("ddi", "the interaction between a and b is advised.", [(8, 1, 1, 1)]),
        ("kd_dti", "the interaction between a and b c is partial agonist.", [(10, 1, 2, 2)]),
    ],
)
def test_the_words_of_each_part(task, completion, words):
    found = [relation.confidence for relation in rated(task, completion)]
    expected = [
        Confidence(clause=0.5**c, head=0.5**h, tail=0.5**t, type=0.5**k) for c, h, t, k in words
    ]
    assert [list(one.model_dump().values()) for one in found] == [
        pytest.approx(list(one.model_dump().values())) for one in expected
    ]


def test_what_divides_names_decides_which_words_are_theirs():
    text = "Crohn's disease and ulcers after aspirin and codeine."
    told = "the relation between aspirin and codeine and crohn's disease and ulcers exists."
    (relation,) = rated("bc5cdr", told, text)
    assert (relation.head.name, relation.tail.name) == (
        "aspirin and codeine",
        "crohn's disease and ulcers",
    )
    assert relation.confidence.head == pytest.approx(0.5**3)
    assert relation.confidence.tail == pytest.approx(0.5**4)


def test_a_clause_without_its_verb_has_no_type():
    (relation,) = rated("bc5cdr", "the relation between aspirin and ulcer.", "Aspirin: an ulcer.")
    assert relation.confidence.type is None
    assert relation.score == relation.confidence.clause == pytest.approx(0.5**6)


def test_each_word_counts_by_its_own_probability():
    logs = [math.log(p) for p in (1, 1, 1, 0.9, 1, 0.8, 0.7)]
    (relation,) = rated("bc5cdr", "the relation between a and b exists.", logs=logs)
    assert relation.confidence.model_dump() == pytest.approx(
        {"clause": 0.9 * 0.8 * 0.7, "head": 0.9, "tail": 0.8, "type": 0.7}
    )
    assert Relation.model_validate_json(relation.model_dump_json()) == relation


def test_a_text_that_was_cut_has_no_confidence():
    """Nothing is made up where the tokens of a name are not told."""
    completion = "the relation between a and b exists."
    tokens = [Token(text="the", start=0, logprob=-1)]
    (relation,) = TASKS["bc5cdr"].interpret(completion, tokens=tokens).result
    assert (relation.score, relation.confidence) == (None, None)


# --- against one full forward pass -------------------------------------------------------------


@contextmanager
def read_ids(model):
    """All ids that a model reads, as long as it has one row."""
    ids = []

    def look(_, __, arguments):
        assert len(arguments["input_ids"]) == 1
        ids.extend(arguments["input_ids"][0].tolist())

    handle = model.register_forward_pre_hook(look, with_kwargs=True)
    try:
        yield ids
    finally:
        handle.remove()


def in_one_pass(model, ids, start):
    """Log-probabilities of ids[start:] by the model's logits, `<pad>` left out."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, start - 1 : -1]
    logits[:, model.config.pad_token_id] = -math.inf
    return logits.log_softmax(-1).gather(-1, torch.tensor(ids[start:])[:, None])[:, 0].tolist()


def tiny_model(folder):
    model = BioGptForCausalLM.from_pretrained(folder)
    return model, BioGptTokenizer.from_pretrained(folder), CARD, TEXTS


def demo_model(_):
    texts = [paper.paper.source for paper in demo.papers()[:3]]
    return bundled.model(), bundled.tokenizer(), read_card(bundled.DEMO).tasks["bc5cdr"], texts


@pytest.mark.parametrize("decoding", ["free", "grounded"])
@pytest.mark.parametrize("which", [tiny_model, demo_model])
def test_probabilities_are_those_of_one_full_pass(which, decoding, tiny_biogpt):
    model, tokenizer, card, texts = which(tiny_biogpt)

    def pipeline(drafts=True):  # with an engine that has read nothing yet
        engine = TransformersEngine(model, tokenizer, model_name="any")
        engine.drafts = drafts
        return Pipeline("bc5cdr", engine, card=card, decoding=decoding)

    asked = pipeline()
    asked = asked.with_decoding(asked.decoding.but(logprobs=True, max_new_tokens=60))
    together = asked.run(texts)
    prompts = [asked.task.render(text, card) for text in texts]
    written = asked.engine.complete(prompts, asked.decoding)
    relations = 0
    for prompt, completion, prediction in zip(prompts, written, together, strict=True):
        with read_ids(model) as ids:
            (alone,) = pipeline(drafts=False).engine.complete([prompt], asked.decoding)
        assert alone.text == completion.text
        start = alone.usage.prompt_tokens
        silent = set(tokenizer.all_special_ids) | set(
            tokenizer.convert_tokens_to_ids(list(card.learned_tokens))
        )
        logs = in_one_pass(model, ids, start)
        own = [log for id_, log in zip(ids[start:], logs, strict=True) if id_ not in silent]
        # The last token of all is not read any more.
        assert len(completion.tokens) - len(own) in (0, 1)
        told = [token.logprob for token in completion.tokens[: len(own)]]
        assert told == pytest.approx(own, abs=1e-4)
        for relation in prediction.result or ():
            clause = f"relation between {relation.head.name} and {relation.tail.name} exists"
            begin = completion.text.index(clause) - len("the ")
            end = begin + len("the ") + len(clause)
            share = sum(
                log
                for token, log in zip(completion.tokens, own, strict=False)
                if begin <= token.start < end
            )
            assert math.log(relation.confidence.clause) == pytest.approx(share, abs=1e-4)
            assert relation.score == relation.confidence.clause
            parts = relation.confidence
            assert parts.clause <= parts.head * parts.tail * parts.type * (1 + 1e-6)
            relations += 1
    assert relations or (which, decoding) == (tiny_model, "free")


def test_a_grounded_decoding_does_not_make_a_model_sure(tiny_biogpt):
    """The probabilities are the model's own, not those among what the grammar admits."""
    model, tokenizer, card, texts = tiny_model(tiny_biogpt)
    engine = TransformersEngine(model, tokenizer, model_name="any")
    asked = Pipeline("bc5cdr", engine, card=card, decoding="grounded")
    found = asked.with_decoding(asked.decoding.but(logprobs=True)).run(texts)
    assert all(relation.score < 0.01 for one in found for relation in one.result)
