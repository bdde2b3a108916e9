"""Predictions -> the data of the page: papers with texts, relations and answers, and a graph.

Offsets are the Prediction's own, in code points of the whole text. A paper's text comes in
segments, each with its start offset: title, abstract and sections where the text is known,
otherwise the evidence sentences of its relations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from biogpt_plugins.findings.edges import Aggregate
from biogpt_plugins.report.labelling import labelling
from biogpt_plugins.report.segments import Segment, agree, divided, sentences, whole
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.inputs import FullText, Paper, Part, Question, read
from biogpt_plugins.values.results import Entity, Evidence, Prediction, Relation

_Json = dict[str, Any]
_UNHEADED = ("title", "abstract")


class Source(NamedTuple):
    """The text of a paper.

    Attributes:
        text: The text that offsets count in.
        title: The title, if the text begins with one.
        question: The question about the text.
        parts: Title, abstract and sections of a full text.
        entities: What the input says that the text names.
    """

    text: str
    title: str = ""
    question: str = ""
    parts: tuple[Part, ...] = ()
    entities: tuple[Entity, ...] = ()


def source_of(value: object) -> tuple[str | None, Source]:
    """The id and the text of a pipeline's input: a paper, a question, a mapping or a string.

    For papers that are read by section, pass the FullTexts that `whole_papers` returns.

    Raises:
        InputError: The value has another type, or no text.
    """
    keys = {str(key).lower() for key in value} if isinstance(value, Mapping) else ()
    if isinstance(value, Question) or "question" in keys:
        question = read(Question, value)
        found = question.entities
        return question.id, Source(question.text, question=question.question, entities=found)
    if isinstance(value, FullText):
        full = read(FullText, value)
        return full.id, Source(full.text, full.title, parts=full.parts)
    paper = read(Paper, value)
    return paper.id, Source(paper.source, paper.title, entities=paper.entities)


class Content:
    """The content of a page, built from Predictions one at a time."""

    def __init__(self, sources: Mapping[str, Source] | None = None) -> None:
        """Start empty.

        Args:
            sources: Texts by the ids of Predictions. A text that does not match the offsets of its
                Prediction is not shown.
        """
        self.trials: dict[str, None] = {}  # models that are for trying out
        self.strangers = 0  # predictions whose source text does not match their offsets
        self._sources = sources or {}
        self._papers: list[_Paper] = []
        self._places: dict[tuple[str, str], _Paper] = {}
        self._graph = Aggregate()

    @classmethod
    def of(
        cls, predictions: Iterable[Prediction[Any]], sources: Mapping[str, Source] | None = None
    ) -> Content:
        """The content of predictions, which are read one at a time."""
        content = cls(sources)
        for prediction in predictions:
            content.add(prediction)
        return content

    def __len__(self) -> int:
        """Number of papers; each paper without an id counts as one."""
        ids = [paper.id for paper in self._papers]
        return len({*ids} - {None}) + ids.count(None)

    def add(self, prediction: Prediction[Any]) -> None:
        """Add a prediction to its paper; a repeated prediction counts once."""
        paper = self._paper(prediction)
        if prediction in paper.predictions:
            return
        paper.predictions.append(prediction)
        if prediction.trial:
            self.trials[prediction.model or "unnamed"] = None
        if prediction.kind == "relations":
            self._graph.add(prediction)

    def data(self, label: Task[Any] | None = None) -> _Json:
        """The whole content as JSON values.

        Args:
            label: A task whose relations are to be labelled.
        """
        graph = _Graph(self._graph)
        papers = [_shown(paper, graph) for paper in self._papers]
        data: _Json = {"papers": papers, "nodes": graph.nodes, "edges": graph.edges}
        if label is None:
            return data
        for paper, shown in zip(self._papers, papers, strict=True):
            if _can_label(paper, label):
                shown["label"] = True
        return {**data, "label": labelling(label, data)}

    def labelled(self, task: Task[Any]) -> int:
        """Number of papers whose relations of a task can be labelled.

        Papers without their text, and full texts that were read by section, cannot.
        """
        return sum(_can_label(paper, task) for paper in self._papers)

    def _paper(self, prediction: Prediction[Any]) -> _Paper:
        """The paper that a prediction belongs to: same id, and offsets in the same text."""
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


def _can_label(paper: _Paper, task: Task[Any]) -> bool:
    read = any(prediction.task == task.name for prediction in paper.predictions)
    return read and paper.source is not None and not paper.source.parts


class _Graph:
    """Nodes and edges by their places in lists, most frequent first."""

    def __init__(self, aggregate: Aggregate) -> None:
        self.nodes: list[_Json] = []
        self.edges: list[_Json] = []
        self._node_places: dict[object, int] = {}
        self._edge_places: dict[object, int] = {}
        self._nodes = aggregate.nodes()
        for edge in aggregate.edges(self._nodes):
            ends = edge.head.key, edge.tail.key
            head, tail = (
                self._place(key, node)
                for key, node in zip(ends, (edge.head, edge.tail), strict=True)
            )
            self._edge_places[ends[0], edge.type, ends[1]] = len(self.edges)
            fields = {
                "head": head,
                "type": edge.type,
                "tail": tail,
                "stated": len(edge.supporting),
                "possible": len(edge.speculating),
                "negated": len(edge.contradicting),
                "papers": len(edge.papers),
                "score": _rounded(edge.score),
            }
            self.edges.append(_known(fields))

    def edge(self, relation: Relation) -> int:
        """The place of a relation's edge; the first, if its ends have several identifiers."""
        head, tail = (self._nodes.keys(end)[0] for end in (relation.head, relation.tail))
        return self._edge_places[head, relation.type, tail]

    def _place(self, key: object, node: Any) -> int:  # noqa: ANN401 - aggregation's Node
        if key not in self._node_places:
            self._node_places[key] = len(self.nodes)
            self.nodes.append(_known({"name": node.name, "type": node.type, "id": node.id}))
        return self._node_places[key]


def _shown(paper: _Paper, graph: _Graph) -> _Json:
    relations = [each for prediction in paper.predictions for each in prediction.relations]
    entities: dict[Entity, int] = {}
    for relation in relations:
        for end in (relation.head, relation.tail):
            entities.setdefault(end, len(entities))
    source = paper.source
    headings: list[str] = []
    segments: list[Segment]
    if source and source.parts:
        segments = divided(source.text, source.parts)
        headings = ["" if part.name in _UNHEADED else part.name for part in source.parts]
    elif source:
        segments = whole(source.text, source.title)
    else:
        segments = sentences(evidence for relation in relations for evidence in relation.evidence)
    return _known(
        {
            "id": paper.id,
            "question": (source.question or None) if source else None,
            "title": bool(source and source.title and segments) or None,
            "whole": bool(source) or None,
            "segments": [list(segment) for segment in segments] or None,
            "headings": headings or None,
            "entities": [_entity(entity) for entity in entities] or None,
            "annotated": [_entity(entity) for entity in _others(source, entities)] or None,
            "found": [_prediction(each, entities, graph) for each in paper.predictions],
        }
    )


def _others(source: Source | None, ends: Iterable[Entity]) -> Iterable[Entity]:
    """The input's entities in the text that are no ends of relations."""
    places = {(end.start, end.end) for end in ends}
    given = source.entities if source else ()
    return (one for one in given if one.start is not None and (one.start, one.end) not in places)


def _prediction(
    prediction: Prediction[Any], entities: Mapping[Entity, int], graph: _Graph
) -> _Json:
    """One prediction, with a field for its kind of result."""
    result: Any = prediction.result
    fields: _Json = {}
    match prediction.kind:
        case "relations":
            fields["relations"] = [_relation(relation, entities, graph) for relation in result]
        case "answer":
            fields["answer"] = result.model_dump(exclude_none=True)
        case "labels":
            fields["labels"] = list(result.labels)
        case "text":
            fields["text"] = result
    if prediction.error:
        fields["error"] = prediction.error.model_dump()
        fields["completion"] = prediction.completion
    return _known(
        {
            "task": prediction.task,
            "model": prediction.model,
            "section": prediction.section,
            **fields,
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
            "evidence": [_evidence(sentence) for sentence in relation.evidence] or None,
        }
    )


def _entity(entity: Entity) -> _Json:
    name = entity.name if entity.name.lower() != entity.text.lower() else None
    return _known({**entity.model_dump(exclude={"name"}), "name": name})


def _evidence(evidence: Evidence) -> list[Any]:
    cues = [[cue.kind, cue.start, cue.end] for cue in evidence.cues]
    return [evidence.start, evidence.end, evidence.holds, cues]


def _spans(prediction: Prediction[Any]) -> Iterable[tuple[int | None, int | None, str]]:
    """Every span of a prediction: start, end and the text there."""
    for relation in prediction.relations:
        for end in (relation.head, relation.tail):
            yield end.start, end.end, end.text
        for sentence in relation.evidence:
            yield sentence.start, sentence.end, sentence.text


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


def _known(fields: Mapping[str, Any]) -> _Json:
    return {name: value for name, value in fields.items() if value is not None}
