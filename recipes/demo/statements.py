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


def third(verb: str) -> str:
    """The third person of a verb, which may have a particle: lead to -> leads to."""
    first, *more = verb.split(" ")
    stem = re.sub(r"(?<=[^aeiou])y$", "ie", re.sub(r"(?<=sh|ch|ss)$", "e", first))
    return " ".join((f"{stem}s", *more))


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
_PRESENT = {third(verb): verb for verb in _VERBS}
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
class Statement:
    """A statement with a subject of its own.

    Attributes:
        subject: The subject, as within a sentence.
        verb: The infinitive of a verb, or a state ("associated with") after a form of "be".
        rest: What follows the verb; may be empty.
        is_state: Whether `verb` is a state.
        denied: Whether the statement denies it.
    """

    subject: str
    verb: str
    rest: str
    is_state: bool
    denied: bool

    @property
    def has_object(self) -> bool:
        """Whether synonyms and opposites of the verb fit."""
        return self.is_state or bool(self.rest and not _NO_OBJECT.match(self.rest))

    @property
    def synonyms(self) -> list[str]:
        """Verbs or states that say the same of the same subject."""
        return _SYNONYMS.get(self._key, []) if self.has_object else []

    @property
    def opposite(self) -> str | None:
        """A verb or state that says the opposite of the same subject."""
        return _OPPOSITES.get(self._key) if self.has_object else None

    @property
    def _key(self) -> str:
        return "lower_" if self.is_state and self.verb == "lower" else self.verb

    def question(self, verb: str | None = None, *, past: bool = False) -> str:
        """Ask whether it is so, with another verb or state if one is given."""
        plural = is_plural(self.subject)
        if self.is_state:
            opening = ("Were" if plural else "Was") if past else ("Are" if plural else "Is")
        else:
            opening = "Did" if past else "Do" if plural else "Does"
        return " ".join((opening, self.subject, verb or self.verb, self.rest)).rstrip() + "?"

    def clause(self, verb: str | None = None, *, denied: bool = False, past: bool = False) -> str:
        """Say that it is so, or not, with another verb or state if one is given."""
        verb = verb or self.verb
        plural = is_plural(self.subject)
        if self.is_state:
            be = ("were" if plural else "was") if past else ("are" if plural else "is")
            words = [be, "not" if denied else "", verb]
        elif denied:
            words = ["did" if past else "do" if plural else "does", "not", verb]
        elif past:
            words = [_VERBS.get(verb, verb)]
        else:
            words = [verb if plural else third(verb)]
        return " ".join(filter(None, (self.subject, *words, self.rest)))


@dataclass(frozen=True)
class Asked:
    """A question from a statement.

    Attributes:
        question: The question.
        label: yes or no, as the statement says.
        of: The statement in its parts, where it has a subject and a verb that are known.
    """

    question: str
    label: str
    of: Statement | None = None


def asked(rng: random.Random | None, statement: str, lower: Collection[str]) -> Asked | None:
    """Turn a statement into a question that it answers; None if the rules do not know its form.

    Args:
        rng: Chooses synonyms, and now and then the opposite, which a statement answers with no;
            None keeps the statement's own words.
        statement: A sentence.
        lower: Words that are written with a small letter inside sentences.
    """
    text = _bare(statement)
    if made := _linked(text) or _effect(rng, text, lower):
        return made
    found = next(filter(None, (_taken_apart(form, text, lower) for form in _FORMS)), None)
    return _asked_of(rng, found) if found else None


def _bare(statement: str) -> str:
    """Leave out what is in brackets, and an opening such as "We found that"."""
    text = re.sub(r"\s*\([^()]*\)|\s*\[[^\[\]]*\]", "", statement).strip().rstrip(".")
    return _OPENING.sub("", text)


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


_FORMS = (_DO_NOT, _FAIL, _BE, _DO)


def _taken_apart(form: re.Pattern[str], text: str, lower: Collection[str]) -> Statement | None:
    if not (match := form.match(text)):
        return None
    subject, rest = _subject(match["subject"], lower), _rest(match["rest"])
    if subject is None or rest is None:
        return None
    return (_state if form is _BE else _action)(match, subject, rest)


def _state(match: re.Match[str], subject: str, rest: str) -> Statement | None:
    if match["state"] in _INCOMPLETE and not rest:
        return None
    return Statement(subject, match["state"], rest, is_state=True, denied=bool(match["not"]))


def _action(match: re.Match[str], subject: str, rest: str) -> Statement | None:
    denied = match.re is not _DO
    verb = match["verb"] if denied else _FINITE[match["verb"]]
    is_noun = not denied and re.search(
        r"\b(?:was|were|is|are|could|had|has|have|been|be)\b", match["rest"]
    )
    if is_noun or re.match(r"(?:by|and|or|for)\b", rest) or not (rest or verb in _ALONE):
        return None
    if not denied and match["verb"] == verb and not is_plural(subject):
        return None
    return Statement(subject, verb, rest, is_state=False, denied=denied)


def _asked_of(rng: random.Random | None, found: Statement) -> Asked:
    """Ask what was found, in its own words or, with `rng`, in others now and then."""
    label = "no" if found.denied else "yes"
    if rng is None:
        return Asked(found.question(), label, found)
    if found.opposite and not found.denied and rng.random() < 0.4:
        return Asked(found.question(found.opposite), "no", found)
    if found.synonyms and rng.random() < 0.5:
        return Asked(found.question(rng.choice(found.synonyms)), label, found)
    return Asked(found.question(), label, found)


def _effect(rng: random.Random | None, text: str, lower: Collection[str]) -> Asked | None:
    match = _EFFECT.match(text)
    if not match:
        return None
    subject, rest = _subject(match["subject"], lower), _rest(match["rest"])
    if not subject or not rest:
        return None
    noun = rng.choice(_AFFECT) if rng else _AFFECT[0]
    do = "Do" if is_plural(subject) else "Does"
    return Asked(f"{do} {subject} {noun} {rest}?", "no" if match["not"] else "yes")


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
