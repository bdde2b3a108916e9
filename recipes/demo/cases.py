"""Generated case reports and animal studies: which chemical caused which disease, if any.

Capital letters in a template are roles: C and E are causes, D and F their effects, T and U
treatments that cause nothing here, I and J diseases that existed before.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import names

_TEMPLATES = json.loads(Path(__file__).with_name("templates.json").read_text())["cases"]
_TITLES, _CAUSES = _TEMPLATES["titles"], _TEMPLATES["causes"]
_FILLER, _QUIET_TITLES = _TEMPLATES["filler"], _TEMPLATES["quiet_titles"]
_QUIET = _TEMPLATES["neutral"] + _TEMPLATES["quiet"]


def case(rng: random.Random, *, sentences: int) -> dict[str, Any]:
    """Generate a paper with a title and about `sentences` sentences; one in five names no cause."""
    cast = _cast(rng, sentences)
    found: set[tuple[str, str]] = set()
    quiet = rng.random() < 0.2
    if quiet or (sentences and rng.random() < 0.15):
        title = _fill(rng, rng.choice(_QUIET_TITLES), _bystanders(rng, cast))
    else:
        title = _cause(rng, _TITLES, cast, found)
    body = []
    for at in range(sentences):
        kind = rng.random()
        if not quiet and (kind < 0.4 or (not found and at == sentences - 1)):
            body.append(_cause(rng, _CAUSES, cast, found))
        else:
            text = rng.choice(_QUIET if kind < 0.8 else _FILLER)
            body.append(_fill(rng, text, _bystanders(rng, cast)))
    title, abstract = f"{title}.", " ".join(f"{s[0].upper()}{s[1:]}." for s in body)
    text = f"{title} {abstract}".lower()
    pairs = sorted(found, key=lambda pair: (text.find(pair[0]), text.find(pair[1])))
    gold = [{"head": c, "type": "CID", "tail": d} for c, d in pairs]
    return {"task": "bc5cdr", "title": title, "abstract": abstract, "gold": gold}


def _cast(rng: random.Random, sentences: int) -> dict[str, list[str]]:
    def distinct(draw: Callable[[random.Random], str], count: int) -> list[str]:
        drawn: list[str] = []
        while len(drawn) < count:
            name = draw(rng)
            if not any(name in other or other in name for other in drawn):
                drawn.append(name)
        return drawn

    few = 1 if sentences < 2 else rng.choice((1, 1, 2, 2, 3))
    many = 1 if sentences < 2 else rng.choice((1, 1, 2, 2, 3))
    chemicals, diseases = distinct(names.chemical, few + 3), distinct(names.disease, many + 3)
    return {
        "C": chemicals[: few + 1],
        "D": diseases[: many + 1],
        "T": chemicals[few + 1 :],
        "I": diseases[many + 1 :],
    }


def _bystanders(rng: random.Random, cast: dict[str, list[str]]) -> dict[str, str]:
    """Two treatments and two diseases that existed before."""
    (t, u), (i, j) = (rng.sample(cast[role], 2) for role in "TI")
    return {"T": t, "U": u, "I": i, "J": j}


def _cause(
    rng: random.Random,
    table: dict[str, list[str]],
    cast: dict[str, list[str]],
    found: set[tuple[str, str]],
) -> str:
    roles = rng.choices(("CD", "CDE", "CDF"), (6, 1, 2))[0]
    c, e = rng.sample(cast["C"], 2)
    d, f = rng.sample(cast["D"], 2)
    if found and rng.random() < 0.6:
        c, d = rng.choice(sorted(found))
        e = rng.choice([name for name in cast["C"] if name != c])
        f = rng.choice([name for name in cast["D"] if name != d])
    found |= {(c, d)} | ({(e, d)} if roles == "CDE" else {(c, f)} if roles == "CDF" else set())
    values = {
        "C": c,
        "D": d,
        "E": e,
        "F": f,
        "T": rng.choice(cast["T"]),
        "I": rng.choice(cast["I"]),
    }
    return _fill(rng, rng.choice(table[roles]), values)


def _fill(rng: random.Random, template: str, values: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return str(rng.randrange(2, 90)) if match[0] == "N" else values[match[0]]

    return re.sub(r"\b[CDEFTUIJN]\b(?!')", value, template)
