"""Names of entities and their identifiers, from MeSH or another vocabulary."""

from __future__ import annotations

import gc
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel
from typing_extensions import Self

from biogpt_plugins.entities.entries import Concept, DictionaryEntry
from biogpt_plugins.entities.finder import NameFinder
from biogpt_plugins.entities.names_file import is_names_file, read_names
from biogpt_plugins.entities.tables import read_table
from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.entities import kind_of_type
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Entity, IdMatch, Relation

_CUTOFF = 92.0
_LEAST = 8  # letters; too many shorter names are similar
_NEAREST = 10
_DIGITS = re.compile(r"\d+")


class Match(NamedTuple):
    """The dictionary entry that matches a name.

    Attributes:
        id: The identifier.
        name: The name in the dictionary.
        how: As in `Entity.id_match`.
        score: Similarity of the names, from 0 to 100.
    """

    id: str
    name: str
    how: IdMatch
    score: float = 100.0


class EntityDictionary:
    """Names of entities and their identifiers. Immutable; safe to share between threads.

    A dictionary gives ids to the entities of relations. It also finds entities in texts: it is an
    `EntitySource`.

    An id may have several names. If a name has several ids, the first row is used and the match is
    marked as ambiguous.

    Dictionaries with the same rows and cutoff are equal. A pickle contains the rows. The JSON form
    of a dictionary that was read from a file is the path and the fingerprint of the rows; the JSON
    form of any other dictionary is its rows.

    Attributes:
        cutoff: Minimum similarity of names that are not equal.
        path: The file that the dictionary was read from; None for rows passed to the constructor.
        concepts: What is known of identifiers, by identifier; empty for tables of names.
    """

    path: Path | None = None

    def __init__(
        self,
        rows: Iterable[DictionaryEntry | tuple[str, ...]],
        *,
        cutoff: float = _CUTOFF,
        concepts: Iterable[Concept] = (),
    ) -> None:
        """Index the rows, (name, id) or (name, id, type).

        Args:
            rows: The rows; a type is that of a task or vocabulary: "chemical", "Disease", "drug".
            cutoff: Minimum similarity, from 0 to 100, of names that are not equal (rapidfuzz's
                `fuzz.ratio`); 100 for equal names only. At any cutoff, names may differ only in
                words of eight or more letters, and each of these words by one extra letter.
            concepts: What is known of the identifiers: preferred names, tree numbers.

        Raises:
            InputError: The cutoff is out of range, or a row is not of two or three texts.
        """
        self._fill(((fold(row.name), row) for row in map(_entry, rows)), cutoff, concepts)

    def _fill(
        self,
        entries: Iterable[tuple[str, DictionaryEntry]],
        cutoff: float,
        concepts: Iterable[Concept],
    ) -> None:
        """Index entries by their names in normal form."""
        if not 0 < cutoff <= 100:  # noqa: PLR2004 - percent
            raise InputError(f"cutoff must be above 0 and at most 100, not {cutoff}")
        self.cutoff = cutoff
        self.concepts: Mapping[str, Concept] = {one.id: one for one in concepts}
        self._rows: dict[str, dict[str, list[DictionaryEntry]]] = {}
        kinds: dict[str, dict[str, list[DictionaryEntry]]] = {}
        for name, row in entries:
            if row.type not in kinds:
                kinds[row.type] = self._rows.setdefault(kind_of_type(row.type), {})
            kinds[row.type].setdefault(name, []).append(row)
        self._match = lru_cache(maxsize=65536)(self._look_up)

    @cached_property
    def _shelves(self) -> dict[tuple[str, tuple[str, int]], list[str]]:
        """Names that may be similar to others, by type and what similar names share."""
        shelves: defaultdict[tuple[str, tuple[str, int]], list[str]] = defaultdict(list)
        for type_, names in self._rows.items():
            for name in filter(_may_be_alike, names):
                shelves[type_, _shelf(name)].append(name)
        return dict(shelves)

    @classmethod
    def read(cls, path: str | Path, *, cutoff: float = _CUTOFF) -> Self:
        """Read a file that `biogpt dictionary build` wrote, or a table of names.

        A table is a UTF-8 CSV file whose header names the columns `name`, `id` and optionally
        `type`. Other columns are ignored. Tabs and semicolons are also accepted as separators.

        Raises:
            InputError: The header lacks a column, or a row is invalid: the message gives the line.
                Or the file is damaged, or of another version.
            OSError: The file is missing or locked.
        """
        place = Path(path)
        found = cls.__new__(cls)
        with _all_of_it_stays():
            if is_names_file(place):
                stored = read_names(place)
                found._fill(stored.entries, cutoff, stored.concepts)
            else:
                found._fill(((fold(row.name), row) for row in read_table(place)), cutoff, ())
        found.path = place.absolute()
        return found

    @classmethod
    def of(cls, given: object) -> EntityDictionary:
        """Convert a value to a dictionary: a dictionary, the path of its file, or the JSON form.

        A process reads a file once, and again only if the file changes.

        Raises:
            InputError: The value is something else, or the file's rows have changed since its JSON
                form was saved.
            OSError: The file is missing or locked.
        """
        if isinstance(given, EntityDictionary):
            return given
        if isinstance(given, str | Path):
            return _unchanged(Path(given).absolute(), _CUTOFF)
        if not isinstance(given, Mapping) or not {"path", "rows"} & given.keys():
            raise InputError(
                "dictionary must be an EntityDictionary or the path of a CSV file or of one that "
                f"`biogpt dictionary build` wrote, not {given!r:.80}"
            )
        cutoff = given.get("cutoff", _CUTOFF)
        if "rows" in given:
            concepts = [
                Concept(one[0], one[1], one[2], tuple(one[3])) for one in given.get("concepts", ())
            ]
            return cls(given["rows"], cutoff=cutoff, concepts=concepts)
        found = _unchanged(Path(given["path"]), cutoff)
        if found.fingerprint != given.get("fingerprint", found.fingerprint):
            raise InputError(
                f"the dictionary {given['path']} has changed: the fingerprint of its rows is "
                f"{found.fingerprint}, but was {given['fingerprint']}. To use the file as it is "
                "now, pass its path again with dictionary="
            )
        return found

    def as_json(self) -> dict[str, Any]:
        """The JSON form of the dictionary, which `of` reads."""
        cutoff = {} if self.cutoff == _CUTOFF else {"cutoff": self.cutoff}
        if self.path:
            return {"path": str(self.path), "fingerprint": self.fingerprint, **cutoff}
        concepts = {"concepts": [list(one) for one in self.concepts.values()]}
        rows = {"rows": [list(row) for row in self.rows()]}
        return {**rows, **(concepts if self.concepts else {}), **cutoff}

    def rows(self) -> Iterator[DictionaryEntry]:
        """The rows, grouped by type and name."""
        return (row for names in self._rows.values() for rows in names.values() for row in rows)

    def by_name(self) -> dict[str, list[DictionaryEntry]]:
        """The rows by their names in normal form, those of all types together."""
        found: dict[str, list[DictionaryEntry]] = {}
        for names in self._rows.values():
            for name, rows in names.items():
                found[name] = [*found[name], *rows] if name in found else rows
        return found

    @cached_property
    def finder(self) -> NameFinder:
        """What finds the names in texts; made when it is first needed."""
        with _all_of_it_stays():
            return NameFinder(self.by_name())

    def __call__(self, text: Text, /) -> list[Entity]:
        """The entities that a text names, with offsets in `text.source`; see `NameFinder`."""
        return self.finder.entities(text.source)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EntityDictionary):
            return NotImplemented
        return self is other or self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        path = f"{str(self.path)!r}, " if self.path else ""
        return f"EntityDictionary({path}{counted(len(self), 'row')})"

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (list(self.rows()), self.cutoff, list(self.concepts.values()), self.path)
        return _unpickled, (self.fingerprint, *parts)

    def __deepcopy__(self, _: dict[int, Any]) -> EntityDictionary:
        return self  # it is immutable

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_plain_validator_function(
            cls.of,
            json_schema_input_schema=core_schema.any_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(cls.as_json),
        )

    def __len__(self) -> int:
        return sum(len(rows) for names in self._rows.values() for rows in names.values())

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that identify rows, concepts and cutoff, for caches of results."""
        said = sha256(repr(self.cutoff).encode())
        for names in self._rows.values():
            for rows in names.values():
                said.update(repr([tuple(row) for row in rows]).encode(errors="replace"))
        for concept in self.concepts.values():
            said.update(repr(tuple(concept)).encode(errors="replace"))
        return said.hexdigest()[:12]

    def find(self, name: str, type: str = "") -> Match | None:
        """The entry for a name; an equal name takes precedence over a similar one.

        Args:
            name: The name, in any spelling.
            type: Search rows of this type and rows without a type; all rows if empty. Names of one
                type count as one: a "drug" is a "Chemical", a "target" is a "Gene" or "Protein".
        """
        return self._match(name, kind_of_type(type), True)

    def identify(self, entity: Entity) -> tuple[Entity, Match | None]:
        """The entity with its id, and the dictionary entry that matched.

        The search uses the long form of an abbreviation, the name in the paper and the name that
        the model wrote, and then names that are similar to these. An entity that already has an id
        keeps it.
        """
        if entity.id is not None:
            return entity, None
        type_ = kind_of_type(entity.type)
        long = entity.long_form or ""
        # The paper defines its abbreviations, so the long form takes precedence.
        abbreviated = bool(long) and fold(entity.text) != fold(long)
        names = dict.fromkeys(filter(None, (long, entity.text, entity.name)))
        for alike in (False, True):
            for name in names:
                if match := self._match(name, type_, alike):
                    by_long = abbreviated and name == long and match.how == "exact"
                    match = match._replace(how="abbreviation") if by_long else match
                    told = {"id": match.id, "id_match": match.how}
                    return entity.model_copy(update=told), match
        return entity, None

    def identify_all(self, relations: Sequence[Relation]) -> tuple[list[Relation], tuple[str, ...]]:
        """Relations with the ids of their ends, and a warning for each uncertain id."""
        notes: dict[str, None] = {}
        found = []
        for relation in relations:
            ends = {"head": relation.head, "tail": relation.tail}
            for end, entity in ends.items():
                ends[end], match = self.identify(entity)
                if match and match.how == "fuzzy":
                    notes[
                        f"{entity.text!r} got the id {match.id} of a similar name, "
                        f"{match.name!r} ({match.score:.0f} %)"
                    ] = None
                elif match and match.how == "ambiguous":
                    notes[f"{entity.text!r} has several ids; the first, {match.id}, is used"] = None
            found.append(relation.model_copy(update=ends))
        return found, tuple(notes)

    def _look_up(self, name: str, type_: str, alike: bool) -> Match | None:
        key = fold(name)
        kinds = list(dict.fromkeys((type_, ""))) if type_ else list(self._rows)
        rows = [row for kind in kinds for row in self._rows.get(kind, {}).get(key, ())]
        if rows:
            same = [row for row in rows if row.name == name] or rows
            how: IdMatch = "exact" if len({row.id for row in same}) == 1 else "ambiguous"
            return Match(same[0].id, same[0].name, how)
        if not alike or not _may_be_alike(key):
            return None
        near = (
            (-score, other, kind)
            for kind in kinds
            for other, score, _ in process.extract(
                key,
                self._shelves.get((kind, _shelf(key)), ()),
                scorer=fuzz.ratio,
                score_cutoff=self.cutoff,
                limit=_NEAREST,
            )
            if _agree(key, other)
        )
        if not (best := min(near, default=None)):
            return None
        score, other, kind = best
        row = self._rows[kind][other][0]
        return Match(row.id, row.name, "fuzzy", -score)


def _entry(row: DictionaryEntry | tuple[str, ...]) -> DictionaryEntry:
    if len(row) not in (2, 3) or not all(isinstance(cell, str) for cell in row):
        raise InputError(f"a dictionary's row is a name, an id and perhaps a type, not {row!r:.80}")
    return row if isinstance(row, DictionaryEntry) else DictionaryEntry(*row)


@contextmanager
def _all_of_it_stays() -> Iterator[None]:
    """Look for no garbage among a million new objects, which takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _unchanged(path: Path, cutoff: float) -> EntityDictionary:
    facts = os.stat(path)
    return _read_once(path, cutoff, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=8)
def _read_once(path: Path, cutoff: float, _modified: int, _size: int) -> EntityDictionary:
    return EntityDictionary.read(path, cutoff=cutoff)


_UNPICKLED: WeakValueDictionary[str, EntityDictionary] = WeakValueDictionary()


def _unpickled(
    fingerprint: str,
    rows: list[DictionaryEntry],
    cutoff: float,
    concepts: list[Concept],
    path: Path | None,
) -> EntityDictionary:
    """The dictionary of a pickle, which a process indexes only once."""
    found = _UNPICKLED.get(fingerprint)
    if found is None:
        found = _UNPICKLED[fingerprint] = EntityDictionary(rows, cutoff=cutoff, concepts=concepts)
        found.path = path
    return found


def _may_be_alike(name: str) -> bool:
    return sum(map(str.isalpha, name)) >= _LEAST


def _shelf(name: str) -> tuple[str, int]:
    """The key of names that may be similar: spellings of a name share the first letter."""
    return name[:1], name.count(" ")


def _agree(name: str, other: str) -> bool:
    """Whether two names differ only in spelling: one extra letter in long words ("haemorrhage").

    On names from BC5CDR this distinguishes "retinal toxicity" from "renal toxicity", "neuropathy"
    from "nephropathy", and "alpha 2a" from "alpha 2b".
    """
    pairs = list(zip_longest(name.split(), other.split(), fillvalue=""))
    return all(
        one == two
        or (
            min(len(one), len(two)) >= _LEAST
            and Indel.distance(one, two, score_cutoff=1) <= 1
            and _DIGITS.findall(one) == _DIGITS.findall(two)
        )
        for one, two in pairs
    )
