"""The inputs of tasks: a paper, a question about a passage, a plain text, a full text.

Every task also reads strings and mappings, and converts them to these models. Case does not matter
in the field names of mappings, so that records of PubMedQA and BC5CDR can be used unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from biogpt_plugins.values.errors import InputError


class Text(BaseModel):
    """A plain text: a sentence to classify, a term to describe, a prompt to continue."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | None = None
    text: str

    @field_validator("id", mode="before")
    @classmethod
    def _id_is_text(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        text = str(value) if isinstance(value, int) else value
        return encodable(text) if isinstance(text, str) else text

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
_SYNONYMS = {"contexts": "context", "pmid": "id", "sentence": "text", "term": "text"}


def read(kind: type[InputT], value: object) -> InputT:
    """Read a string, a mapping or a model as an input of `kind`.

    Raises:
        InputError: The value is of another type, lacks a field, or holds no text.
    """
    if isinstance(value, kind):
        # A Paper is also a Text; its title is part of the text then.
        model = value if type(value) is kind else kind(id=value.id, text=value.source)
    elif isinstance(value, str) and kind is not Question:
        model = kind(text=value)
    elif isinstance(value, Mapping):
        try:
            model = kind.model_validate(_fields(value))
        except ValidationError as error:
            faults = "; ".join(f"{e['loc'][0]}: {e['msg'].lower()}" for e in error.errors())
            raise InputError(
                f"cannot read {_short(value)} as a {kind.__name__}: {faults}"
            ) from error
    else:
        wanted = "a mapping" if kind is Question else "a string or a mapping"
        fields_ = ", ".join(f.alias or name for name, f in kind.model_fields.items())
        raise InputError(
            f"cannot read {_short(value)} as a {kind.__name__}: give {wanted} with {fields_}"
        )
    for name, text in (("text", model.source), ("question", getattr(model, "question", "?"))):
        if not text.strip():
            raise InputError(f"the {name} of {_short(value)} is empty: give at least one word")
        if not text.isascii() and _HALF_PAIR.search(text):
            raise InputError(
                f"the {name} of {_short(value)} contains half of a surrogate pair: decode it "
                "as UTF-8"
            )
    return model


def id_of(value: object) -> str | None:
    """The identifier of an input, even of an unreadable one."""
    id_ = _fields(value).get("id") if isinstance(value, Mapping) else getattr(value, "id", None)
    return encodable(str(id_)) if isinstance(id_, str | int) else None


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


def encodable(text: str) -> str:
    """The text with halves of surrogate pairs, which JSON cannot encode, replaced by "?"."""
    return text.encode(errors="replace").decode()


def _first(metadata: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    texts = (str(metadata[key]).strip() for key in keys if metadata.get(key) is not None)
    return next((text for text in texts if text.lower() not in ("", "nan", "<na>", "nat")), None)


def _fields(value: Mapping[Any, object]) -> dict[str, object]:
    """The fields of a mapping under our names, without nulls; a name overrides its synonym."""
    given = {str(key).lower(): field for key, field in value.items() if field is not None}
    renamed = {_SYNONYMS[key]: field for key, field in given.items() if key in _SYNONYMS}
    return renamed | {key: field for key, field in given.items() if key not in _SYNONYMS}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
