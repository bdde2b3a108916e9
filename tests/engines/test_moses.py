"""Moses chunk by chunk and word by word: the very words and texts of sacremoses."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sacremoses import MosesDetokenizer, MosesTokenizer

from biogpt_plugins.engines.moses import Detokenizer, Splitter

MOSES, REVERSE = MosesTokenizer(lang="en"), MosesDetokenizer(lang="en")
# What its rules speak of, and a few of everything else.
CHARACTERS = " \t\n\u00a0aAbzZstdlSé059.,'`\"-–/()[]{}<>&|@#$%:;?!“”„α漢かⅳ\x01\x1c\ue000"
EXAMPLES = [
    "It was Fig. 3. The U.S. a b.d. x e.g. 5 and No. 5 or No. x. End vs. this.",
    "5' '5 and 'tis ' ' ' the patients' 'doses' 5's it's ''quoted''",
    ",5 5, a, ,a , , 5,5,5 ,,,6 5,,",
    "x... ...y .... . . . a.b.c. DOTMULTI DOTDOTMULTI.",
    "2',3'-ddI beta-(1->3)-glucan; p<0.05 & 5% (n=12) [sic] {x|y}",
    "the end.'",
    "the end'",
    "the end,",
    "'",
    ".",
    "",
]


def chunked(text):
    """The words of a text by way of its chunks."""
    splitter = Splitter()
    keys = splitter.keys(text)
    if keys is None:
        return splitter.whole(text)
    words = splitter.words(keys)
    return [word for key in keys for word in words[key]]


@pytest.mark.parametrize("text", EXAMPLES)
def test_words(text):
    expected = MOSES.tokenize(text, aggressive_dash_splits=True)
    assert chunked(text) == expected
    assert chunked(f"{text} {text}") == MOSES.tokenize(
        f"{text} {text}", aggressive_dash_splits=True
    )


@settings(max_examples=1500, deadline=None)
@given(st.text(CHARACTERS, max_size=30))
@example("' ''")
@example("5' ' '5")
@example("a. \x01 b")
def test_words_of_any_text(text):
    assert chunked(text) == MOSES.tokenize(text, aggressive_dash_splits=True)


def test_a_chunk_is_asked_for_once():
    splitter = Splitter()
    first = splitter.keys("the dose of the drug. It was no. 5 of the list")
    assert len(set(first)) < len(first)
    again = splitter.keys("the list of the dose")
    assert set(again) <= set(first)


WORDS = st.lists(
    st.sampled_from(
        [
            *("a", "dose", "patients", "5", ".", ",", ")", "(", "[", "@-@", "@-@", "&apos;", "'"),
            *("&apos;s", "'s", "&quot;", "&quot;", '"', "``", "`", "“", "”", "„“", "$", "%", "..."),
            *("漢", "か", "&#91;", "&amp;", "&amp;lt;", "@-@x", "x@-@", "-", "’", "\u2009", "'ll"),
        ]
    ),
    max_size=14,
)


@settings(max_examples=3000, deadline=None)
@given(WORDS)
@example(["@-@", "@-@", "a"])
@example(["a", "@-@", "@-@", "@-@", ")"])
@example(["(", "@-@", "5", ")", "@-@", "x"])
def test_texts(words):
    expected = REVERSE.detokenize(words)
    writing, shown = Detokenizer(), []
    for word in words:
        writing.add([word])
        shown.append(writing.settled)
    assert writing.text == expected
    assert all(expected.startswith(text) for text in shown)
    assert writing.text == expected, "to look at it changes nothing"
