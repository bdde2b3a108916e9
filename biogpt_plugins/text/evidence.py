"""The evidence for relations in their text: sentences, cues, and long forms of abbreviations."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product

from biogpt_plugins.text.abbreviations import abbreviations_of
from biogpt_plugins.text.cues import cues_for
from biogpt_plugins.text.grounding import Span, aligner_of, sentences
from biogpt_plugins.values.results import Ends, Entity, Evidence, Relation


def with_evidence(relations: Iterable[Relation], text: str) -> list[Relation]:
    """Add evidence and the long forms of their ends to the relations of a text.

    The evidence is every sentence that mentions both ends, by any of their names. If no sentence
    does, it is the nearest two sentences that mention one end each. A relation with an end that
    does not occur in the text has no evidence.
    """
    mentions = _Mentions(text)
    return [_supported(relation, mentions) for relation in relations]


def merged(relations: Sequence[Relation]) -> tuple[list[int], tuple[str, ...]]:
    """Merge relations that differ only in the short or the long form of a name, or in its id.

    A relation of "CsA" and the same one of "cyclosporine A" become one: the one with the higher
    score. Nothing is lost, because both have the same mentions and the same evidence. Ends that
    have ids are the same if their ids are.

    Returns:
        Indices of the relations to keep, in the order in which they first occur, and a note for
        each merged name.
    """
    same: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for at, relation in enumerate(relations):
        same[identity(relation)].append(at)
    kept = [max(group, key=lambda at: relations[at].score or 0) for group in same.values()]
    notes = dict.fromkeys(
        _merged_note(ends)
        for group in same.values()
        for ends in (_ends(relations, group, "head"), _ends(relations, group, "tail"))
        if len({end.name for end in ends}) > 1
    )
    return kept, tuple(notes)


def _merged_note(ends: Sequence[Entity]) -> str:
    end = ends[0]
    if end.id is not None:
        names = " and ".join(dict.fromkeys(repr(one.name) for one in ends))
        return f"merged the relations of {names}: the entities have the id {end.id}"
    return (
        f"merged the relations of {end.short_form!r} and {end.long_form!r}: the text defines the "
        "abbreviation"
    )


def _ends(relations: Sequence[Relation], group: Iterable[int], end: str) -> list[Entity]:
    return [getattr(relations[at], end) for at in group]


def identity(relation: Relation) -> tuple[str, str, str]:
    """What relations of one text have in common that differ only in an abbreviation."""
    return _key(relation.head), relation.type.lower(), _key(relation.tail)


def _key(entity: Entity) -> str:
    if entity.id:
        return f"#{entity.id}"
    name = "".join((entity.long_form or entity.name).lower().split())
    return f"={name}" if entity.long_form else name


class _Mentions:
    """The mentions of entities in a text, by sentence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sentences = sentences(text)
        self._starts = [sentence.start for sentence in self.sentences]
        self._known: dict[tuple[str, ...], dict[int, list[Span]]] = {}

    def of(self, entity: Entity) -> dict[int, list[Span]]:
        """The mentions of an entity under any of its names, by sentence number."""
        names = tuple(filter(None, (entity.name, entity.short_form, entity.long_form)))
        if names not in self._known:
            find = aligner_of(self.text).find
            spans = sorted({span for name in names for span in find(name)})
            by_sentence: dict[int, list[Span]] = {}
            for span in spans:
                by_sentence.setdefault(self.number(span), []).append(span)
            self._known[names] = by_sentence
        if entity.start is None or entity.end is None:
            return self._known[names]
        own = Span(entity.start, entity.end)
        number = self.number(own)
        near = self._known[names].get(number, [])
        return {**self._known[names], number: near if own in near else [*near, own]}

    def number(self, span: Span) -> int:
        """The number of the sentence that a span begins in."""
        return bisect_right(self._starts, span.start) - 1


def _supported(relation: Relation, mentions: _Mentions) -> Relation:
    relation = relation.model_copy(
        update={
            "head": _in_full(relation.head, mentions.text),
            "tail": _in_full(relation.tail, mentions.text),
        }
    )
    if not relation.grounded:
        return relation
    heads, tails = mentions.of(relation.head), mentions.of(relation.tail)
    if both := sorted(heads.keys() & tails.keys()):
        evidence = [
            _evidence(mentions, number, *_nearest(heads[number], tails[number])) for number in both
        ]
    else:
        pair = min(product(sorted(heads), sorted(tails)), key=lambda pair: abs(pair[0] - pair[1]))
        holding: list[tuple[int, Span, Ends]] = [
            (pair[0], heads[pair[0]][0], "head"),
            (pair[1], tails[pair[1]][0], "tail"),
        ]
        evidence = [_evidence(mentions, n, span, holds=end) for n, span, end in sorted(holding)]
    return relation.model_copy(update={"evidence": tuple(evidence)})


def _in_full(entity: Entity, text: str) -> Entity:
    pair = abbreviations_of(text).of(entity.text, entity.name)
    if pair is None:
        return entity
    return entity.model_copy(update={"short_form": pair[0], "long_form": pair[1]})


def _nearest(heads: Sequence[Span], tails: Sequence[Span]) -> tuple[Span, Span]:
    """The nearest pair of mentions in a sentence; pairs that do not overlap come first."""

    def cost(pair: tuple[Span, Span]) -> tuple[bool, int, tuple[Span, Span]]:
        gap = max(pair).start - min(pair).end
        return gap < 0, gap, pair

    near = (
        (head, tail)
        for head in heads
        for tail in tails[max(bisect_right(tails, head) - 1, 0) : bisect_right(tails, head) + 1]
    )
    return min(near, key=cost)


def _evidence(mentions: _Mentions, number: int, *ends: Span, holds: Ends = "both") -> Evidence:
    start, end = sentence = mentions.sentences[number]
    cues = cues_for(mentions.text, sentence, *ends)
    return Evidence(text=mentions.text[start:end], start=start, end=end, holds=holds, cues=cues)
