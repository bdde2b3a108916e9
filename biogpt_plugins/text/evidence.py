"""What a relation rests on in its text: sentences, their cues, and what abbreviations stand for."""

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
    """The relations found in a text, each with its evidence and the long forms of its ends.

    The evidence are all sentences that mention both ends, by whichever name; if there is none, the
    two nearest to each other, one for each end. An end that the text does not have leaves a
    relation without.
    """
    places = _Places(text)
    return [_supported(relation, places) for relation in relations]


def merged(relations: Sequence[Relation]) -> tuple[list[int], tuple[str, ...]]:
    """Which relations to keep where several are one, as the paper abbreviates a name, and remarks.

    Of CsA and of cyclosporine A is one relation, that with the higher score. The others' mentions
    are those of the same entities, and so is their evidence: nothing is lost.

    Returns:
        Indices of those to keep, in order of the first of each, and a remark for each name.
    """
    same: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for at, relation in enumerate(relations):
        same[_key(relation.head), relation.type.lower(), _key(relation.tail)].append(at)
    kept = [max(group, key=lambda at: relations[at].score or 0) for group in same.values()]
    notes = dict.fromkeys(
        f"relations of {end.short_form!r} and {end.long_form!r} are one: the text defines the "
        "abbreviation"
        for group in same.values()
        for ends in (_ends(relations, group, "head"), _ends(relations, group, "tail"))
        if len({end.name for end in ends}) > 1
        for end in ends[:1]
    )
    return kept, tuple(notes)


def _ends(relations: Sequence[Relation], group: Iterable[int], end: str) -> list[Entity]:
    return [getattr(relations[at], end) for at in group]


def _key(entity: Entity) -> str:
    name = "".join((entity.long_form or entity.name).lower().split())
    return f"={name}" if entity.long_form else name


class _Places:
    """Where names stand in a text, by sentence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sentences = sentences(text)
        self._starts = [sentence.start for sentence in self.sentences]
        self._known: dict[tuple[str, ...], dict[int, list[Span]]] = {}

    def of(self, entity: Entity) -> dict[int, list[Span]]:
        """The mentions of an entity, by any of its names, by number of the sentence."""
        names = tuple(filter(None, (entity.name, entity.short_form, entity.long_form)))
        if names not in self._known:
            find = aligner_of(self.text).find
            spans = sorted({span for name in names for span in find(name)})
            found: dict[int, list[Span]] = {}
            for span in spans:
                found.setdefault(self.number(span), []).append(span)
            self._known[names] = found
        if entity.start is None or entity.end is None:
            return self._known[names]
        own = Span(entity.start, entity.end)
        number = self.number(own)
        mentions = self._known[names].get(number, [])
        return {**self._known[names], number: mentions if own in mentions else [*mentions, own]}

    def number(self, span: Span) -> int:
        return bisect_right(self._starts, span.start) - 1


def _supported(relation: Relation, places: _Places) -> Relation:
    relation = relation.model_copy(
        update={
            "head": _in_full(relation.head, places.text),
            "tail": _in_full(relation.tail, places.text),
        }
    )
    if not relation.grounded:
        return relation
    heads, tails = places.of(relation.head), places.of(relation.tail)
    if both := sorted(heads.keys() & tails.keys()):
        evidence = [
            _evidence(places, number, *_nearest(heads[number], tails[number])) for number in both
        ]
    else:
        pair = min(product(sorted(heads), sorted(tails)), key=lambda pair: abs(pair[0] - pair[1]))
        holding: list[tuple[int, Span, Ends]] = [
            (pair[0], heads[pair[0]][0], "head"),
            (pair[1], tails[pair[1]][0], "tail"),
        ]
        evidence = [_evidence(places, n, span, holds=end) for n, span, end in sorted(holding)]
    return relation.model_copy(update={"evidence": tuple(evidence)})


def _in_full(entity: Entity, text: str) -> Entity:
    pair = abbreviations_of(text).of(entity.text, entity.name)
    if pair is None:
        return entity
    return entity.model_copy(update={"short_form": pair[0], "long_form": pair[1]})


def _nearest(heads: Sequence[Span], tails: Sequence[Span]) -> tuple[Span, Span]:
    """The mentions of a sentence that are nearest to each other, apart before overlapping."""

    def cost(pair: tuple[Span, Span]) -> tuple[bool, int, tuple[Span, Span]]:
        gap = max(pair).start - min(pair).end
        return gap < 0, gap, pair

    near = (
        (head, tail)
        for head in heads
        for tail in tails[max(bisect_right(tails, head) - 1, 0) : bisect_right(tails, head) + 1]
    )
    return min(near, key=cost)


def _evidence(places: _Places, number: int, *ends: Span, holds: Ends = "both") -> Evidence:
    start, end = sentence = places.sentences[number]
    cues = cues_for(places.text, sentence, *ends)
    return Evidence(text=places.text[start:end], start=start, end=end, holds=holds, cues=cues)
