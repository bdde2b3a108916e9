"""Every pair of entities, ranked by the model's own probability of the clause that relates them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import exp, fsum

from biogpt_plugins.engine import Token
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.confidence import confidence_of
from biogpt_plugins.tasks.entities import Candidates, concept, nearest
from biogpt_plugins.tasks.readers import Places
from biogpt_plugins.text.grounding import Span
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity, Relation

MOST = 20_000
"""Most clauses of a text: more would take minutes on a GPU, and hours on a CPU."""


@dataclass(frozen=True)
class Wording:
    """A clause that relates a head to a tail by some of their names.

    Attributes:
        pair: The number of the pair.
        type: The type of the relation.
        text: The clause.
        places: Where the clause has its parts.
        head: The mentions of the head by this name.
        tail: The mentions of the tail by this name.
    """

    pair: int
    type: str
    text: str
    places: Places
    head: Sequence[Entity]
    tail: Sequence[Entity]


@dataclass(frozen=True)
class Ranking:
    """The pairs of a text's candidates.

    Attributes:
        candidates: The candidates.
    """

    candidates: Candidates

    @cached_property
    def wordings(self) -> list[Wording]:
        """A clause for each pair of things, type, and name of each thing.

        Raises:
            InputError: There are too many.
        """
        heads, tails = (_things(one) for one in (self.candidates.heads, self.candidates.tails))
        pairs = [(h, t) for h, t in product(heads, tails) if h != t]
        count = sum(len(heads[h]) * len(tails[t]) for h, t in pairs)
        if (count := count * len(self.candidates.clause.types)) > MOST:
            raise InputError(
                f"the text has {len(pairs):,} pairs of entities, which make {count:,} clauses, and "
                f"{MOST:,} are the most: read it in sections, or leave entities out"
            )
        return [
            wording
            for number, (head, tail) in enumerate(pairs)
            for wording in self._of(number, heads[head], tails[tail])
        ]

    def _of(self, number: int, *ends: dict[str, list[Entity]]) -> Iterator[Wording]:
        clause = self.candidates.clause
        for type_, written in zip(clause.types, clause.written, strict=True):
            for head, tail in product(*ends):
                text, places = _written(clause, {"head": head, "tail": tail, "type": written})
                yield Wording(number, type_, text, places, ends[0][head], ends[1][tail])

    def relations(self, scored: Sequence[Sequence[Token]]) -> list[Relation]:
        """The relations of all pairs, the most probable first.

        The probability of a relation is the sum of those of its clauses by different names.

        Args:
            scored: The tokens of each wording.
        """
        found: dict[tuple[int, str], list[tuple[float, Wording, Sequence[Token]]]] = {}
        for wording, tokens in zip(self.wordings, scored, strict=True):
            share = exp(min(0.0, fsum(token.logprob for token in tokens)))
            found.setdefault((wording.pair, wording.type), []).append((share, wording, tokens))
        relations = [self._relation(same) for same in found.values()]
        return sorted(relations, key=lambda one: -(one.score or 0))

    def _relation(self, same: Sequence[tuple[float, Wording, Sequence[Token]]]) -> Relation:
        whole = min(1.0, fsum(share for share, _, _ in same))
        _, best, tokens = max(same, key=lambda one: one[0])
        head, tail = nearest(product(best.head, best.tail), self.candidates.source)
        confidence = confidence_of(best.places, tokens)
        names = {"head": best.places.head, "tail": best.places.tail}
        written = {end: best.text[slice(*place)] for end, place in names.items()}
        return Relation(
            head=head.model_copy(update={"name": written["head"]}),
            type=best.type,
            tail=tail.model_copy(update={"name": written["tail"]}),
            score=whole,
            confidence=confidence and confidence.model_copy(update={"clause": whole}),
        )


def _things(mentions: Sequence[Entity]) -> dict[str, dict[str, list[Entity]]]:
    """The mentions of each thing, by the names that differ."""
    things: dict[str, dict[str, list[Entity]]] = {}
    for mention in mentions:
        names = things.setdefault(concept(mention), {})
        names.setdefault(mention.name, []).append(mention)
    return things


def _written(clause: Clause, words: dict[str, str]) -> tuple[str, Places]:
    text, spans = "", {}
    for literal, slot in zip(clause.literals, (*clause.slots, ""), strict=True):
        text += f" {literal}" if text and literal else literal
        if slot:
            word = words[slot].lower() if clause.lowercase and slot != "type" else words[slot]
            text += " " if text else ""
            spans[slot] = Span(len(text), len(text) + len(word))
            text += word
    last = Span(len(text) - len(clause.literals[-1]), len(text))
    whole = Span(0, len(text))
    return text, Places(whole, spans["head"], spans["tail"], spans.get("type", last))
