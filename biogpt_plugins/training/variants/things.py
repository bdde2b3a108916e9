"""What the relations of a document are about: each thing, its names, and where texts name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from biogpt_plugins.scoring.bc5cdr import UNKNOWN_ID
from biogpt_plugins.scoring.gold import TABLES
from biogpt_plugins.text.abbreviations import abbreviations_of
from biogpt_plugins.text.grounding import aligner_of, fold
from biogpt_plugins.training.examples import Example
from biogpt_plugins.values.results import Entity, Relation

_FIELDS = ("title", "text")


@dataclass(frozen=True)
class Thing:
    """A head or a tail of relations.

    Attributes:
        name: Its name in targets.
        type: Its type of entity.
        forms: All names that a text may have for it, `name` among them.
    """

    name: str
    type: str
    forms: tuple[str, ...]


class Mention(NamedTuple):
    """A place that names a thing, `text[start:end]`; `thing` is its place among the things."""

    start: int
    end: int
    thing: int


def fields_of(example: Example) -> dict[str, str]:
    """The texts of an example's input that relations are read from, by the name of the field."""
    known = type(example.input).model_fields
    return {name: getattr(example.input, name) for name in _FIELDS if name in known}


def retold(example: Example, fields: Mapping[str, str], relations: list[Relation]) -> Example:
    """The example with other texts and relations, and the target that states them."""
    return replace(
        example,
        input=example.input.model_copy(update=dict(fields)),
        target=example.task.target(relations),
        result=relations,
    )


def key_of(end: Entity) -> tuple[str, str]:
    """What tells the ends of relations apart: the type, and the id or else the name."""
    return end.type, end.id or fold(end.name)


def things_of(example: Example) -> dict[tuple[str, str], Thing]:
    """The heads and tails of an example's relations, by key.

    Their forms are the names of the same id in the data, and the abbreviations, or long forms of
    them, that the text defines.
    """
    relations = example.result if isinstance(example.result, list) else []
    short = abbreviations_of(example.input.source)
    things: dict[tuple[str, str], Thing] = {}
    for relation in relations:
        for table, end in zip(TABLES, (relation.head, relation.tail), strict=True):
            ids = example.names.get(table, {})
            same = [n for n, i in ids.items() if i == end.id and i != UNKNOWN_ID]
            names = dict.fromkeys([end.name, *same])
            names |= dict.fromkeys(short.of(*names) or ())
            things.setdefault(key_of(end), Thing(end.name, end.type, tuple(names)))
    return things


def mentions(text: str, things: Iterable[Thing]) -> list[Mention]:
    """Where a text names things, in its order, none inside another.

    Of mentions that overlap, the longest counts: "renal failure" is not a mention of it in "acute
    renal failure" if both are things. Case, hyphens and a plural "s" make no difference.
    """
    aligner = aligner_of(text)
    found = {
        Mention(*span, at)
        for at, thing in enumerate(things)
        for form in thing.forms
        # The singular is found first, and alone, where the text has both.
        for spelt in (form, f"{form}s")
        for span in aligner.find(spelt)
        if fold(text[slice(*span)]) == fold(form)
    }
    apart: list[Mention] = []
    for mention in sorted(found, key=lambda m: (m.start - m.end, m)):
        if all(mention.end <= m.start or m.end <= mention.start for m in apart):
            apart.append(mention)
    return sorted(apart)


def renamed(text: str, places: Sequence[Mention], new: Mapping[Mention, str]) -> str:
    """The text with new names for the mentions that have one."""
    parts, at = [], 0
    for mention in places:
        if mention in new:
            parts += [text[at : mention.start], new[mention]]
            at = mention.end
    return "".join([*parts, text[at:]])
