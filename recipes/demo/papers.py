"""BC5CDR papers with every entity replaced by another of its type, sentence by sentence.

A model that reads 900 papers memorises their names. A model that reads each paper fifty times, with
other names each time, must learn to copy names, and to infer from the sentence which chemical
causes what.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import names

_SENTENCE_END = re.compile(r"(?<=[a-z0-9)%][.?!]) (?=[A-Z0-9(])")
_ABBREVIATION = re.compile(r"[A-Z0-9][A-Za-z0-9-]{0,5}$")


@dataclass(frozen=True)
class Mention:
    """One mention of an entity; without an id, its text serves as the id."""

    start: int
    end: int
    text: str
    type: str
    id: str


@dataclass(frozen=True)
class Paper:
    """One annotated paper; `relations` are (chemical id, disease id) pairs."""

    pmid: str
    title: str
    abstract: str
    mentions: tuple[Mention, ...]
    relations: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        return f"{self.title} {self.abstract}"

    def sentences(self) -> list[tuple[int, int]]:
        """The spans of the title and of each sentence of the abstract."""
        spans, start = [(0, len(self.title))], len(self.title) + 1
        for match in _SENTENCE_END.finditer(self.text, start):
            if not any(m.start < match.start() < m.end for m in self.mentions):
                spans.append((start, match.start()))
                start = match.end()
        return [*spans, (start, len(self.text))]


def read_papers(path: Path) -> list[Paper]:
    """Read a PubTator file; mentions with several ids are left out."""
    return [_paper(block) for block in path.read_text().strip().split("\n\n")]


def _paper(block: str) -> Paper:
    title, abstract, *rows = block.split("\n")
    fields = [row.split("\t") for row in rows]
    mentions = [
        Mention(int(f[1]), int(f[2]), f[3], f[4], f[5] if f[5] != "-1" else f"-1:{f[3].lower()}")
        for f in fields
        if f[1] != "CID" and "|" not in f[5]
    ]
    mentions.sort(key=lambda m: (m.start, -m.end))
    apart: list[Mention] = []
    for mention in mentions:
        if not apart or mention.start >= apart[-1].end:
            apart.append(mention)
    relations = tuple((f[2], f[3]) for f in fields if f[1] == "CID")
    pmid, _, title_text = title.split("|", 2)
    return Paper(pmid, title_text, abstract.split("|", 2)[2], tuple(apart), relations)


Pools = dict[tuple[str, bool], list[str]]
Swap = Callable[[random.Random, Paper, float], dict[tuple[str, str], str]]


def pools(papers: list[Paper]) -> Pools:
    """The names of each type, with names of related entities separate from others.

    Names partly reveal which disease a drug treats and which it causes: replacing names across this
    border would teach that hypotension is as likely an indication as cancer.
    """
    by_kind: dict[tuple[str, bool], set[str]] = {}
    for paper in papers:
        related = {identity for pair in paper.relations for identity in pair}
        for mention in paper.mentions:
            if len(mention.text) > 4:
                key = mention.type, mention.id in related
                by_kind.setdefault(key, set()).add(mention.text.lower())
    return {key: sorted(names_) for key, names_ in by_kind.items()}


def swapper(papers: list[Paper]) -> Swap:
    """Make a function that draws new names for the entities of a paper.

    Its table maps (id, mention text) to the new text. All long forms of an id get the same name,
    and all its abbreviations the same abbreviation.
    """
    pool = pools(papers)
    make = {"Chemical": names.made_up_chemical, "Disease": names.made_up_disease}
    common = {"Chemical": names.CHEMICALS, "Disease": names.DISEASES}

    def draw(rng: random.Random, kind: str, related: bool) -> str:
        point = rng.random()
        if point < 0.55:
            return rng.choice(pool[kind, related])
        return rng.choice(common[kind]) if point < 0.7 else make[kind](rng)

    def swap(rng: random.Random, paper: Paper, share: float) -> dict[tuple[str, str], str]:
        table: dict[tuple[str, str], str] = {}
        taken: set[str] = set()
        related = {identity for pair in paper.relations for identity in pair}
        for identity in dict.fromkeys(m.id for m in paper.mentions):
            forms = list(dict.fromkeys(m.text for m in paper.mentions if m.id == identity))
            if rng.random() >= share:
                continue
            kind = next(m.type for m in paper.mentions if m.id == identity)
            name, short = draw(rng, kind, identity in related), names.code(rng)
            while name in taken:
                name = make[kind](rng)
            taken.add(name)
            abbreviated = [form for form in forms if _ABBREVIATION.match(form) and len(forms) > 1]
            for form in forms:
                table[identity, form] = short if form in abbreviated else name
        return table

    return swap


def variant(paper: Paper, rng: random.Random, swap: Swap, *, brief: float) -> dict[str, Any]:
    """Make a version of a paper with other names, and perhaps fewer sentences.

    Args:
        paper: The paper.
        rng: The random source.
        swap: The function made by `swapper`.
        brief: Probability of keeping only one to four sentences besides the title.
    """
    table = swap(rng, paper, rng.choice((0.0, 0.5, 1.0, 1.0, 1.0)))
    title, *body = paper.sentences()
    way = rng.random()
    if rng.random() < brief:
        body = [
            body[i] for i in sorted(rng.sample(range(len(body)), min(len(body), rng.randint(1, 4))))
        ]
    elif way < 0.2 and len(body) > 3:
        kept = rng.sample(range(len(body)), rng.randrange(2, len(body)))
        body = [body[i] for i in (kept if rng.random() < 0.3 else sorted(kept))]
    elif way < 0.3:
        body = body[: rng.randrange(1, len(body) + 1)]
    return _record(paper, [title], body, table)


def as_published(paper: Paper) -> dict[str, Any]:
    """The paper unchanged, with its relations in the order in which the text names them."""
    spans = paper.sentences()
    return _record(paper, spans[:1], spans[1:], {})


def _record(
    paper: Paper,
    title: list[tuple[int, int]],
    body: list[tuple[int, int]],
    table: dict[tuple[str, str], str],
) -> dict[str, Any]:
    seen: dict[str, list[str]] = {}
    title_text = " ".join(_rewrite(paper, span, table, seen) for span in title)
    abstract = " ".join(_rewrite(paper, span, table, seen) for span in body)
    order = list(seen)
    pairs = [(c, d) for c, d in dict.fromkeys(paper.relations) if c in seen and d in seen]
    pairs.sort(key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    gold = [
        {"head": max(seen[c], key=len), "type": "CID", "tail": max(seen[d], key=len)}
        for c, d in pairs
    ]
    return {
        "task": "bc5cdr",
        "id": paper.pmid,
        "title": title_text,
        "abstract": abstract,
        "gold": gold,
    }


def _rewrite(
    paper: Paper,
    span: tuple[int, int],
    table: dict[tuple[str, str], str],
    seen: dict[str, list[str]],
) -> str:
    parts, at = [], span[0]
    for mention in _inside(paper, span):
        name = table.get((mention.id, mention.text), mention.text)
        parts += [paper.text[at : mention.start], name]
        at = mention.end
        seen.setdefault(mention.id, []).append(name)
    return "".join([*parts, paper.text[at : span[1]]])


def _inside(paper: Paper, span: tuple[int, int]) -> Iterator[Mention]:
    return (m for m in paper.mentions if span[0] <= m.start and m.end <= span[1])
