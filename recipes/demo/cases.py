"""Generated case reports and animal studies: which chemical caused which disease.

Capital letters in a template are roles: C and E are causes, D and F their effects, T a treatment
that causes nothing here, I a disease that existed before.
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
_NEUTRAL, _FILLER = _TEMPLATES["neutral"], _TEMPLATES["filler"]


def case(rng: random.Random, *, sentences: int) -> dict[str, Any]:
    """Generate a paper with a title and about `sentences` sentences."""
    cast = _cast(rng, sentences)
    found: set[tuple[str, str]] = set()
    title = _cause(rng, _TITLES, cast, found)
    body = []
    for _ in range(sentences):
        kind = rng.random()
        if kind < 0.4:
            body.append(_cause(rng, _CAUSES, cast, found))
        else:
            text = rng.choice(_NEUTRAL if kind < 0.7 else _FILLER)
            body.append(_fill(rng, text, {"T": rng.choice(cast["T"]), "I": rng.choice(cast["I"])}))
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

    return re.sub(r"\b[CDEFTIN]\b(?!')", value, template)
