"""PubMedQA: labelled questions with fewer sentences, and generated studies with a clear answer."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import names

_TEMPLATES = json.loads(Path(__file__).with_name("templates.json").read_text())["questions"]
_SENTENCE_END = re.compile(r"(?<=[a-z0-9)%]\.) (?=[A-Z])")


def question(rng: random.Random) -> dict[str, Any]:
    """Generate a question, a study, and the answer that the study gives."""
    label = rng.choice(("yes", "yes", "no", "no", "maybe"))
    values = {
        "X": rng.choice(names.WORDS["factors"]) if rng.random() < 0.5 else names.chemical(rng),
        "Y": rng.choice(names.WORDS["endpoints"]),
        "Z": names.disease(rng),
    }
    parts = [
        rng.choice(_TEMPLATES["background"]),
        *rng.sample(_TEMPLATES["methods"], rng.randrange(0, 3)),
        rng.choice(_TEMPLATES["results"][label]),
    ]
    context = _fill(rng, " ".join(parts), values)
    return {
        "task": "pubmedqa",
        "question": _fill(rng, rng.choice(_TEMPLATES["questions"]), values),
        "context": context,
        "gold": label,
    }


def real_question(rng: random.Random, row: dict[str, Any], *, shorten: bool) -> dict[str, Any]:
    """Make a record of a PQA-L row; `shorten` leaves out some sentences of its contexts."""
    context = " ".join(" ".join(row["CONTEXTS"]).split())
    if shorten:
        sentences = _SENTENCE_END.split(context)
        first = rng.randrange(0, max(1, len(sentences) - 4))
        context = " ".join(s for s in sentences[first:] if rng.random() < 0.8) or context
    return {
        "task": "pubmedqa",
        "question": row["QUESTION"],
        "context": context,
        "gold": row["final_decision"],
    }


def _fill(rng: random.Random, template: str, values: dict[str, str]) -> str:
    text = re.sub(
        r"(?<![A-Za-z])[XYZN](?![A-Za-z])",
        lambda m: values.get(m[0]) or str(rng.randrange(2, 98)),
        template,
    )
    return text[0].upper() + text[1:]
