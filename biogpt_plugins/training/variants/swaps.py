"""Copies of documents in which other names stand for the names of their relations.

A model that reads the same names again and again learns them by heart. With other names each time
it must copy them, and infer from the text what does what to what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.text.grounding import aligner_of, fold
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.variants.things import (
    Mention,
    Thing,
    fields_of,
    key_of,
    mentions,
    retold,
    things_of,
)
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity, Relation

Pool = Mapping[str, Sequence[str]]
"""Names by the type of entity, in lower case; "" has the names of any type."""
KeyT = TypeVar("KeyT", bound=Hashable)

_DRAWS = 20
_SHORT = 6  # characters of an abbreviation


class NewName(NamedTuple):
    """What a thing is called instead, and the abbreviation of that."""

    name: str
    short: str


def names_of(examples: Iterable[Example]) -> Pool:
    """The names in the relations of examples."""
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for example in examples:
        for thing in things_of(example).values():
            names[thing.type.casefold()][thing.name] = None
    return {type_: list(found) for type_, found in names.items()}


def names_in(path: str | Path) -> Pool:
    """The names in a CSV file with the columns `name`, `id` and, perhaps, `type`.

    Raises:
        InputError: A row cannot be read.
    """
    names: dict[str, list[str]] = defaultdict(list)
    for row in EntityDictionary.read(path).rows():
        names[row.type.casefold()].append(row.name)
    return names


def swapped(example: Example, rng: Random, *, copies: int, pool: Pool) -> Sequence[Example]:
    """Copies of an example with new names in text and target.

    A thing is renamed at all its mentions: its abbreviations by an abbreviation of the new name,
    and its other forms by the new name, in the case of the mention.

    Args:
        example: An example of a task that finds relations; another gives nothing.
        rng: Draws the names.
        copies: How many copies.
        pool: Where names come from.

    Returns:
        The copies; none if nothing can be renamed. A thing keeps its name if the text lacks the
        name that the target has, or if 20 names drawn for it are all in use in the text.

    Raises:
        InputError: The pool has no names of a type.
    """
    if not isinstance(example.result, list):
        return []
    things = things_of(example)
    order = list(things.values())
    texts = fields_of(example)
    places = {name: mentions(text, order) for name, text in texts.items()}
    told = {m.thing for name in texts for m in places[name] if _is_name(m, texts[name], order)}
    aligner = aligner_of(example.input.source)
    clause = example.task.clause
    separator = clause.separator if clause else ";"

    def draw(at: int) -> NewName | None:
        kind = order[at].type.casefold()
        names = pool.get(kind) or pool.get("")
        if not names:
            raise InputError(f"swap_names has no name of type {kind!r}: add some, or leave it out")
        name = rng.choice(names)
        # A target with a separator in a name could not be read, and a text has no two such things.
        unfit = separator in name or aligner.find(name)
        return None if unfit else NewName(name, abbreviated(name))

    drawn = (draw_names(sorted(told), draw) for _ in range(copies))
    return [
        retold(
            example,
            {name: renamed(text, places[name], order, new) for name, text in texts.items()},
            _named_anew(example.result, {key: new.get(at) for at, key in enumerate(things)}),
        )
        for new in drawn
        if new
    ]


def _named_anew(
    relations: Sequence[Relation], new: Mapping[tuple[str, str], NewName | None]
) -> list[Relation]:
    def end(entity: Entity) -> Entity:
        found = new[key_of(entity)]
        text = found and cased(entity.name, found.name)
        return Entity(text=text, type=entity.type) if text else entity

    return [r.model_copy(update={"head": end(r.head), "tail": end(r.tail)}) for r in relations]


def draw_names(
    things: Iterable[KeyT], draw: Callable[[KeyT], NewName | None]
) -> dict[KeyT, NewName]:
    """A new name for each thing, no two alike; none where 20 draws give none that can be used."""
    new: dict[KeyT, NewName] = {}
    taken: set[str] = set()
    for thing in things:
        for found in filter(None, (draw(thing) for _ in range(_DRAWS))):
            forms = set(map(fold, found))
            if not forms & taken:
                taken |= forms
                new[thing] = found
                break
    return new


def renamed(
    text: str, places: Iterable[Mention], things: Sequence[Thing], new: Mapping[int, NewName]
) -> str:
    """The text with new names at the places of things that have one.

    Args:
        text: The text.
        places: Its mentions, in order.
        things: The things that `places` refer to.
        new: New names, by the place of the thing.
    """
    parts, at = [], 0
    for start, end, thing in places:
        if thing in new:
            parts += [text[at:start], new_form(text[start:end], things[thing], new[thing])]
            at = end
    return "".join([*parts, text[at:]])


def new_form(old: str, thing: Thing, new: NewName) -> str:
    """What stands in place of a mention: the new name in its case, or the new abbreviation."""
    short = is_short(old) and fold(old) != fold(thing.name)
    return new.short if short else cased(old, new.name)


def _is_name(mention: Mention, text: str, things: Sequence[Thing]) -> bool:
    return fold(text[mention.start : mention.end]) == fold(things[mention.thing].name)


def is_short(form: str) -> bool:
    """Whether a form looks like an abbreviation: short, with two capitals or more."""
    return len(form) <= _SHORT and sum(map(str.isupper, form)) > 1


def abbreviated(name: str) -> str:
    """An abbreviation of a name: its initials, or the first three letters of a single word."""
    words = fold(name).split()
    return ("".join(word[0] for word in words) if len(words) > 1 else name[:3]).upper()


def cased(old: str, new: str) -> str:
    """A new name in the case of the old one: all capitals, a capital first, or none."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    if old[:1].isupper():
        return new[:1].upper() + new[1:]
    # A name that was drawn from the start of a sentence; "mRNA" and "BRCA1" stay.
    return new.lower() if new[1:].islower() else new
