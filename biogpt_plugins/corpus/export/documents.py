"""Papers with what was found in them, as formats with texts and offsets hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from biogpt_plugins.inputs import Paper
from biogpt_plugins.results import Entity, Prediction, Relation


class Document(NamedTuple):
    """A paper and its relations.

    Attributes:
        id: The paper's.
        title: What offsets begin to count with; the whole text, where there is no title.
        abstract: What follows after one space; may be empty.
        relations: Each once, in the order in which they were found.
    """

    id: str
    title: str
    abstract: str
    relations: tuple[Relation, ...]

    @property
    def mentions(self) -> list[Entity]:
        """The ends of relations that stand in the text, in its order, each place once."""
        ends = (end for relation in self.relations for end in (relation.head, relation.tail))
        places = {(end.start, end.end, end.type): end for end in ends if end.grounded}
        return [end for _, end in sorted(places.items())]


def documents(
    predictions: Iterable[Prediction[Any]], papers: Mapping[str, Paper]
) -> Iterator[Document]:
    """Predictions of relations, those of one paper together.

    A paper is left out if its text is not at hand or is another than its predictions were made
    from, or if none of them found out whether it has relations.

    Args:
        predictions: Of any tasks; those that failed or found something else are passed over.
        papers: Texts by id.
    """
    found: dict[str, dict[str, Relation]] = {}
    for prediction in predictions:
        id_ = prediction.id
        if id_ is not None and id_ in papers and isinstance(prediction.result, list):
            relations = found.setdefault(id_, {})
            relations |= {one.model_dump_json(): one for one in prediction.result}
    for id_, relations in found.items():
        paper = papers[id_]
        document = Document(id_, *_parts(paper), tuple(relations.values()))
        if all(paper.source[end.start : end.end] == end.text for end in document.mentions):
            yield document


def identifier(entity: Entity) -> str:
    """What stands for an entity in relations: its id, or for want of one its name, lower case."""
    return entity.id or " ".join(entity.canonical.lower().split())


def one_line(text: str) -> str:
    """The text without line breaks and tabs, and as long."""
    return text.translate(dict.fromkeys(map(ord, "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " "))


def _parts(paper: Paper) -> tuple[str, str]:
    return (paper.title, paper.text) if paper.title else (paper.text, "")
