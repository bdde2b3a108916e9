"""What goes in: a paper, a question about a passage, a plain text; and a paper in full.

Every task reads strings and mappings as well; these models are what they become. Field names in
mappings are matched without regard to case, so that records of PubMedQA and BC5CDR fit as they are.
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
            "Results / Renal function". A section that has none is "".
        start: Offset of its first character in the whole paper.
        end: Offset one past its last.
    """

    name: str
    start: int
    end: int


class FullText(Text):
    """A whole paper, of which a pipeline reads the sections one by one.

    Attributes:
        text: What offsets count in: all parts, and spaces between them.
        parts: What it is made of, in its order.
    """

    parts: tuple[Part, ...] = ()

    @property
    def title(self) -> str:
        """The title, with which it begins; "" if there is none."""
        first = self.parts[0] if self.parts else Part("", 0, 0)
        return self.text[first.start : first.end] if first.name == "title" else ""


class Question(Text):
    """A question and the passage to answer it from.

    Attributes:
        question: The question.
        text: The passage; several contexts are joined by one space. Also read from `context`
            or `contexts`.
        long_answer: The conclusion of the abstract, for the reasoning-free setting only.
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
        # A Paper is a Text too, but its title is a part of what it says.
        found = value if type(value) is kind else kind(id=value.id, text=value.source)
    elif isinstance(value, str) and kind is not Question:
        found = kind(text=value)
    elif isinstance(value, Mapping):
        try:
            found = kind.model_validate(_fields(value))
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
    for name, text in (("text", found.source), ("question", getattr(found, "question", "?"))):
        if not text.strip():
            raise InputError(f"the {name} of {_short(value)} is empty: give at least one word")
        if not text.isascii() and _HALF_PAIR.search(text):
            raise InputError(
                f"the {name} of {_short(value)} holds half a surrogate pair: decode it as UTF-8"
            )
    return found


def id_of(value: object) -> str | None:
    """The identifier of an input, also of one that cannot be read."""
    found = _fields(value).get("id") if isinstance(value, Mapping) else getattr(value, "id", None)
    return encodable(str(found)) if isinstance(found, str | int) else None


def paper_id(metadata: Mapping[str, Any]) -> str | None:
    """The PMID, or other identifier, that a host's metadata gives a paper.

    One PMID is one paper, however it was written: 123, 123.0 (as tables of numbers have it where
    some are missing), "PMID: 123".
    """
    found = _first(metadata, ("pmid", "PMID", "uid", "pubmed_id", "id"))
    number = found.lower().removeprefix("pmid").lstrip(" :").removesuffix(".0") if found else ""
    return number if number.isdecimal() else found


def paper_title(metadata: Mapping[str, Any]) -> str | None:
    """The title that a host's metadata gives a paper."""
    return _first(metadata, ("title", "Title"))


def encodable(text: str) -> str:
    """The text with "?" in place of halves of surrogate pairs, which no JSON could hold."""
    return text.encode(errors="replace").decode()


def _first(metadata: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    told = (str(metadata[key]).strip() for key in keys if metadata.get(key) is not None)
    return next((text for text in told if text.lower() not in ("", "nan", "<na>", "nat")), None)


def _fields(value: Mapping[Any, object]) -> dict[str, object]:
    """A mapping's fields by our names; a null is no field, and a name comes before a synonym."""
    given = {str(key).lower(): field for key, field in value.items() if field is not None}
    renamed = {_SYNONYMS[key]: field for key, field in given.items() if key in _SYNONYMS}
    return renamed | {key: field for key, field in given.items() if key not in _SYNONYMS}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
