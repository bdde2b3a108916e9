"""Passages of open papers, from which the model learns to write before it learns a task."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence

from texts import Record

WORDS = 180
"""Words of a passage, about 260 tokens: attention over longer ones takes a third of the time."""

_FIRST = 6  # words that a passage is continued from
_SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_CITATION = re.compile(r"\s?\[\d[\d,–\s-]*\]")
_LEFT_OUT = re.compile(
    r"method|material|statistic|author|abbrev|compet|fund|contribut|consent|ethic|sample|design"
    r"|participant|procedure|recruit|random|blind|intervention|measure|analys|registr|acknowledg"
    r"|supplement|availability|setting|timeline|monitoring|polic|protocol",
    re.IGNORECASE,
)


def passages(
    papers: Iterable[Record], others: Iterable[str], rng: random.Random, *, words: int
) -> list[Record]:
    """Cut texts into passages, in random order, until there are enough words.

    Abstracts come before sections, and sections that say how a study was made are left out: their
    wording repeats, and they name few drugs and diseases.

    Args:
        papers: Papers of PMC: title, abstract, sections.
        others: Titles with their abstracts.
        rng: The random source.
        words: How many words to take.
    """
    papers = list(papers)
    first = [f"{paper['title']}. {paper['abstract'] or ''}" for paper in papers]
    rest = [
        section["text"]
        for paper in papers
        for section in paper["sections"]
        if not _LEFT_OUT.search(section["heading"] or "")
    ]
    rng.shuffle(rest)
    made: list[Record] = []
    room = words
    for text in [*others, *first, *rest]:
        for passage in _passages(text):
            made.append(_record(passage))
            room -= len(passage)
        if room <= 0:
            break
    rng.shuffle(made)
    return made


def _passages(text: str) -> Iterator[Sequence[str]]:
    passage: list[str] = []
    for sentence in _SENTENCE_END.split(_CITATION.sub("", " ".join(text.split()))):
        words = sentence.split()
        if passage and len(passage) + len(words) > WORDS:
            yield passage
            passage = []
        passage += words[:WORDS]
    if len(passage) > 2 * _FIRST:
        yield passage


def _record(passage: Sequence[str]) -> Record:
    text, gold = (" ".join(part).lower() for part in (passage[:_FIRST], passage[_FIRST:]))
    return {"task": "generate", "text": text, "gold": gold}
