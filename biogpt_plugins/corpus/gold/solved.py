"""A solved document of a corpus, and helpers that make solutions."""

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
from biogpt_plugins.values.annotations import Annotations
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text, annotations_of
from biogpt_plugins.values.results import Entity, Hallmarks, Relation, Result

REMEDY = (
    'give JSONL with the input\'s fields and "gold"; or a spreadsheet with the columns text, head, '
    "type and tail; or BC5CDR as official JSON, PubTator or BioC; DDI, KD-DTI or PubMedQA as "
    "official JSON; or HoC or PubMedQA as TSV"
)
_SHOWN_FAULTS = 3


@dataclass(frozen=True)
class Solved:
    """A document and its solution.

    Attributes:
        task: Name of the task that it is solved for.
        id: Its identifier, if it has one.
        input: The task's input; None if the file has no texts.
        result: The task's result; None if it is in a separate file. The ends of BC5CDR's relations
            have the longest mention of their id as name, as in the official targets, or the id
            itself if the document has no mention of it.
        names: For BC5CDR: "chemical2id" and "disease2id", from lower-cased names to ids.
        where: File and line or key, for error messages.
        entities: The mentions of the document, if the file has them.
    """

    task: str
    id: str | None
    input: Mapping[str, Any] | None
    result: Result | None
    names: Names = field(default_factory=dict)
    where: str = ""
    entities: Annotations | None = None


@contextmanager
def at(where: str) -> Iterator[None]:
    """Add the place to errors raised in the context.

    Raises:
        InputError: Replaces an InputError or a ValidationError; its message names the place.
    """
    try:
        yield
    except ValidationError as error:
        faults = [": ".join((*map(str, e["loc"]), e["msg"].lower())) for e in error.errors()]
        raise InputError(f"cannot read {where}: {'; '.join(faults[:_SHOWN_FAULTS])}") from error
    except InputError as error:
        raise InputError(f"cannot read {where}: {error}") from error


def relation(task: Task[Any], head: Entity, type_: str, tail: Entity) -> Relation:
    """Make a relation, and check its type if the task has a closed list of types.

    Raises:
        InputError: The list does not have this type.
    """
    clause = task.clause
    if clause and clause.closed and type_ not in clause.types:
        raise InputError(
            f"{task.name} has no relation type {type_!r}: use one of {', '.join(clause.types)}"
        )
    return Relation(head=head, type=type_, tail=tail)


def is_named(end: Entity) -> bool:
    """Whether an end has a name, and not only an identifier."""
    return end.text != end.id


def hallmarks(labels: Iterable[str]) -> Hallmarks:
    """Make Hallmarks from labels of HoC, whose class `empty` means no label.

    Raises:
        InputError: HoC does not have this label.
    """
    labels = tuple(label.strip() for label in labels)
    for label in labels:
        if label not in (*HALLMARKS, EMPTY):
            raise InputError(
                f"hoc has no label {label!r}: use one of {', '.join(HALLMARKS)}, {EMPTY}"
            )
    return Hallmarks(labels=tuple(label for label in labels if label != EMPTY))


def mesh(identifier: str) -> str:
    """Remove the prefix that some files put before an id; an empty id becomes UNKNOWN_ID."""
    return plain_id(identifier.strip()) or UNKNOWN_ID


def cdr(  # noqa: PLR0913, PLR0917 - what a paper has
    id_: str,
    title: str,
    abstract: str,
    pairs: Iterable[tuple[str, str]],
    names: Names,
    annotated: Text | None = None,
) -> Solved:
    """Make a solved paper of BC5CDR, for readers of all its formats.

    Args:
        id_: Its PMID.
        title: Its title.
        abstract: Its abstract.
        pairs: Chemical and disease id of each relation.
        names: "chemical2id" and "disease2id", from its lower-cased names to ids.
        annotated: The paper with its entities, if the file has mentions.
    """
    names = {kind: {name: mesh(ident) for name, ident in names[kind].items()} for kind in TABLES}
    longest = [_longest(names[kind]) for kind in TABLES]

    def end(side: int, identifier: str) -> Entity:
        name = longest[side].get(identifier, identifier)
        return Entity(text=name, type=BC5CDR.ends[side], id=identifier)

    distinct = dict.fromkeys((mesh(chemical), mesh(disease)) for chemical, disease in pairs)
    return Solved(
        task="bc5cdr",
        id=id_,
        input={"id": id_, "title": title, "abstract": abstract},
        result=[relation(BC5CDR, end(0, c), CID, end(1, d)) for c, d in distinct],
        names=names,
        entities=annotations_of(annotated) if annotated else None,
    )


def _longest(names: Mapping[str, str]) -> dict[str, str]:
    """The longest name of each id, which the official targets use."""
    longest: dict[str, str] = {}
    for name, identifier in names.items():
        if len(name) > len(longest.get(identifier, "")):
            longest[identifier] = name
    return longest
