"""Sentences and parts of published papers."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_END = re.compile(
    r"(?<=[a-zA-Z0-9)%\]]{2}\.)(?<!Fig\.)(?<!Dr\.)(?<!al\.)(?<! vs\.)(?<! no\.)(?<!i\.e\.) "
    r"(?=[A-Z0-9])|(?<=[?!]) (?=[A-Z])"
)
_LABEL = re.compile(
    r"(?:^|(?<=[.?!)] ))(?:([A-Z][A-Za-z/&,' -]{3,45}): ?|"
    r"(Introduction|Background|Objectives?|Aims?|Purpose|(?:Materials? and )?Methods?|Results|"
    r"Findings|"
    r"Conclusions?|Discussion)\. )(?=[A-Z0-9])"
)
_CITED = re.compile(r" ?\[\d[\d, –-]*\]")
_REGISTERED = re.compile(
    r"\b(?:NCT\d|ISRCTN|ACTRN|Clinical ?[Tt]rials?\.gov|registration|identifier|PROSPERO)"
)


@dataclass(frozen=True)
class Paper:
    """A paper in parts.

    Attributes:
        pmcid: Its identifier.
        title: Its title, without full stop.
        before: The sentences of its abstract before the results: background and methods.
        results: The sentences of the results.
        conclusion: The sentences of the conclusion.
        body: The text of the results and the discussion, in parts.
    """

    pmcid: str
    title: str
    before: Sequence[str]
    results: Sequence[str]
    conclusion: Sequence[str]
    body: Sequence[str]

    @property
    def abstract(self) -> list[str]:
        """The sentences of the abstract without its conclusion."""
        return [*self.before, *self.results]


def sentences(text: str) -> list[str]:
    """Split into sentences; citations in brackets and registrations are left out."""
    text = _CITED.sub("", " ".join(text.split()))
    return [s for s in _END.split(text) if s and not _REGISTERED.search(s)]


def words(text: str) -> int:
    """Count words."""
    return len(text.split())


def content(text: str) -> set[str]:
    """The words of at least four letters, for a comparison of subjects."""
    return {w.rstrip("s") for w in re.findall(r"[a-z]{4,}", text.lower())} - _EMPTY


_EMPTY = {
    "with",
    "without",
    "from",
    "than",
    "patient",
    "group",
    "change",
    "level",
    "rate",
    "score",
    "number",
    "mean",
    "treatment",
    "after",
    "before",
    "between",
    "during",
    "compared",
    "total",
    "effect",
    "significant",
    "difference",
    "reduce",
    "increase",
    "improve",
    "doe",
    "have",
    "there",
    "higher",
    "lower",
    "placebo",
    "control",
    "which",
    "were",
    "that",
    "this",
}


def read_rows(path: Path) -> list[Record]:
    """Read a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_papers(path: Path) -> list[Paper]:
    """Read the papers of a gzipped JSONL file with title, abstract and sections."""
    return [_paper(row) for row in read_rows(path)]


def _paper(row: Record) -> Paper:
    before: list[str] = []
    results: list[str] = []
    conclusion: list[str] = []
    pieces = _LABEL.split(" ".join(row["abstract"].split()))
    labels = [a or b for a, b in zip(pieces[1::3], pieces[2::3], strict=True)]
    labelled = list(zip(["", *labels], pieces[::3], strict=True))
    structured = any(
        re.match(r"(?i)result|finding|conclu|interpret", label) for label, _ in labelled
    )
    place = before
    for label, text in labelled:
        name = label.lower()
        if not label or not structured:
            place = before
        elif re.search(r"conclu|interpret|discussion|signific|implic", name):
            place = conclusion
        elif re.search(r"result|finding|measurement", name) and "methods" not in name:
            place = results
        elif re.search(r"regist|funding|key ?words|supplement|abbrev|date", name):
            continue
        else:
            place = before
        place += sentences(text)
    if not structured:
        at = next((i for i, s in enumerate(before) if i > 1 and _CONCLUDES.search(s)), None)
        if at is not None:
            before, conclusion = before[:at], before[at:]
    body = [
        section["text"]
        for section in row["sections"]
        if re.search("(?i)result|discussion|conclusion|finding|outcome", section["heading"])
    ]
    title = row["title"].strip().rstrip(".")
    return Paper(row["pmcid"], title, before, results, conclusion, body)


_CONCLUDES = re.compile(
    r"(?i)\b(?:in conclusion|we conclude|to conclude|in summary|our (?:findings|results|data)|"
    r"these "
    r"(?:findings|results|data)|this study (?:suggests|shows|demonstrates)|the (?:findings|"
    r"results) "
    r"(?:suggest|indicate))\b"
)


def window(rng: random.Random, told: Sequence[str], at: int, longest: int) -> str:
    """Sentence number `at` with neighbours at random, at most `longest` words in all."""
    first = last = at
    size = words(told[at])
    wanted = rng.randrange(1, 8)
    while last - first + 1 < wanted:
        ways = [i for i in (first - 1, last + 1) if 0 <= i < len(told)]
        if not ways:
            break
        new = rng.choice(ways)
        size += words(told[new])
        if size > longest:
            break
        first, last = min(first, new), max(last, new)
    return " ".join(told[first : last + 1])


def some(rng: random.Random, told: Sequence[str], longest: int) -> list[str]:
    """Some of the sentences in their order, at most `longest` words in all."""
    kept: list[str] = []
    share = rng.choice((0.4, 0.6, 0.8, 1.0))
    for text in told:
        if rng.random() < share and sum(map(words, kept)) + words(text) <= longest:
            kept.append(text)
    return kept
