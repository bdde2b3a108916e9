"""Names of drugs and diseases: a short list of common names, and any number of made-up ones."""

from __future__ import annotations

import json
import random
from pathlib import Path

WORDS: dict[str, list[str]] = json.loads(Path(__file__).with_name("words.json").read_text())
CHEMICALS, DISEASES = WORDS["chemicals"], WORDS["diseases"]


def syllables(rng: random.Random, count: int) -> str:
    """Make a pronounceable word with `count` syllables."""
    return "".join(
        rng.choice(WORDS["onsets"]) + rng.choice(WORDS["vowels"]) + rng.choice(WORDS["codas"])
        for _ in range(count)
    )


def code(rng: random.Random) -> str:
    """Make a laboratory code or an abbreviation such as mk-801, zd6474 or cbx."""
    letters = "".join(
        rng.choice("abcdefghiklmnoprstuvwxyz") for _ in range(rng.choice((2, 3, 3, 4)))
    )
    return rng.choice(
        (
            letters,
            letters,
            f"{letters}-{rng.randrange(2, 999)}",
            f"{letters}{rng.randrange(2, 9999)}",
        )
    )


def made_up_chemical(rng: random.Random) -> str:
    """Make a name that looks like the name of a drug."""
    if rng.random() < 0.12:
        return code(rng)
    name = syllables(rng, rng.choice((1, 1, 2, 2, 2, 3))) + rng.choice(WORDS["chemical_ends"])
    if rng.random() < 0.1:
        first = rng.choice(WORDS["chemical_firsts"])
        name = first + name if first.endswith("-") else f"{first} {name}"
    return f"{name} {rng.choice(WORDS['chemical_lasts'])}" if rng.random() < 0.12 else name


def made_up_disease(rng: random.Random) -> str:
    """Make a name that looks like the name of a disease."""
    kind = rng.random()
    if kind < 0.06:
        return code(rng)
    if kind < 0.45:
        head = (
            rng.choice(WORDS["roots"]) if rng.random() < 0.6 else syllables(rng, rng.choice((1, 2)))
        )
        name = head + rng.choice(WORDS["disease_ends"])
    elif kind < 0.6:
        kinds = ("disease", "syndrome", "disorder", "fever", "palsy")
        name = f"{syllables(rng, 2)} {rng.choice(kinds)}"
        name = name.replace(" ", "'s ", 1) if rng.random() < 0.3 else name
    else:
        name = f"{rng.choice(WORDS['organs'])} {rng.choice(WORDS['lesions'])}"
    return f"{rng.choice(WORDS['courses'])} {name}" if rng.random() < 0.2 else name


def chemical(rng: random.Random) -> str:
    """Draw the name of a chemical, made-up or common."""
    return made_up_chemical(rng) if rng.random() < 0.4 else rng.choice(CHEMICALS)


def disease(rng: random.Random) -> str:
    """Draw the name of a disease, made-up or common."""
    return made_up_disease(rng) if rng.random() < 0.4 else rng.choice(DISEASES)
