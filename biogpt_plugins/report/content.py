"""Predictions -> what the page shows: papers with their texts, relations and answers, and a graph.

Offsets stay those of the Prediction, in code points of the whole text. A paper's text comes as
segments, each with the offset at which it starts: title, abstract and sections where they are at
hand, or else the sentences that its relations rest on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from biogpt_plugins.findings.edges import Aggregate, node_key
from biogpt_plugins.report.segments import Segment, agree, divided, sentences, whole
from biogpt_plugins.values.inputs import FullText, Paper, Part, Question, read
from biogpt_plugins.values.results import Entity, Evidence, Prediction, Relation

_Json = dict[str, Any]
_UNHEADED = ("title", "abstract")


class Source(NamedTuple):
    """What a paper says.

    Attributes:
        text: The text in which offsets count.
        title: What it begins with, where that is a title.
        question: What was asked of it.
        parts: Title, abstract and sections, where it is a full text.
    """

    text: str
    title: str = ""
    question: str = ""
    parts: tuple[Part, ...] = ()


def source_of(value: object) -> tuple[str | None, Source]:
    """The id and the text of what a pipeline takes: a paper, a question, a mapping, a string.

    Of papers that are read by section the texts are the FullTexts that `whole_papers` gives.

    Raises:
        InputError: It is none of these, or holds no text.
    """
    keys = {str(key).lower() for key in value} if isinstance(value, Mapping) else ()
    if isinstance(value, Question) or "question" in keys:
        question = read(Question, value)
        return question.id, Source(question.text, question=question.question)
    if isinstance(value, FullText):
        full = read(FullText, value)
        return full.id, Source(full.text, full.title, parts=full.parts)
    paper = read(Paper, value)
    return paper.id, Source(paper.source, paper.title)


class Content:
    """What a page shows, made of Predictions that are added one at a time."""

    def __init__(self, sources: Mapping[str, Source] | None = None) -> None:
        """Start with nothing.

        Args:
            sources: Texts by the ids of Predictions. One that is not what its Prediction was made
                from, by the offsets, is not shown.
        """
        self.strangers = 0  # papers whose text is not the one that was read
        self._sources = sources or {}
        self._papers: list[_Paper] = []
        self._places: dict[tuple[str, str], _Paper] = {}
        self._graph = Aggregate()

    @classmethod
    def of(
        cls, predictions: Iterable[Prediction[Any]], sources: Mapping[str, Source] | None = None
    ) -> Content:
        """The content of predictions, which are taken one at a time."""
        content = cls(sources)
        for prediction in predictions:
            content.add(prediction)
        return content

    def __len__(self) -> int:
        """How many papers there are; those without an id count as one each."""
        ids = [paper.id for paper in self._papers]
        return len({*ids} - {None}) + ids.count(None)

    def add(self, prediction: Prediction[Any]) -> None:
        """Add a prediction to those of its paper; one that is there already counts once."""
        paper = self._paper(prediction)
        if prediction in paper.predictions:
            return
        paper.predictions.append(prediction)
        if prediction.kind == "relations":
            self._graph.add(prediction)

    def data(self) -> _Json:
        """All of it, as values that JSON has."""
        graph = _Graph(self._graph)
        papers = [_shown(paper, graph) for paper in self._papers]
        return {"papers": papers, "nodes": graph.nodes, "edges": graph.edges}

    def _paper(self, prediction: Prediction[Any]) -> _Paper:
        """Where it belongs: to the paper of its id, as far as offsets count in the same text."""
        id_ = prediction.id
        source = self._sources.get(id_) if id_ is not None else None
        if source and not agree(source.text, _spans(prediction)):
            source = None
            self.strangers += 1
        key = (id_ or "", "" if source else prediction.task)
        paper = self._places.get(key) if id_ is not None else None
        if paper is None:
            self._papers.append(paper := _Paper(id_, source, []))
            self._places[key] = paper
        return paper


class _Paper(NamedTuple):
    id: str | None
    source: Source | None
    predictions: list[Prediction[Any]]


class _Graph:
    """Nodes and edges by their places in lists, the most frequent first."""

    def __init__(self, aggregate: Aggregate) -> None:
        self.nodes: list[_Json] = []
        self.edges: list[_Json] = []
        self._node_places: dict[object, int] = {}
        self._edge_places: dict[object, int] = {}
        for edge in aggregate.edges():
            ends = node_key(edge.head), node_key(edge.tail)
            head, tail = (
                self._place(key, node)
                for key, node in zip(ends, (edge.head, edge.tail), strict=True)
            )
            self._edge_places[ends[0], edge.type, ends[1]] = len(self.edges)
            told = {
                "head": head,
                "type": edge.type,
                "tail": tail,
                "stated": len(edge.supporting),
                "possible": len(edge.speculating),
                "negated": len(edge.contradicting),
                "papers": len(edge.papers),
                "score": _rounded(edge.score),
            }
            self.edges.append(_known(told))

    def edge(self, relation: Relation) -> int:
        """The place of the edge that a relation is a part of."""
        key = (node_key(relation.head), relation.type, node_key(relation.tail))
        return self._edge_places[key]

    def _place(self, key: object, node: Any) -> int:  # noqa: ANN401 - aggregation's Node
        if key not in self._node_places:
            self._node_places[key] = len(self.nodes)
            self.nodes.append(_known({"name": node.name, "type": node.type, "id": node.id}))
        return self._node_places[key]


def _shown(paper: _Paper, graph: _Graph) -> _Json:
    relations = [one for prediction in paper.predictions for one in prediction.relations]
    entities: dict[Entity, int] = {}
    for relation in relations:
        for end in (relation.head, relation.tail):
            entities.setdefault(end, len(entities))
    source = paper.source
    headings: list[str] = []
    segments: list[Segment]
    if source and source.parts:
        segments = divided(source.text, source.parts)
        headings = ["" if one.name in _UNHEADED else one.name for one in source.parts]
    elif source:
        segments = whole(source.text, source.title)
    else:
        segments = sentences(one for relation in relations for one in relation.evidence)
    return _known(
        {
            "id": paper.id,
            "question": (source.question or None) if source else None,
            "title": bool(source and source.title and segments) or None,
            "whole": bool(source) or None,
            "segments": [list(segment) for segment in segments] or None,
            "headings": headings or None,
            "entities": [_entity(entity) for entity in entities] or None,
            "found": [_found(one, entities, graph) for one in paper.predictions],
        }
    )


def _found(prediction: Prediction[Any], entities: Mapping[Entity, int], graph: _Graph) -> _Json:
    """What one prediction says, under a name for each kind of result."""
    result: Any = prediction.result
    told: _Json = {}
    match prediction.kind:
        case "relations":
            told["relations"] = [_relation(one, entities, graph) for one in result]
        case "answer":
            told["answer"] = result.model_dump(exclude_none=True)
        case "labels":
            told["labels"] = list(result.labels)
        case "text":
            told["text"] = result
    if prediction.error:
        told["error"] = prediction.error.model_dump()
        told["completion"] = prediction.completion
    return _known(
        {
            "task": prediction.task,
            "model": prediction.model,
            "section": prediction.section,
            **told,
            "cut": prediction.truncated_tokens or None,
            "warnings": list(prediction.warnings) or None,
        }
    )


def _relation(relation: Relation, entities: Mapping[Entity, int], graph: _Graph) -> _Json:
    return _known(
        {
            "head": entities[relation.head],
            "type": relation.type,
            "tail": entities[relation.tail],
            "edge": graph.edge(relation),
            "score": _rounded(relation.score),
            "agreement": _rounded(relation.agreement),
            "negated": relation.negated or None,
            "speculated": relation.speculated or None,
            "evidence": [_evidence(one) for one in relation.evidence] or None,
        }
    )


def _entity(entity: Entity) -> _Json:
    name = entity.name if entity.name.lower() != entity.text.lower() else None
    return _known({**entity.model_dump(exclude={"name"}), "name": name})


def _evidence(evidence: Evidence) -> list[Any]:
    cues = [[cue.kind, cue.start, cue.end] for cue in evidence.cues]
    return [evidence.start, evidence.end, evidence.holds, cues]


def _spans(prediction: Prediction[Any]) -> Iterable[tuple[int | None, int | None, str]]:
    """All that a prediction says of what stands where."""
    for relation in prediction.relations:
        for end in (relation.head, relation.tail):
            yield end.start, end.end, end.text
        for sentence in relation.evidence:
            yield sentence.start, sentence.end, sentence.text


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


def _known(told: Mapping[str, Any]) -> _Json:
    return {name: value for name, value in told.items() if value is not None}
