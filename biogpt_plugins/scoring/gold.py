"""Gold documents: the annotations of a corpus, independent of its file format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

GoldT = TypeVar("GoldT")

Pair = tuple[str, str]
"""BC5CDR: (chemical id, disease id) in gold, (chemical name, disease name) in a completion."""
Triple = tuple[str, str, str]
"""DDI and KD-DTI: (head name, tail name, type)."""
TABLES = ("chemical2id", "disease2id")
"""BC5CDR's name tables: of heads, and of tails."""
Names = Mapping[str, Mapping[str, str]]
"""BC5CDR: "chemical2id" and "disease2id", name -> id, as in {split}.entities.json."""


@dataclass(frozen=True)
class Document(Generic[GoldT]):
    """One document of a corpus with its gold annotation.

    Attributes:
        id: Its identifier in the corpus, for example a PMID, as a string.
        gold: BC5CDR: pairs; DDI and KD-DTI: triples; PubMedQA: the label; HoC: the labels, without
            the class `empty`.
        input: The task's input: title and abstract, question and context, ...; None if the file
            has no texts.
        where: File and line or key, for errors.
        entities: The entities of the text, if the file annotates them, for the record's field.
    """

    id: str
    gold: GoldT
    input: Mapping[str, Any] | None = None
    where: str = ""
    entities: object = None

    @property
    def record(self) -> dict[str, Any]:
        """The task's input with the id and the entities."""
        given = {} if self.entities is None else {"entities": self.entities}
        return {**(self.input or {}), "id": self.id, **given}


@dataclass(frozen=True)
class GoldSet(Generic[GoldT]):
    """The documents of a corpus in their order.

    Attributes:
        task: Name of the task.
        documents: At least one; ids are unique.
        names: BC5CDR: names and their ids; empty for other tasks.
    """

    task: str
    documents: tuple[Document[GoldT], ...]
    names: Names = field(default_factory=dict)
