"""The clause: one declaration of how a task writes a relation.

    Clause(text="the interaction between {head} and {tail} is {type}", head="drug", tail="drug",
           types=("mechanism", "effect", "advise", "int"))

Everything that depends on the wording follows from it: the target text, the grammar of grounded
decoding, the reader of completions, the part of an unfinished completion that can already be read,
and the places whose probabilities are a relation's confidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from string import Formatter

from biogpt_plugins.engine import Copy, Grammar, Part
from biogpt_plugins.tasks.patterns import Patterns, folded
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.relations import read_clauses, settled
from biogpt_plugins.values.errors import InputError, ParseError
from biogpt_plugins.values.results import Relation

_SLOTS = ("head", "tail", "type")
_END = "."
_PREDICATE = re.compile(r"biolink:[a-z]+(_[a-z]+)*")

RELATED_TO = "biolink:related_to"
"""The predicate of the Biolink model for relations of which nothing more is known."""


@dataclass(frozen=True, kw_only=True)
class Clause:
    """How a task writes a relation.

    Attributes:
        text: The words of a clause, with {head} and {tail} for the names, and {type} if there is
            more than one type.
        head: The entity type of {head}, for example "chemical".
        tail: The entity type of {tail}.
        types: The relation types, as results name them.
        words: How a target writes each type, in the same order; empty if it writes the type's name.
        closed: Whether `types` is complete; if not, a completion may name other types.
        separator: The sign between two clauses.
        nothing: The target, without its full stop, of a text without relations; "" if it has none.
        lowercase: Whether targets write names in lower case.
        predicates: The predicate of the Biolink model for each type, in the same order, or one for
            all; empty for "biolink:related_to".
    """

    text: str
    head: str
    tail: str
    types: tuple[str, ...]
    words: tuple[str, ...] = ()
    closed: bool = True
    separator: str = ";"
    nothing: str = ""
    lowercase: bool = True
    predicates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            slots = [name for _, name, *_ in Formatter().parse(self.text) if name is not None]
        except ValueError as error:
            raise InputError(f"clause {self.text!r} is malformed: {error}") from error
        for slot in slots:
            if slot not in _SLOTS:
                raise InputError(
                    f"clause {self.text!r} has the unknown slot {{{slot}}}: use {{head}}, {{tail}} "
                    "and {type}"
                )
            if slots.count(slot) > 1:
                raise InputError(f"clause {self.text!r} has {{{slot}}} twice: remove one")
        for slot in _SLOTS[:2]:
            if slot not in slots:
                raise InputError(
                    f"clause {self.text!r} lacks {{{slot}}}: put it where the name stands"
                )
        self._check_types("type" in slots)
        self._check_predicates()
        self._check_words(slots)
        self._check_nothing()

    def _check_types(self, has_slot: bool) -> None:
        if not self.types:
            raise InputError(f"clause {self.text!r} has no relation types: give at least one")
        if not has_slot and len(self.types) > 1:
            raise InputError(
                f"clause {self.text!r} lacks {{type}}: put it where the type stands, because there "
                f"are {len(self.types)} types"
            )
        if self.words and len(self.words) != len(self.types):
            raise InputError(
                f"words must have one wording for {self._each_type}, not {len(self.words)}"
            )
        for what, names in (("type", self.types), ("wording", self.written)):
            known: dict[str, str] = {}
            for name in names:
                if not name.strip():
                    raise InputError(f"a {what} is empty: give it a name")
                if (other := known.setdefault(folded(name), name)) is not name:
                    raise InputError(
                        f"the {what}s {other!r} and {name!r} are too similar: they must differ in "
                        'more than case, spaces and a plural "s"'
                    )
                if what == "wording" and (self.separator in name or _END in name):
                    raise InputError(
                        f"the wording {name!r} must not contain {self.separator!r} or {_END!r}, "
                        "which end a clause"
                    )

    @property
    def _each_type(self) -> str:
        return "the type" if len(self.types) == 1 else f"each of the {len(self.types)} types"

    def _check_predicates(self) -> None:
        if len(self.predicates) not in (0, 1, len(self.types)):
            raise InputError(
                f"predicates must have one for {self._each_type} or one for all, "
                f"not {len(self.predicates)}"
            )
        for predicate in self.predicates:
            if not _PREDICATE.fullmatch(predicate):
                raise InputError(
                    f"{predicate!r} is not written like a predicate of the Biolink model: give one "
                    f"like {RELATED_TO!r} or 'biolink:causes'"
                )

    def _check_words(self, slots: list[str]) -> None:
        for literal in self.literals:
            if self.separator in literal or _END in literal:
                raise InputError(
                    f"clause {self.text!r} must not contain {self.separator!r} or {_END!r}, which "
                    "end a clause"
                )
        padded = [f" {literal.lower()} " for literal in self.literals if literal]
        for literal in padded:
            if sum(literal in other for other in padded) > 1:
                raise InputError(
                    f"clause {self.text!r} has {literal.strip()!r} twice: change one, so that it "
                    "is clear where a name ends"
                )
        if not self.separator.strip() or any(map(str.isalnum, self.separator)):
            raise InputError(
                f"separator must be a sign that occurs in no name, like ';', not {self.separator!r}"
            )
        around = dict(zip(slots, zip(self.literals, self.literals[1:], strict=False), strict=True))
        first, *_, last = [slot for slot in slots if slot != "type"]
        if slots.index(last) - slots.index(first) == 1 and not around[first][1]:
            raise InputError(f"clause {self.text!r} needs words between {{head}} and {{tail}}")
        before, after = around.get("type", ("", ""))
        for wording in self.written:
            padded_wording = f" {wording.lower()} "
            if after and padded_wording.endswith(f" {after.lower()} "):
                raise InputError(
                    f"the wording {wording!r} must not end in the words after {{type}}, {after!r}: "
                    "shorten it, so that it is clear where the type ends"
                )
            if not self.closed and before and f" {before.lower()} " in padded_wording:
                raise InputError(
                    f"the wording {wording!r} must not contain the words before {{type}}, "
                    f"{before!r}, because the types are not a closed list: change one"
                )
        bare = (slots[0] != "type" and not before) or (slots[-1] != "type" and not after)
        if "type" in slots and not self.closed and bare:
            raise InputError(
                f"clause {self.text!r} needs words between {{type}} and each name, because "
                "its types are not a closed list"
            )

    def _check_nothing(self) -> None:
        if not self.nothing:
            return
        what = f"the words for a text without relations, {self.nothing!r},"
        if not self.nothing.strip():
            raise InputError(f"{what} are empty: write some, or leave them out")
        if self.separator in self.nothing or _END in self.nothing:
            raise InputError(
                f"{what} must not contain {self.separator!r} or {_END!r}, which end a clause"
            )
        with suppress(ParseError):
            for relation in self.saying("").read(f"{self.nothing}{_END}").result:
                raise InputError(f"{what} are read as the relation {relation}: choose others")

    def saying(self, nothing: str) -> Clause:
        """This clause with other words for a text without relations."""
        return _saying(self, nothing)

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """The slots, in the order of the text."""
        return tuple(name for _, name, *_ in Formatter().parse(self.text) if name is not None)

    @cached_property
    def literals(self) -> tuple[str, ...]:
        """The words before each slot, and after the last one."""
        literals = [literal.strip() for literal, *_ in Formatter().parse(self.text)]
        return (*literals, "") if len(literals) == len(self.slots) else tuple(literals)

    @property
    def written(self) -> tuple[str, ...]:
        """How a target writes each type."""
        return self.words or self.types

    def named(self, wording: str) -> str:
        """The type that a wording stands for; the wording itself if it is not in the list."""
        return dict(zip(self.written, self.types, strict=True)).get(wording.lower(), wording)

    @cached_property
    def patterns(self) -> Patterns:
        """The patterns of the reader."""
        return Patterns.of(
            self.slots,
            self.literals,
            types=dict(zip(self.written, self.types, strict=True)),
            closed=self.closed,
            separator=self.separator,
        )

    def predicate(self, type_: str) -> str:
        """The predicate of the Biolink model for a type."""
        if len(self.predicates) == 1:
            return self.predicates[0]
        return dict(zip(self.types, self.predicates, strict=False)).get(type_, RELATED_TO)

    # --- writing ------------------------------------------------------------------------------

    def write(self, relations: Iterable[Relation]) -> str:
        """Write the target text of relations.

        Raises:
            InputError: A relation has a type that the clause does not have.
        """
        clauses = f"{self.separator} ".join(map(self._written, relations))
        return f"{clauses or self.nothing}{_END}"

    def _written(self, relation: Relation) -> str:
        names = {"head": relation.head.name, "tail": relation.tail.name}
        if self.lowercase:
            names = {slot: name.lower() for slot, name in names.items()}
        return self.text.format(**names, type=self._wording(relation.type))

    def _wording(self, type_: str) -> str:
        wording = dict(zip(self.types, self.written, strict=True)).get(type_)
        if wording is None and self.closed and "type" in self.slots:
            raise InputError(f"unknown relation type {type_!r}: use one of {', '.join(self.types)}")
        return type_ if wording is None else wording

    @cached_property
    def grammar(self) -> Grammar:
        """The form of a target."""
        # A name next to {type} must not begin or end with a type's words, or the reader could not
        # divide them.
        slots = self.slots
        at = slots.index("type") if "type" in slots else -1
        adjacent = at >= 0 and (
            (at > 0 and not self.literals[at])
            or (at < len(slots) - 1 and not self.literals[at + 1])
        )
        own = {word for words in self.written for word in words.lower().split()}
        name = Copy(outside=(*Copy().outside, *sorted(own))) if adjacent else Copy()
        parts: list[Part] = []
        for literal, slot in zip(self.literals, (*slots, ""), strict=True):
            parts += [literal] if literal else []
            if slot:
                parts.append(self.written if slot == "type" else name)
        return Grammar(clause=tuple(parts), separator=self.separator, instead=self.nothing)

    # --- reading ------------------------------------------------------------------------------

    def read(
        self, completion: str, source: str | None = None, cut: bool = False
    ) -> Reading[list[Relation]]:
        """Read a completion; see `biogpt_plugins.tasks.relations.read_clauses`."""
        return read_clauses(self, completion, source, cut=cut)

    def settled(self, completion: str) -> str:
        """The part of an unfinished completion that can already be read."""
        return settled(self.patterns, completion)


@lru_cache(maxsize=64)
def _saying(clause: Clause, nothing: str) -> Clause:
    """One value for the same words, so that the methods that tasks take from it are equal too."""
    return replace(clause, nothing=nothing)
