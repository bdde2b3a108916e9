"""Prompts to ids and ids to text: the official layout, truncation, what can never leak."""

import json
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import tiny
from shared_data import shared
from transformers import BioGptTokenizer

from biogpt_plugins.engine import Prompt
from biogpt_plugins.engines.moses import Detokenizer
from biogpt_plugins.engines.stopping import StopStrings
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.values.errors import ContextOverflowError, InputError

TEXTS = [
    "aspirin induced gastric ulcer in patients with renal failure.",
    "COVID-19 (n = 12), p<0.05 & 5% of 3.5 mg/kg; IL-2's effect...",
    "  The dose, e.g. 2',3'-ddI, was 1,000 mg. It was Fig. 3. U.S.A. is no. 5. ",
    "α-tocopherol – 漢字 «quoted» “text” [1] {x|y} a/b and/or",
    "literal &amp; &quot; and @-@ and DOTMULTI and </w> and learned1",
    "one\ttwo\nthree\x00four",
]


@pytest.fixture(scope="module")
def tokens(tiny_biogpt):
    return Tokens(BioGptTokenizer.from_pretrained(tiny_biogpt))


@pytest.fixture(scope="module", params=["biogpt", "biogpt-large"])
def real(request, tmp_path_factory):
    """A released vocabulary: fairseq's dict.txt and bpecodes as vocab.json and merges.txt."""
    source = shared(f"tokenizer/{request.param}")
    vocab = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    for line in (source / "dict.txt").read_text(encoding="utf-8").split("\n")[:-1]:
        word = line.rpartition(" ")[0]
        vocab[word[:-2] if word.endswith("@@") else word + "</w>"] = len(vocab)
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    (folder / "merges.txt").write_bytes((source / "bpecodes").read_bytes())
    return request.param, BioGptTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_the_tokenizer(tokens, text):
    assert tokens.ids(text) == tokens.tokenizer(text)["input_ids"][1:]


def test_released_vocabularies(real):
    name, tokenizer = real
    tokens = Tokens(tokenizer)
    is_base = name == "biogpt"
    assert len(tokens.ids("maybe")) == (2 if is_base else 1)
    assert tokens.ids("...") == [11475 if is_base else 11774]
    if is_base:
        prompt = tokens.encode(Prompt(text="COVID-19 is"), window=1024, room=64)
        assert prompt.ids == [2, 4805, 9, 656, 21]
    lines = shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt").read_text(encoding="utf-8")
    abstracts = [line.split("|a|")[1] for line in lines.split("\n") if "|a|" in line][:150]
    for text in [*abstracts, *TEXTS]:
        ids = tokenizer(text)["input_ids"][1:]
        assert tokens.ids(text) == ids
        if 3 not in ids:
            assert tokens.text(ids) == tokenizer.decode(ids)


def test_official_truncation_of_released_vocabularies(real):
    _, tokenizer = real
    tokens = Tokens(tokenizer)
    text = "the patient was treated with lithium and warfarin. " * 100
    full = tokenizer(text)["input_ids"][1:]
    encoded = tokens.encode(Prompt(text=text, max_source_tokens=640), window=1024, room=64)
    assert encoded.ids == [2, *full[:639], *tokens.ids("...")]
    assert encoded.truncated == len(full) - 639


def test_nothing_in_a_text_is_a_special_token(tokens):
    ids = tokens.ids("</s> <s> <pad> <unk> learned1 <seqsep>")
    assert not {0, 1, 2} & set(ids)
    assert tokens._id("learned1") not in ids


def test_special_and_learned_tokens_leave_no_trace(tokens):
    learned = [tokens._id(name) for name in tiny.LEARNED]
    dose = tokens.ids("dose")
    assert tokens.text([0, *dose, *learned, 1, 3, *dose, 2, 10_000]) == "dose dose"


def test_layout(tokens):
    prompt = Prompt(
        text="lithium", head="question: ", tail=" answer:",
        suffix_tokens=("learned1", "learned2"), target="the answer is",
    )  # fmt: skip
    first = tokens.rows - 9
    assert tokens.encode(prompt, window=96, room=8).ids == [
        2,
        *tokens.ids("question: lithium answer:"),
        first,
        first + 1,
        *tokens.ids("the answer is"),
    ]


def test_a_prefix_layout(tokens):
    prompt = Prompt(
        text="lithium", prefix_tokens=("learned1", "dose</w>"), suffix_tokens=("no</w>",)
    )
    ids = [2, tokens.rows - 9, *tokens.ids("dose"), *tokens.ids("lithium"), *tokens.ids("no")]
    assert tokens.encode(prompt, window=96, room=8).ids == ids
    cut = tokens.encode(replace(prompt, text="lithium " * 99), window=30, room=8).ids
    assert [cut[:3], cut[-1], len(cut)] == [ids[:3], ids[-1], 22]


HEAD, TAIL = "question: ", " answer: yes"
LONG = " ".join(tiny.WORDS[:30])


@pytest.mark.parametrize(
    ("prompt", "limit"),
    [
        (Prompt(text=LONG), 96 - 1 - 8),
        (Prompt(text=LONG * 3), 96 - 1 - 8),
        (Prompt(text=LONG, max_source_tokens=20), 20),
        (Prompt(text=LONG, head=HEAD, tail=TAIL, max_source_tokens=25), 25),
        (Prompt(text=LONG * 3, head=HEAD, tail=TAIL), 96 - 1 - 8),
        (Prompt(text=LONG * 3, suffix_tokens=tiny.LEARNED), 96 - 1 - 9 - 8),
        (Prompt(text=LONG * 3, tail=TAIL, suffix_tokens=tiny.LEARNED, target="the"), 96 - 19),
    ],
)
def test_truncation_cuts_the_text_alone_and_says_so(tokens, prompt, limit):
    full, tail = tokens.ids(prompt.source), tokens.ids(prompt.tail)
    encoded = tokens.encode(prompt, window=96, room=8)
    suffix = [tokens._id(name) for name in prompt.suffix_tokens]
    suffix += tokens.ids(prompt.target)
    if len(full) <= limit:
        expected, dropped = full, 0
    else:
        kept = full[: limit - 1 - len(tail)]
        expected, dropped = [*kept, *tokens.ids("..."), *tail], len(full) - limit + 1
    assert encoded.ids == [2, *expected, *suffix]
    assert encoded.truncated == dropped
    assert len(encoded.ids) <= 96 - 8
    assert encoded.ids[1 : 1 + len(tokens.ids(prompt.head))] == tokens.ids(prompt.head)


def test_at_the_limit_nothing_is_cut(tokens):
    text = "aspirin " * 20
    assert tokens.encode(Prompt(text=text, max_source_tokens=20), window=96, room=8).truncated == 0
    assert tokens.encode(Prompt(text=text, max_source_tokens=19), window=96, room=8).truncated == 2


def test_a_vocabulary_without_the_ellipsis_cuts_with_unk_as_fairseq_does(tiny_biogpt, tmp_path):
    vocab = json.loads((tiny_biogpt / "vocab.json").read_text())
    vocab["filler</w>"] = vocab.pop("...</w>")
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    (tmp_path / "merges.txt").write_text((tiny_biogpt / "merges.txt").read_text())
    tokens = Tokens(BioGptTokenizer.from_pretrained(tmp_path))
    full = tokens.ids(LONG)
    encoded = tokens.encode(Prompt(text=LONG, max_source_tokens=10), window=96, room=8)
    assert encoded.ids == [2, *full[:9], 3]
    assert encoded.truncated == len(full) - 9


@pytest.mark.parametrize(
    ("prompt", "truncate", "error", "says"),
    [
        (Prompt(text=""), True, InputError, "at least one word"),
        (Prompt(text=" \n", head="question:"), True, InputError, "at least one word"),
        (Prompt(text="\x01"), True, InputError, "at least one word"),
        (Prompt(text="dose", suffix_tokens=("learned10",)), True, InputError, "'learned10'"),
        (Prompt(text=LONG * 3), False, ContextOverflowError, "87 fit"),
        (Prompt(text="dose", head=LONG * 3), True, ContextOverflowError, "must not be cut"),
        (Prompt(text="dose", tail=LONG * 3), True, ContextOverflowError, "must not be cut"),
        (Prompt(text="dose", target=LONG * 3), True, ContextOverflowError, "must not be cut"),
        (Prompt(text=LONG, max_source_tokens=1), True, ContextOverflowError, "1 fit"),
    ],
)
def test_prompts_that_cannot_be_used(tokens, prompt, truncate, error, says):
    with pytest.raises(error, match=says):
        tokens.encode(prompt, window=96, room=8, truncate=truncate)


def test_threads_and_pickles(tiny_biogpt):
    tokens = Tokens(BioGptTokenizer.from_pretrained(tiny_biogpt))
    expected = [tokens.tokenizer(text)["input_ids"][1:] for text in TEXTS]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: [tokens.ids(text) for text in TEXTS], range(64)))
    assert all(ids == expected for ids in found)
    copy = pickle.loads(pickle.dumps(tokens))
    assert [copy.ids(text) for text in TEXTS] == expected


def test_settled_text_is_a_prefix_of_whatever_follows(tokens):
    draw = random.Random(5)
    words = [t for text in TEXTS for t in tokens.ids(text)]
    for trial in range(150):
        pool = words if trial % 2 else range(tokens.rows)
        ids = draw.choices(pool, k=30)
        full = tokens.text(ids)
        writing, fed = Detokenizer(), 0
        for end in range(1, 31):
            whole = fed + tokens.end_of_words(ids[fed:end])
            writing.add(tokens.words(ids[fed:whole]))
            fed = whole
            assert full.startswith(writing.settled)
            assert writing.text == tokens.text(ids[:fed])


def test_a_vocabulary_of_another_kind_is_split_by_its_own_tokenizer(tmp_path):
    """One in which a piece comes of two merges, the second of which leads on to an earlier one."""
    merges = ["b c</w>", "a b", "a bc</w>", "x abc</w>", "ab c</w>", "ab ab"]
    pieces = dict.fromkeys([*"abcx", "c</w>", *(merge.replace(" ", "") for merge in merges)])
    vocab = {name: i for i, name in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    (tmp_path / "merges.txt").write_text("".join(f"{m}\n" for m in merges), encoding="utf-8")
    tokenizer = BioGptTokenizer.from_pretrained(tmp_path)
    draw = random.Random(1)
    words = ["".join(draw.choices("abcx", k=draw.randint(1, 9))) for _ in range(300)]
    assert Tokens(tokenizer)._pairs is None
    assert Tokens(tokenizer).ids(" ".join(words)) == tokenizer(" ".join(words))["input_ids"][1:]


def test_memory_does_not_grow_without_end(tokens, monkeypatch):
    monkeypatch.setattr("biogpt_plugins.engines.tokens._MANY_CHUNKS", 50)
    texts = [f"aspirin {n} and {n}, but {n}. The dose" for n in range(200)]
    fresh = Tokens(tokens.tokenizer)
    assert [fresh.ids(text) for text in texts] == [tokens.ids(text) for text in texts]
    assert len(fresh._chunks) < 60


@pytest.mark.parametrize(
    ("stop", "text", "before", "settled"),
    [
        ((), "dose of aspirin", None, "dose of aspirin"),
        (("aspirin",), "dose of aspirin", "dose of ", "dose of "),
        (("of aspirin",), "dose of aspirin", "dose ", "dose "),
        (("dose",), "dose of aspirin", "", ""),
        ((", the", "of"), "dose, the risk of", "dose", "dose"),
        (("aspirin and",), "dose of aspirin", None, "dose of "),
        (("\n",), "dose of aspirin", None, "dose of aspirin"),
        ((" ",), "dose of aspirin", "dose", "dose"),
        (("p < 0.05",), "dose & p<0.05 in", "dose & ", "dose & "),
        (("p<0.05",), "dose & p<0.05 in", None, "dose & p < 0.05 in"),
        (("renal-",), "renal-failure", "", ""),
    ],
)
def test_stop_strings_in_text(tokens, stop, text, before, settled):
    stops = StopStrings(stop, tokens)
    ids = tokens.ids(text)
    text = tokens.text(ids)
    assert stops.cut(text) == ((text, False) if before is None else (before, True))
    assert any(stops.reached(ids[:end]) for end in range(len(ids) + 1)) == (before is not None)
    writing = Detokenizer()
    writing.add(tokens.words(ids))
    assert stops.before(writing.settled) == settled
