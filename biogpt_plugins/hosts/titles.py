"""Texts of documents with their titles: what the model reads, and where its findings are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from biogpt_plugins.text.grounding import aligner_of
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.annotations import Annotations
from biogpt_plugins.values.inputs import title_before
from biogpt_plugins.values.names import field_of
from biogpt_plugins.values.results import Cue, Entity, Evidence, Prediction, Relation

_COLUMN = re.compile(r"^(?P<name>[A-Za-z][\w ]{0,30}):[ \t]", re.MULTILINE)
_ENDS = (".", "?", "!")


@dataclass(frozen=True)
class TitledText:
    """A document's text and title, as BioGPT was trained to read them.

    Attributes:
        title: The title; "" if there is none.
        text: The text after the title.
        title_at: Offset of the title in the document's text; None if only the metadata have it.
        text_at: Offset of the text in the document's text.
    """

    title: str
    text: str
    title_at: int | None = None
    text_at: int = 0

    @classmethod
    def of(cls, text: str, title: str | None) -> TitledText:
        """Read a document.

        A text with columns `title: ...` and `abstract: ...` in lines, as CSVLoader writes, has its
        own title. A title that the text begins with is not repeated.

        Args:
            text: The document's text.
            title: The title in its metadata.
        """
        columns = _columns(text)
        own, abstract = columns.get("title"), columns.get("abstract")
        if own and abstract and text[slice(*own)]:
            return cls(text[slice(*own)], text[slice(*abstract)], own[0], abstract[0])
        return cls(title_before(text, title), text)

    def input(self, id_: str | None, entities: Annotations | None = None) -> dict[str, Any]:
        """The input of a task that reads papers.

        Args:
            id_: The paper's id.
            entities: The entities of the document, see `document_annotations`.
        """
        fields = {"id": id_, "title": f"{self.title}{self._stop}", "abstract": self.text}
        if entities is None:
            return fields
        if self.title_at is not None:  # the text is a part of the document's
            entities = entities._replace(start=(entities.start or 0) + self.text_at)
        return {**fields, "entities": entities}

    @property
    def _stop(self) -> str:
        # The official layout adds it, and the title's sentence ends there.
        return "." if self.title and not self.title.endswith(_ENDS) else ""

    def place(self, prediction: Prediction[Any]) -> Prediction[Any]:
        """A prediction of the title and text with `placed` relations."""
        if not prediction.relations:
            return prediction
        return prediction.model_copy(update={"result": self.placed(prediction.relations)})

    def placed(self, relations: Iterable[Relation]) -> list[Relation]:
        """Relations with offsets in the document's text, and those of the title marked as such."""
        if not self.title:
            return list(relations)
        return [self._relation(relation) for relation in relations]

    def _relation(self, relation: Relation) -> Relation:
        head, tail = (self._entity(end) for end in (relation.head, relation.tail))
        evidence = tuple(map(self._evidence, relation.evidence))
        return relation.model_copy(update={"head": head, "tail": tail, "evidence": evidence})

    def _entity(self, entity: Entity) -> Entity:
        if entity.start is None or entity.end is None:
            return entity
        if entity.start < len(self.title) < entity.end:  # no name goes on from title to text
            return entity.model_copy(update={"start": None, "end": None, "text": entity.name})
        found = aligner_of(SourceText(self.text)).find(entity.name)
        if entity.start < len(self.title) and found:  # the text has it, too
            start, end = found[0]
            by = len(self.title) + len(self._stop) + 1
            update = self._place(start + by, end + by)
            return entity.model_copy(update={**update, "text": self.text[start:end]})
        return entity.model_copy(update=self._place(entity.start, entity.end))

    def _evidence(self, evidence: Evidence) -> Evidence:
        start, end = evidence.start, evidence.end
        if start < len(self.title):
            end = min(end, len(self.title))
        place = self._place(start, end)
        cues = tuple(_moved(cue, place["start"] - start) for cue in evidence.cues)
        text = evidence.text[: end - start]
        return evidence.model_copy(update={**place, "text": text, "cues": cues})

    def _place(self, start: int, end: int) -> dict[str, Any]:
        if start < len(self.title):
            by, part = self.title_at or 0, None if self.title_at is not None else "title"
        else:
            by, part = self.text_at - len(self.title) - len(self._stop) - 1, None
        return {"start": start + by, "end": end + by, "part": part}


def _moved(cue: Cue, by: int) -> Cue:
    return cue.model_copy(update={"start": cue.start + by, "end": cue.end + by})


def _columns(text: str) -> dict[str, tuple[int, int]]:
    """The places of values in lines `name: value`, by our names of the fields.

    Names in capitals are headings of an abstract.
    """
    found = [match for match in _COLUMN.finditer(text) if not match["name"].isupper()]
    ends = [*(match.start() - 1 for match in found[1:]), len(text)]
    columns: dict[str, tuple[int, int]] = {}
    for match, end in zip(found, ends, strict=False):  # a text without columns has one end
        if field := field_of(match["name"]):
            columns.setdefault(field, (match.end(), end))
    return columns
