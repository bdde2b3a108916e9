"""Follows a grammar: which tokens may come next in a completion.

Byte pairs are merged word by word, so a name copied from a text has exactly the ids of the text.
Therefore this is an automaton over ids. Engines for grammars over characters (llguidance was tried)
also allow words in other pieces than in any text, and a model that may not write the name it
prefers picks those pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from copy import copy
from functools import lru_cache
from itertools import chain
from math import inf
from typing import NamedTuple, Protocol

from biogpt_plugins.engine import Copy, Grammar, Part
from biogpt_plugins.engines.moses import unescape
from biogpt_plugins.text.grounding import PLURAL

_SENTENCE_ENDS = frozenset(".?!")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}%+")
STRAYS = ".-"
_ABBREVIATED = 3  # letters; a longer word with a full stop ends a sentence
_NONE = -1
_State = tuple[int, int]
_START = (-1, 0)
Split = Callable[[str], Sequence[int]]
Words = Sequence[tuple[str, Sequence[int]]]
"""Moses' words, with their ids."""
_MANY_WORDS = 1 << 16
_MANY_GRAMMARS = 16
_MANY_WORDINGS = 1 << 10


class CopyableText:
    """The words of a text, from which names can be copied.

    In lower-case text Moses leaves the full stop on the last word of a sentence, "nausea.". As the
    last word of a name, the word is written bare, without it. A plural may be written as a
    singular there, "ulcer" for "ulcers": a model that was taught the singular would otherwise give
    the only name of the text a low probability. The ids of bare words follow those of the text.

    Attributes:
        ids: The ids of all words.
        begins: Indices where a name can begin.
        word: For each index, and for the end, whether a word begins there.
        bare: For some indices where a word begins, the indices of the same word bare.
        ends: For each index, and for the end, whether a name can end before it.
        least: Least number of tokens from an index to such an end; infinite if there is none.
        longest: The largest of these numbers that is not infinite.
    """

    def __init__(
        self, words: Words, split: Split, barred: frozenset[str], outside: frozenset[str]
    ) -> None:
        """Prepare a text.

        Args:
            words: Its words by Moses, with their ids.
            split: Returns the ids of words.
            barred: Words that no name may contain.
            outside: Words, in lower case, that no name may begin or end with.
        """
        kinds = _kinds(barred, outside)
        told = [(kinds[word], tokens) for word, tokens in words]
        ids: list[int] = []
        starts, begins, ends = [], [], []
        bare: list[tuple[int, str]] = []
        for kind, tokens in told:
            at = len(ids)
            starts.append(at)
            if kind.begins:
                begins.append(at)
            if kind.bare:
                bare += [(at, form) for form in kind.bare]
            ids += tokens
            if kind.ends:
                ends.append(len(ids))
        size = len(ids)
        self.bare: dict[int, list[int]] = {}
        own_bare: list[float] = []
        for at, form in bare:
            tokens, start = split(form), len(ids) + 1
            self.bare.setdefault(at, []).append(start)
            if form[0].isalnum():
                begins.append(start)
            starts += [start - 1, start]
            ids += [_NONE, *tokens]
            ends.append(len(ids))
            own_bare += [inf, *range(len(tokens), 0, -1)]
        # Least number of tokens from an index to an end, unless its own word is written bare; from
        # the text's last word to its first, as the word behind may be.
        own: list[float] = []
        at, behind = size, inf
        for kind, tokens in reversed(told):
            at -= len(tokens)
            last = 1 if kind.ends else 1 + behind
            own += [last + more for more in range(len(tokens))]
            if kind.closed:
                own[-1] = inf
            behind = own[-1]
            if kind.bare:
                behind = min(behind, *(own_bare[way - size] for way in self.bare[at]))
        own.reverse()
        own += [*own_bare, inf]
        self.ids, self._own, self.least = ids, own, [*own]
        for at, ways in self.bare.items():
            self.least[at] = min(own[way] for way in (at, *ways))
        self.longest = max((tokens for tokens in own if tokens < inf), default=0)
        self.begins = [at for at in begins if own[at] < inf]
        self.word, self.ends = [False] * len(own), [False] * len(own)
        for at in (*starts, len(ids)):
            self.word[at] = True
        for at in ends:
            self.ends[at] = True

    def onward(self, at: int, room: float) -> Sequence[int]:
        """Where a name can go on, at an index or with its word bare, and end within the room."""
        own, ways = self._own, self.bare.get(at)
        if ways is None:
            return (at,) if own[at] <= room else ()
        return [way for way in (at, *ways) if own[way] <= room]

    def within(self, places: Iterable[int], room: float) -> list[int]:
        """The indices from which an end can be reached with this many tokens."""
        return [at for at in places if self._own[at] <= room]


class _Kind(NamedTuple):
    """What a word by Moses can be in a name.

    Attributes:
        begins: Whether a name can begin with it.
        ends: Whether a name can end with it as it stands.
        closed: Whether a name cannot contain it as it stands.
        bare: How else it may be written as the last word of a name.
    """

    begins: bool
    ends: bool
    closed: bool
    bare: tuple[str, ...]


class _Kinds(dict[str, _Kind]):
    """Kinds of the words that were met."""

    def __init__(self, barred: frozenset[str], outside: frozenset[str]) -> None:
        super().__init__()
        self._barred, self._outside = barred, outside

    def __missing__(self, word: str) -> _Kind:
        spelt = unescape(word)
        stem = spelt.rstrip(STRAYS)
        named = any(map(str.isalnum, stem)) and stem.lower() not in self._outside
        closed = spelt in self._barred or (spelt.endswith(".") and len(stem) > _ABBREVIATED)
        forms = dict.fromkeys((stem, PLURAL.sub("", stem)))
        kind = _Kind(
            begins=not closed and ((named and spelt[0].isalnum()) or spelt in _OPENING),
            ends=(named and stem == spelt) or spelt in _CLOSING,
            closed=closed,
            bare=tuple(form for form in forms if form != spelt) if named else (),
        )
        if len(self) >= _MANY_WORDS:
            self.clear()
        self[word] = kind
        return kind


@lru_cache(_MANY_GRAMMARS)
def _kinds(barred: frozenset[str], outside: frozenset[str]) -> _Kinds:
    return _Kinds(barred, outside)


class _Part(Protocol):
    """A part of a clause. It defines its own states, except the first, before its first token.

    Attributes:
        least: Least number of tokens of the part.
    """

    least: float

    def tokens(self, state: _State, room: float) -> Iterable[int]:
        """Ids that may come next.

        Args:
            state: The position in the part.
            room: Most tokens of the rest of the part.
        """
        ...

    def after(self, state: _State, room: float, token: int) -> Iterator[_State | None]:
        """The states after one of these ids; None if the part may be complete then."""
        ...


class _OneOf:
    """One of several wordings, of which there may be thousands; a state is a node of their trie."""

    def __init__(self, wordings: Iterable[Sequence[int]]) -> None:
        self._next: list[dict[int, int]] = [{}]
        self._ends = [False]
        for wording in filter(None, wordings):
            node = 0
            for token in wording:
                if token not in self._next[node]:
                    self._next[node][token] = len(self._next)
                    self._next.append({})
                    self._ends.append(False)
                node = self._next[node][token]
            self._ends[node] = True
        # Least number of tokens from a node to an end behind it, and from its parent to an end at
        # it or behind it; children follow their parents.
        self._least, self._need = [inf] * len(self._next), [inf] * len(self._next)
        for node in range(len(self._next) - 1, -1, -1):
            children = self._next[node].values()
            self._least[node] = min((self._need[child] for child in children), default=inf)
            self._need[node] = 1 if self._ends[node] else 1 + self._least[node]
        self.least = self._least[0]

    def tokens(self, state: _State, room: float) -> Iterable[int]:
        node, room = (0, max(room, self.least)) if state == _START else (state[0], room)
        return [token for token, child in self._next[node].items() if self._need[child] <= room]

    def after(self, state: _State, room: float, token: int) -> Iterator[_State | None]:
        node, room = (0, max(room, self.least)) if state == _START else (state[0], room)
        behind = self._next[node].get(token)
        if behind is None:
            return
        if self._ends[behind] and room >= 1:
            yield None
        if 1 + self._least[behind] <= room:
            yield behind, 0


class _Name:
    """A name copied from a text; a state is the index of the next id and the number of words."""

    def __init__(self, text: CopyableText, most_words: int) -> None:
        self._text = text
        self._most = most_words
        self.least = min((text.least[at] for at in text.begins), default=inf)
        self._begins: dict[int, list[int]] = {}
        for at in text.begins:
            self._begins.setdefault(text.ids[at], []).append(at)

    def tokens(self, state: _State, room: float) -> Iterable[int]:
        if self._is_free(state, room):
            return self._begins
        return [self._text.ids[at] for at in self._places(state, room)]

    def after(self, state: _State, room: float, token: int) -> Iterator[_State | None]:
        text, words = self._text, state[1]
        free = self._is_free(state, room)
        places = self._begins.get(token, ()) if free else self._places(state, room)
        for at in places:
            if text.ids[at] != token:
                continue
            count, after = words + text.word[at], at + 1
            if text.ends[after]:
                yield None
            enough = text.ends[after] and count >= self._most
            if text.least[after] < inf and not enough:
                yield after, count

    def _is_free(self, state: _State, room: float) -> bool:
        """Whether a name can begin anywhere: the room rules out nothing."""
        return state == _START and room >= self._text.longest

    def _places(self, state: _State, room: float) -> Sequence[int]:
        text = self._text
        if state == _START:
            return text.within(text.begins, max(room, self.least))
        # A name that could end here continues only if there is room for a later end.
        return text.onward(state[0], room)


@lru_cache(_MANY_WORDINGS)
def _wording(ids: tuple[int, ...]) -> _OneOf:
    return _OneOf([ids])


class _Clauses(NamedTuple):
    """What a completion has written.

    Attributes:
        written: The tokens since its clause began.
        clause: The clause that it has come to the end of.
        before: The clauses before.
    """

    written: tuple[int, ...] = ()
    clause: tuple[int, ...] = ()
    before: frozenset[tuple[int, ...]] = frozenset()


class _Rules:
    """The parts of a grammar's completions for one text.

    Attributes:
        parts: What comes before the clauses, the parts of a clause, the separator, the end, and
            what may be said instead of all of it.
        first: The index of a clause's first part.
        separator: The index of the separator.
        many: Whether there may be several clauses.
        one: Least number of tokens of a clause and the end.
        rest: Least number of tokens after each part.
        starts: The indices of the parts that a completion may begin with.
    """

    def __init__(self, grammar: Grammar, text: Words, split: Split) -> None:
        barred = _SENTENCE_ENDS | {grammar.separator or "", grammar.end}
        fixed = [part.lower().split() for part in grammar.clause if isinstance(part, str)]
        own = {word for words in fixed for word in words}
        copied: dict[Copy, _Name] = {}

        def part(given: Part) -> _Part:
            if isinstance(given, str):
                return _wording(tuple(split(given)))
            if not isinstance(given, Copy):
                return _OneOf([split(words) for words in given])
            if given not in copied:
                outside = own.union(given.outside)
                source = CopyableText(text, split, barred, frozenset(outside))
                copied[given] = _Name(source, given.most_words)
            return copied[given]

        before = [part(grammar.before)] if grammar.before else []
        clause = [part(given) for given in grammar.clause]
        ends = [part(grammar.separator or grammar.end), part(grammar.end)]
        instead = [part(grammar.instead)] if grammar.instead else []
        self.parts = [*before, *clause, *ends, *instead]
        self.first, self.separator = len(before), len(before) + len(clause)
        self.many = grammar.separator is not None
        self.one = sum(part.least for part in clause) + ends[1].least
        behind = [
            sum(p.least for p in self.parts[i + 1 : self.separator])
            for i in range(self.separator + len(ends))
        ]
        self.rest = [least + ends[1].least for least in behind[: self.separator]]
        self.rest += [self.one, 0.0, ends[1].least]
        self.starts = [0] if self.one < inf else []
        self.starts += [len(self.parts) - 1] if instead else []

    def complete(self, node: int, told: _Clauses, left: int) -> tuple[_Clauses, list[int]]:
        """What is told once a part is complete, and the parts that may follow it."""
        if node < self.separator - 1:
            begins = node < self.first
            return (told._replace(written=()) if begins else told), [node + 1]
        if node == self.separator - 1:
            told = told._replace(clause=told.written)
            goes_on = self.many and told.clause not in told.before
            enough = self.parts[self.separator].least + self.one <= left
            return told, [node + 1, node + 2] if goes_on and enough else [node + 2]
        if node == self.separator:
            return _Clauses(before=told.before | {told.clause}), [self.first]
        return told, [self.separator + 1] if node == self.separator + 2 else []


class _Point:
    """What a completion has come to. The points after it are made once, and kept.

    Attributes:
        configs: The parts that it may be in, and the state in each.
    """

    def __init__(
        self,
        rules: _Rules,
        left: int,
        configs: Collection[tuple[int, _State]],
        told: _Clauses = _Clauses(),
    ) -> None:
        """Describe it.

        Args:
            rules: The parts.
            left: Most tokens still to write.
            configs: The parts that it may be in, and the state in each.
            told: What it has written.
        """
        self._rules, self._left, self.configs, self._told = rules, left, configs, told
        self._after: dict[int, _Point] = {}
        self._tokens: list[int] | None = None

    def tokens(self) -> list[int]:
        """The ids that may come next."""
        if self._tokens is None:
            parts, rest, left = self._rules.parts, self._rules.rest, self._left
            tokens = [parts[node].tokens(state, left - rest[node]) for node, state in self.configs]
            self._tokens = list(dict.fromkeys(chain.from_iterable(tokens)))
        return self._tokens

    def after(self, token: int) -> _Point:
        """The point after one of these ids."""
        found = self._after.get(token)
        if found is None:
            found = self._after[token] = self._made(token)
        return found

    def _made(self, token: int) -> _Point:
        rules, left = self._rules, self._left
        written, clause, before = self._told
        told = _Clauses((*written, token), clause, before)
        configs: dict[tuple[int, _State], None] = {}
        for node, state in self.configs:
            for behind in rules.parts[node].after(state, left - rules.rest[node], token):
                if behind is None:
                    told, followers = rules.complete(node, told, left - 1)
                    configs.update(((follower, _START), None) for follower in followers)
                else:
                    configs[node, behind] = None
        return _Point(rules, left - 1, configs, told)


class Derivation:
    """The progress of a completion through a grammar; an end is always within the budget.

    Copies share what they have found out: a draft that was right need not be followed again.
    """

    def __init__(self, grammar: Grammar, text: Words, split: Split, budget: int) -> None:
        """Start at the beginning.

        Args:
            grammar: The grammar.
            text: The text that names are copied from.
            split: Returns the ids of words.
            budget: Most tokens to write.
        """
        rules = _Rules(grammar, text, split)
        self._at = _Point(rules, budget, [(node, _START) for node in rules.starts])

    def copy(self) -> Derivation:
        """An independent copy at the same position."""
        return copy(self)

    @property
    def finished(self) -> bool:
        """Whether the completion is complete, so that only `</s>` may follow."""
        return not self._at.configs

    def tokens(self) -> list[int]:
        """The ids that may come next."""
        return self._at.tokens()

    def take(self, token: int) -> None:
        """Continue with one of these ids."""
        self._at = self._at.after(token)
