"""A document of a corpus with its solution, and the values that solutions are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from biogpt_plugins.scoring.bc5cdr import UNKNOWN_ID, plain_id
from biogpt_plugins.scoring.gold import TABLES, Names
from biogpt_plugins.tasks.bc5cdr import BC5CDR, CID
from biogpt_plugins.tasks.hoc import EMPTY
from biogpt_plugins.tasks.hoc import LABELS as HALLMARKS
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity, Hallmarks, Relation, Result

REMEDY = (
    'give JSONL lines with the input\'s fields and "gold", BC5CDR as official JSON, PubTator or '
    "BioC, DDI, KD-DTI or PubMedQA as official JSON, or HoC as TSV"
)
_MOST_SAID = 3


@dataclass(frozen=True)
class Solved:
    """One document, and what its file says is right.

    Attributes:
        task: Name of the task it is solved for.
        id: Its identifier, if it has one.
        input: What the task reads; None if the file has no texts.
        result: The task's own result; None if the file holds it apart. The ends of BC5CDR's
            relations are named by the longest mention of their id, as in the official targets,
            and by the id itself where nothing in the document is called so.
        names: BC5CDR: "chemical2id" and "disease2id", the document's lower-cased names to ids.
        where: File and line or key, for errors.
    """

    task: str
    id: str | None
    input: Mapping[str, Any] | None
    result: Result | None
    names: Names = field(default_factory=dict)
    where: str = ""


@contextmanager
def at(where: str) -> Iterator[None]:
    """Say of whatever is wrong where it is.

    Raises:
        InputError: In place of an InputError or a ValidationError, with its place.
    """
    try:
        yield
    except ValidationError as error:
        faults = [": ".join((*map(str, e["loc"]), e["msg"].lower())) for e in error.errors()]
        raise InputError(f"cannot read {where}: {'; '.join(faults[:_MOST_SAID])}") from error
    except InputError as error:
        raise InputError(f"cannot read {where}: {error}") from error


def relation(task: Task[Any], head: Entity, type_: str, tail: Entity) -> Relation:
    """A relation of a type that the task has; tasks without a closed list of types have any.

    Raises:
        InputError: The task has no such type.
    """
    clause = task.clause
    if clause and clause.closed and type_ not in clause.types:
        raise InputError(
            f"{task.name} has no type {type_!r}: the types are {', '.join(clause.types)}"
        )
    return Relation(head=head, type=type_, tail=tail)


def is_named(end: Entity) -> bool:
    """Whether an end is called something, and not by its identifier alone."""
    return end.text != end.id


def hallmarks(labels: Iterable[str]) -> Hallmarks:
    """Some labels of HoC; its class `empty` is no label.

    Raises:
        InputError: HoC has no such label.
    """
    found = tuple(label.strip() for label in labels)
    for label in found:
        if label not in (*HALLMARKS, EMPTY):
            raise InputError(
                f"hoc has no label {label!r}: the labels are {', '.join(HALLMARKS)}, {EMPTY}"
            )
    return Hallmarks(labels=tuple(label for label in found if label != EMPTY))


def mesh(identifier: str) -> str:
    """An identifier without the prefix that some files give it; a missing one is unknown."""
    return plain_id(identifier.strip()) or UNKNOWN_ID


def cdr(
    id_: str, title: str, abstract: str, pairs: Iterable[tuple[str, str]], names: Names
) -> Solved:
    """A paper of BC5CDR, whatever its file's format.

    Args:
        id_: Its PMID.
        title: Its title.
        abstract: Its abstract.
        pairs: Chemical and disease id of each relation.
        names: "chemical2id" and "disease2id", its lower-cased names to ids.
    """
    names = {kind: {name: mesh(ident) for name, ident in names[kind].items()} for kind in TABLES}
    called = [_longest(names[kind]) for kind in TABLES]

    def end(side: int, identifier: str) -> Entity:
        name = called[side].get(identifier, identifier)
        return Entity(text=name, type=BC5CDR.ends[side], id=identifier)

    distinct = dict.fromkeys((mesh(chemical), mesh(disease)) for chemical, disease in pairs)
    return Solved(
        task="bc5cdr",
        id=id_,
        input={"id": id_, "title": title, "abstract": abstract},
        result=[relation(BC5CDR, end(0, c), CID, end(1, d)) for c, d in distinct],
        names=names,
    )


def _longest(names: Mapping[str, str]) -> dict[str, str]:
    """The longest name of each id: what the official targets call it."""
    longest: dict[str, str] = {}
    for name, identifier in names.items():
        if len(name) > len(longest.get(identifier, "")):
            longest[identifier] = name
    return longest
