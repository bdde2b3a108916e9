"""Generated questions with a text that answers them, contradicts them, or leaves them open.

The folder `phrases` has kinds of claims ("X reduces Y"), by subject. For each kind it lists the
states of the world, the sentences that say so, and the questions that each state answers with yes
or no. A question and its text are drawn apart, so that their words differ. Texts also speak of
other things, and of the same things in other relations.

In a phrase, `[a|b]` is a choice, `X`, `Y`, `W` and `Z` are names, `THAT` is the claim itself,
`was_X` agrees with X in number, and each `N` is a digit.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import names

Record = dict[str, Any]
_FOLDER = Path(__file__).with_name("phrases")
_BY_FILE: dict[str, Any] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(_FOLDER.glob("*.json"))
}
GENERAL: dict[str, Any] = _BY_FILE.pop("general")
_KINDS: dict[str, list[str]] = {}
FRAMES: dict[str, Any] = {}
for _subject in _BY_FILE.values():
    _KINDS |= _subject["things"]
    FRAMES |= _subject["frames"]
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_AGREES = re.compile(r"\b([A-Za-z]+)_([XYW])\b")
_SLOT = re.compile(r"\b(?:THAT|PSIG|PNS|PUP|PDOWN|[XYZW])\b|(?<![A-Za-z])N+(?![A-Za-z])")
_SINGULAR = re.compile(
    r"(?:ss|us|is|[Dd]iabetes|herpes|measles|mumps|rabies|tetanus|ascites|physics|series|"
    r"colitis|PPIs?|scabies|caries|rickets|asbestos|Pilates|aerobics|[Pp]ancreas|\blens|\bpons"
    r"|Pseudomonas|albicans|mutans|pyogenes|perfringens|monocytogenes|neoformans|acnes"
    r"|restless legs|shingles|gallstones disease|aids)$"
)
_IRREGULAR = {"is": "are", "was": "were", "has": "have", "does": "do", "PRO": "they"}


class Things:
    """Names by kind: those of the folder, and any found in trials.

    Args:
        more: Further names by kind, "trial interventions" and "trial outcomes".
    """

    def __init__(self, more: Mapping[str, list[str]] | None = None) -> None:
        found = more or {}
        self.kinds = {
            **_KINDS,
            "trial interventions": found.get("trial interventions") or _KINDS["interventions"],
            "trial outcomes": found.get("trial outcomes") or _KINDS["quantities"],
        }

    def draw(self, rng: random.Random, kinds: list[str]) -> str:
        """Draw a name of one of the kinds."""
        kind = rng.choice(kinds)
        if kind == "drugs":
            plural = rng.random() < 0.1
            return rng.choice(names.WORDS["drug_classes"]) if plural else names.chemical(rng)
        return names.disease(rng) if kind == "names of diseases" else rng.choice(self.kinds[kind])

    def values(self, rng: random.Random, frame: Mapping[str, Any]) -> dict[str, str]:
        """Draw a name for each slot of a kind of claim; none is a part of another."""
        values: dict[str, str] = {}
        for slot, kinds in (*frame["slots"].items(), ("Z", ["populations"])):
            values[slot] = self.other(rng, kinds, values.values())
        return values

    def other(self, rng: random.Random, kinds: list[str], taken: Iterable[str]) -> str:
        """Draw a name that shares no word of weight with those taken; after 20 tries, another."""
        taken = set(taken)
        used = {word for name in taken for word in _content(name)}
        for _ in range(20):
            name = self.draw(rng, kinds)
            if not used & _content(name):
                return name
        while (name := self.draw(rng, kinds)) in taken:
            pass
        return name


def _content(name: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"[a-z0-9]{3,}", name.lower())} - {
        "the", "and", "with", "rate", "patient", "risk", "training", "treatment", "therapy",
    }  # fmt: skip


def is_plural(name: str) -> bool:
    """Say whether a verb after the name is in the plural."""
    head = re.split(r" (?:of|in|with|for|from|after|to|on|at|by|under|during) ", name)[0]
    if " and " in head and not head.endswith("foot and mouth disease"):
        return True
    last = head.split()[-1]
    return last in {
        "women",
        "men",
        "children",
        "people",
        "athletes",
        "bacteria",
        "cattle",
        "feet",
        "mice",
        "teeth",
        "lice",
    } or (last.endswith("s") and not _SINGULAR.search(last) and not last.isupper())


def plural_verb(verb: str) -> str:
    """Make the plural of a verb in the third person: reduces -> reduce."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    return re.sub(r"(?<=ss|zz|sh|ch)es$|(?<=[xo])es$|s$", "", verb)


def fill(rng: random.Random, phrase: str, values: Mapping[str, str]) -> str:
    """Make text of a phrase, without a capital or a full stop."""
    while "[" in phrase:
        phrase = _CHOICE.sub(lambda m: rng.choice(m[1].split("|")), phrase)

    def agreed(match: re.Match[str]) -> str:
        if is_plural(values[match[2]]):
            return plural_verb(match[1])
        return "it" if match[1] == "PRO" else match[1]

    text = _SLOT.sub(lambda m: values.get(m[0]) or _figure(rng, m[0]), _AGREES.sub(agreed, phrase))
    return re.sub(r" ([.,?:;])", r"\1", " ".join(text.split()))


def _figure(rng: random.Random, kind: str) -> str:
    low = rng.choice(("< 0.001", "< 0.05", "< 0.01", "= 0.003", "= 0.02", "=0.001", "<0.0001"))
    high = f"= 0.{rng.randrange(12, 99)}"
    p = rng.choice("pP")
    ratio = rng.choice(("odds ratio", "OR", "hazard ratio", "HR", "relative risk", "RR"))
    figures = {
        "PSIG": (f"{p} {low}", f"{p} {low}", "significant difference"),
        "PUP": (f"{p} {low}", f"{ratio} 2.{rng.randrange(9)}, 95% CI 1.4 to 3.9"),
        "PDOWN": (f"{p} {low}", f"{ratio} 0.{rng.randrange(3, 6)}, 95% CI 0.2 to 0.8"),
        "PNS": (f"{p} {high}", f"{p} {high}", "not significant", f"{ratio} 1.0, 95% CI 0.8 to 1.3"),
    }
    if kind in figures:
        return rng.choice(figures[kind])
    return re.sub("N", lambda _: rng.choice("123456789"), kind)


def sentence(text: str) -> str:
    """Put a capital before and a full stop after."""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else f"{text}."


def is_it_so(rng: random.Random) -> str:
    """The beginning of a question whether a clause is so."""
    start = rng.choice(("Is it true", "Is there evidence", "Is it correct", "Can we say"))
    return f"{start} that"


def opened(rng: random.Random, text: str) -> str:
    """Make a sentence of a text, as a rule with words such as "In brief," before it."""
    opener = fill(rng, rng.choice(GENERAL["openers"]), {})
    return sentence(f"{opener} {text}" if opener else text)


class Claim:
    """One kind of claim about drawn things.

    Attributes:
        frame: The name of the kind.
        values: The names in its slots.
        ask: What is asked.
    """

    def __init__(
        self,
        rng: random.Random,
        things: Things,
        frame: str | None = None,
        values: dict[str, str] | None = None,
    ) -> None:
        self.frame = frame or rng.choice(_COMMON if rng.random() < 0.3 else _EVERY)
        self.kind = FRAMES[self.frame]
        self.values = values or things.values(rng, self.kind)
        self.ask = rng.choice(self.kind["asks"])

    def question(self, rng: random.Random) -> str:
        """Ask in one of the ways."""
        if rng.random() < 0.07:
            return f"{is_it_so(rng)} {self.that(rng)}?"
        return sentence(fill(rng, rng.choice(self.ask["of"]), self.values))

    def that(self, rng: random.Random) -> str:
        """Say what is asked as a clause."""
        return fill(rng, rng.choice(self.ask["that"]), self.values)

    def answers(self, rng: random.Random, label: str, count: int) -> list[str]:
        """Write `count` sentences that give the answer `label`, all of one state."""
        state = "unclear" if label == "maybe" else rng.choice(self.ask[label])
        general = 0.45 if label == "maybe" else 0.2
        return [
            self.about(rng, GENERAL[label]) if rng.random() < general else self.told(rng, state)
            for _ in range(count)
        ]

    def any_state(self, rng: random.Random) -> str:
        """Write a sentence of any state."""
        return self.told(rng, rng.choice(sorted(self.kind["states"])))

    def told(self, rng: random.Random, state: str) -> str:
        """Write a sentence that tells a state."""
        text = fill(rng, rng.choice(self.kind["states"][state]), self.values)
        return opened(rng, text)

    def about(self, rng: random.Random, phrases: list[str]) -> str:
        """Write a sentence around the claim as a clause."""
        return sentence(fill(rng, rng.choice(phrases), {**self.values, "THAT": self.that(rng)}))

    def varied(self, rng: random.Random, things: Things, question: str) -> Claim:
        """Make a claim of the same kind, in which a name that the question has is another."""
        slots = [
            slot
            for slot, kinds in sorted(self.kind["slots"].items())
            if self.values[slot].lower() in question.lower() and "periods" not in kinds
        ]
        slot = rng.choice(slots or ["X"])
        new = things.other(rng, self.kind["slots"][slot], self.values.values())
        return Claim(rng, things, self.frame, {**self.values, slot: new})


_EVERY = sorted(FRAMES)
_COMMON = ("change", "improve", *["risk"] * 3, *["treat"] * 3, "predict", "compare")


def plain(rng: random.Random, things: Things, label: str) -> Record:
    """Generate a question and one or two sentences with the answer `label`, and nothing else.

    Half of those that leave it open speak of another thing, or of another relation.
    """
    claim = Claim(rng, things)
    question = claim.question(rng)
    open_ = label == "maybe" and rng.random() < 0.5
    said = [] if open_ else claim.answers(rng, label, 1)
    if open_ or rng.random() < 0.3:
        said.append(_beside(rng, things, claim, question))
    rng.shuffle(said)
    return _record(question, said, label)


def generated(rng: random.Random, things: Things, label: str, others: list[str]) -> Record:
    """Generate a question and a text with the answer `label`.

    Args:
        rng: Random numbers.
        things: The names.
        label: yes, no or maybe.
        others: Sentences about other things, put in at random.
    """
    claim = Claim(rng, things)
    question = claim.question(rng)
    claim.values = {slot: _alias(rng, name) for slot, name in claim.values.items()}
    open_ = label == "maybe" and rng.random() < 0.5
    count = 0 if open_ else 1 if rng.random() < 0.8 else 2
    said = sorted(set(claim.answers(rng, label, count)))
    few = max(1, min(4, int(rng.expovariate(0.7)))) if open_ else int(rng.expovariate(0.8))
    for _ in range(min(few, 4)):
        said.append(_beside(rng, things, claim, question))
    rng.shuffle(said)
    before, after = [], []
    if rng.random() < (0.5 if open_ else 0.3):
        before.append(claim.about(rng, GENERAL["aims"]))
    before += [
        sentence(fill(rng, rng.choice(GENERAL["studies"]), claim.values))
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2)))
    ]
    if rng.random() < 0.15:
        after.append(rng.choice(GENERAL["ends"]))
    if others and rng.random() < 0.3:
        (before if rng.random() < 0.5 else after).append(rng.choice(others))
    if rng.random() < 0.03:
        question = question.rstrip("?")
    return _record(question, [*before, *said, *after], label)


def _record(question: str, told: Iterable[str], label: str) -> Record:
    return {"task": "pubmedqa", "question": question, "context": " ".join(told), "gold": label}


def _alias(rng: random.Random, name: str) -> str:
    """Another name of the same thing, now and then."""
    return rng.choice(GENERAL["aliases"].get(name, [name])) if rng.random() < 0.35 else name


def _beside(rng: random.Random, things: Things, claim: Claim, question: str) -> str:
    """Write a sentence that does not answer the question: of another thing, or another relation."""
    other = claim.varied(rng, things, question) if rng.random() < 0.6 else Claim(rng, things)
    return other.any_state(rng)
