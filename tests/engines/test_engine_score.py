"""Probabilities of continuations: those of the model, whatever else is scored beside them."""

from math import exp, fsum
from types import SimpleNamespace

import pytest

from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.engines import labels, load_engine
from biogpt_plugins.engines.jobs import Branches, Scoring
from biogpt_plugins.engines.runner import ReadBatch
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ContextOverflowError, InputError

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
    monkeypatch.setattr(labels, "_MOST_BRANCHES", 16)
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
    assert "continuation 2 of 2 is empty" in str(first.error)
    assert len(second.tokens) == 1


def test_a_continuation_that_does_not_fit_costs_its_prompt_alone(engine):
    long = "ulcer " * engine.context_size
    first, second = engine.score(PROMPTS, [["yes", long], ["no"]])
    assert isinstance(first.error, ContextOverflowError)
    assert "continuation 2 of 2 has 96 tokens" in str(first.error)
    assert len(second.tokens) == 1


def test_a_prompt_is_cut_for_its_longest_continuation(engine):
    asked = ["lithium " * 60], [["ulcer " * 50, "yes"]]
    assert engine.score(*asked)[0].truncated_tokens > 0
    (refused,) = engine.score(*asked, truncate=False)
    assert isinstance(refused.error, ContextOverflowError)


@pytest.mark.parametrize("continuations", [[["yes"]], [["yes"], ["no"], ["no"]]])
def test_each_prompt_has_its_continuations(engine, continuations):
    for one in (engine, ScriptedEngine()):
        with pytest.raises(InputError, match="one sequence for each prompt"):
            one.score(PROMPTS, continuations)


def test_a_text_is_no_sequence_of_continuations(engine):
    for one in (engine, ScriptedEngine()):
        with pytest.raises(InputError, match="must be a sequence of texts, not 'yes'"):
            one.score(PROMPTS, ["yes", "no"])


def test_letters_that_the_vocabulary_lacks_count_and_keep_their_places(engine):
    text = "ulcer and \u03b1 tremor \u03b2x"
    (scored,) = engine.score(PROMPTS[:1], [[text]])
    (tokens,) = scored.tokens
    assert len(tokens) == scored.usage.completion_tokens == engine.count_tokens(text)
    assert [text[token.start :].startswith(token.text) for token in tokens] == [True] * len(tokens)
    assert "\u03b1" in [token.text for token in tokens]


def test_an_empty_prompt_scores_texts_from_their_beginning(engine):
    whole_, first = whole(engine.score([""], [["aspirin and ulcer", "aspirin"]])[0])
    (rest,) = whole(engine.score(["aspirin"], [["and ulcer"]])[0])
    assert whole_ == pytest.approx(first + rest, abs=1e-3)
    (blank,) = engine.score([" "], [["ulcer"]])
    assert isinstance(blank.error, InputError)


class TestIds:
    """Prompts and continuations that are given as token ids."""

    TEXT = "ulcer and \u03b1 tremor"

    def test_they_are_scored_as_their_text(self, engine):
        ids = tuple(engine.token_ids(self.TEXT))
        text, same, begun = engine.score([""] * 3, [[self.TEXT], [ids], [(2, *ids)]])
        logs = [token.logprob for token in text.tokens[0]]
        for one in (same, begun):
            assert [token.logprob for token in one.tokens[0]] == pytest.approx(logs, abs=1e-4)
        assert len(logs) == len(ids)
        assert same.usage == begun.usage == text.usage

    def test_their_offsets_count_in_their_spellings(self, engine):
        (scored,) = engine.score([""], [[tuple(engine.token_ids(self.TEXT))]])
        (tokens,) = scored.tokens
        spelt = "".join(f"{token.text}{' ' * token.ends_word}" for token in tokens)
        assert spelt == "ulcer and <unk> tremor "
        assert [spelt[t.start :].startswith(t.text) for t in tokens] == [True] * len(tokens)

    @pytest.mark.parametrize("decoding", [Decoding(), Decoding(seed=1, temperature=1)], ids=str)
    def test_they_are_continued_as_their_text(self, engine, decoding):
        decoding, ids = decoding.but(max_new_tokens=5), tuple(engine.token_ids("aspirin and"))
        asked = ["aspirin and", Prompt(text="", ids=ids), Prompt(text="", ids=(2, *ids))]
        text, *others = engine.complete(asked, decoding)
        assert others == [text, text]
        *_, last = engine.stream(asked[1], decoding)
        assert last.completion.text == text.text

    def test_a_long_prompt_is_cut_only_if_it_may_be(self, engine):
        long = Prompt(text="", ids=tuple(engine.token_ids("ulcer " * 2000)))
        cut, refused = (
            engine.complete([long], Decoding(max_new_tokens=2, truncate=truncate))[0]
            for truncate in (True, False)
        )
        assert cut.truncated_tokens > 900
        assert isinstance(refused.error, ContextOverflowError)

    @pytest.mark.parametrize("wrong", [(0, 5), (5, 2), (5, -1), (5, 1 << 20)], ids=str)
    def test_what_is_no_piece_of_a_text_is_refused(self, engine, wrong):
        (scored,) = engine.score([""], [[wrong]])
        (completion,) = engine.complete([Prompt(text="", ids=wrong)])
        for one in (scored, completion):
            assert isinstance(one.error, InputError)
            assert "is no piece of a text" in str(one.error)

    def test_a_text_beside_them_is_refused(self, engine):
        (completion,) = engine.complete([Prompt(text="ulcer", ids=(5,))])
        assert "neither a text nor a grammar" in str(completion.error)


@pytest.mark.parametrize("top", [0, 2])
def test_the_end_is_told_with_its_probability(engine, top):
    asked = Decoding(logprobs=True, top_logprobs=top, temperature=3, n=20, seed=5)
    (first,) = engine.complete(PROMPTS[:1], asked)
    every = (first, *first.others)
    assert {one.finish_reason for one in every} == {"stop", "length"}
    for one in every:
        assert (one.end is not None) == (one.finish_reason == "stop")
        if one.end:
            assert (one.end.text, one.end.start, len(one.end.top)) == ("</s>", len(one.text), top)
            assert one.end.logprob < 0


@pytest.mark.parametrize(
    "decoding",
    [Decoding(), Decoding(num_beams=2), Decoding(temperature=1.5, seed=3)],
    ids=["greedy", "beams", "drawn"],
)
def test_the_most_probable_tokens_in_the_place_of_each(engine, decoding):
    asked = decoding.but(logprobs=True, top_logprobs=3, max_new_tokens=6)
    (completion,) = engine.complete(PROMPTS[:1], asked)
    assert completion.tokens
    for token in completion.tokens:
        logs = [one.logprob for one in token.top]
        assert len(logs) == 3
        assert logs == sorted(logs, reverse=True)
        assert token.logprob <= logs[0] + 1e-5
        same = [one for one in token.top if one.text == token.text]
        best = token.top[0]
        if decoding == Decoding():  # takes the best
            assert (best.text, best.ends_word, best.logprob) == (
                token.text,
                token.ends_word,
                pytest.approx(token.logprob),
            )
        assert all(one.start == token.start for one in same)


def test_they_are_the_same_when_scored(engine):
    asked = Decoding(logprobs=True, top_logprobs=2, max_new_tokens=5)
    (completion,) = engine.complete(PROMPTS[:1], asked)
    (scored,) = engine.score(PROMPTS[:1], [[completion.text, "yes"]], top_logprobs=2)
    assert [[one.text for one in token.top] for token in scored.tokens[0]] == [
        [one.text for one in token.top] for token in completion.tokens
    ]
    assert len(scored.tokens[1][0].top) == 2
    *_, last = engine.stream(PROMPTS[0], asked)
    assert [len(token.top) for token in last.completion.tokens] == [2] * len(completion.tokens)


def test_rows_that_ask_for_few_and_many_run_together(engine):
    decoding = Decoding(logprobs=True, max_new_tokens=3)
    (few,) = engine.complete(PROMPTS[:1], decoding)
    assert [token.top for token in few.tokens] == [()] * len(few.tokens)


def test_other_tokens_need_probabilities():
    with pytest.raises(InputError, match="top_logprobs = 2 needs logprobs=True"):
        Decoding(top_logprobs=2)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(
    "extreme", [{"temperature": 1e-300}, {"top_p": 1e-300}, {"top_k": 1}], ids=str
)
def test_extreme_sampling_writes_the_most_probable_text(engine, extreme, seed):
    (greedy,) = engine.complete(PROMPTS[:1], Decoding(max_new_tokens=6))
    decoding = Decoding(**{"temperature": 1.0, "max_new_tokens": 6, "seed": seed, **extreme})
    (drawn,) = engine.complete(PROMPTS[:1], decoding)
    assert drawn.error is None
    assert drawn.text == greedy.text


def test_more_tokens_than_there_are(engine):
    decoding = Decoding(temperature=1.0, top_k=10**20, max_new_tokens=4, seed=1)
    (drawn,) = engine.complete(PROMPTS[:1], decoding)
    assert drawn == engine.complete(PROMPTS[:1], decoding.but(top_k=0))[0]


def test_scripted_continuations():
    engine = ScriptedEngine(probabilities=[[0.25, 1.0], [0.5]])
    first, second = engine.score(["a", "b"], [["yes it is", "no"], [" "]], top_logprobs=1)
    assert [exp(log) for log in whole(first)] == pytest.approx([0.25, 1])
    assert [one.text for one in first.tokens[0][0].top] == ["yes"]
    assert first.usage.completion_tokens == 4
    assert isinstance(second.error, InputError)


def test_a_pass_scores_a_bounded_number_of_places():
    nothing_held = SimpleNamespace(held=lambda _: (0, 0), packed=False)
    batch = ReadBatch(nothing_held, room=1 << 14)
    jobs = [Scoring(prompt=[2, i], labels=(tuple(range(4, 405)),)) for i in range(4, 8)]
    assert [batch.add(job) for job in jobs] == [True, True, False, False]


def test_common_beginnings_are_read_once():
    tree = Branches([(1, 2, 3), (1, 2, 4), (5,), (1, 2), ()])
    assert (tree.tokens, tree.parents, tree.depths) == (
        [1, 2, 3, 4, 5],
        [-1, 0, 1, 1, -1],
        [0, 1, 2, 2, 0],
    )
    assert tree.paths == [[-1, 0, 1, 2], [-1, 0, 1, 3], [-1, 4], [-1, 0, 1], [-1]]
