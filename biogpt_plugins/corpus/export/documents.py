"""Papers with their relations, for formats with texts and offsets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from biogpt_plugins.values.inputs import FullText, Paper, Part
from biogpt_plugins.values.results import Entity, Prediction, Relation


class Document(NamedTuple):
    """A paper and its relations.

    Attributes:
        id: The id of the paper.
        text: The text that offsets count in.
        parts: Title, abstract and the sections of a full text; without a title the abstract takes
            its place.
        relations: The relations, each once, in the order of the predictions.
    """

    id: str
    text: str
    parts: tuple[Part, ...]
    relations: tuple[Relation, ...]

    @property
    def halves(self) -> tuple[str, str]:
        """The first part, and the rest after one space, which may be empty."""
        end = self.parts[0].end
        apart = self.text[end : end + 1] == " "
        return (self.text[:end], self.text[end + 1 :]) if apart else (self.text, "")

    @property
    def mentions(self) -> list[Entity]:
        """The grounded ends of relations, in text order, each place once."""
        ends = (end for relation in self.relations for end in (relation.head, relation.tail))
        places = {(end.start, end.end, end.type): end for end in ends if end.grounded}
        return [end for _, end in sorted(places.items())]


def documents(
    predictions: Iterable[Prediction[Any]], papers: Mapping[str, Paper | FullText]
) -> Iterator[Document]:
    """Predictions of relations, grouped by paper.

    A paper is left out if its text is missing or does not match its predictions, or if none of its
    predictions has a list of relations; so is one with an empty id.

    Args:
        predictions: Predictions of any tasks; failed ones and results of other kinds are skipped.
        papers: Texts by id; for papers that were read by section, the whole papers of
            `whole_papers`.
    """
    by_paper: dict[str, dict[str, Relation]] = {}
    for prediction in predictions:
        id_ = prediction.id
        if id_ and id_ in papers and prediction.kind == "relations":
            relations = by_paper.setdefault(id_, {})
            relations |= {each.model_dump_json(): each for each in prediction.relations}
    for id_, relations in by_paper.items():
        paper = papers[id_]
        document = Document(id_, paper.source, _parts(paper), tuple(relations.values()))
        if all(document.text[end.start : end.end] == end.text for end in document.mentions):
            yield document


def identifier(entity: Entity) -> str:
    """The reference to an entity in relations: its id, or its name in lower case without one."""
    return entity.id or " ".join(entity.canonical.lower().split())


def one_line(text: str) -> str:
    """The text with line breaks and tabs replaced by spaces; its length stays the same."""
    return text.translate(dict.fromkeys(map(ord, "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " "))


def _parts(paper: Paper | FullText) -> tuple[Part, ...]:
    if isinstance(paper, FullText):
        return paper.parts
    length = len(paper.source)
    title = Part("title", 0, len(paper.title or paper.text))
    return (title, Part("abstract", title.end + 1, length)) if title.end < length else (title,)
