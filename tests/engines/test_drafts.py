"""Drafts change how many passes a completion takes, and nothing else."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import bundled
import pytest
import tiny
import torch
from shared_data import shared
from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins import load
from biogpt_plugins.corpus.readers import read_records
from biogpt_plugins.corpus.sample.papers import sample_papers
from biogpt_plugins.engine import Copy, Decoding, Grammar, OneOf, Prompt, TaskCard
from biogpt_plugins.engines.drafts import Drafter, Guess, Outline, worth
from biogpt_plugins.engines.jobs import Generation
from biogpt_plugins.engines.runner import TransformersRunner
from biogpt_plugins.engines.scheduler import Scheduler
from biogpt_plugins.engines.slots import Slots
from biogpt_plugins.engines.stopping import StopStrings
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.engines.transformers_engine import TransformersEngine
from biogpt_plugins.tasks import get_task
from biogpt_plugins.training.examples import read_examples

PROMPTS = [" ".join(tiny.WORDS[i : i + 2 + i % 7]) for i in range(0, 36, 3)]
BETWEEN = Grammar(clause=("the relation between", Copy(), "and", Copy(), "exists"))
SAME = 1e-4  # log-probabilities of passes of different shapes


class Words:
    """A vocabulary of whole words."""

    def __init__(self):
        self.known = {}

    def ids(self, text):
        return [self.known.setdefault(word, len(self.known) + 10) for word in text.split()]

    def text(self, guesses):
        names = {number: word for word, number in self.known.items()}
        return " ".join(names[guess.token] for guess in guesses)


class Told(Drafter):
    """A drafter that was told what the row will write, and gets some of it wrong."""

    def __init__(self, expected, seed, mistakes=0.2):
        self.expected, self.random, self.mistakes = expected, Random(seed), mistakes
        self.rights = []

    def draft(self, written, form, most, least):
        del form, least
        count = max(0, min(most, self.random.randrange(9)))
        ahead = self.expected[len(written) : len(written) + count]
        return [Guess(7 if self.random.random() < self.mistakes else t, 1.0) for t in ahead]

    def judge(self, right):
        self.rights.append(right)


@pytest.fixture(scope="module")
def model(tiny_biogpt):
    return BioGptForCausalLM.from_pretrained(tiny_biogpt, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def tokenizer(tiny_biogpt):
    return BioGptTokenizer.from_pretrained(tiny_biogpt)


@pytest.fixture
def engine(model, tokenizer):
    return TransformersEngine(model, tokenizer, model_name="tiny")


class TestGuesses:
    """What a drafter makes of the grammar, the completion and the text."""

    TEXT = "lithium chloride caused hand tremor and a rash in many patients"

    @pytest.mark.parametrize(
        ("written", "guessed"),
        [
            ("", "the relation between"),
            ("the relation between lithium", "and"),
            ("the relation between lithium chloride and", ""),
            ("the relation between lithium chloride and hand", "exists ; the relation between"),
            (
                "the relation between lithium chloride and rash exists ; the relation",
                "between lithium chloride and",
            ),
            ("no relation", ""),
            ("the relation of lithium", "chloride"),  # other text
        ],
    )
    def test_of_a_clause(self, written, guessed):
        words = Words()
        outline = Outline(BETWEEN, words.ids, lambda _: True)
        drafter = Drafter(words.ids(self.TEXT), outline)
        found = words.text(drafter.draft(words.ids(written), None, 16, least=0.2))
        assert found.startswith(guessed)
        assert bool(found) == bool(guessed)

    @pytest.mark.parametrize(
        ("clause", "written", "guessed"),
        [
            (
                (Copy(), OneOf(("inhibits", "raises")), Copy()),
                "lithium chloride raises hand",
                "tremor",
            ),
            (
                (Copy(), OneOf(("inhibits", "raises")), Copy()),
                "lithium chloride raises hand tremor ; lithium",
                "chloride",
            ),
            ((Copy(), OneOf(("inhibits", "raises")), Copy()), "lithium", "chloride"),
            ((OneOf(("a", "b")), Copy(), "in", Copy()), "a lithium chloride", "in"),
        ],
    )
    def test_names_and_types_without_words_between_them(self, clause, written, guessed):
        words = Words()
        outline = Outline(Grammar(clause=clause, end=" ."), words.ids, lambda _: True)
        drafter = Drafter(words.ids(self.TEXT), outline)
        known = set(words.known.values())
        draft = drafter.draft(words.ids(written), None, 16, least=0.0)
        assert guessed in words.text(draft).split()
        assert known | set(words.known.values()) >= {guess.token for guess in draft}

    def test_a_clause_between_nothing(self):
        outline = Outline(Grammar(clause=(Copy(), Copy())), lambda _: [], lambda _: True)
        assert Drafter([11, 12, 13, 11], outline).draft([12, 13, 11], None, 8, least=0.0)

    def test_a_word_is_copied_to_its_end(self):
        outline = Outline(BETWEEN, lambda text: [9] if text else [], {9, 13}.__contains__)
        drafter = Drafter([11, 12, 13, 14, 15], outline)
        draft = drafter.draft([9, 11], None, 16, least=0.3)
        assert [guess.token for guess in draft] == [12, 13, 9]
        assert [guess.chance for guess in draft] == sorted((g.chance for g in draft), reverse=True)

    def test_other_text_repeats_itself(self):
        drafter = Drafter([3, 4], Outline(None, list, lambda _: True))
        assert [g.token for g in drafter.draft([5, 6, 7, 8, 5, 6, 7], None, 3, 0.1)] == [8, 5, 6]
        assert drafter.draft([5, 6, 7, 8, 5, 6, 7, 9], None, 3, 0.1) == []

    def test_who_is_wrong_stops_and_tries_again(self):
        words = Words()
        drafter = Drafter([3, 4], Outline(BETWEEN, words.ids, lambda _: True))
        drafts = []
        for _ in range(40):
            draft = drafter.draft([], None, 4, least=0.3)
            drafts.append(len(draft))
            if draft:
                drafter.judge(0)
        assert drafts[0] == 3
        assert 2 < sum(map(bool, drafts)) < 15
        assert any(drafts[20:])
        drafter.judge(1)
        assert len(drafter.draft([], None, 4, least=0.3)) == 3

    def test_how_wide_a_pass_is_worth(self):
        sure, unsure = [Guess(1, 0.9)] * 4, [Guess(1, 0.4)] * 2
        assert worth([], 0.1) == worth([[], []], 0.1) == 0
        assert worth([sure, unsure], 0.6) == 2
        assert worth([sure, unsure], 0.4) == 4
        assert worth([sure, []], 0.5) == 0


class TestVerifying:
    """Rows with drafts that are told write what rows without drafts write, in fewer passes."""

    def rows(self, engine, model, decoding, drafters=None, **fields):
        stops = StopStrings(decoding.stop, engine._tokens)
        rows = []
        for number, prompt in enumerate(PROMPTS):
            encoded = engine._encode(prompt, decoding)
            row = Generation(
                prompt=encoded.ids,
                decoding=decoding,
                budget=engine._budget(encoded, decoding),
                stops=stops,
                random=Random(number),
                drafter=drafters and drafters[number],
                **fields,
            )
            rows.append(row)
        slots = Slots(model.config, device=model.device, dtype=model.dtype)
        runner = TransformersRunner(model, slots, places=99, room=300, spare=16)
        scheduler = Scheduler([runner])
        scheduler.limit(5)  # others come while some are written
        scheduler.run(rows)
        assert scheduler.load.tokens == sum(len(row.written) for row in rows)
        assert scheduler.load.token_passes == sum(row.passes for row in rows)
        scheduler.close()
        return rows

    @pytest.mark.parametrize(
        "decoding",
        [
            Decoding(),
            Decoding(max_new_tokens=7),
            Decoding(max_length=20, logprobs=True, top_logprobs=2),
            Decoding(stop=("of", "a")),
            Decoding(temperature=1.5, top_p=0.9, max_new_tokens=30, logprobs=True),
            Decoding(temperature=0.5, top_k=9, max_new_tokens=30),
        ],
        ids=str,
    )
    def test_any_decoding(self, engine, model, decoding):
        plain = self.rows(engine, model, decoding)
        told = [Told(row.written, seed) for seed, row in enumerate(plain)]
        drafted = self.rows(engine, model, decoding, told)
        for one, other in zip(plain, drafted, strict=True):
            assert (one.written, one.finish) == (other.written, other.finish)
            logs = [[m.logprob for m in row.measured] for row in (one, other)]
            assert logs[0] == pytest.approx(logs[1], abs=SAME)
            tops = [[pair[0] for m in row.measured for pair in m.top] for row in (one, other)]
            assert tops[0] == tops[1]
        ends = sum(row.finish == "stop" for row in plain)
        assert sum(row.passes for row in plain) <= sum(len(row.written) for row in plain) + ends
        assert sum(row.passes for row in drafted) < 0.8 * sum(row.passes for row in plain)
        assert max(max(d.rights, default=0) for d in told) > 1

    def test_a_reader_is_not_run_away_from(self, engine, model):
        decoding = Decoding(max_new_tokens=40)
        expected = self.rows(engine, model, decoding)[0].written
        row = self.stream_of(engine, decoding, Told(expected, 1, mistakes=0))
        for _ in engine._scheduler.follow(row):
            assert len(row.written) <= row.read + row.ahead
        assert row.written == expected

    def stream_of(self, engine, decoding, drafter):
        encoded = engine._encode(PROMPTS[0], decoding)
        return Generation(
            prompt=encoded.ids,
            decoding=decoding,
            budget=40,
            stops=StopStrings((), engine._tokens),
            random=Random(0),
            drafter=drafter,
            ahead=6,
        )

    def test_samples_keep_their_distribution(self, engine, model):
        encoded = engine._encode(PROMPTS[3], Decoding())
        first = self.shares(engine, model, encoded.ids)
        likely = max(first, key=first.get)
        decoding, random = Decoding(temperature=1.0, top_k=8, max_new_tokens=2), Random(5)
        rows = [
            Generation(
                prompt=encoded.ids,
                decoding=decoding,
                budget=2,
                stops=StopStrings((), engine._tokens),
                random=Random(random.random()),
                drafter=Told([likely, 7], seed, mistakes=0),
            )
            for seed in range(1600)
        ]
        engine._scheduler.run(rows)
        assert sum(row.drafted for row in rows) > 1000
        written = [[*row.written, engine._tokens.eos] for row in rows]
        self.are_drawn([ids[0] for ids in written], first)
        second = self.shares(engine, model, [*encoded.ids, likely])
        self.are_drawn([ids[1] for ids in written if ids[0] == likely], second)

    def shares(self, engine, model, ids):
        """The probabilities of the eight most probable tokens."""
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1].clone()
        logits[engine._tokens.pad] = -torch.inf
        found = logits.topk(8)
        return dict(zip(found.indices.tolist(), found.values.softmax(-1).tolist(), strict=True))

    def are_drawn(self, tokens, shares):
        """Whether tokens are distributed so: twice as far off as chance has it would fail."""
        count, seen = len(tokens), Counter(tokens)
        assert count > 100
        assert seen.keys() <= shares.keys()
        distance = sum(abs(seen[token] / count - share) for token, share in shares.items())
        assert distance < 1.6 * sum((share / count) ** 0.5 for share in shares.values())


def clause(name="lithium"):
    return Prompt(text=f"{name} induced tremor in patients with renal failure", grammar=BETWEEN)


class TestEngine:
    """The whole engine, with drafts and without."""

    CALLS = (
        (PROMPTS, Decoding(max_new_tokens=40)),
        (PROMPTS, Decoding(temperature=1.0, seed=3, max_new_tokens=20)),
        ([clause(), clause("aspirin"), clause("warfarin")], Decoding(form="grounded")),
        ([clause(), clause("aspirin")], Decoding(max_new_tokens=30, stop=("exists",))),
        ([clause()], Decoding(form="grounded", temperature=1.0, seed=1, n=4, max_new_tokens=40)),
        (
            [
                Prompt(
                    text="aspirin or lithium and tremor or ulcer",
                    grammar=Grammar(
                        clause=("the", ("aspirin", "lithium"), "and", ("tremor", "gastric ulcer"))
                    ),
                )
            ],
            Decoding(form="entities"),
        ),
    )

    def test_texts_are_the_same_alone_and_together(self, engine):
        expected = []
        engine.drafts = False
        for prompts, decoding in self.CALLS:
            expected.append(engine.complete(prompts, decoding))
        without = engine.load
        engine.drafts = True
        assert [engine.complete(*call) for call in self.CALLS] == expected
        load = engine.load
        passes = load.token_passes - without.token_passes
        assert load.tokens == 2 * without.tokens
        assert passes < without.token_passes
        assert load.drafted > 0 == without.drafted
        # How much is drafted then depends on who comes when.
        with ThreadPoolExecutor(len(self.CALLS)) as pool:
            found = list(pool.map(lambda call: engine.complete(*call), self.CALLS))
        assert found == expected
        assert engine.load.tokens == 3 * without.tokens

    def test_streams_are_the_same(self, engine):
        for prompt, decoding in ((p, d) for prompts, d in self.CALLS for p in prompts[:2]):
            engine.drafts = False
            (whole,) = engine.complete([prompt], decoding.but(n=1))
            engine.drafts = True
            *pieces, last = engine.stream(prompt, decoding)
            assert last.completion == whole
            assert "".join(piece.text for piece in (*pieces, last)) == whole.text

    def test_grounded_clauses_take_few_passes(self, engine):
        prompts = [clause(name) for name in ("lithium", "aspirin", "warfarin")]
        engine.complete(prompts, Decoding(form="grounded", max_new_tokens=60))
        load = engine.load
        assert load.token_passes < 0.7 * load.tokens, "the names are those of random weights"

    def test_a_failed_pass_is_repeated(self, tiny_biogpt, tokenizer):
        class Failing(BioGptForCausalLM):
            left = 3

            def forward(self, input_ids=None, **kwargs):
                if self.left and len(kwargs["rows"].sizes) > 1:
                    self.left -= 1
                    raise RuntimeError("the device hiccups")
                return super().forward(input_ids, **kwargs)

        engines = [
            TransformersEngine(kind.from_pretrained(tiny_biogpt), tokenizer, model_name="tiny")
            for kind in (BioGptForCausalLM, Failing)
        ]
        prompts = [clause(name) for name in ("lithium", "aspirin", "warfarin")]
        sound, failing = (e.complete(prompts, Decoding(max_new_tokens=25)) for e in engines)
        assert failing == sound


def passes(drafter, target, *, least, form=None):
    """How many passes a model takes that writes this, and how many tokens it reads."""
    written, count, read = [], 0, 0
    while len(written) < len(target):
        draft = [g.token for g in drafter.draft(written, form, len(target), least)]
        right = 0
        while right < len(draft) and target[len(written) + right :][:1] == [draft[right]]:
            right += 1
        if draft:
            drafter.judge(right)
        written += target[len(written) : len(written) + right + 1]
        count, read = count + 1, read + 1 + len(draft)
    return count, read


def simulated(pairs, rows):
    """Passes, and tokens read, for each token that a scripted model writes of BC5CDR's targets.

    Args:
        pairs: Inputs and the relations' text.
        rows: The number of rows of a pass on a CPU.
    """
    tokens, task = Tokens(bundled.tokenizer()), get_task("bc5cdr")
    outline = Outline(task.grammar, tokens.ids, tokens.ends_word)
    taken = read = written = 0
    for paper, target in pairs:
        ids = tokens.ids(target)
        prompt = [tokens.eos, *tokens.ids(task.render(paper, TaskCard()).text)]
        both = passes(Drafter(prompt, outline), ids, least=rows / (16 + 2 * rows))
        taken, read, written = taken + both[0], read + both[1], written + len(ids)
    return taken / written, read / written


SAMPLE = [
    (
        paper,
        "the relation between lithium and tremor exists; "
        "the relation between lithium and hypothyroidism exists.",
    )
    for paper in sample_papers()
    if "lithium" in paper.text.lower() and "hypothyroidism" in paper.source
]


@pytest.mark.parametrize(("rows", "most"), [(1, 0.4), (16, 0.4)])
def test_passes_of_a_scripted_model(rows, most):
    taken, read = simulated(SAMPLE, rows)
    assert taken <= most
    assert read < 3


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "most", "tokens"), [(1, 0.33, 3.0), (16, 0.4, 1.6)])
def test_passes_of_a_scripted_model_on_500_papers(rows, most, tokens):
    examples = read_examples(shared("bc5cdr/valid.json"), ["bc5cdr"])
    taken, read = simulated([(e.input, e.target) for e in examples], rows)
    assert taken <= most
    assert read <= tokens


def papers(number):
    file = str(shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt"))
    return [record.value for record in read_records([file])][:number]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["free", "grounded", "entities"])
def test_500_papers_on_the_bundled_model(form):
    """The same ids; where the best two logits nearly tie, shapes of passes may decide."""
    asked = load("demo", "bc5cdr", decoding=form, dtype="float32", device="cpu")
    engine = asked.engine
    texts = papers(500)
    found = {}
    for drafts in (False, True):
        engine.drafts = drafts
        before = engine.load
        found[drafts] = [one.completion for one in asked.run(texts)]
        after = engine.load
    engine.drafts = True
    assert found[True] == found[False]
    tokens = after.tokens - before.tokens
    # Batches are of 32, which draft least.
    assert after.token_passes - before.token_passes <= 0.5 * tokens
