"""Grammars at work: what may come next is the grammar's language, no more and no less."""

from itertools import product

import pytest

from biogpt_plugins.engine import Copy, Grammar
from biogpt_plugins.engines.derivations import Derivation

PAIRS = Grammar(clause=("rel", Copy(), "and", Copy(), "is"))
TYPED = Grammar(clause=(Copy(), "is", ("x", "x y", "z")), separator="|")
LABELS = Grammar(clause=(("yes", "no", "may be"),), before="the answer is", separator=None)


class Words:
    """A vocabulary in which a word is as many ids as it has syllables, marked by a dash."""

    def __init__(self):
        self.ids, self.names = {}, []

    def split(self, text):
        return [self._id(piece) for word in text.split() for piece in self._pieces(word)]

    def text(self, words):
        return [(word, self.split(word)) for word in words.split()]

    def spell(self, ids):
        return " ".join("".join(f"{self.names[i]} " for i in ids).replace("- ", "").split())

    def _pieces(self, word):
        *first, last = word.split("-")
        return [*(f"{piece}-" for piece in first), last]

    def _id(self, piece):
        if piece not in self.ids:
            self.ids[piece] = len(self.names)
            self.names.append(piece)
        return self.ids[piece]


def written(path_of, most=10**6):
    """Every completion that a path admits."""
    found, open_ = [], [[]]
    while open_:
        ids = open_.pop()
        path = path_of()
        for token in ids:
            path.take(token)
        if path.finished:
            found.append(ids)
            assert len(found) <= most
        else:
            following = path.tokens()
            assert following, "a dead end"
            open_ += [[*ids, token] for token in following]
    return found


def names_of(text, outside, most_words=32):
    words = text.split()
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + most_words) + 1):
            run = words[start:end]
            if set(run) & {";", "|", ".", "?", "!"} or any(
                len(w) > 4 and w[-1] == "." for w in run[:-1]
            ):
                break
            run[-1] = run[-1].rstrip(".") or run[-1]
            first, last = run[0].replace("-", ""), run[-1].replace("-", "")
            if {first.rstrip("."), last} & outside:
                continue
            if (first[0].isalnum() or first in "([{") and (
                any(map(str.isalnum, last)) or last in ")]}%+"
            ):
                yield " ".join(run)


def clauses_of(grammar, text):
    fixed = {word for part in grammar.clause if isinstance(part, str) for word in part.split()}
    fixed |= set(Copy().outside)
    parts = []
    for part in grammar.clause:
        if isinstance(part, Copy):
            parts.append(dict.fromkeys(names_of(text, fixed, part.most_words)))
        else:
            parts.append([part] if isinstance(part, str) else part)
    return list(dict.fromkeys(" ".join(clause) for clause in product(*parts)))


def language(grammar, text, words, budget):
    """Every completion of the grammar that has room, put together from its parts."""
    clauses = clauses_of(grammar, text)
    before = f"{grammar.before} " if grammar.before else ""

    def complete(done):
        whole = f"{before}{f' {grammar.separator} '.join(done)} {grammar.end}"
        return whole if len(words.split(whole)) <= budget else None

    found = set()
    open_ = [[clause] for clause in clauses]
    while open_:
        done = open_.pop()
        whole = complete(done)
        if whole is None:
            continue
        found.add(whole)
        if grammar.separator and len(set(done)) == len(done):
            open_ += [[*done, clause] for clause in clauses]
    return found


@pytest.mark.parametrize(
    ("grammar", "text", "budget"),
    [
        (PAIRS, "a b", 8),
        (PAIRS, "a b , c", 9),
        (PAIRS, "a and b", 10),
        (PAIRS, "a-b c", 11),
        (PAIRS, "a", 30),
        (PAIRS, "a . b ; c", 14),
        (PAIRS, "e. co-li. x", 10),
        (PAIRS, "nau-sea. vomit. x", 11),
        (PAIRS, "rel. is. to-o", 9),
        (PAIRS, "a 's b", 9),
        (PAIRS, "a may not", 9),
        (TYPED, "a. b. x.", 9),
        (PAIRS, "is rel x and", 9),
        (PAIRS, "is a rel b and", 13),
        (PAIRS, "( a ) , b+ %", 9),
        (TYPED, "a b", 12),
        (TYPED, "x-y is x", 9),
        (LABELS, "a", 9),
        (Grammar(clause=(Copy(most_words=2),)), "a b c d", 6),
        (Grammar(clause=(("u", "v"),), separator="|"), "a", 12),
    ],
)
def test_the_language_is_the_grammars(grammar, text, budget):
    words = Words()
    given = words.text(text)
    found = written(lambda: Derivation(grammar, given, words.split, budget))
    expected = {whole.replace("-", "") for whole in language(grammar, text, words, budget)}
    assert {words.spell(ids) for ids in found} == expected
    assert len(found) == len(expected), "one way for each completion"
    assert all(len(ids) <= budget for ids in found)


@pytest.mark.parametrize("budget", range(6, 16))
def test_there_is_always_room_for_the_end(budget):
    words = Words()
    given = words.text("al-pha be-ta-gam-ma , d e-p ; zet")
    for ids in written(lambda: Derivation(PAIRS, given, words.split, budget), most=10**5):
        assert len(ids) <= budget
        assert words.spell(ids).endswith("is .")


def test_a_name_is_the_texts_own_ids():
    split = {"a-b": [90, 91], "c": [92], "rel": [93], "and": [94], "is": [95], ".": [96], ";": [97]}
    path = Derivation(PAIRS, [("a-b", [90, 91]), ("c", [92])], split.__getitem__, 20)
    assert path.tokens() == [93]
    path.take(93)
    assert sorted(path.tokens()) == [90, 92]
    path.take(90)
    assert path.tokens() == [91]
    path.take(91)
    assert sorted(path.tokens()) == [92, 94]


@pytest.mark.parametrize("text", ["", ",", "; .", ", ) ,", "( ,"])
def test_a_text_without_a_name_leaves_nothing_to_write(text):
    words = Words()
    path = Derivation(PAIRS, words.text(text), words.split, 100)
    assert path.finished
    assert path.tokens() == []


def test_what_was_said_may_be_said_again_only_to_end():
    words = Words()
    path = Derivation(TYPED, words.text("a b"), words.split, 100)
    for token in words.split("a is x | b is x | a is x"):
        assert token in path.tokens()
        path.take(token)
    assert {words.spell([token]) for token in path.tokens()} == {".", "y"}
