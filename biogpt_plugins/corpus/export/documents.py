"""Papers with what was found in them, as formats with texts and offsets hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from biogpt_plugins.values.inputs import FullText, Paper, Part
from biogpt_plugins.values.results import Entity, Prediction, Relation


class Document(NamedTuple):
    """A paper and its relations.

    Attributes:
        id: The paper's.
        text: What offsets count in.
        parts: Title, abstract and the sections of a full text; where there is no title, an
            abstract is taken for it.
        relations: Each once, in the order in which they were found.
    """

    id: str
    text: str
    parts: tuple[Part, ...]
    relations: tuple[Relation, ...]

    @property
    def halves(self) -> tuple[str, str]:
        """Its first part, and all that follows after one space, which may be nothing."""
        end = self.parts[0].end
        apart = self.text[end : end + 1] == " "
        return (self.text[:end], self.text[end + 1 :]) if apart else (self.text, "")

    @property
    def mentions(self) -> list[Entity]:
        """The ends of relations that stand in the text, in its order, each place once."""
        ends = (end for relation in self.relations for end in (relation.head, relation.tail))
        places = {(end.start, end.end, end.type): end for end in ends if end.grounded}
        return [end for _, end in sorted(places.items())]


def documents(
    predictions: Iterable[Prediction[Any]], papers: Mapping[str, Paper | FullText]
) -> Iterator[Document]:
    """Predictions of relations, those of one paper together.

    A paper is left out if its text is not at hand or is another than its predictions were made
    from, or if none of them found out whether it has relations.

    Args:
        predictions: Of any tasks; those that failed or found something else are passed over.
        papers: Texts by id; whole ones of papers that were read by section, as `whole_papers` puts
            them together.
    """
    found: dict[str, dict[str, Relation]] = {}
    for prediction in predictions:
        id_ = prediction.id
        if id_ is not None and id_ in papers and prediction.kind == "relations":
            relations = found.setdefault(id_, {})
            relations |= {one.model_dump_json(): one for one in prediction.relations}
    for id_, relations in found.items():
        paper = papers[id_]
        document = Document(id_, paper.source, _parts(paper), tuple(relations.values()))
        if all(document.text[end.start : end.end] == end.text for end in document.mentions):
            yield document


def identifier(entity: Entity) -> str:
    """What stands for an entity in relations: its id, or for want of one its name, lower case."""
    return entity.id or " ".join(entity.canonical.lower().split())


def one_line(text: str) -> str:
    """The text without line breaks and tabs, and as long."""
    return text.translate(dict.fromkeys(map(ord, "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " "))


def _parts(paper: Paper | FullText) -> tuple[Part, ...]:
    if isinstance(paper, FullText):
        return paper.parts
    length = len(paper.source)
    title = Part("title", 0, len(paper.title or paper.text))
    return (title, Part("abstract", title.end + 1, length)) if title.end < length else (title,)
