"""The field `entities` of records: annotations in the forms of BioC, spaCy and other tools."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.mentions import Mention, identifier_of, placed, shown
from biogpt_plugins.values.results import Entity

_NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "mention", "word", "surface", "name"),
    "type": ("type", "label", "category", "entity_type", "entity_group", "semantic_type", "obj"),
    "id": (
        *("id", "ids", "identifier", "identifiers", "normalized_id", "concept_id", "db_id"),
        *("mesh", "omim", "ncbi gene", "ncbi_gene", "gene_id", "uniprot", "taxonomy"),
        *("ncbi taxonomy", "cellosaurus", "chebi", "cui", "umls", "rsid", "tmvar", "kb_id"),
    ),
    "start": ("start", "begin", "offset", "start_char", "start_offset", "from"),
    "end": ("end", "stop", "end_char", "end_offset", "to"),
    "spans": ("spans", "locations", "offsets", "span"),
}
_CHUNKED = (
    "If the text is a chunk of a document, let its splitter note where it begins (LangChain: "
    "add_start_index=True)"
)
_ROW = ("text", "type", "start", "end", "id")


class Annotations(NamedTuple):
    """The annotations of a record, or of a chunk of a longer document.

    Attributes:
        given: A list, or a list as JSON, of Entities and of objects with text, type, start, end and
            id; objects may use the names of BioC, spaCy and other tools. Or why there is none.
        start: Where the chunk begins in the document that the offsets count in; None if the
            record is the whole document.
        titled: Whether the offsets count in the text alone, which a title precedes.
        notes: What was left out already.
    """

    given: object
    start: int | None = None
    titled: bool = False
    notes: tuple[str, ...] = ()

    def read(self, source: str, text: str, document: str | None) -> tuple[list[Entity], list[str]]:
        """The entities of a text, and notes on what was left out.

        Args:
            source: The text that the entities' offsets count in.
            text: `source` without its title.
            document: The document's id, for messages.

        Raises:
            InputError: The annotations cannot be read, or most are not in the text.
        """
        begin, lead = self.start or 0, len(source) - len(text) if self.titled else 0
        end = begin + len(source) - lead
        mentions = list(map(_mention, _rows(self.given)))
        inside = [m for m in mentions if self.start is None or _is_within(m, begin, end)]
        try:
            found = placed(inside, source[lead:], document, (begin,))
        except InputError as error:
            if self.titled and self.start is None:
                raise InputError(f"{error}. {_CHUNKED}") from None
            raise
        notes = [*self.notes, *found.faults]
        if outside := len(mentions) - len(inside):
            every = counted(len(mentions), "entity", "entities")
            notes.append(f"left out {outside:,} of {every}: outside this chunk")
        return [one.moved(lead) for one in found.entities], notes


def mention_of(given: Mapping[str, Any]) -> Mention:
    """An annotation as an object of BioC or of another tool.

    Raises:
        InputError: It has neither a text nor offsets, or its offsets are no numbers.
    """
    infons = given.get("infons")
    own = {key: one for key, one in given.items() if infons is None or key != "id"}  # BioC's number
    fields = {str(key).lower(): one for key, one in {**(infons or {}), **own}.items()}
    found = {name: _first(fields, keys) for name, keys in _NAMES.items()}
    text = str(found["text"] or "")
    try:
        spans = tuple(map(_span, _listed(found["spans"])))
        if not spans and found["start"] is not None:
            spans = (_span(fields),)
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(
            f"the offsets of the entity {shown(text or given)} must be numbers: start and end, or "
            "offset and length"
        ) from error
    if not text and not spans:
        raise InputError(f"the entity {shown(given)} has neither a text nor offsets")
    return Mention(text, str(found["type"] or ""), spans, identifier_of(found["id"]))


def _rows(given: object) -> Sequence[object]:
    if isinstance(given, InputError):
        raise given
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip() else []
        except ValueError as error:
            raise InputError(f"entities must be a list as JSON, not {shown(given)}") from error
    if isinstance(given, Mapping) and isinstance(given.get("entities"), list):
        given = given["entities"]
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise InputError(f"entities must be a list of objects, not {shown(given)}")
    return given


def _is_within(mention: Mention, begin: int, end: int) -> bool:
    return all(begin <= start and stop <= end for start, stop in mention.spans)


def _mention(given: object) -> Mention:
    if isinstance(given, str):
        return Mention(given, "")
    if isinstance(given, Entity):
        given = given.model_dump()
    if isinstance(given, list | tuple) and len(given) in (len(_ROW), len(_ROW) - 1):
        given = dict(zip(_ROW, given, strict=False))
    if not isinstance(given, Mapping):
        raise InputError(
            f"an entity must be an object with text, type, start, end and id, not {shown(given)}"
        )
    mention = mention_of(given)
    own_name = given.get("name") if given.keys() <= Entity.model_fields.keys() else None
    named = own_name and own_name != mention.text  # a part of a composite mention
    return mention._replace(parts=((str(own_name), mention.id),)) if named else mention


def _listed(spans: Any) -> Sequence[Any]:  # noqa: ANN401 - any tool's form
    if spans is None or spans == []:
        return ()
    single = isinstance(spans, Mapping) or all(isinstance(one, int) for one in spans)
    return (spans,) if single else spans


def _span(given: Any) -> tuple[int, int]:  # noqa: ANN401 - any tool's form
    if isinstance(given, Mapping):
        start = int(_first(given, _NAMES["start"]))
        end = _first(given, _NAMES["end"])
        return start, start + int(given["length"]) if end is None else int(end)
    start, end = given
    return int(start), int(end)


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> Any:  # noqa: ANN401
    return next((fields[name] for name in names if fields.get(name) is not None), None)
