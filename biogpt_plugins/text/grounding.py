r"""Map the names that a BioGPT wrote to character offsets of the source text.

The model's text was lower-cased, split by Moses and joined again, so its spaces, escapes and
punctuation differ from the paper's. Names and texts are therefore normalized before they are
compared. Only whole words match, and whitespace does not matter. No string raises an error.
"""

from __future__ import annotations

import html
import re
import string
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from operator import add
from typing import NamedTuple

from biogpt_plugins.text.source import once
from biogpt_plugins.values.results import Entity, Relation


class Span(NamedTuple):
    """Offsets of a part of a text: `text[start:end]`."""

    start: int
    end: int


# --- normal form ----------------------------------------------------------------------------

# Unicode spells the letter "lamda".
_GREEK = {
    letter: unicodedata.name(letter).split()[-1].lower().replace("lamda", "lambda")
    for letter in map(chr, range(0x3B1, 0x3CA))
}
# Single quotes, and primes and accents used as quotes. A double quote becomes two single quotes, as
# Moses writes it.
_SIGNS = dict.fromkeys("`\u00b4\u02b9\u02bc\u2018\u2019\u201b\u2032", "'")
_SIGNS |= dict.fromkeys('"\u201c\u201d\u201e\u2033', "''") | {"\N{MINUS SIGN}": "-"}
# NFKD would turn trade marks into letters of the word before: "Prozac™" -> "prozactm".
_SIGNS |= dict.fromkeys("™®©℠", " ")
_SILENT = {"Mn", "Me", "Cf"}  # accents, soft hyphens, zero-width spaces

_UNIT = re.compile(  # plain characters; or a character reference, or one other character
    r"([\x00-\x21\x23-\x25\x27-\x5f\x61-\x7f]+)"
    r"|&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]{2,31});|.",
    re.DOTALL,
)
_TOKEN = re.compile(r"[^\W_]+|[^\w\s]|_")
# Spellings of one name differ in these signs. Other signs separate names.
_SOFT = frozenset("-/()[]{}'*")
PLURAL = re.compile(r"(?<=\w{3}[^\Wsui])s$")


class _Tokens(NamedTuple):
    """Words and single signs in normal form, and where each stands in the original text.

    Parallel lists: an object for each token would take most of the time that a text takes.
    """

    texts: list[str]
    starts: list[int]
    ends: list[int]


@lru_cache(maxsize=4096)
def _fold(unit: str) -> str:
    """Normalize a character or character reference: "α", "&alpha;" -> "alpha"."""
    folded = []
    for char in html.unescape(unit) if len(unit) > 1 else unit:
        decomposed = _SIGNS.get(char) or unicodedata.normalize("NFKD", char).casefold()
        for part in decomposed:
            category = unicodedata.category(part)
            if category not in _SILENT:
                folded.append("-" if category == "Pd" else _GREEK.get(part, part))
    return "".join(folded)


def _is_plain(text: str) -> bool:
    """Whether each character but capitals is its own normal form."""
    return text.isascii() and "&" not in text and '"' not in text and "`" not in text


def _tokens(text: str) -> _Tokens:
    """Normalized words and single signs, with their offsets in `text`."""
    if _is_plain(text):
        text = text.lower()
        texts = _TOKEN.findall(text)
        starts = [match.start() for match in _TOKEN.finditer(text)]
        return _Tokens(texts, starts, [*map(add, starts, map(len, texts))])
    folded: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    for unit in _UNIT.finditer(text):
        start, end = unit.span()
        if unit[1]:
            folded.append(unit[1].lower())
            begins += range(start, end)
            ends += range(start + 1, end + 1)
            continue
        piece = _fold(unit[0])
        if not piece and ends and ends[-1] == start:
            ends[-1] = end  # an accent belongs to the letter before it
        folded.append(piece)
        begins += [start] * len(piece)
        ends += [end] * len(piece)
    normal = "".join(folded)
    found = [match.span() for match in _TOKEN.finditer(normal)]
    return _Tokens(
        [normal[start:end] for start, end in found],
        [begins[start] for start, _ in found],
        [ends[end - 1] for _, end in found],
    )


def _loosely(tokens: _Tokens) -> _Tokens:
    """Drop hyphens, brackets, possessives and the plural "s" of longer words."""
    kept = _Tokens([], [], [])
    before = ""
    for text, start, end in zip(*tokens, strict=True):
        if text not in _SOFT and not (text == "s" and before == "'"):
            kept.texts.append(PLURAL.sub("", text) if text[-1] == "s" else text)
            kept.starts.append(start)
            kept.ends.append(end)
        before = text
    return kept


def loose_spans(text: str) -> tuple[tuple[int, int], ...]:
    """The offsets of the words and signs that `fold` joins."""
    tokens = _loosely(_tokens(text))
    return tuple(zip(tokens.starts, tokens.ends, strict=True))


def words(text: str) -> list[str]:
    """The normalized words of a text, without hyphens and the plural "s" of longer words."""
    return [word for word in _loosely(_tokens(text)).texts if word.isalnum()]


def fold(name: str) -> str:
    """Normalize a name, without hyphens, brackets and plural "s", so that its spellings agree."""
    if _is_plain(name) and "'" not in name:  # same result, faster
        tokens = (token for token in _TOKEN.findall(name.lower()) if token not in _SOFT)
        return " ".join(PLURAL.sub("", token) if token[-1] == "s" else token for token in tokens)
    return " ".join(_loosely(_tokens(name)).texts)


# --- finding --------------------------------------------------------------------------------

_EDGE = string.whitespace + ".,;:!?"
_BRACKETED = re.compile(r"\(([^()]*)(?:\)|$)")  # a cut completion may lack the ")"
_BRACKETS = ("()", "[]", "{}")
_ABBREVIATION = re.compile(r"(?=.*[^\W\d_])\S{2,10}")
_COORDINATION = r"(?:(?:and|or|nor|,)(?: [\w,]+){1,6}?|(?:[\w,]+ ){1,6}?(?:and|or|nor))"
_SHORT = 3  # letters; acronyms this short may be spelled like the words "no" and "all"
_PHRASE = 12  # words; longer "names" come from a rambling model
_LONG = 8  # letters; shorter words that differ by one letter are often different words


class Aligner:
    """Finds names in one source text, which is normalized once.

    These steps are tried in order until one finds a mention:

    1. the words and signs of the name. Case, spaces, accents, character width, dashes, quotes and
       character references do not matter, and Greek letters may be spelled out
    2. step 1 without hyphens, slashes, brackets, apostrophes, possessive and plural "s"
    3. step 2 with words divided differently ("gamma amino butyric acid"), except for short names
    4. the words of step 2 around a coordination: "pleural effusions" matches all of "pleural and
       pericardial effusions"
    5. steps 1 to 4 for the name without its parentheses
    6. steps 1 to 4 for the text in parentheses at the end, if it looks like an abbreviation of the
       name
    7. steps 1 to 4 after adding or removing one letter in words of eight letters or more, if
       exactly one word of the text results ("haemorrhage", "cyclosporin")
    """

    def __init__(self, text: str) -> None:
        """Normalize `text`; all offsets refer to it."""
        self.text = text
        self._tokens = _tokens(text)
        self._exact = _View(self._tokens, between=" ")
        self._found: dict[str, list[Span]] = {}

    # Most names occur in their text verbatim, so the following are rarely computed.

    @cached_property
    def _words(self) -> set[str]:
        return {*self._tokens.texts}

    @cached_property
    def _loose_tokens(self) -> _Tokens:
        return _loosely(self._tokens)

    @cached_property
    def _loose_words(self) -> set[str]:
        return {*self._loose_tokens.texts}

    @cached_property
    def _loose(self) -> _View:
        return _View(self._loose_tokens, between=" ")

    @cached_property
    def _joined(self) -> _View:
        return _View(self._loose_tokens, between="")

    def find(self, name: str) -> Sequence[Span]:
        """All mentions of a name, in text order; empty if the text does not mention it."""
        found = self._found.get(name)
        if found is None:  # readers, grounding and evidence look for the same names
            found = self._found[name] = self._mentions(name)
        return found

    def _mentions(self, name: str) -> list[Span]:
        name = html.unescape(name).strip(_EDGE)
        for variant in _variants(name):
            if spans := self._find(_tokens(variant.strip(_EDGE))):
                return self._acronyms(spans) or spans
        tokens = _tokens(name)
        respelled = [*map(self._respelled, tokens.texts)]
        changed = respelled != tokens.texts
        return self._find(tokens._replace(texts=respelled)) if changed else []

    def _find(self, tokens: _Tokens) -> list[Span]:
        if spans := self._exact.find(tokens.texts):
            return spans
        loose = _loosely(tokens).texts
        spans = self._loose.find(loose)
        if not spans and _may_be_divided(loose):
            spans = self._joined.find(loose)
        phrase = 1 < len(loose) <= _PHRASE
        if not spans and phrase and self._loose_words.issuperset(loose):
            spans = self._loose.find_around(_COORDINATION, loose)
            spans = [span for span in spans if not any(self._surplus(span, b) for b in _BRACKETS)]
        return [self._with_brackets(span) for span in spans]

    def _acronyms(self, spans: list[Span]) -> list[Span]:
        """The mentions of a short name that are in capitals: for "no" the "NO" of the text."""
        mentions = ((span, self.text[slice(*span)]) for span in spans)
        return [span for span, m in mentions if len(m) <= _SHORT and m[1:] != m[1:].lower()]

    def _with_brackets(self, span: Span) -> Span:
        """Include a bracket if its partner is inside: "3H]-naloxone" -> "[3H]-naloxone"."""
        start, end = span
        for pair in _BRACKETS:
            surplus = self._surplus(span, pair)
            if surplus == 1 and self.text.startswith(pair[1], end):
                end += 1
            elif surplus == -1 and self.text.endswith(pair[0], 0, start):
                start -= 1
        return Span(start, end)

    def _surplus(self, span: Span, pair: str) -> int:
        return self.text.count(pair[0], *span) - self.text.count(pair[1], *span)

    def _respelled(self, word: str) -> str:
        if word in self._words or len(word) < _LONG or not word.isalpha():
            return word
        near = [
            other
            for other in self._words
            if abs(len(other) - len(word)) == 1
            and other[0] == word[0]
            and _one_letter_more(*sorted((word, other), key=len))
        ]
        return near[0] if len(near) == 1 else word


@once
def aligner_of(text: str) -> Aligner:
    """The aligner of a text."""
    return Aligner(text)


class _View:
    """The tokens of a text joined into one string, to search it for names."""

    def __init__(self, tokens: _Tokens, *, between: str) -> None:
        self._between, gap = between, len(between)
        self._text = between.join(tokens.texts)
        begins = [*accumulate((len(text) + gap for text in tokens.texts), initial=0)]
        self._starts = dict(zip(begins, tokens.starts, strict=False))
        self._ends = {at - gap: end for at, end in zip(begins[1:], tokens.ends, strict=True)}

    def find(self, texts: Sequence[str]) -> list[Span]:
        """Find tokens, from the start of a word to the end of a word."""
        needle = self._between.join(texts)
        spans: list[Span] = []
        at = self._text.find(needle) if needle else -1
        while at >= 0:
            end = at + len(needle)
            whole = at in self._starts and end in self._ends
            if whole:
                spans.append(Span(self._starts[at], self._ends[end]))
            at = self._text.find(needle, end if whole else at + 1)
        return spans

    def find_around(self, gap: str, texts: Sequence[str]) -> list[Span]:
        """Find tokens with text between them that matches the pattern `gap`."""
        words = [*map(re.escape, texts)]
        for cut in range(len(words) - 1, 0, -1):
            pattern = rf"(?<!\S){' '.join([*words[:cut], gap, *words[cut:]])}(?!\S)"
            if matches := list(re.finditer(pattern, self._text)):
                return [Span(self._starts[m.start()], self._ends[m.end()]) for m in matches]
        return []


def _variants(name: str) -> Iterator[str]:
    yield name
    if bracketed := _BRACKETED.search(name):
        long_form = _BRACKETED.sub(" ", name)
        yield long_form
        # "ace" abbreviates "angiotensin converting enzyme (ace)", not "... (ace) inhibitors".
        last = bracketed[1].strip()
        whole = bracketed.end() == len(name) and _initial(last) == _initial(long_form)
        if whole and _ABBREVIATION.fullmatch(last):
            yield last


def _initial(name: str) -> str:
    return next(filter(str.isalpha, name.lower()), "")


def _may_be_divided(texts: Iterable[str]) -> bool:
    """Whether a name may match across words; short ones match by chance, except "5HT", "IL2"."""
    letters = "".join(texts)
    return len(letters) >= (3 if any(map(str.isdigit, letters)) else 5)


def _one_letter_more(short: str, long: str) -> bool:
    """Whether the longer word is the shorter word plus one letter.

    In a test with the names of 1000 papers, searched in other papers, an added letter always gave
    the same word; a replaced letter gave a different word in one of seven cases (infection,
    injection).
    """
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


# --- grounding ------------------------------------------------------------------------------


def ground(relations: Sequence[Relation], text: str) -> list[Relation]:
    """Add to the ends of relations their offsets in the text that the model read.

    If both ends have mentions, the nearest pair is taken. Pairs that do not overlap come first,
    then pairs in one sentence. If only one end is found, its first mention is taken. An end that
    is not found has no offsets, and its text is the name as the model wrote it.
    """
    aligner = aligner_of(text)
    cost = pair_cost(text)

    def grounded(relation: Relation) -> Relation:
        heads, tails = aligner.find(relation.head.name), aligner.find(relation.tail.name)
        if heads and tails:
            pairs = ((head, tail) for head in heads for tail in _nearest(head, tails))
            heads, tails = ([span] for span in min(pairs, key=lambda pair: cost(*pair)))
        ends = {"head": _at(heads, relation.head, text), "tail": _at(tails, relation.tail, text)}
        return relation.model_copy(update=ends)

    return [grounded(relation) for relation in relations]


def pair_cost(text: str) -> Callable[[Span, Span], tuple[bool, bool, int, Span, Span]]:
    """How far the mentions of a pair are from each other, as a key to sort by."""
    starts = _sentence_starts(text)

    def cost(head: Span, tail: Span) -> tuple[bool, bool, int, Span, Span]:
        gap = max(head, tail).start - min(head, tail).end
        parted = bisect_right(starts, head.start) != bisect_right(starts, tail.start)
        return gap < 0, parted, gap, head, tail

    return cost


def _nearest(span: Span, others: Sequence[Span]) -> Sequence[Span]:
    """The last span before this one, the spans that overlap it, and the first span after it."""
    before = bisect_right(others, span.start, key=lambda other: other.end)
    after = bisect_left(others, span.end, key=lambda other: other.start)
    return others[max(before - 1, 0) : after + 1]


def _at(spans: Sequence[Span], entity: Entity, text: str) -> Entity:
    if not spans:
        return entity.model_copy(update={"text": entity.name, "start": None, "end": None})
    start, end = spans[0]
    return entity.model_copy(update={"text": text[start:end], "start": start, "end": end})


# --- sentences ------------------------------------------------------------------------------

# pysbd, the usual library, had its last release in 2021, so this project has its own rule. A full
# stop, "!" or "?" ends a sentence unless a lower-case letter follows. After an initial or an
# abbreviation ("J. Smith", "vitamin A. The", "i.v. The", "Fig. 2") a new sentence starts only with
# a word that commonly opens one. The rule splits no annotated mention in BC5CDR's 1000 papers.
_END = re.compile(r"(?:[.!?][\"'\u201d\u2019)\]]*|\n(?=[^\S\n]*\n))\s+")
_ABBREVIATED = re.compile(
    r"\b(?:(?:\w\.)*[^\W\d_]|al|approx|ca|cf|dr|eqs?|figs?|mrs?|no|prof|refs?|resp|spp?|st|subsp|"
    r"suppl|var|viz|vol|vs)\.$",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:After|All|Although|An?|As|At|Both|By|During|Each|Finally|For|From|Further(?:more)?|"
    r"How(?:ever)?|In|Its?|Moreover|No|Of|On|Our|Patients|Results|Since|The(?:ir|n|re|refore|se|"
    r"y)?|This|Those|Thus|To|Two|We|What|When|Whereas|Whether|While|With)\b"
)


@once
def _sentence_starts(text: str) -> tuple[int, ...]:
    """The offsets at which sentences start, except the first."""
    cased = text != text.lower()  # a lower-cased text has no capitals to go by

    def divides(end: re.Match[str]) -> bool:
        mark, at = end.start(), end.end()
        if at == len(text) or end[0].count("\n") > 1:
            return at < len(text)
        if cased and text[at].islower():
            return False
        abbreviated = _ABBREVIATED.search(text[max(0, mark - 16) : mark + 1])
        return not abbreviated or _OPENING.match(text, at) is not None

    return tuple(end.end() for end in _END.finditer(text) if divides(end))


def sentence_at(text: str, start: int, end: int) -> Span:
    """The sentence that contains `text[start:end]`, without surrounding whitespace.

    If `text[start:end]` extends over several sentences, the result covers all of them.
    """
    starts = _sentence_starts(text)
    first = bisect_right(starts, start)
    past = bisect_left(starts, end, lo=first)
    since = starts[first - 1] if first else 0
    return bare(text, since, starts[past] if past < len(starts) else len(text))


def sentences(text: str) -> list[Span]:
    """The sentences of a text, in order, without surrounding whitespace."""
    bounds = pairwise((0, *_sentence_starts(text), len(text)))
    return [span for span in (bare(text, *pair) for pair in bounds) if span.start < span.end]


def bare(text: str, start: int, end: int) -> Span:
    """The span without leading and trailing whitespace."""
    place = text[start:end]
    start += len(place) - len(place.lstrip())
    return Span(start, start + len(place.strip()))
