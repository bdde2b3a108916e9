"""Words that negate a statement or mark it as speculation, and their scopes.

The method uses triggers and scopes, as NegEx (Chapman et al., 2001, J Biomed Inform 34:301-310) and
ConText (Harkema et al., 2009, J Biomed Inform 42:839-851) do. Their word lists are for clinical
notes, where "not cause" is not a negation and "secondary to" ends a scope. The lists here are for
abstracts and follow the annotation of BioScope (Vincze et al., 2008, BMC Bioinformatics 9 Suppl
11:S9). The maintained libraries, negspacy and medspacy, need spaCy.

A cue reaches forward, backward or both ways within its sentence, up to a word that ends a scope
("but", "whereas", "because", ";"); "but not" reaches up to the next comma. "Cisplatin-induced
nephrotoxicity" and "nephrotoxicity caused by cisplatin" presuppose the relation, so only a cue
directly before them counts: "no cisplatin-induced nephrotoxicity".

Limits: nothing is parsed, so a relative clause or a list may mislead the rules, and a cue that
reaches only one end counts too. Words that negate by their meaning ("protected from", "reversed"),
negation in another sentence, double negation ("not without") and languages other than English are
not handled.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from biogpt_plugins.text.grounding import Span
from biogpt_plugins.text.source import once
from biogpt_plugins.values.results import Cue, CueKind

_FORWARD, _BACKWARD, _BOTH, _NARROW = "forward", "backward", "both", "narrow"

_BE = r"(?:is|are|was|were|be|been|being)"
_HAVE = r"(?:has|have|had)"
_DEGREE = r"(?:(?:significant|apparent|clear|obvious|further|additional|marked|major|substantial) )"
_CHANGE = r"(?:increase|decrease|change|alteration|reduction|rise|improvement)s?"
_GUESSED = (
    r"(?:suggested|suspected|hypothesi[sz]ed|proposed|postulated|speculated|presumed|assumed|"
    r"considered|implicated|thought|believed|supposed|questioned|debated)"
)

# Where several triggers match at one place, the first in this list wins. Kind None: not a cue.
_TRIGGERS: list[tuple[CueKind | None, str, str]] = [
    # Double negation, and "no" or "not" about something else.
    (
        None,
        "",
        rf"(?:(?:{_BE}|{_HAVE}|do|does|did|may|can) )?not (?:only|just|merely|simply|solely|"
        r"necessarily|always|uncommon|infrequent(?:ly)?|"
        r"unusual|rare|surprising(?:ly)?|limited to|to mention)",
    ),
    (None, "", rf"(?:no|not|without) (?:any )?{_DEGREE}?{_CHANGE} (?:in|of|from|between)"),
    (None, "", r"no (?:longer|later|less|more|fewer) than|no doubt|no matter|no\. ?\d+"),
    (None, "", r"with or without|whether or not|(?:gram|false|\w+-receptor)[-\s]negatives?"),
    (None, "", r"potentially (?:[\w-]+ing|serious|severe|fatal|lethal|harmful|dangerous|toxic)"),
    # "Cannot be excluded" and "is not known" are speculation.
    (
        "speculation",
        _BOTH,
        r"(?:cannot|can not|could not|can't|not) be (?:entirely |completely )?"
        r"(?:excluded|ruled out|discounted)",
    ),
    (
        "speculation",
        _BOTH,
        rf"(?:{_BE} |{_HAVE} |remains? )?(?:not|yet to|to) (?:yet )?(?:been |be )?"
        r"(?:clear|known|established|elucidated|determined|clarified|certain)(?: (?:whether|if))?",
    ),
    # Negation. "No increase in" does not count, because the thing itself is present; "caused no
    # increase in" does.
    (
        "negation",
        _FORWARD,
        rf"(?:caus|induc|produc|show|reveal|result|had)\w*(?: in)? (?:no|without) {_DEGREE}?"
        rf"{_CHANGE} (?:in|of)",
    ),
    (
        "negation",
        _NARROW,
        r"(?:but|and|or) not|(?<=,\s)not|rather than|instead of|as opposed to|unlike",
    ),
    ("negation", _BACKWARD, rf"{_BE} (?:ruled out|excluded|absent|lacking|negative|unrelated)"),
    (
        "negation",
        _BOTH,
        rf"(?:{_BE}|{_HAVE}|do|does|did|can|could|would|should|will) (?:also )?not|"
        r"cannot|(?:is|was|are|were|do|does|did|has|have|had|ca|could|would|should)n['’]t",
    ),
    (
        "negation",
        _FORWARD,
        r"(?:no|little|insufficient|lack of|without) (?:\w+ )?evidence"
        r"(?: (?:of|for|that|to suggest))?",
    ),
    (
        "negation",
        _FORWARD,
        r"(?:in the )?absence of|(?:a )?lack of|lack(?:s|ed|ing)?|devoid of|free (?:of|from)|"
        r"negative for|fail(?:s|ed|ing|ure)? to|rul(?:e|es|ed|ing) out|exclud(?:es|ed|ing)|without|"
        r"never|neither|nor|not|no|none of",
    ),
    # Speculation.
    ("speculation", _BOTH, rf"(?:{_BE}|{_HAVE}(?: been)?) (?:\w+ly )?{_GUESSED}"),
    (
        "speculation",
        _BOTH,
        r"(?:un)?likely|uncertain|unclear|unknown|controversial|questionable|inconclusive|"
        r"conceivabl[ey]|hypothetical(?:ly)?|perhaps|probabl[ey]|possibl[ey]|possibility|"
        r"presumabl[ey]|potentially|putative(?:ly)?|suspected|suspicion|speculati(?:on|ve)|"
        r"hypothes[ei]s",
    ),
    ("speculation", _BOTH, r"may(?! \d)|might|could(?! not)"),
    (
        "speculation",
        _FORWARD,
        r"suggest(?:s|ed|ing|ive of)?|suspect(?:s|ing)?|hypothesi[sz](?:e|es|ed|ing)|"
        r"speculat(?:e|es|ed|ing)|postulat(?:e|es|ed|ing)|propos(?:e|es|ed|ing)|"
        r"presum(?:e|es|ed|ing)|assum(?:e|es|ed|ing)|(?:appear|seem)(?:s|ed|ing)? to|whether|"
        r"(?:ask|assess|determin|evaluat|examin|explor|investigat|see|test)\w* if|"
        r"raises? the (?:possibility|question)",
    ),
]

_CUE = re.compile(
    # The border stands in front of all, so that places inside words are passed over at once.
    r"\b(?:"
    + "|".join(
        rf"(?P<t{number}>(?:{pattern})(?![\w-]))"
        for number, (_, _, pattern) in enumerate(_TRIGGERS)
    ).replace(" ", r"\s+")
    + ")",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"[;:]|\b(?:but|however|although|though|whereas|while|nevertheless|nonetheless|except|apart "
    r"from|aside from|because|despite|in spite of|yet|thus|therefore|and (?:we|it|they|there|this|"
    r"that|these|those|he|she))\b|,\s+(?:which|who|where|so)\b",
    re.IGNORECASE,
)
# Without their flag, which costs half of the time, for texts in lower case.
_LOWER_CUE, _LOWER_STOP = re.compile(_CUE.pattern), re.compile(_STOP.pattern)
_PREDICATE = re.compile(
    r"\b(?:caus|induc|produc|associat|relat|link|lead|led|result|provok|precipitat|trigger|elicit|"
    r"evok|develop|occur|follow|due|attribut|responsib|correlat|contribut|interact|affect|effect|"
    r"increas|decreas|reduc|alter|chang|inhibit|activat|antagoni|agoni|block|bind|bound|potentiat|"
    r"enhanc|exacerbat|worsen|prolong|impair|toxic)\w*",
    re.IGNORECASE,
)
# The words between the ends of a relation that is presupposed.
_GRANTED = re.compile(
    r"[-‐‑–\s]?(?:induced|associated|related|elicited|evoked|provoked|mediated|triggered|dependent)"
    r"\s+(?:[\w-]+\s+){0,3}|\s+(?:\w+\s+)?(?:caused|induced|elicited|evoked|provoked|produced)"
    r"\s+by\s+(?:[\w-]+\s+){0,3}"
)
_RIGHT_BEFORE = re.compile(r"(?:\s+[\w-]+){0,2}\s*")
_OF_A_NOUN = re.compile(
    r"no|nor|neither|without|.* of|free from|negative for|possible|probable|putative|suspected|"
    r"presum\w+|hypothetical|(?:un)?likely",
    re.IGNORECASE,
)


class Scope(NamedTuple):
    """A cue, and the part of the sentence that it affects, the cue included."""

    cue: Cue
    reach: Span


@once
def scopes(text: str, sentence: Span) -> tuple[Scope, ...]:
    """Find the cues of a sentence of the text, in linear time."""
    return tuple(_scopes(text, sentence))


@once
def _lowered(text: str) -> str:
    return text.lower()


def _scopes(text: str, sentence: Span) -> Iterator[Scope]:
    cue, stop, folded = _CUE, _STOP, text
    if text.isascii():
        cue, stop, folded = _LOWER_CUE, _LOWER_STOP, _lowered(text)
    stops = [sentence.start, *(m.start() for m in stop.finditer(folded, *sentence)), sentence.end]
    passed = 0
    for match in cue.finditer(folded, *sentence):
        kind, way, _ = _TRIGGERS[int((match.lastgroup or "t0")[1:])]
        start, end = match.span()
        if kind is None or (text[start:end] == "NO" and not text[slice(*sentence)].isupper()):
            continue  # NO is nitric oxide
        while passed + 1 < len(stops) and stops[passed + 1] <= start:
            passed += 1
        following = next(stops[at] for at in range(passed + 1, len(stops)) if stops[at] >= end)
        since = stops[passed] if way in (_BACKWARD, _BOTH) else start
        until = following if way != _BACKWARD else end
        if way == _NARROW and (comma := text.find(",", end, until)) >= 0:
            until = comma
        yield Scope(Cue(kind=kind, text=text[start:end], start=start, end=end), Span(since, until))


def cues_for(text: str, sentence: Span, *ends: Span) -> tuple[Cue, ...]:
    """The cues of a sentence that reach one of these ends, or a predicate between them."""
    first, last = min(ends), max(ends)
    between = [Span(*m.span()) for m in _PREDICATE.finditer(text, first.end, last.start)]

    def counts(reach: Span) -> bool:
        past = bisect_left(between, reach.end, key=lambda span: span.start)
        near = between[max(past - 1, 0) : past]  # the last that begins before the end of the reach
        return any(_overlap(reach, target) for target in (*ends, *near))

    granted = first != last and _GRANTED.fullmatch(text, first.end, max(first.end, last.start))
    return tuple(
        scope.cue
        for scope in scopes(text, sentence)
        if counts(scope.reach)
        and not any(_overlap(Span(scope.cue.start, scope.cue.end), end) for end in ends)
        and (not granted or _is_right_before(text, scope.cue, first.start))
    )


def _is_right_before(text: str, cue: Cue, start: int) -> bool:
    """Whether a cue modifies the noun that follows it, with at most two words between them."""
    return (
        cue.end <= start
        and _OF_A_NOUN.fullmatch(cue.text) is not None
        and _RIGHT_BEFORE.fullmatch(text, cue.end, start) is not None
    )


def _overlap(a: Span, b: Span) -> bool:
    return a.start < b.end and b.start < a.end
