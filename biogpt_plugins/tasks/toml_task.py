"""Relation tasks as TOML files, for people who do not write Python.

    name = "drugprot"
    summary = "how a chemical acts on a gene"
    entities = ["chemical", "gene"]              # head and tail
    clause = "{chemical} {type} {gene}"          # or {head} and {tail}
    source = "title_and_abstract"                # or "text", or a template: "{title} | {text}"
    lowercase = true
    nothing = "no relation"                      # the target of a text without relations
    metric = "relations"

    [types]                                      # relation type = how a target writes it
    INHIBITOR = "inhibits"

    [predicates]                                 # in the Biolink model, for exports to KGX
    INHIBITOR = "biolink:affects"                # or for all: predicates = "biolink:affects"

    [[examples]]                                 # shown to a model not trained for the task
    text = "Aspirin blocks COX-2."
    relations = [{ head = "aspirin", type = "INHIBITOR", tail = "cox-2" }]

`types` may also be a list of names that are written as they are. `name`, `summary`, `entities`,
`clause`, `types` and `examples` are required. Other keys are refused.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.tasks.bc5cdr import title_and_abstract
from biogpt_plugins.tasks.clause import RELATED_TO, Clause
from biogpt_plugins.tasks.ddi import source as text_alone
from biogpt_plugins.tasks.layouts import OFFICIAL_MAX_LENGTH
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import BioGPTError, InputError, did_you_mean
from biogpt_plugins.values.inputs import Paper
from biogpt_plugins.values.results import Entity, Relation

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = "tasks"
"""Where a model's folder keeps the files of the tasks that it was trained for."""

_SOURCES = {"title_and_abstract": title_and_abstract, "text": text_alone}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SLOT = re.compile(r"{(\w*)}")
_TEXTS = {"text", "abstract"}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _RelationEntry(_Part):
    head: str = Field(min_length=1)
    type: str
    tail: str = Field(min_length=1)


class _Example(_Part):
    title: str = ""
    text: str = ""
    abstract: str = ""
    relations: list[_RelationEntry]


class _Declaration(_Part):
    name: str
    summary: str = Field(min_length=1)
    entities: list[str] = Field(min_length=2, max_length=2)
    clause: str
    types: dict[str, str] | list[str]
    source: str = "title_and_abstract"
    lowercase: bool = True
    separator: str = ";"
    nothing: str = ""
    predicates: dict[str, str] | str = {}
    metric: str = "relations"
    examples: list[_Example] = Field(min_length=1)


def read_task(path: str | Path) -> Task[list[Relation]]:
    """The task that a TOML file declares; it is not registered.

    Raises:
        InputError: The file is missing or is not TOML, or a key in it is missing, unknown or wrong.
            The message names the file, the key and the remedy.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise InputError(f"there is no task file {str(path)!r}: check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the task file {path}: {error}") from error
    return task_of(text, where=str(path))


def task_of(text: str, *, where: str) -> Task[list[Relation]]:
    """The task that TOML text declares.

    Args:
        text: The text.
        where: Its name in errors.

    Raises:
        InputError: As in `read_task`.
    """
    try:
        declared = _Declaration.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where} is not a TOML file: {error}") from error
    except ValidationError as error:
        raise InputError(f"{where}: {_explained(error)}") from error
    with _at(where, "name"):
        if not _NAME.fullmatch(declared.name):
            raise InputError(
                f"{declared.name!r} must begin with a letter and contain only letters, digits, "
                "- and _"
            )
    with _at(where, "clause"):
        clause = _clause(declared)
    with _at(where, "source"):
        source = _source(declared.source)
    task = Task.of_relations(
        clause,
        name=declared.name,
        summary=declared.summary,
        input=Paper,
        source=source,
        lowercase=declared.lowercase,
        decoding=Decoding(max_length=OFFICIAL_MAX_LENGTH),
        shots=tuple(
            _shot(one, clause, where, n) for n, one in enumerate(declared.examples, start=1)
        ),
        metric=declared.metric,
        declaration=text,
    )
    with _at(where, "metric"):
        if declared.metric != "relations":
            raise InputError(
                f"{declared.metric!r} must be 'relations': micro F1 of head, type and tail"
            )
    return task


def _clause(declared: _Declaration) -> Clause:
    head, tail = declared.entities
    names = {"head": "head", "tail": "tail", "type": "type"}
    if head != tail:
        names |= {head: "head", tail: "tail"}

    def slot(match: re.Match[str]) -> str:
        name = match[1]
        if name not in names:
            fit = ", ".join(f"{{{one}}}" for one in names)
            raise InputError(f"{{{name}}} is not a slot: use {fit}")
        return f"{{{names[name]}}}"

    types = (
        declared.types
        if isinstance(declared.types, dict)
        else {name: name for name in declared.types}
    )
    if len(types) < len(declared.types):
        raise InputError("a type occurs twice in `types`: remove one")
    predicates = (
        declared.predicates
        if isinstance(declared.predicates, dict)
        else dict.fromkeys(types, declared.predicates)
    )
    if strange := predicates.keys() - types.keys():
        raise InputError(
            f"`predicates` has {min(strange)!r}, which is not a type: use {', '.join(types)}"
        )
    return Clause(
        predicates=tuple(predicates.get(name, RELATED_TO) for name in types),
        text=_SLOT.sub(slot, declared.clause),
        head=head,
        tail=tail,
        types=tuple(types),
        words=tuple(types.values()),
        separator=declared.separator,
        nothing=declared.nothing,
        lowercase=declared.lowercase,
    )


def _source(layout: str) -> Any:  # noqa: ANN401 - a source of Papers
    if found := _SOURCES.get(layout):
        return found
    slots = _SLOT.findall(layout)
    if not _TEXTS & {*slots}:
        raise InputError(
            f"{layout!r} must be one of {', '.join(map(repr, _SOURCES))}, or a template that "
            "contains {text}"
        )
    if strange := {*slots} - _TEXTS - {"title"}:
        raise InputError(f"{{{min(strange)}}} is not a slot: use {{title}} and {{text}}")
    return partial(_fill, layout)


def _fill(layout: str, paper: Paper) -> Prompt:
    fields = {
        "title": paper.title.strip(),
        "text": paper.text.strip(),
        "abstract": paper.text.strip(),
    }
    return Prompt(text=_SLOT.sub(lambda match: fields[match[1]], layout).strip())


def _shot(example: _Example, clause: Clause, where: str, number: int) -> tuple[Paper, str]:
    with _at(where, f"example {number}"):
        if not (example.text or example.abstract or example.title):
            raise InputError("it has no text: add a `text`")
        if not example.relations and not clause.nothing:
            raise InputError(
                "it has no relations: add one, or set `nothing` to the target of such a text"
            )
        paper = Paper(title=example.title, text=example.text or example.abstract)
        ends = {"head": clause.head, "tail": clause.tail}
        given = [
            Relation(
                type=one.type,
                **{end: Entity(text=getattr(one, end), type=type_) for end, type_ in ends.items()},
            )
            for one in example.relations
        ]
        target = clause.write(given)
        found = clause.read(target, paper.source, False).result
        if [_spelt(one) for one in found] != [_spelt(one) for one in given]:
            read = "; ".join(map(str, found)) or "no relation"
            raise InputError(
                f"{target!r} is read back as {read}: write the names as the text does, or change "
                "the clause"
            )
        return paper, target


def _spelt(relation: Relation) -> tuple[str, ...]:
    names = (relation.head.name, relation.type, relation.tail.name)
    return tuple("".join(name.lower().split()) for name in names)


@contextmanager
def _at(where: str, key: str) -> Iterator[None]:
    try:
        yield
    except BioGPTError as error:
        raise InputError(f"{where}: {key}: {error}") from error


def _explained(error: ValidationError) -> str:
    """The first error that pydantic reports, with its key and the remedy."""
    fault = next(
        (one for one in error.errors() if one["type"] == "extra_forbidden"), error.errors()[0]
    )
    key = ".".join(str(part) for part in fault["loc"] if part not in ("dict[str,str]", "list[str]"))
    if fault["type"] == "extra_forbidden":
        known = (
            _RelationEntry
            if "relations" in key
            else _Example
            if "examples" in key
            else _Declaration
        )
        guess = did_you_mean(str(fault["loc"][-1]), known.model_fields)
        return f"there is no key {key!r}.{guess} The keys are {', '.join(known.model_fields)}"
    if fault["type"] == "missing":
        return f"the key {key!r} is missing: add it"
    return f"{key} = {fault['input']!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
