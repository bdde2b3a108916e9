"""Questions made from statements: "X significantly reduced Y" -> ("Does X reduce Y?", yes).

A statement is a plain sentence with a subject of its own, one verb that we know, and what follows.
Anything else is refused.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from claims import is_plural

_ADVERBS = (
    r"(?:(?:statistically|clinically|significantly|markedly|greatly|substantially|clearly|strongly|"
    r"also|independently|positively|effectively|slightly|consistently|successfully|further|"
    r"directly|"
    r"closely|highly|modestly|dramatically|rapidly|therefore|thus|generally|always) )*"
)
# `past` has past forms by infinitive; "lower_" is the adjective, "lower" the verb.
_WORDS = json.loads(Path(__file__).with_name("verbs.json").read_text())
_VERBS: dict[str, str] = _WORDS["past"]
_SYNONYMS: dict[str, list[str]] = _WORDS["synonyms"]
_OPPOSITES: dict[str, str] = _WORDS["opposites"]
_PAST = {past: verb for verb, past in _VERBS.items()}
_PRESENT = {
    re.sub(r"^(\w+?)((?<=[^aeiou])y)?(?= |$)", lambda m: m[1] + ("ies" if m[2] else "s"), v): v
    for v in _VERBS
}
_NOUNS = {"lower", "increase", "decrease", "benefit", "change", "rise", "fall", "decline", "delay"}
_FINITE = {**{v: v for v in _VERBS if v not in _NOUNS}, **_PRESENT, **_PAST}
_ALL_VERBS = "|".join(sorted(map(re.escape, _FINITE), key=len, reverse=True))
_BARE = "|".join(sorted(map(re.escape, _VERBS), key=len, reverse=True))
_STATES = (
    r"(?:associated with|related to|linked to|correlated with|effective|ineffective|superior to|"
    r"inferior to|safe|feasible|beneficial|higher|lower|greater|better|worse|reduced|increased|"
    r"improved|decreased|useful|helpful|well tolerated|acceptable|cost-effective|comparable|"
    r"similar|"
    r"equivalent|non-?inferior|more effective|less effective|more likely|less likely|"
    r"as effective as|"
    r"an? (?:\w+ )?(?:effective|safe|useful|feasible|independent|significant|promising|risk|"
    r"reliable|"
    r"valid|viable)|different|affected|influenced|longer|shorter|predictive of|elevated|"
    r"more frequent|less frequent|more common|less common|faster|unchanged|impaired|enhanced)"
)
_ALONE = {"differ", "decline", "rise", "fall", "vary", "change", "increase", "decrease", "improve"}
_INCOMPLETE = {"similar", "comparable", "equivalent", "different", "associated with"}
_INCOMPLETE |= {"related to", "linked to", "correlated with"}
_NO_OBJECT = re.compile(
    r"(?:in|from|with|between|during|after|at|over|more|less|significantly|to|on|than|as|under)\b"
)
_AFFECT = ("have an effect on", "affect", "influence", "have an impact on")
_OPENING = re.compile(
    r"^(?:(?:However|Overall|Moreover|Furthermore|Additionally|In addition|In conclusion|"
    r"Interestingly|"
    r"Finally|Thus|Therefore|In summary|Importantly|Also|Similarly|Hence|In contrast|"
    r"On the other hand|"
    r"Conversely|Notably|As expected|Consequently|Conclusions?|In this (?:study|trial)|"
    r"In our study|"
    r"In the present study|Taken together|Nevertheless|Collectively), )?"
    r"(?:(?:We|The (?:study|authors)) (?:found|showed|observed|demonstrated|conclude|"
    r"concluded) that "
    r"|(?:[Oo]ur|[Tt]hese|[Tt]he|[Tt]his|[Tt]he present|[Oo]ur present) (?:study |"
    r"present )?(?:results?|findings?|data|"
    r"study|trial) (?:clearly |also )?(?:shows?|showed|suggests?|suggested|indicates?|indicated|"
    r"demonstrates?|demonstrated|"
    r"confirms?|confirmed) that |[Ii]t (?:was found|is concluded) that )?"
)
_BE = re.compile(
    rf"^(?P<subject>.+?) (?P<be>was|were|is|"
    rf"are) (?P<not>not )?{_ADVERBS}(?P<state>{_STATES})\b(?P<rest>.*)$"
)
_DO_NOT = re.compile(
    rf"^(?P<subject>.+?) (?:did|does|do) not {_ADVERBS}(?P<verb>{_BARE})\b(?P<rest>.*)$"
)
_FAIL = re.compile(rf"^(?P<subject>.+?) failed to {_ADVERBS}(?P<verb>{_BARE})\b(?P<rest>.*)$")
_DO = re.compile(rf"^(?P<subject>.+?) {_ADVERBS}(?P<verb>{_ALL_VERBS})\b(?P<rest>.*)$")
_EFFECT = re.compile(
    r"^(?P<subject>.+?) (?:had|has|have|showed|exerted|produced) (?P<not>no |little or no )?"
    r"(?:an? )?(?:statistically )?(?:significant |beneficial |positive |clear |substantial |"
    r"measurable |"
    r"additional |important |detectable |strong |negative |adverse )*"
    r"(?P<noun>effects?|impact|influence) on (?P<rest>.+)$"
)
_DIFFERENCE = re.compile(
    r"^(?:[Tt]here (?:was|were) (?P<no>no |"
    r"not any )?(?:an? )?(?:statistically )?(?:significant |clear |marked |"
    r"substantial )*differences? (?:in|for|regarding|with respect to) (?P<rest>.+? (?:between|"
    r"among|across) .+)"
    r"|(?P<no2>No )(?:statistically )?(?:significant )?differences? (?:was|were) (?:found|"
    r"observed|seen|"
    r"detected|noted) (?:in|for|regarding|with respect to) (?P<rest2>.+? (?:between|among|"
    r"across) .+))$"
)
_LINK = re.compile(
    r"^(?:[Tt]here (?:was|were|is) (?P<no>no )?(?:an? )?(?:statistically )?(?:significant |"
    r"clear |strong |positive |"
    r"inverse |negative )*(?P<noun>association|correlation|relationship|"
    r"interaction)s? between (?P<rest>.+? and .+)"
    r"|(?P<no2>No )(?:significant )?(?P<noun2>association|correlation|relationship|"
    r"interaction)s? (?:was|were) "
    r"(?:found|observed|seen) between (?P<rest2>.+? and .+))$"
)
_BAD_SUBJECT = re.compile(
    r"(?i)^(?:we|it|this|these|that|those|they|he|she|there|both|neither|no|none|nor|one|which|"
    r"who|if|"
    r"when|while|whether|although|though|because|since|however|only|our|their|its|his|her|as|"
    r"for|in|at|"
    r"on|to|by|with|of|from|after|during|among|between|all|some|most|such|other|others|another|"
    r"each|"
    r"either|not|and|but|or|what|how|where|table|fig|figure|first|second|third|also|\d.*|even|"
    r"until|"
    r"likewise|despite|given|using|a difference|longer|more|less|based|compared|under|within|"
    r"due|results?|findings|data|study|studies|analysis|"
    r"analyses|the (?:results?|findings|data|study|analysis|analyses|present|difference|"
    r"differences|latter|former|same|"
    r"authors?|groups?|two|three|other|first|second|primary|secondary|above|current|most|only|"
    r"mean difference))\b"
)
_IN_SUBJECT = re.compile(
    r"(?i)\b(?:that|which|who|whom|was|were|is|are|be|been|did|does|do|had|has|have|may|might|"
    r"could|can|"
    r"should|would|will|we|they|it|showed|found|but|because|although|when|while|if|not|whether|"
    r"than|"
    r"suggests?|shows?|indicates?|this|these|our|articles?|papers?|authors?|et al|"
    r"hypothes[ie]s)\b|[,;:]"
)
_STOP = re.compile(
    r"(?i)\s*(?:[,;:(–]|\. |\b(?:but|whereas|while|although|however|though|when|because|suggesting|"
    r"indicating|as shown|as well as|except|unless|only|if|after adjust\w+|p [<=>]|P[<=>]|"
    r"and (?:did|was|were|"
    r"is|are|had|has|may|can|reduced|increased|decreased|improved|there|this|that|"
    r"the \w+ \w+ (?:was|were))|(?:and|or) to)\b).*$"
)
_VERB_IN_REST = re.compile(
    r"\b(?:was|were|is|are|had|has|have|did)\b|\band \w+ed (?:an?|the|in|no|with|by)\b"
)
_REFERS = re.compile(
    r"(?i)\b(?:this|these|those|it|its|their|they|them|our|we|us|former|latter|respectively|"
    r"such|same|table|fig|figure|I{1,3}V?|either|neither|nor|each|both|here|above|below|this)\b"
)


@dataclass(frozen=True)
class Asked:
    """A question from a statement.

    Attributes:
        question: The question.
        label: yes or no, as the statement says.
    """

    question: str
    label: str


def asked(rng: random.Random | None, statement: str, lower: Collection[str]) -> Asked | None:
    """Turn a statement into a question that it answers; None if the rules do not know its form.

    Args:
        rng: Chooses synonyms, and now and then the opposite, which a statement answers with no;
            None keeps the statement's own words.
        statement: A sentence.
        lower: Words that are written with a small letter inside sentences.
    """
    text = re.sub(r"\s*\([^()]*\)|\s*\[[^\[\]]*\]", "", statement).strip().rstrip(".")
    text = _OPENING.sub("", text)
    return _linked(text) or _with_subject(rng, text, lower)


def _linked(text: str) -> Asked | None:
    if match := _DIFFERENCE.match(text):
        rest = _rest(match["rest"] or match["rest2"])
        if rest and re.search(r"\b(?:between|among|across)\b", rest):
            return Asked(
                f"Is there a difference in {rest}?", "no" if match["no"] or match["no2"] else "yes"
            )
    if match := _LINK.match(text):
        rest = _rest(match["rest"] or match["rest2"])
        if rest and " and " in rest:
            noun = match["noun"] or match["noun2"]
            article = "an" if noun[0] in "ai" else "a"
            return Asked(
                f"Is there {article} {noun} between {rest}?",
                "no" if match["no"] or match["no2"] else "yes",
            )
    return None


def _with_subject(rng: random.Random | None, text: str, lower: Collection[str]) -> Asked | None:
    for pattern, kind in (
        (_EFFECT, "effect"),
        (_DO_NOT, "not"),
        (_FAIL, "not"),
        (_BE, "be"),
        (_DO, "do"),
    ):
        match = pattern.match(text)
        if not match:
            continue
        subject, rest = _subject(match["subject"], lower), _rest(match["rest"])
        if subject is None or rest is None:
            continue
        if made := _made(rng, kind, match, subject, rest):
            return made
    return None


def _made(
    rng: random.Random | None, kind: str, match: re.Match[str], subject: str, rest: str
) -> Asked | None:
    if kind == "effect":
        noun = rng.choice(_AFFECT) if rng else _AFFECT[0]
        question = f"{_do(subject)} {subject} {noun} {rest}?"
        return Asked(question, "no" if match["not"] else "yes") if rest else None
    return (_state if kind == "be" else _action)(rng, match, subject, rest)


def _state(
    rng: random.Random | None, match: re.Match[str], subject: str, rest: str
) -> Asked | None:
    key = match["state"]
    if key in _INCOMPLETE and not rest:
        return None
    word, turned = _word(rng, "lower_" if key == "lower" else key, key, may_turn=not match["not"])
    be = "Are" if match["be"] in ("were", "are") else "Is"
    question = " ".join((be, subject, word, rest)).rstrip() + "?"
    return Asked(question, "no" if match["not"] or turned else "yes")


def _action(
    rng: random.Random | None, match: re.Match[str], subject: str, rest: str
) -> Asked | None:
    denied = match.re is not _DO
    verb = match["verb"] if denied else _FINITE[match["verb"]]
    is_noun = not denied and re.search(
        r"\b(?:was|were|is|are|could|had|has|have|been|be)\b", match["rest"]
    )
    if is_noun or re.match(r"(?:by|and|or|for)\b", rest) or not (rest or verb in _ALONE):
        return None
    if not denied and match["verb"] == verb and not is_plural(subject):
        return None
    word, turned = verb, False
    if rest and not _NO_OBJECT.match(rest):
        word, turned = _word(rng, verb, verb, may_turn=not denied)
    question = " ".join((_do(subject), subject, word, rest)).rstrip() + "?"
    return Asked(question, "no" if denied or turned else "yes")


def _do(subject: str) -> str:
    return "Do" if is_plural(subject) else "Does"


def _word(rng: random.Random | None, key: str, word: str, *, may_turn: bool) -> tuple[str, bool]:
    if rng is None:
        return word, False
    if may_turn and key in _OPPOSITES and rng.random() < 0.4:
        return _OPPOSITES[key], True
    return (
        (rng.choice(_SYNONYMS[key]), False)
        if key in _SYNONYMS and rng.random() < 0.5
        else (word, False)
    )


def _subject(text: str, lower: Collection[str]) -> str | None:
    if _BAD_SUBJECT.match(text) or _IN_SUBJECT.search(text) or not 1 <= len(text.split()) <= 14:
        return None
    if re.search(
        r"(?i)\b(?:significantly|not|respectively|however|therefore|also|to|and|or|of|in|by|with)$",
        text,
    ):
        return None
    first, *others = text.split(" ")
    if (first == "A" or first.lower() in lower) and first[1:] == first[1:].lower():
        first = first.lower()
    return " ".join((first, *others))


def _rest(text: str) -> str | None:
    if re.match(r" ?(?:[^,;]*\d, |(?:[\w-]+ )?[\w-]+(?:ic|al|ive|ous|ast),)", text):
        return None
    text = _STOP.sub("", text.strip()).strip().rstrip(".")
    if len(text.split()) > 22 or _REFERS.search(text) or _VERB_IN_REST.search(text):
        return None
    if re.search(
        r"(?i)(?:^|\s)(?:and|or|of|in|by|with|to|the|a|than|from|between|"
        r"for|p|significantly|not|on|at|versus|vs|at \d+)$",
        text,
    ):
        return None
    return text
