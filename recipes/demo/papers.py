"""BC5CDR papers with every entity replaced by another of its type, sentence by sentence.

A model that reads 900 papers memorises their names. A model that reads each paper fifty times, with
other names each time, must learn to copy names, and to infer from the sentence which chemical
causes what. `biogpt finetune -s swaps=N` does the same with the names of relations alone; here all
annotated names are replaced, and papers lose sentences.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import names

from biogpt_plugins.corpus.gold import is_named, read_solved
from biogpt_plugins.corpus.gold.solved import Solved
from biogpt_plugins.corpus.readers.read import read_records
from biogpt_plugins.scoring.bc5cdr import UNKNOWN_ID
from biogpt_plugins.scoring.gold import TABLES
from biogpt_plugins.tasks import get_task
from biogpt_plugins.text.grounding import sentences
from biogpt_plugins.training.variants.swaps import NewName, draw_names, new_form, renamed
from biogpt_plugins.training.variants.things import Mention, Thing, mentions

_FEW_WORDS = 15

Sentence = tuple[str, list[Mention]]
New = Mapping[int, NewName]
Swap = Callable[[random.Random, "Paper", float], New]


@dataclass(frozen=True)
class Paper:
    """One annotated paper; mentions and relations name things by their place."""

    pmid: str
    title: Sentence
    body: tuple[Sentence, ...]
    things: tuple[Thing, ...]
    relations: tuple[tuple[int, int], ...]

    @property
    def text(self) -> str:
        """Title and abstract."""
        return " ".join(text for text, _ in (self.title, *self.body))

    @property
    def related(self) -> set[int]:
        """The things that relations are about."""
        return {thing for pair in self.relations for thing in pair}


def read_papers(path: Path) -> list[Paper]:
    """Read a PubTator file."""
    return list(map(_solved, read_solved(path, ["bc5cdr"])))


def read_named(path: Path, type_: str) -> list[Paper]:
    """Read the texts of a PubTator file in which things of one type are marked, but short ones."""
    papers = []
    for record in read_records([str(path)], strict=True):
        found = record.value
        names = {entity.text: entity.id or "" for entity in found.entities or ()}
        if names and len(f"{found.title} {found.text}".split()) > _FEW_WORDS:
            things = _things(names, type_)
            papers.append(_paper(found.id, found.title, found.text, things, ()))
    return papers


def _solved(solved: Solved) -> Paper:
    things: dict[tuple[str, str], Thing] = {}
    for table, type_ in zip(TABLES, get_task("bc5cdr").ends, strict=True):
        things |= _things(solved.names[table], type_)
    places = {key: at for at, key in enumerate(things)}
    pairs = [(r.head, r.tail) for r in solved.result if is_named(r.head) and is_named(r.tail)]
    relations = [(places[c.type, c.id], places[d.type, d.id]) for c, d in pairs]
    return _paper(solved.id, solved.input["title"], solved.input["abstract"], things, relations)


def _things(names: Mapping[str, str], type_: str) -> dict[tuple[str, str], Thing]:
    forms: dict[str, list[str]] = {}
    for name, id_ in names.items():
        # Without an id, a name stands for itself.
        forms.setdefault(name if id_ in ("", UNKNOWN_ID) else id_, []).append(name)
    return {(type_, i): Thing(max(same, key=len), type_, tuple(same)) for i, same in forms.items()}


def _paper(
    pmid: str,
    title: str,
    abstract: str,
    things: Mapping[tuple[str, str], Thing],
    relations: Iterable[tuple[int, int]],
) -> Paper:
    told = list(things.values())

    def read(text: str) -> Sentence:
        return text, mentions(text, told)

    spans = sentences(abstract)
    body = tuple(read(abstract[slice(*span)]) for span in spans)
    return Paper(pmid, read(title), body, tuple(told), tuple(relations))


def pools(papers: list[Paper]) -> dict[tuple[str, bool], list[str]]:
    """The names of each type, with names of related entities separate from others.

    Names partly reveal which disease a drug treats and which it causes: replacing names across this
    border would teach that hypotension is as likely an indication as cancer.
    """
    by_kind: dict[tuple[str, bool], set[str]] = {}
    for paper in papers:
        for at, thing in enumerate(paper.things):
            kept = {form for form in thing.forms if len(form) > 4}
            by_kind.setdefault((thing.type, at in paper.related), set()).update(kept)
    return {key: sorted(found) for key, found in by_kind.items()}


def swapper(papers: list[Paper]) -> Swap:
    """Make a function that draws new names for a share of the entities of a paper."""
    pool = pools(papers)
    make = {"chemical": names.made_up_chemical, "disease": names.made_up_disease}
    common = {"chemical": names.CHEMICALS, "disease": names.DISEASES}

    def draw(at: int, *, rng: random.Random, paper: Paper) -> NewName:
        kind, point = paper.things[at].type, rng.random()
        if point < 0.55:
            name = rng.choice(pool[kind, at in paper.related])
        else:
            name = rng.choice(common[kind]) if point < 0.7 else make[kind](rng)
        return NewName(name, names.code(rng))

    def swap(rng: random.Random, paper: Paper, share: float) -> New:
        chosen = [at for at in range(len(paper.things)) if rng.random() < share]
        return draw_names(chosen, partial(draw, rng=rng, paper=paper))

    return swap


def variant(paper: Paper, rng: random.Random, swap: Swap, *, brief: float) -> dict[str, Any]:
    """Make a version of a paper with other names, and perhaps fewer sentences.

    Args:
        paper: The paper.
        rng: The random source.
        swap: The function made by `swapper`.
        brief: Probability of keeping only one to four sentences besides the title.
    """
    new = swap(rng, paper, rng.choice((0.0, 0.5, 1.0, 1.0, 1.0)))
    body = list(paper.body)
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
    return _record(paper, body, new)


def quiet(paper: Paper, rng: random.Random, swap: Swap) -> dict[str, Any]:
    """Make a text without a relation: the sentences that name no cause, or no effect.

    Without the causes a text states no relation, but it may well name the effects: a model learns
    that names alone make no relation.
    """
    side = rng.randrange(2)
    left_out = {pair[side] for pair in paper.relations}
    kept = [
        sentence
        for sentence in (paper.title, *paper.body)
        if not any(mention[2] in left_out for mention in sentence[1])
    ]
    first = rng.randrange(max(1, len(kept)))
    kept = kept[first : first + rng.randint(1, 6)] or [("No cause was found.", [])]
    return _record(replace(paper, title=kept[0]), kept[1:], swap(rng, paper, 1.0))


def named(
    paper: Paper, rng: random.Random, swap: Swap, *, types: Sequence[str], brief: float
) -> dict[str, Any]:
    """Ask for all names of a type in a text, in its order.

    The question is in words, and the answer goes on from there: "... the chemicals are lithium,
    haloperidol." A text without them says "none".
    """
    body = list(paper.body)
    if rng.random() < brief:
        first = rng.randrange(max(1, len(body)))
        body = body[first : first + rng.randint(1, 3)]
    new = swap(rng, paper, rng.choice((0.0, 1.0)))
    type_ = rng.choice(types)
    texts = (paper.title, *body)
    forms = _forms(paper, texts, new)
    names_ = [max(found, key=len) for at, found in forms.items() if paper.things[at].type == type_]
    told = ", ".join(dict.fromkeys(name.lower() for name in names_)) or "none"
    text = f"{_told(paper, texts, new)} the {type_}s are".lower()
    return {"task": "generate", "text": text, "gold": f"{told}."}


def as_published(paper: Paper) -> dict[str, Any]:
    """The paper unchanged, with its relations in the order in which the text names them."""
    return _record(paper, paper.body, {})


def _forms(paper: Paper, texts: Iterable[Sentence], new: New) -> dict[int, list[str]]:
    """How texts call each thing, with the things in the order of the texts."""
    seen: dict[int, list[str]] = {}
    for text, places in texts:
        for start, end, at in places:
            old = text[start:end]
            form = new_form(old, paper.things[at], new[at]) if at in new else old
            seen.setdefault(at, []).append(form)
    return seen


def _record(paper: Paper, body: Sequence[Sentence], new: New) -> dict[str, Any]:
    """A version of a paper; its relations in the order of the text."""
    seen = _forms(paper, (paper.title, *body), new)
    order = list(seen)
    pairs = [(c, d) for c, d in paper.relations if c in seen and d in seen]
    pairs.sort(key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    gold = [
        {"head": max(seen[c], key=len), "type": "CID", "tail": max(seen[d], key=len)}
        for c, d in pairs
    ]
    return {
        "task": "bc5cdr",
        "id": paper.pmid,
        "title": _told(paper, [paper.title], new),
        "abstract": _told(paper, body, new),
        "gold": gold,
    }


def _told(paper: Paper, texts: Iterable[Sentence], new: New) -> str:
    return " ".join(renamed(text, places, paper.things, new) for text, places in texts)
