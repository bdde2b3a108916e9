"""Generated sentences about drug-drug interactions of the four types of the DDI corpus."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import names

_ALL = json.loads(Path(__file__).with_name("templates.json").read_text())["interactions"]
_TEMPLATES, _NEGATIVE, _FILLER = _ALL["positive"], _ALL["negative"], _ALL["filler"]


def interaction(rng: random.Random, *, sentences: int) -> dict[str, Any]:
    """Generate a text about the interactions of one drug with others."""
    found: dict[tuple[str, str], str] = {}
    subject, parts = _drug(rng), []
    for number in range(sentences):
        kind = "negative" if number and rng.random() < 0.4 else rng.choice(sorted(_TEMPLATES))
        if kind == "negative" and rng.random() < 0.4:
            parts.append(re.sub(r"\bN\b", str(rng.randrange(2, 60)), rng.choice(_FILLER)))
            continue
        pair = [subject if rng.random() < 0.6 else _drug(rng), _drug(rng)]
        if rng.random() < 0.4:
            pair.reverse()
        if pair[0] in pair[1] or pair[1] in pair[0]:
            continue
        text = _fill(rng, rng.choice(_TEMPLATES.get(kind, _NEGATIVE)), pair)
        first, second = sorted(pair, key=text.find)
        if kind != "negative" and (first, second) not in found and (second, first) not in found:
            found[first, second] = kind
        elif kind != "negative":
            continue
        parts.append(text)
    text = " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)
    low = text.lower()
    order = sorted(found, key=lambda pair: (low.find(pair[0]), low.find(pair[1])))
    gold = [{"head": a, "type": found[a, b], "tail": b} for a, b in order]
    return {"task": "ddi", "text": text, "gold": gold}


def _drug(rng: random.Random) -> str:
    return rng.choice(names.WORDS["drug_classes"]) if rng.random() < 0.12 else names.chemical(rng)


def _fill(rng: random.Random, template: str, pair: list[str]) -> str:
    values = {"A": pair[0], "B": pair[1]}
    return re.sub(r"\b[ABN]\b", lambda m: values.get(m[0]) or str(rng.randrange(2, 60)), template)
