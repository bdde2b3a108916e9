"""The reader of clauses: a completion -> relations, for a clause in any words.

It tolerates deviations that models make in practice. `scoring.official` reads the same text as the
official scripts do, for the official figures. All functions are pure functions of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from biogpt_plugins.tasks.patterns import Patterns
from biogpt_plugins.tasks.readers import LEARNED, PHRASE, Places, Reading, short
from biogpt_plugins.text.grounding import Aligner, Span, aligner_of, bare
from biogpt_plugins.values.errors import ParseError
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Entity, Relation

if TYPE_CHECKING:
    from biogpt_plugins.tasks.clause import Clause

_COMMA = re.compile(r"\s*,\s+")
# The whole completion must match: "no interaction in the treated group" is prose.
_NOTHING = re.compile(
    r"(?:there\s+(?:is|are|was|were)\s+)?no\s+(?:\w+[\s-]+){0,2}?(?:relation|interaction)s?"
    r"(?:\s+(?:is|are|was|were)\s+(?:found|reported|detected))?(?:\s+exists?)?"
    r"(?:\s+in\s+(?:this|the)\s+(?:document|text|abstract))?[\s.]*",
    re.I,
)
MODAL = re.compile(r"\s+(?:may|might|could|can|should|would)$", re.I)
_NEGATED = re.compile(r"\s+(?:(?:does|do|did)\s+not|doesn't|don't|not|no\s+longer)$", re.I)
_SAID = re.compile(r"^.*\bthat\s+(?=\S)", re.I | re.S)
_SPACES = re.compile(r"\s{3,}")
_WORD = re.compile(r"\w")
_MOST_SPLITS = 12
_LONGEST_NAME = 250
_EDGE = " \t\r\n;.,"
_SPACE = "; \t\r\n"


class _Body(NamedTuple):
    """A clause without its opening words, and its place in the completion.

    Attributes:
        negative: Whether it begins with "no".
        place: The place of the whole clause.
        start: The offset of `text` in the completion.
        text: The clause without its opening words.
        ended: Whether the clause is complete.
    """

    negative: bool
    place: Span
    start: int
    text: str
    ended: bool


class _Statement(NamedTuple):
    """The names and the type that a clause states, with their places in its body."""

    first: Span
    second: Span
    type: str
    type_place: Span  # of the words that state the type, or that there is a relation
    negated: bool


def read_clauses(
    clause: Clause, completion: str, source: str | None = None, *, cut: bool = False
) -> Reading[list[Relation]]:
    """Read clauses, for example `the relation between A and B exists; ...`.

    Learned tokens, phrases before the first clause, double or missing full stops, spacing and case
    do not matter. If the words between two names occur more than once, the reader divides where
    both names occur in the source text; otherwise at the last occurrence, as the official greedy
    pattern does. Repeated relations are dropped.

    Args:
        clause: The clause's words and types. If the types are a closed list, a clause with another
            type is not read.
        completion: What the model wrote.
        source: The text that the model read, if available.
        cut: Whether the completion was cut off at the length limit. If so, a last clause that may
            be incomplete is not read.

    Raises:
        ParseError: The completion contains neither a relation nor the statement that there is none.
    """
    patterns = clause.patterns
    aligner = aligner_of(source) if source else None
    relations: dict[tuple[str, str, str], Relation] = {}
    spans: list[tuple[int, int]] = []
    places: list[Places] = []
    notes: list[str] = []
    negated = unreadable = False
    squeezed = _SPACES.sub("  ", completion)
    text = _without_preamble(squeezed, patterns)
    dropped = len(squeezed) - len(text)
    nothing = _says_nothing(text, clause.nothing)
    for body in () if nothing else _bodies(text, patterns):
        statement = _read(body.text, clause, aligner, whole=body.ended or not cut)
        if statement is None and not body.negative:
            unreadable = True
            notes.append(f"a clause could not be read: {body.text.strip()!r}")
        elif statement is None or body.negative or statement.negated:
            negated = True
            notes.append(f"a negated clause was ignored: {body.text.strip()!r}")
        else:
            name_spans = (statement.first, statement.second)
            names = [encodable(body.text[slice(*span)]) for span in name_spans]
            key = (_fold(names[0]), _fold(names[1]), _fold(statement.type))
            if key in relations:
                continue
            relations[key] = _relation(clause, names, statement.type)
            spans.append((body.place.start + dropped, body.place.end + dropped))
            places.append(_places(statement, body, dropped, patterns))
    if not relations and (unreadable or not (negated or nothing)):
        raise ParseError(
            f"no relation can be read from the completion {short(completion)}"
            if completion.strip()
            else "the completion is empty",
            completion,
        )
    same = squeezed == completion
    return Reading(
        [*relations.values()],
        tuple(notes),
        tuple(spans) if same else (),
        tuple(places) if same else (),
    )


def settled(patterns: Patterns, completion: str, *, begun: bool = False) -> str:
    """The part of an unfinished completion that can already be read: its complete clauses.

    Its relations are the first relations of the whole completion, no matter how it continues. This
    relies on the space that BioGPT, which writes Moses spacing, puts after every ";".

    Args:
        patterns: The patterns of the clause.
        completion: The completion so far.
        begun: Whether it continues a completion of which clauses are settled.
    """
    text = completion if begun else _without_preamble(completion, patterns)
    dropped = len(completion) - len(text)
    # A concluding phrase may still follow, and would discard everything before it but clauses.
    concluded = begun or text != LEARNED.sub("", completion)
    if patterns.start:
        starts = list(patterns.start.finditer(text))
        if not starts or not (concluded or patterns.start.match(text.lstrip())):
            return ""
        end = ended(patterns, text, starts[-1].end())
        return completion[: dropped + (starts[-1].start() if end is None else end)]
    ends = [end.end() for end in patterns.bounds.finditer(text) if end.end() < len(text)]
    if not ends or not (concluded or _begun(text[: ends[0]], patterns)):
        return ""
    return completion[: dropped + ends[-1]]


def ended(patterns: Patterns, text: str, at: int) -> int | None:
    """The offset at which a clause ends that nothing can change any more; None if it goes on.

    Args:
        patterns: The patterns of a clause whose beginning is recognised.
        text: An unfinished completion.
        at: The end of the clause's first words.
    """
    if patterns.at_finish is None:
        finish = patterns.finish.search(text, at)
        end = finish and patterns.finish_end.search(text, finish.end())
        return end.end() if end else None
    # A type ends with a full stop close by, or at the next separator, if a space follows.
    separator = patterns.finish_end.search(text, at)
    for finish in patterns.finish.finditer(text, at):
        if stop := patterns.at_finish.match(text, finish.end()):
            return stop.end()
        if separator and separator.start() < finish.end():
            separator = patterns.finish_end.search(text, finish.end())
        if separator and not text[separator.end() : separator.end() + 1].strip():
            return separator.end()
    return None


# --- clauses --------------------------------------------------------------------------------


def _without_preamble(completion: str, patterns: Patterns) -> str:
    """Drop an echoed source text: everything before learned tokens or a concluding phrase."""
    text = LEARNED.sub("", completion)
    phrase = PHRASE.search(text)
    if not phrase:
        return text
    if patterns.start:
        return text if patterns.start.match(text.lstrip()) else text[phrase.end() :]
    return text if _begun(text[: phrase.start()], patterns) else text[phrase.end() :]


def _begun(text: str, patterns: Patterns) -> bool:
    """Whether a text has a clause, for clauses that begin with a name."""
    return patterns.divider.search(text) is not None


def _says_nothing(text: str, nothing: str) -> bool:
    text = text.strip()
    if nothing and _fold(text.rstrip(_EDGE)) == _fold(nothing):
        return True
    return _NOTHING.fullmatch(text) is not None


def _bodies(completion: str, patterns: Patterns) -> Iterator[_Body]:
    if patterns.start is None:
        yield from _segments(completion, patterns)
        return
    starts = list(patterns.start.finditer(completion))
    for start, following in zip_longest(starts, starts[1:]):
        end = following.start() if following else len(completion)
        body = completion[start.end() : end]
        ended = following is not None or body.rstrip().endswith((".", ";"))
        place = Span(start.start(), end)
        yield _Body(start["no"] is not None, place, start.end(), body, ended)


def _segments(completion: str, patterns: Patterns) -> Iterator[_Body]:
    """Clauses that begin with a name: the text between separators and full stops."""
    at = 0
    bounds = [(bound.start(), bound.end()) for bound in patterns.bounds.finditer(completion)]
    for end, past in (*bounds, (len(completion), len(completion))):
        lead = patterns.lead.match(completion, at, end)
        start = lead.end() if lead else at
        text = completion[start:end]
        if _WORD.search(text):
            begun = at + len(completion[at:end]) - len(completion[at:end].lstrip())
            negative = lead is not None and lead["no"] is not None
            ended = past > end or text.rstrip().endswith(".")
            yield _Body(negative, Span(begun, end), start, text, ended)
        at = past


def _relation(clause: Clause, names: list[str], type_: str) -> Relation:
    first, second = reversed(names) if clause.patterns.tail_first else names
    return Relation(
        head=Entity(text=first, type=clause.head),
        type=type_,
        tail=Entity(text=second, type=clause.tail),
    )


def _places(statement: _Statement, body: _Body, dropped: int, patterns: Patterns) -> Places:
    def moved(span: Span, by: int) -> Span:
        return Span(span.start + by, span.end + by)

    first, second, kind = (
        moved(span, body.start + dropped)
        for span in (statement.first, statement.second, statement.type_place)
    )
    head, tail = (second, first) if patterns.tail_first else (first, second)
    opened = patterns.start is not None or body.start > body.place.start
    start = body.place.start + dropped if opened else min(first.start, second.start, kind.start)
    return Places(Span(start, max(first.end, second.end, kind.end)), head, tail, kind)


# --- one clause -----------------------------------------------------------------------------


def _read(body: str, clause: Clause, aligner: Aligner | None, *, whole: bool) -> _Statement | None:
    if clause.patterns.shape == "typed":
        return _read_typed(body, clause, aligner, whole=whole)
    return _read_named(body, clause, aligner, whole=whole)


def _read_named(
    body: str, clause: Clause, aligner: Aligner | None, *, whole: bool
) -> _Statement | None:
    """Read "A and B exists", "A inhibits B": clauses that do not end with a type."""
    patterns = clause.patterns
    region, type_, place = Span(0, len(body)), clause.types[0], None
    if patterns.shape == "named" or patterns.kind:
        bound = patterns.bounds.search(body)
        region = Span(0, bound.start() if bound else region.end)
    if patterns.kind:
        kind = patterns.kind.match(body, *region)
        if not kind:
            return None
        type_, place = _type(kind["type"], clause), Span(*kind.span("type"))
        region = Span(kind.end(), region.end)
    closing = patterns.closing.search(body, *region) if patterns.closing else None
    if not closing and not whole:
        return None
    if not closing:
        # A clause without its last words is accepted only if the source text has both names.
        names = _stripped(body, *region, _EDGE)
        sure = patterns.closing is not None
        return _divided(body, names, clause, aligner, (type_, place), sure=sure)
    stated = _undenied(body, Span(region.start, closing.start()))
    if stated is None:
        return None
    place = place or bare(body, *closing.span())
    statement = _divided(body, stated, clause, aligner, (type_, place), sure=False)
    return statement and statement._replace(
        negated=statement.negated or stated.end < closing.start()
    )


def _divided(  # noqa: PLR0913 - the parts of a clause
    body: str,
    names: Span,
    clause: Clause,
    aligner: Aligner | None,
    kind: tuple[str, Span | None],
    *,
    sure: bool,
) -> _Statement | None:
    """Read two names and the words between them, which may include the type."""
    patterns, (type_, place) = clause.patterns, kind
    divided = _divide(body, names, patterns.divider, aligner, sure=sure)
    denied = divided is None and patterns.denied is not None
    if divided is None and patterns.denied:
        divided = _divide(body, names, patterns.denied, aligner)
    if divided is None:
        return None
    first, second, divider = divided
    if "type" in divider.re.groupindex:
        type_, place = _type(divider["type"], clause), Span(*divider.span("type"))
    if not patterns.closing:
        named = _undenied(body, first)
        if named is None:
            return None
        denied, first = denied or named.end < first.end, named
        place = place or bare(body, *divider.span())
    elif place is None:  # the clause was accepted without its last words
        place = Span(second.end, second.end)
    first = first if patterns.start else _said(body, first, aligner)
    return _Statement(first, second, type_, place, denied)


def _read_typed(
    body: str, clause: Clause, aligner: Aligner | None, *, whole: bool
) -> _Statement | None:
    """Read "A and B is T"; the last " is " divides, as in the official greedy pattern."""
    patterns = clause.patterns
    bound = patterns.separated.search(body)
    body = body[: bound.start()] if bound else body
    sentence = patterns.typed_end.search(body)
    body = body[: sentence.end() - 1] if sentence else body
    verb = _verb(body, patterns)
    divided = _divide(body, Span(0, verb.start()), patterns.divider, aligner) if verb else None
    if verb is None or divided is None:
        return None
    place = _stripped(body, verb.end(), len(body), _EDGE)
    if patterns.closing and (closing := patterns.closing.search(body, place.start)):
        place = Span(place.start, closing.start())
    first = divided[0] if patterns.start else _said(body, divided[0], aligner)
    if body.lower().startswith("not ", place.start, place.end):
        return _Statement(first, divided[1], body[slice(*place)], place, True)
    kind = _typed(body, place, clause, whole=whole)
    return kind and _Statement(first, divided[1], *kind, False)


def _typed(body: str, place: Span, clause: Clause, *, whole: bool) -> tuple[str, Span] | None:
    """The type at the beginning of a place, and the place of its words."""
    kind = encodable(body[slice(*place)])
    if clause.patterns.open:
        return (clause.named(kind), place) if whole and kind else None
    for pattern, type_ in clause.patterns.types:
        if match := pattern.match(body, *place):
            span = Span(*match.span("type"))
            unsure = not whole and span.end == place.end and _goes_on(kind, clause)
            return None if unsure else (type_, span)
    return None


def _verb(body: str, patterns: Patterns) -> re.Match[str] | None:
    """The words before the type: their last occurrence, or the one before the longest type."""
    verbs = list(patterns.verb.finditer(body)) if patterns.verb else []
    for verb in verbs if patterns.mixed else ():
        begin, end = _stripped(body, verb.end(), len(body), _EDGE)
        if any(m.end() >= end for p, _ in patterns.types if (m := p.match(body, begin))):
            return verb
    return verbs[-1] if verbs else None


def _goes_on(kind: str, clause: Clause) -> bool:
    """Whether a type that was cut off may be the beginning of a longer type."""
    begun = f"{kind.lower()} "
    return any(written.lower().startswith(begun) for written in clause.written)


def _type(written: str, clause: Clause) -> str:
    """The type that a wording stands for."""
    for pattern, type_ in clause.patterns.types:
        if pattern.fullmatch(written):
            return type_
    return clause.named(encodable(written))


def _undenied(body: str, names: Span) -> Span | None:
    """The names without "does not" after them; None if "may" or "could" follows."""
    text = body[slice(*names)]
    if MODAL.search(text):
        return None
    negation = _NEGATED.search(text)
    return Span(names.start, names.start + negation.start()) if negation else names


def _said(body: str, name: Span, aligner: Aligner | None) -> Span:
    """A name without "the authors state that" before it, unless the source text has both."""
    text = body[slice(*name)]
    said = _SAID.match(text)
    if not said or (aligner and _known(aligner, [text])):
        return name
    return Span(name.start + said.end(), name.end)


def _divide(
    body: str,
    names: Span,
    divider: re.Pattern[str],
    aligner: Aligner | None,
    *,
    sure: bool = False,
) -> tuple[Span, Span, re.Match[str]] | None:
    """Divide "A and B"; with `sure`, only if the source text has both names."""
    matches: list[re.Match[str]] = list(divider.finditer(body, *names))
    if not matches and aligner and "type" not in divider.groupindex:
        sure = True
        matches = list(_COMMA.finditer(body, *names))
    splits = [
        (
            _stripped(body, names.start, match.start(), _SPACE),
            _stripped(body, match.end(), names.end, _SPACE),
            match,
        )
        for match in matches
    ]
    splits = [
        (a, b, match) for a, b, match in splits if _WORD.search(body, *a) and _WORD.search(body, *b)
    ]
    if not splits:
        return None
    if (
        not sure and not 1 < len(splits) <= _MOST_SPLITS
    ):  # a repeating model has more, none of them right
        return splits[-1]
    pairs = [(body[slice(*first)], body[slice(*second)]) for first, second, _ in splits]
    known = [0 if aligner is None else _known(aligner, pair) for pair in pairs]
    # Tie-breaker: the layout has no comma before its " and ", so a comma there is part of a name.
    comma = [aligner is not None and first.endswith(",") for first, _ in pairs]
    best = max(range(len(splits)), key=lambda i: (known[i], not comma[i], i))
    return splits[best] if not sure or known[best] == len(pairs[best]) else None


def _known(aligner: Aligner, names: Iterable[str]) -> int:
    return sum(len(name) <= _LONGEST_NAME and bool(aligner.find(name)) for name in names)


def _stripped(text: str, start: int, end: int, signs: str) -> Span:
    """The span without some signs at its ends."""
    place = text[start:end]
    start += len(place) - len(place.lstrip(signs))
    return Span(start, start + len(place.strip(signs)))


def _fold(name: str) -> str:
    return "".join(name.lower().split())
