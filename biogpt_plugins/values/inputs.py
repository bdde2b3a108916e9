"""The inputs of tasks: a paper, a question about a passage, a plain text, a full text.

Every task also reads strings and records: mappings, rows of tables, dataclasses, pydantic models,
documents of LangChain and Haystack, and LlamaIndex's nodes. It converts them to these models.
Fields may have the names that PubMed, PMC and reference managers use, in any case; records of
PubMedQA and BC5CDR can be used unchanged. A name that looks misspelt is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from typing_extensions import Self

from biogpt_plugins.values.annotations import Annotations
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.mentions import check_entity
from biogpt_plugins.values.names import field_of, misspelt, renamed
from biogpt_plugins.values.records import (
    chunk_start,
    document,
    fields_of,
    identifier,
    metadata_of,
)
from biogpt_plugins.values.results import Entity


class Text(BaseModel):
    """A plain text: a sentence to classify, a term to describe, a prompt to continue.

    Attributes:
        id: Its identifier, for example a PMID.
        text: The text.
        entities: What is known to be named in it, with offsets in `source`; entities without
            offsets are looked for. Only decoding "entities" reads them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | None = None
    text: str
    entities: tuple[Entity, ...] = Field(default=(), repr=False, exclude_if=lambda them: not them)
    _notes: tuple[str, ...] = PrivateAttr(default=())
    _fault: str | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _knows_its_fields(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        known = _names(cls)
        for name in given if isinstance(given, Mapping) else ():
            if name not in known:
                near = field_of(str(name)) or (misspelt([str(name)], known) or ("", ""))[1]
                if (near := _OURS.get(near, near)) in known:
                    raise ValueError(
                        f"{cls.__name__} has no field {name!r}: did you mean {near!r}?"
                    )
        return given

    @field_validator("id", mode="before")
    @classmethod
    def _id_is_text(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        text = identifier(value)
        return text if text is None else encodable(text)

    @model_validator(mode="after")
    def _entities_are_in_the_text(self) -> Self:
        for entity in self.entities:
            check_entity(entity, self.source, self.id)
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of annotations that came with the text."""
        return self._notes

    @property
    def fault(self) -> str | None:
        """Why the annotations that came with the text could not be read."""
        return self._fault

    @property
    def source(self) -> str:
        """The text that offsets refer to."""
        return self.text


class Paper(Text):
    """A title and an abstract, or only a text.

    `source` is title + " " + abstract, as offsets count in PubTator and BioC.
    """

    title: str = ""
    text: str = Field(default="", alias="abstract")

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @property
    def source(self) -> str:
        return f"{self.title} {self.text}" if self.title and self.text else self.title + self.text


class Part(NamedTuple):
    """A part of a full text.

    Attributes:
        name: "title"; "abstract"; or a section's headings from the outermost to its own,
            "Results / Renal function". A section without headings is "".
        start: Offset of its first character in the whole paper.
        end: Offset one past its last.
    """

    name: str
    start: int
    end: int


class FullText(Text):
    """A whole paper, whose sections a pipeline reads one by one.

    Attributes:
        text: The text that offsets count in: all parts, separated by spaces.
        parts: The parts, in text order.
    """

    parts: tuple[Part, ...] = ()

    @property
    def title(self) -> str:
        """The title at the beginning; "" if there is none."""
        first = self.parts[0] if self.parts else Part("", 0, 0)
        return self.text[first.start : first.end] if first.name == "title" else ""


class Question(Text):
    """A question and the passage to answer it from.

    Attributes:
        question: The question.
        text: The passage; several contexts are joined by one space. Mappings may call it `context`
            or `contexts`.
        long_answer: The conclusion of the abstract, only for the reasoning-free setting.
    """

    question: str
    text: str = Field(alias="context")
    long_answer: str = ""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @field_validator("text", mode="before")
    @classmethod
    def _join_contexts(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        texts = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
        return " ".join(value) if texts else value


InputT = TypeVar("InputT", bound=Text)
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
_MOST_SHOWN = 80
_BESIDE_TEXT = {"id", "entities"}
_OURS = {"contexts": "context", "pmid": "id", "sentence": "text", "term": "text"}


def read(kind: type[InputT], value: object, *, entities: bool = True) -> InputT:
    """Read a string, a record or a model as an input of `kind`.

    Args:
        kind: The type of the input.
        value: The value.
        entities: Whether to read its entities; otherwise the input has none.

    Raises:
        InputError: The value is of another type, lacks a field, has one that looks misspelt, holds
            no text, or has an entity that is not in the text.
    """
    if isinstance(value, kind):
        model = _read_model(kind, value, entities=entities)
    elif isinstance(value, str) and kind is not Question:
        model = kind(text=str(value))
    elif (record := _record(value, kind)) is not None:
        try:
            fields = _fields(record, kind)
            given = fields.pop("entities", None)
            model = kind.model_validate(fields)
            if entities and given is not None:
                read_ = given if isinstance(given, Annotations) else Annotations(given)
                found, notes = read_.read(model.source, model.text, model.id)
                model = _with(model, found, notes)
        except InputError as error:
            raise InputError(f"cannot read {short(value)} as a {kind.__name__}: {error}") from None
        except ValidationError as error:
            faults = "; ".join(f"{e['loc'][0]}: {_fault(e)}" for e in error.errors())
            raise InputError(
                f"cannot read {short(value)} as a {kind.__name__}: {faults}"
            ) from error
    else:
        wanted = "a mapping" if kind is Question else "a string or a mapping"
        named = ((name, f.alias or name) for name, f in kind.model_fields.items())
        fields_ = ", ".join(shown for name, shown in named if name != "entities")
        raise InputError(
            f"cannot read {short(value)} as a {kind.__name__}: give {wanted} with {fields_}, not "
            f"a {type(value).__name__}"
        )
    for name, text in (("text", model.source), ("question", getattr(model, "question", "?"))):
        if not text.strip():
            raise InputError(f"the {name} of {short(value)} is empty: give at least one word")
        if half := half_pair(text):
            raise InputError(f"the {name} of {short(value)} {half}")
    return model


def _read_model(kind: type[InputT], value: InputT, *, entities: bool) -> InputT:
    if entities and value.fault:
        raise InputError(value.fault)
    model = value
    if type(value) is not kind:  # a Paper is also a Text; its title is part of the text then
        model = _with(kind(id=value.id, text=value.source), value.entities, value.notes)
    return model if entities else without_entities(model)


def annotated(
    model: InputT, read_annotations: Callable[[], tuple[Iterable[Entity], Iterable[str]]]
) -> InputT:
    """A text with its annotations; if they cannot be read, only who asks for them is told.

    Args:
        model: The text.
        read_annotations: Returns the entities, and notes on what was left out.
    """
    try:
        return _with(model, *read_annotations())
    except InputError as fault:
        model._fault = str(fault)
        return model


def _with(model: InputT, entities: Iterable[Entity], notes: Iterable[str]) -> InputT:
    model = model.model_copy(update={"entities": tuple(entities)})
    model._notes = tuple(notes)
    return model


def document_annotations(value: Any) -> Annotations | None:  # noqa: ANN401 - any host's
    """The entities in the metadata of a host's document, or of a chunk of one.

    Splitters copy metadata: offsets count in the whole document where the chunk says where it
    begins, as LangChain's `start_index`, LlamaIndex's `start_char_idx` and Haystack's
    `split_idx_start` do.
    """
    value = getattr(value, "node", value)
    given = (metadata_of(value) or {}).get("entities")
    return None if given is None else Annotations(given, chunk_start(value), titled=True)


def annotations_of(text: Text) -> Annotations:
    """The annotations of a text, for the field `entities` of a record."""
    return Annotations(InputError(text.fault) if text.fault else text.entities, notes=text.notes)


def without_entities(model: InputT) -> InputT:
    """A text without its annotations."""
    if not (model.entities or model.fault or model.notes):
        return model
    bare = _with(model, (), ())
    bare._fault = None
    return bare


def half_pair(text: str) -> str | None:
    """What is wrong with a text that contains half of a surrogate pair; None if it does not."""
    if text.isascii() or not _HALF_PAIR.search(text):
        return None
    return "contains half of a surrogate pair: decode it as UTF-8"


def id_of(value: object) -> str | None:
    """The identifier of an input, even of an unreadable one."""
    try:
        record = _record(value, Text)
        given = getattr(value, "id", None) if record is None else _ours(record).get("id")
        id_ = identifier(given)
    except InputError:
        return None
    return id_ and encodable(id_)


def paper_id(metadata: Mapping[str, Any]) -> str | None:
    """The PMID, or another identifier, of a paper in a host's metadata.

    All spellings of a PMID give the same identifier: 123, 123.0 (from tables of numbers with gaps),
    "PMID: 123".
    """
    id_ = _first(metadata, ("pmid", "PMID", "uid", "pubmed_id", "id"))
    number = id_.lower().removeprefix("pmid").lstrip(" :").removesuffix(".0") if id_ else ""
    return number if number.isdecimal() else id_


def paper_title(metadata: Mapping[str, Any]) -> str | None:
    """The title of a paper in a host's metadata."""
    return _first(metadata, ("title", "Title"))


def title_before(text: str, title: str | None) -> str:
    """The title to read before a text; "" if the text begins with it or is blank."""
    title = " ".join((title or "").split())
    begun = " ".join(text[: 2 * len(title)].split()).lower()
    return "" if not text.strip() or begun.startswith(title.lower().rstrip(".")) else title


def encodable(text: str) -> str:
    """The text with halves of surrogate pairs, which JSON cannot encode, replaced by "?"."""
    return text.encode(errors="replace").decode()


def _first(metadata: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    texts = (str(metadata[key]).strip() for key in keys if metadata.get(key) is not None)
    return next((text for text in texts if text.lower() not in ("", "nan", "<na>", "nat")), None)


def _record(value: object, kind: type[Text]) -> Mapping[str, Any] | None:
    """The fields of a record under the names that it gives them; None if it is no record."""
    if isinstance(value, Text):
        return {"id": value.id}
    try:
        found = document(value)
        if found is None:
            return fields_of(value)
    except Exception as error:  # what computes its fields may raise anything
        raise InputError(
            f"cannot read a {type(value).__name__}: {type(error).__name__}: {error}"
        ) from error
    metadata, text, own = found
    title = title_before(text, paper_title(metadata)) if kind is Paper else None
    record: dict[str, object] = {"id": paper_id(metadata) or own, "title": title, "text": text}
    if kind is Question:
        record["question"] = metadata.get("question")
    if given := document_annotations(value):
        record["entities"] = given
    return {name: field for name, field in record.items() if field is not None}


def _ours(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields under our names; a name overrides its synonym."""
    given = {name.lower(): field for name, field in renamed(record, {}).items()}
    others = {_OURS[name]: field for name, field in given.items() if name in _OURS}
    return others | {name: field for name, field in given.items() if name not in _OURS}


def _fields(record: Mapping[str, Any], kind: type[Text]) -> dict[str, Any]:
    """The fields of `kind` in a record.

    Raises:
        InputError: A field looks misspelt.
    """
    wanted = _names(kind)
    # Other data have fields like "entries", which mean nothing here.
    if found := misspelt([*record], wanted - {"entities"}, record):
        name, meant = found
        raise InputError(
            f"there is no field {name!r}; did you mean {meant!r}? Rename the field, or leave it out"
        )
    fields = {name: field for name, field in _ours(record).items() if name in wanted}
    if record and not fields.keys() - _BESIDE_TEXT:
        raise InputError(
            f"none of its fields, {', '.join(map(repr, record))}, has the text: name the one "
            f"that has it {' or '.join(sorted(wanted - _BESIDE_TEXT))}"
        )
    return fields


def _names(kind: type[Text]) -> set[str]:
    """The names of a model's fields, and their aliases."""
    return {*kind.model_fields, *(f.alias for f in kind.model_fields.values() if f.alias)}


def _fault(error: ErrorDetails) -> str:
    told = error.get("ctx", {}).get("error")
    return str(told) if isinstance(told, InputError) else error["msg"].lower()


def short(value: object) -> str:
    """A value as messages show it."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
