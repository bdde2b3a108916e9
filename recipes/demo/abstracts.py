"""Questions about published papers: statements and aims, turned into questions by rules.

The context is the statement among its neighbours, or, for a statement of the conclusion, the
abstract without the conclusion, as in PubMedQA.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from statements import Asked, Statement, asked, third
from texts import Paper, Record, content, sentences, some, window, words

_NO = re.compile(
    r"(?i)\bno (?:statistically |clinically )?(?:significant|evidence|differences?|effects?|"
    r"benefits?|improvements?|"
    r"advantages?|associations?|impact|change|influence|additional|added|clear)|\b(?:did|does|"
    r"do|was|were|is|are) not\b|"
    r"\bfailed to|\bineffective|\bneither\b|\black of (?:effect|benefit|efficacy)|\bunlikely to|"
    r"\bnot (?:significantly|superior|"
    r"effective|associated)"
)
_YES = re.compile(
    r"(?i)\b(?:improve[sd]?|reduce[sd]?|increase[sd]?|decrease[sd]?|effective|beneficial|"
    r"superior|associated|"
    r"enhance[sd]?|prevent(?:s|ed)?|lower(?:s|ed)?|benefits?|led to|leads to|resulted in|"
    r"results in|positive|useful|"
    r"better|promising|favou?rable|protective|efficacious)\b"
)
_OPEN = re.compile(
    r"(?i)\b(?:remains? (?:unclear|uncertain|unknown|to be (?:determined|established|"
    r"elucidated))|inconclusive|insufficient evidence|"
    r"(?:no|not allow) (?:firm|definite|definitive) conclusions?|cannot be (?:concluded|"
    r"determined|excluded)|mixed results|conflicting|"
    r"(?:further|larger|more|additional) (?:\w+ )?(?:studies|trials|research|study|"
    r"investigation) (?:is|are) (?:needed|required|warranted|necessary) "
    r"to (?:determine|establish|clarify|evaluate|assess|investigate|examine) (?:whether|if|"
    r"the (?:effects?|efficacy|effectiveness|role)))"
)
_AIM = re.compile(
    r"(?i)(?:(?:determine|test|investigate|examine|assess|evaluate|study|explore|studied|"
    r"examined|investigated|tested|"
    r"assessed|evaluated|establish|ascertain|see) (?:whether|if)|hypothesi[sz]ed that|"
    r"hypothesis that) (?P<clause>.+)$"
)
_TITLE = re.compile(
    r"^(?:The )?(?:[Ee]ffects?|[Ii]mpact|[Ii]nfluence|[Ee]fficacy|[Ee]ffectiveness) of (?:an? |"
    r"the )?(?P<x>[^:;?]{3,90}?) "
    r"(?P<link>on|in|for) (?P<y>[^:;?–]{3,110})(?:[:–].*|$)"
)


@dataclass(frozen=True)
class Item:
    """A question with the text that answers it.

    Attributes:
        question: The question.
        label: yes, no or maybe.
        told: The sentences among which the answer is.
        at: Which of them answers; None for the whole.
        paper: The paper.
    """

    question: str
    label: str
    told: Sequence[str]
    at: int | None
    paper: Paper


_UNKNOWN = re.compile(
    r"(?i)\b(?:unclear|uncertain|unknown|not (?:yet )?(?:known|clear)|controversial|debated|"
    r"(?:studies|trials|research) (?:are|is) "
    r"(?:needed|required|warranted|necessary) to (?:determine|establish|clarify|assess|"
    r"investigate|examine|evaluate)) (?:whether|if) (?P<clause>.+)$"
)


def polarity(question: str, conclusion: Iterable[str]) -> str | None:
    """Read off a conclusion whether its answer is yes, no or open; None if the cues disagree.

    Only sentences that share two words with the question count.
    """
    about = content(question)
    told = [s for s in conclusion if len(about & content(s)) > 1]
    if not told:
        return None
    no = sum(bool(_NO.search(s)) for s in told)
    yes = sum(not (_NO.search(s) or _OPEN.search(s)) and bool(_YES.search(s)) for s in told)
    if any(_OPEN.search(s) for s in told):
        return None if yes else "maybe"
    if yes and no:
        return None
    return "yes" if yes else "no" if no else None


class Abstracts:
    """Questions about papers, by label.

    Args:
        papers: The papers.
        rng: Chooses among the papers' many statements.
        parts: How many parts of full texts are read for statements.
    """

    def __init__(self, papers: Sequence[Paper], rng: random.Random, *, parts: int = 12_000) -> None:
        self.papers = [p for p in papers if len(p.abstract) > 2]
        self.lower = _lower(self.papers)
        bodies = [(paper, part) for paper in papers for part in paper.body]
        self.near: dict[str, list[Item]] = {"yes": [], "no": [], "maybe": []}
        self.whole: dict[str, list[Item]] = {"yes": [], "no": [], "maybe": []}
        self.statements: list[Statement] = []
        for paper in self.papers:
            for told in (paper.before, paper.results, paper.conclusion):
                self._read(rng, paper, told)
            self._ask_aims(paper)
        for paper, part in rng.sample(bodies, min(parts, len(bodies))):
            self._read(rng, paper, sentences(part))
        self.others = [
            s for p in self.papers for s in p.before if 8 <= words(s) <= 30 and not _AIM.search(s)
        ]

    def _read(self, rng: random.Random, paper: Paper, told: Sequence[str]) -> None:
        for at, statement in enumerate(told):
            if words(statement) > 60:
                continue
            if match := _UNKNOWN.search(statement):
                if made := self._clause(match["clause"]):
                    self.near["maybe"].append(Item(made.question, "maybe", [statement], 0, paper))
                continue
            if not (made := asked(rng, statement, self.lower)):
                continue
            if made.of:
                self.statements.append(made.of)
            self.near[made.label].append(Item(made.question, made.label, told, at, paper))
            if told is paper.conclusion and len(paper.results) > 1:
                item = Item(made.question, made.label, paper.abstract, None, paper)
                self.whole[made.label].append(item)

    def _ask_aims(self, paper: Paper) -> None:
        questions = [q.question for q in self._aims(paper)]
        if made := title_question(paper.title, self.lower):
            questions.append(made)
        open_ = not paper.results and re.search("(?i)protocol", paper.title)
        for question in questions:
            told = paper.conclusion if paper.results else ()
            if label := "maybe" if open_ else polarity(question, told):
                self.whole[label].append(Item(question, label, paper.abstract, None, paper))

    def _aims(self, paper: Paper) -> Iterator[Asked]:
        for text in paper.before:
            if (match := _AIM.search(text)) and (made := self._clause(match["clause"])):
                yield made

    def _clause(self, clause: str) -> Asked | None:
        """Ask what a clause after "whether" says."""
        clause = re.sub(r"\b(?:would|will|can|could|may|might) (?=\w)", "", clause)
        clause = re.sub(
            r"\b(reduce|increase|improve|affect|decrease|enhance|prevent|influence|lead to)\b",
            lambda verb: third(verb[0]),
            clause,
        )
        made = asked(None, clause[0].upper() + clause[1:], self.lower)
        return made if made and made.label == "yes" else None

    def record(self, rng: random.Random, label: str, longest: int) -> Record | None:
        """Make a record with the answer `label` and at most `longest` words of context."""
        if label == "maybe" and rng.random() < 0.8:
            return self._unanswered(rng, longest)
        whole = longest > 120 and rng.random() < 0.55
        items = self.whole[label] if whole else self.near[label]
        if not items:
            return None
        item = rng.choice(items)
        if item.at is not None:
            if words(item.told[item.at]) > longest:
                return None
            return record(item.question, window(rng, item.told, item.at, longest), label)
        paper = item.paper
        room = longest - sum(map(words, paper.results))
        if room < 0:
            return None
        told = [*some(rng, paper.before, room), *paper.results]
        if (
            label != "maybe"
            and rng.random() < 0.3
            and words(" ".join((*told, *paper.conclusion))) <= longest
        ):
            told += paper.conclusion
        return record(item.question, " ".join(told), label)

    def _unanswered(self, rng: random.Random, longest: int) -> Record | None:
        item = rng.choice(self.near[rng.choice(("yes", "no"))])
        if rng.random() < 0.3:
            told = [] if item.told is item.paper.before else some(rng, item.paper.before, longest)
        else:
            told = self.passage(rng, item.question, longest)
        return record(item.question, " ".join(told), "maybe") if told else None

    def passage(self, rng: random.Random, question: str, longest: int) -> list[str]:
        """Sentences of a paper about something else; empty if the paper drawn is about the same."""
        other = rng.choice(self.papers)
        if rng.random() < 0.6:
            item = rng.choice(self.near[rng.choice(("yes", "no"))])
            text = window(rng, item.told, item.at or 0, longest)
            told = [text] if words(text) <= longest else []
        else:
            told = some(rng, [*other.abstract, *other.conclusion], longest)
        return [] if len(content(question) & content(" ".join(told))) > 1 else told


def record(question: str, context: str, label: str) -> Record:
    """Make a record of a question."""
    return {"task": "pubmedqa", "question": question, "context": context, "gold": label}


def title_question(title: str, lower: frozenset[str]) -> str | None:
    """Ask what a title "Effect of X on Y" promises to tell; None for other titles."""
    match = _TITLE.match(title)
    if not match or " and " in match["x"] or re.search(r"(?i)compar|versus|protocol", title):
        return None
    x, y = match["x"], match["y"].strip()
    if (first := x.split()[0]).lower() in lower and first[1:] == first[1:].lower():
        x = x[0].lower() + x[1:]
    if match["link"] == "on":
        return f"Does {x} have an effect on {y}?"
    return f"Is {x} effective {match['link']} {y}?"


def _lower(papers: Iterable[Paper]) -> frozenset[str]:
    found = Counter(
        w
        for p in papers
        for s in (*p.abstract, *p.conclusion)
        for w in re.findall(r"(?<=[a-z,] )[a-z]{2,}\b", s)
    )
    return frozenset(found)
