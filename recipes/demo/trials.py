"""Questions about the outcomes of trials, from annotations of evidence-inference.

An annotation says what an intervention did to an outcome, compared with another, and which sentence
shows it.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abstracts import Abstracts, record
from claims import is_plural
from texts import Paper, Record, content, read_rows, sentences, some, words

_UP, _DOWN, _SAME = "up", "down", "same"
_LABELS = {
    "significantly increased": _UP,
    "significantly increase": _UP,
    "significantly decreased": _DOWN,
    "no significant difference": _SAME,
}
_RISES = r"increas|higher|greater|more\b|rise|rose|elevat|large|longer|gain|improv|better|superior"
_FALLS = (
    r"reduc|lower|decreas|declin|less\b|fewer|shorter|fell|drop|small|loss|"
    r"suppress|faster|improv|worse|inferior"
)
_NOT_A_NAME = re.compile(
    r"(?i)^(?:receiv|admitted|those|these|no |not |all |either|lean of|the latter)|\b(?:was|"
    r"were|is|are|had|has|have|who|that|"
    r"which|significant\w*|data|received)\b| ,|\d+ ?, ?\d+"
)
# Questions by what is asked: a rise, a fall, or any difference. I, O and C are the trial's.
_ASKS: dict[str, tuple[str, ...]] = {
    _UP: (
        "{do} {i} increase {o}{c}?",
        "{be} {o} higher with {i} than with {k}?",
        "{do} {i} raise {o}{c}?",
        "{do} {i} lead to higher {o}{c}?",
        "{be} {o} increased by {i}{c}?",
        "Can {i} increase {o}{c}?",
    ),
    _DOWN: (
        "{do} {i} reduce {o}{c}?",
        "{be} {o} lower with {i} than with {k}?",
        "{do} {i} lower {o}{c}?",
        "{do} {i} decrease {o}{c}?",
        "{do} {i} lead to lower {o}{c}?",
        "Can {i} reduce {o}{c}?",
        "{be} {o} reduced by {i}{c}?",
    ),
    "any": (
        "{do} {i} affect {o}{c}?",
        "{do} {i} have an effect on {o}{c}?",
        "{do} {i} influence {o}{c}?",
        "Is there a difference in {o} between {i} and {k}?",
        "{be} {o} different with {i} and with {k}?",
        "Do {i} and {k} differ in {o}?",
        "{do} {i} change {o}{c}?",
        "Does {o} depend on the choice between {i} and {k}?",
    ),
}


@dataclass(frozen=True)
class Trial:
    """What a trial found about one outcome.

    Attributes:
        pmcid: The paper.
        intervention: What was given.
        comparator: What it was compared with.
        outcome: What was measured.
        found: up, down or same.
        evidence: The sentence that shows it.
    """

    pmcid: str
    intervention: str
    comparator: str
    outcome: str
    found: str
    evidence: str


def read_trials(path: Path) -> list[Trial]:
    """Read the annotations that are plain text and on which the annotators agree."""
    rows = read_rows(path)
    said: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        said[row["pmcid"], row["prompt"]].add(_LABELS[row["label"]])
    found: dict[Trial, None] = {}
    for row in rows:
        fields = [_name(row[field]) for field in ("intervention", "comparator", "outcome")]
        evidence = _evidence(row["evidence"])
        if all(fields) and evidence and len(said[row["pmcid"], row["prompt"]]) == 1:
            found[Trial(row["pmcid"], *fields, _LABELS[row["label"]], evidence)] = None
    return list(found)


def _name(text: str) -> str:
    text = re.sub(r"\s*\([^()]*\)|\s*\[[^\[\]]*\]", "", " ".join(text.split())).strip(" ,.;:")
    first = text.split(" ")[0]
    if first[1:] == first[1:].lower() and first.isalpha() and len(first) > 2:
        text = text[0].lower() + text[1:]
    plain = re.fullmatch(r"[^()\[\];:=]+", text) and not _NOT_A_NAME.search(text)
    return text if plain and len(text) > 2 and words(text) <= 16 else ""


def _evidence(text: str) -> str:
    if "\n" in text.strip():
        return ""
    text = " ".join(sentences(text))
    figures = len(re.findall(r"\d", text))
    if not 7 <= words(text) <= 90 or figures * 5 > len(text) * 2 or not text[:1].isupper():
        return ""
    return text if text[-1] in ".?!" else text.rstrip(",;:") + "."


class Trials:
    """Questions about the outcomes of trials.

    Args:
        trials: What they found.
        papers: Their papers, for the texts around the evidence.
        abstracts: Texts about other things.
    """

    def __init__(
        self, trials: Sequence[Trial], papers: Mapping[str, Paper], abstracts: Abstracts
    ) -> None:
        self.trials, self.abstracts = trials, abstracts
        self.changed = [t for t in trials if t.found != _SAME]
        self.directed = [
            t
            for t in self.changed
            if re.search(_RISES if t.found == _UP else _FALLS, t.evidence, re.IGNORECASE)
        ]
        self.same = [t for t in trials if t.found == _SAME]
        self.of_paper: dict[str, list[Trial]] = defaultdict(list)
        for trial in trials:
            self.of_paper[trial.pmcid].append(trial)
        self.papers = papers

    def record(self, rng: random.Random, label: str, longest: int) -> Record | None:
        """Make a record with the answer `label` and at most `longest` words of context."""
        if label == "maybe":
            trial = rng.choice(self.trials)
            question = _ask(rng, trial, rng.choice((_UP, _DOWN, "any")))
            told = self._beside(rng, trial, question, longest)
            return record(question, " ".join(told), label) if told else None
        directed = rng.random() < 0.7
        if label == "yes":
            trial = rng.choice(self.directed if directed else self.changed)
            question = _ask(rng, trial, trial.found if directed else "any")
        elif rng.random() < 0.35:
            trial = rng.choice(self.directed)
            question = _ask(rng, trial, _DOWN if trial.found == _UP else _UP)
        else:
            trial = rng.choice(self.same)
            question = _ask(rng, trial, rng.choice((_UP, _DOWN, _DOWN, "any")))
        if words(trial.evidence) > longest:
            return None
        return record(question, self._context(rng, trial, longest), label)

    def _context(self, rng: random.Random, trial: Trial, longest: int) -> str:
        paper = self.papers.get(trial.pmcid)
        room = longest - words(trial.evidence)
        if not paper or rng.random() < (0.4 if longest < 100 else 0.1):
            return trial.evidence
        way = rng.random()
        if way < 0.35:
            part = next((p for p in paper.body if trial.evidence[:40] in " ".join(p.split())), "")
            told = sentences(part)
            at = next((n for n, s in enumerate(told) if trial.evidence[:40] in s), 0)
            return " ".join(
                (
                    *some(rng, told[max(0, at - 3) : at], room // 2),
                    trial.evidence,
                    *some(rng, told[at + 1 : at + 4], room // 2),
                )
            )
        told = [] if trial.evidence in paper.abstract else [trial.evidence]
        if way < 0.8 and sum(map(words, paper.abstract)) <= room:
            return " ".join((*paper.abstract, *told))
        return " ".join((*some(rng, paper.before, room), trial.evidence))

    def _beside(self, rng: random.Random, trial: Trial, question: str, longest: int) -> list[str]:
        way = rng.random()
        if way < 0.25 and (paper := self.papers.get(trial.pmcid)):
            return some(rng, paper.before, longest)
        if way < 0.6:
            other = rng.choice(self.of_paper[trial.pmcid])
            same = content(trial.outcome) & content(f"{other.evidence} {other.outcome}")
            apart = content(trial.outcome) and not same
            return [other.evidence] if apart and words(other.evidence) <= longest else []
        if way < 0.8:
            other = rng.choice(self.trials)
            told = [other.evidence] if words(other.evidence) <= longest else []
            return [] if content(question) & content(other.evidence) else told
        return self.abstracts.passage(rng, question, longest)


def _ask(rng: random.Random, trial: Trial, kind: str) -> str:
    compared = rng.choice(
        ("", f" compared with {trial.comparator}", f" compared to {trial.comparator}")
    )
    text = rng.choice(_ASKS[kind]).format(
        do="Do" if is_plural(trial.intervention) else "Does",
        be="Are" if is_plural(trial.outcome) else "Is",
        i=trial.intervention,
        o=trial.outcome,
        c=compared,
        k=trial.comparator,
    )
    return text[0].upper() + text[1:]


def names_in(trials: Sequence[Trial]) -> dict[str, list[str]]:
    """The short names of interventions and outcomes, by kind, for generated texts."""

    def short(found: Sequence[str]) -> list[str]:
        return sorted(
            {
                n
                for n in found
                if words(n) <= 5
                and re.fullmatch(r"[A-Za-z][A-Za-z' -]+", n)
                and not re.search(
                    r"(?i)\b(?:or|and|group|control|placebo|no|not|all|change|changes|rate of)\b", n
                )
            }
        )

    return {
        "trial interventions": short([t.intervention for t in trials]),
        "trial outcomes": short([t.outcome for t in trials]),
    }
