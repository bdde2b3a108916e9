"""Probabilities of continuations: those of the model, whatever else is scored beside them."""

from math import exp, fsum

import pytest

from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.engines import load_engine, local
from biogpt_plugins.engines.jobs import Branches
from biogpt_plugins.values.errors import InputError

PROMPTS = [
    Prompt(text="lithium induced tremor .", suffix_tokens=("learned1",)),
    "aspirin and ulcer",
]
NAMES = ["lithium", "tremor", "aspirin", "gastric ulcer", "ulcer", "renal failure"]
CLAUSES = [f"the relation between {head} and {tail} exists" for head in NAMES for tail in NAMES]


@pytest.fixture(params=["transformers", "ctranslate2"], scope="module")
def engine(request, tiny_biogpt):
    return load_engine(tiny_biogpt, engine=request.param, dtype="float32", device="cpu")


def whole(scored):
    assert scored.error is None
    return [fsum(token.logprob for token in tokens) for tokens in scored.tokens]


def test_together_as_alone_and_in_parts(engine, monkeypatch):
    together = [whole(one) for one in engine.score(PROMPTS, [CLAUSES, CLAUSES[:5]])]
    alone = [whole(engine.score(PROMPTS[:1], [[clause]])[0])[0] for clause in CLAUSES[::7]]
    assert together[0][::7] == pytest.approx(alone, abs=1e-3)
    assert len(together[1]) == 5
    monkeypatch.setattr(local, "_MOST_BRANCHES", 16)
    parted = engine.score(PROMPTS, [CLAUSES, CLAUSES[:5]])
    assert whole(parted[0]) == pytest.approx(together[0], abs=1e-3)


def test_they_are_those_of_a_completion(engine):
    (completion,) = engine.complete(PROMPTS[:1], Decoding(logprobs=True, max_new_tokens=6))
    (scored,) = engine.score(PROMPTS[:1], [[completion.text]])
    assert [t.text for t in scored.tokens[0]] == [t.text for t in completion.tokens]
    assert [t.logprob for t in scored.tokens[0]] == pytest.approx(
        [t.logprob for t in completion.tokens], abs=0.01
    )  # decoding bars the padding token, which has a small share


def test_choices_are_their_shares(engine):
    labels = ["yes .", "no .", "may be ."]
    (scored,) = engine.score(PROMPTS[:1], [labels])
    shares = [exp(log) for log in whole(scored)]
    (choice,) = engine.choose(PROMPTS[:1], labels)
    expected = [share / sum(shares) for share in shares]
    assert list(choice.probabilities.values()) == pytest.approx(expected, abs=1e-4)


def test_an_empty_continuation_costs_its_prompt_alone(engine):
    first, second = engine.score(PROMPTS, [["yes", ""], ["no"]])
    assert isinstance(first.error, InputError)
    assert len(second.tokens) == 1


def test_common_beginnings_are_read_once():
    tree = Branches([(1, 2, 3), (1, 2, 4), (5,), (1, 2), ()])
    assert (tree.tokens, tree.parents, tree.depths) == (
        [1, 2, 3, 4, 5],
        [-1, 0, 1, 1, -1],
        [0, 1, 2, 2, 0],
    )
    assert tree.paths == [[-1, 0, 1, 2], [-1, 0, 1, 3], [-1, 4], [-1, 0, 1], [-1]]
