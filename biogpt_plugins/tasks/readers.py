"""Readers of completions: clauses of relations, answers, labels.

They are forgiving and take what a model really writes; `scorers.official` reads the same text as
the official scripts do, for the official figures. All are pure functions of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Generic, cast

from biogpt_plugins.text.grounding import Aligner, aligner_of
from biogpt_plugins.values.errors import ParseError
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Answer, Entity, Hallmarks, Label, Relation, ResultT


@dataclass(frozen=True)
class Reading(Generic[ResultT]):
    """A result, and remarks on what was passed over to get it.

    Attributes:
        result: The result.
        notes: The remarks.
        spans: Where in the completion each of several results stands; empty if that is not known.
    """

    result: ResultT
    notes: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()


# --- relations ------------------------------------------------------------------------------

_START = re.compile(r"\b(?P<no>no\s+)?(?:the\s+)?(?:relation|interaction)\s+between\s+", re.I)
_AND = re.compile(r"\s+and\s+", re.I)
_COMMA = re.compile(r"\s*,\s+")
# The whole completion must say so: "no interaction in the treated group" is prose about something.
_NOTHING = re.compile(
    r"(?:there\s+(?:is|are|was|were)\s+)?no\s+(?:\w+[\s-]+){0,2}?(?:relation|interaction)s?"
    r"(?:\s+(?:is|are|was|were)\s+(?:found|reported|detected))?(?:\s+exists?)?"
    r"(?:\s+in\s+(?:this|the)\s+(?:document|text|abstract))?[\s.]*",
    re.I,
)
_EXISTS = re.compile(r"\s+exists?\b", re.I)
_IS = re.compile(r"\s+is\s*(?=\s|$)", re.I)
_TYPED_END = re.compile(r"\sis\s+[^.;]{1,40}\.(?=\s|$)", re.I)
_LIST_END = re.compile(r";(?:\s|$)")
# Clauses that nothing that follows can change: "relation ... exists;", "interaction ... is T;".
_ENDED = re.compile(
    r"relation\s+between\s(?:(?!\sis\s).)*?\sexists?\b(?:(?!\sis\s)[^.;])*[.;]"
    r"|interaction\s+between\s.*?\sis\s+(?:[^.;]{1,40}\.(?=\s)|[^;]*;(?=\s|$))",
    re.I | re.S,
)
_MODAL = re.compile(r"\s+(?:may|might|could|can|should|would)$", re.I)
_SPACES = re.compile(r"\s{3,}")
_NEGATED = re.compile(r"\s+(?:(?:does|do|did)\s+not|doesn't|don't|not|no\s+longer)$", re.I)
_LEARNED = re.compile(r"^.*\blearned\s*[0-9]+\s+", re.I | re.S)
_PHRASE = re.compile(r"\b(?:in conclusion\s*,|we can conclude that|we have that)", re.I)
_WORD = re.compile(r"\w")
_MOST_SPLITS = 12
_LONGEST_NAME = 250
_EDGE = " \t\r\n;.,"


def read_relations(  # noqa: PLR0913 - a clause grammar has this many parts
    completion: str,
    source: str | None = None,
    *,
    head: str,
    tail: str,
    type_: str | None = None,
    types: tuple[str, ...] = (),
    cut: bool = False,
) -> Reading[list[Relation]]:
    """Read `the relation between A and B exists; ...` or `the interaction between A and B is T`.

    Learned-token prefixes, phrases before the first clause, doubled or missing full stops, odd
    spacing and case do no harm. Where " and " occurs more than once, the division whose two names
    stand in the source text is taken; without a source, or without such a division, the last
    " and " divides, as in the official greedy pattern. Repeated relations are dropped.

    Args:
        completion: What the model wrote.
        source: The text that it read, if at hand.
        head: Entity type of the first name.
        tail: Entity type of the second name.
        type_: The relation's type if clauses end in "exists"; None if they end in "is {type}".
        types: The types there are, if that is a closed list; others are passed over.
        cut: Whether the completion was cut off at the length limit: a last clause that may be
            incomplete is then passed over.

    Raises:
        ParseError: Nothing in the completion can be read as a relation, or as the statement that
            there is none.
    """
    aligner = aligner_of(source) if source else None
    relations: dict[tuple[str, str, str], tuple[Relation, tuple[int, int]]] = {}
    notes: list[str] = []
    negated = unreadable = False
    squeezed = _SPACES.sub("  ", completion)
    text = _without_preamble(squeezed)
    dropped = len(squeezed) - len(text)
    for negative, (start, end), body, ended in _clauses(text):
        whole = ended or not cut
        read = (
            _read_existence(body, aligner, type_, whole)
            if type_
            else _read_typed(body, aligner, types, whole)
        )
        if read is None and not negative:
            unreadable = True
            notes.append(f"a clause could not be read: {body.strip()!r}")
        elif read is None or negative or read[3]:
            negated = True
            notes.append(f"a negated clause was passed over: {body.strip()!r}")
        else:
            first, second, kind, _ = read
            relation = Relation(
                head=Entity(text=first, type=head), type=kind, tail=Entity(text=second, type=tail)
            )
            key = (_fold(first), _fold(second), _fold(kind))
            relations.setdefault(key, (relation, (start + dropped, end + dropped)))
    if not relations and (unreadable or not (negated or _NOTHING.fullmatch(text.strip()))):
        raise ParseError(
            f"no relation can be read from the completion {_short(completion)}"
            if completion.strip()
            else "the completion is empty",
            completion,
        )
    return Reading(
        [relation for relation, _ in relations.values()],
        tuple(notes),
        tuple(span for _, span in relations.values()) if squeezed == completion else (),
    )


def _without_preamble(completion: str) -> str:
    """Drop an echoed source text: all before the learned tokens or a concluding phrase."""
    text = _LEARNED.sub("", completion)
    phrase = _PHRASE.search(text)
    return text[phrase.end() :] if phrase and not _START.match(text.lstrip()) else text


def _clauses(completion: str) -> Iterator[tuple[bool, tuple[int, int], str, bool]]:
    """Yield (negated, place, text after "between", whether something ended it) of every clause."""
    starts = list(_START.finditer(completion))
    for start, following in zip_longest(starts, starts[1:]):
        end = following.start() if following else len(completion)
        body = completion[start.end() : end]
        ended = following is not None or body.rstrip().endswith((".", ";"))
        yield start["no"] is not None, (start.start(), end), body, ended


def settled(completion: str) -> str:
    """The part of an unfinished completion that can be read already: its clauses that have ended.

    Whatever the model goes on to write, the relations of this part are the first of the whole's:
    BioGPT, which writes Moses spacing, puts a space behind every ";".
    """
    text = _without_preamble(completion)
    starts = list(_START.finditer(text))
    # A concluding phrase that is still to come takes back all before it, if that is no clause.
    concluded = text != _LEARNED.sub("", completion)
    if not starts or not (concluded or _START.match(text.lstrip())):
        return ""
    end = _ENDED.search(text, starts[-1].start())
    dropped = len(completion) - len(text)
    return completion[: dropped + (end.end() if end else starts[-1].start())]


_Clause = tuple[str, str, str, bool]  # first name, second name, type, negated


def _read_existence(body: str, aligner: Aligner | None, type_: str, whole: bool) -> _Clause | None:
    """Read "A and B exists"."""
    verb = _EXISTS.search(body)
    if not verb:
        # Without its verb a clause is believed only if the paper knows both of its names.
        sure = _divide(body.strip(_EDGE), aligner, sure=True) if whole else None
        return (*sure, type_, False) if sure else None
    names = body[: verb.start()]
    if _MODAL.search(names):
        return None
    negation = _NEGATED.search(names)
    ends = _divide(names[: negation.start()] if negation else names, aligner)
    return (*ends, type_, negation is not None) if ends else None


def _read_typed(
    body: str, aligner: Aligner | None, types: tuple[str, ...], whole: bool
) -> _Clause | None:
    """Read "A and B is T"; the last " is " divides, as in the official greedy pattern."""
    body = _LIST_END.split(body)[0]
    sentence = _TYPED_END.search(body)
    body = body[: sentence.end() - 1] if sentence else body
    verbs = list(_IS.finditer(body))
    ends = _divide(body[: verbs[-1].start()], aligner) if verbs else None
    kind = _clean(body[verbs[-1].end() :]).strip(_EDGE) if verbs else ""
    if not ends or not kind:
        return None
    if kind.lower().startswith("not "):
        return (*ends, kind, True)
    if types:
        word = kind.split()[0].strip(_EDGE).lower()
        # "advised", "effects"
        known = [t for t in types if t in (word, word.removesuffix("s"), word.removesuffix("d"))]
        return (*ends, known[0], False) if known else None
    return (*ends, kind, False) if whole else None


def _divide(names: str, aligner: Aligner | None, *, sure: bool = False) -> tuple[str, str] | None:
    """Divide "A and B"; `sure` demands that the source text holds both names."""
    splits = [(_clean(names[: m.start()]), _clean(names[m.end() :])) for m in _AND.finditer(names)]
    if not splits and aligner:
        sure = True
        splits = [
            (_clean(names[: m.start()]), _clean(names[m.end() :])) for m in _COMMA.finditer(names)
        ]
    splits = [(a, b) for a, b in splits if _WORD.search(a) and _WORD.search(b)]
    if not splits:
        return None
    if not sure and not 1 < len(splits) <= _MOST_SPLITS:  # a loop has more, and no right one
        return splits[-1]
    known = [0 if aligner is None else _known(aligner, pair) for pair in splits]
    # Where the source leaves it open: the layout writes no comma before its " and ", so one that
    # stands there belongs to a name.
    comma = [aligner is not None and first.endswith(",") for first, _ in splits]
    best = max(range(len(splits)), key=lambda i: (known[i], not comma[i], i))
    return splits[best] if not sure or known[best] == len(splits[best]) else None


def _known(aligner: Aligner, names: Iterable[str]) -> int:
    return sum(len(name) <= _LONGEST_NAME and bool(aligner.find(name)) for name in names)


def _clean(name: str) -> str:
    return encodable(name.strip("; \t\r\n"))


def _fold(name: str) -> str:
    return "".join(name.lower().split())


def _short(text: str, most: int = 120) -> str:
    return repr(text if len(text) <= most else f"{text[: most - 3]}...")


# --- answers and labels ---------------------------------------------------------------------

_LABEL = r"['\"(]?(?P<label>yes|no|maybe)\s*(?=[.,;!)'\"]|$|because\b|since\b)"
_STATEMENT = re.compile(
    r"\banswer\s+to\s+the\s+question(?:\s+given\s+the\s+context)?\s*is\s*" + _LABEL, re.I
)
_SHORT = re.compile(r"\banswer\s*(?:is|:)\s*" + _LABEL, re.I)
_BARE = re.compile(r"^\W*" + _LABEL, re.I)


def read_answer(completion: str) -> Reading[Answer]:
    """Read a yes/no/maybe answer from a statement of it, or from a bare label.

    Raises:
        ParseError: No answer, or two that differ.
    """
    labels: set[str] = set()
    for text in (_without_preamble(completion), _LEARNED.sub("", completion)):
        for pattern in (_STATEMENT, _SHORT, _BARE):
            labels = labels or {match["label"].lower() for match in pattern.finditer(text)}
    if len(labels) != 1:
        found = f"the answers {sorted(labels)} contradict each other" if labels else "no answer"
        raise ParseError(f"{found} in the completion {_short(completion)}", completion)
    return Reading(Answer(label=cast("Label", labels.pop())))


_TYPE = re.compile(r"\btype\s+of\s+this\s+document\s*(?:is|:)\s*(?P<labels>[^.;]*)", re.I)


def read_hallmarks(completion: str, labels: Iterable[str], empty: str) -> Reading[Hallmarks]:
    """Read `the type of this document is a|b`; `empty` is the class of no hallmark.

    Raises:
        ParseError: No statement of the type, or only labels that are none of `labels`.
    """
    known = {_fold(label): label for label in labels}
    text = _without_preamble(completion)
    match = _TYPE.search(text)
    written = match["labels"] if match else text.strip(_EDGE)
    parts = [part for part in re.split(r"\||,| / ", written) if part.strip()]
    found = [known[_fold(part)] for part in parts if _fold(part) in known]
    none = any(_fold(part) == _fold(empty) for part in parts)
    if not found and not none:
        raise ParseError(f"no hallmark in the completion {_short(completion)}", completion)
    strange = [p.strip() for p in parts if _fold(p) not in known and _fold(p) != _fold(empty)]
    notes = (f"unknown labels were passed over: {strange}",) if strange else ()
    return Reading(Hallmarks(labels=tuple(dict.fromkeys(found))), notes)
