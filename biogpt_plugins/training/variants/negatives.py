"""Texts without a relation, made of documents that have some."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random

from biogpt_plugins.text.grounding import sentences
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.variants.things import (
    Thing,
    fields_of,
    key_of,
    mentions,
    retold,
    things_of,
)


def negatives(example: Example, rng: Random, *, share: float) -> Sequence[Example]:
    """The document without the sentences that name a head, and without those that name a tail.

    Without the heads of its relations a text states none of them, but it may well name the tails:
    a model learns that names alone make no relation. Names are found in all forms of `Thing`.

    Args:
        example: A document; one without relations gives nothing.
        rng: Decides between heads and tails, and where `share` is no whole number.
        share: How many texts to make, 2 at most; 0.5 makes one of every second document.

    Returns:
        The texts; fewer where every sentence names a head, or a tail.
    """
    relations = example.result
    if not isinstance(relations, list) or not relations:
        return []
    things = things_of(example)
    sides = [{key_of(r.head) for r in relations}, {key_of(r.tail) for r in relations}]
    wanted = int(share) + (rng.random() < share % 1)
    made = []
    for side in rng.sample(sides, 2)[:wanted]:
        left_out = [things[key] for key in things if key in side]
        fields = {name: _without(text, left_out) for name, text in fields_of(example).items()}
        if any(fields.values()):
            made.append(retold(example, fields, []))
    return made


def _without(text: str, things: Collection[Thing]) -> str:
    """The sentences of a text that name none of these things."""
    found = (text[slice(*span)] for span in sentences(text))
    return " ".join(sentence for sentence in found if not mentions(sentence, things))
