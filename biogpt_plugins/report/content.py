"""Predictions -> the data of the page: papers with texts, relations and answers, and a graph.

Offsets are the Prediction's own, in code points of the whole text. A paper's text comes in
segments, each with its start offset: title, abstract and sections where the text is known,
otherwise the evidence sentences of its relations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from biogpt_plugins.findings.edges import Aggregate
from biogpt_plugins.report.candidates import Found, divided_by_score, mentions
from biogpt_plugins.report.labelling import labelling
from biogpt_plugins.report.source import Source
from biogpt_plugins.tasks.entities import concept
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.results import Entity, Evidence, Prediction, Relation
from biogpt_plugins.values.segments import Segment, agree, divided, sentences, whole

_Json = dict[str, Any]
_UNHEADED = ("title", "abstract")


class Content:
    """The content of a page, built from Predictions one at a time."""

    def __init__(
        self, sources: Mapping[str, Source] | None = None, *, min_score: float | None = None
    ) -> None:
        """Start empty.

        Args:
            sources: Texts by the ids of Predictions. A text that does not match the offsets of its
                Prediction is not shown.
            min_score: Relations with a lower score are candidates: in no table and no graph, and
                shown on demand.
        """
        self.trials: dict[str, None] = {}  # models that are for trying out
        self.strangers = 0  # predictions whose source text does not match their offsets
        self._sources = sources or {}
        self._min_score = min_score
        self._papers: list[_Paper] = []
        self._places: dict[tuple[str, str], _Paper] = {}
        self._graph = Aggregate()

    @classmethod
    def of(
        cls,
        predictions: Iterable[Prediction[Any]],
        sources: Mapping[str, Source] | None = None,
        *,
        min_score: float | None = None,
    ) -> Content:
        """The content of predictions, which are read one at a time."""
        content = cls(sources, min_score=min_score)
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
        found = divided_by_score(prediction, self._min_score)
        if found in paper.found:
            return
        paper.found.append(found)
        if prediction.trial:
            self.trials[prediction.model or "unnamed"] = None
        if prediction.kind == "relations":
            self._graph.add(found.prediction)

    def data(self, label: Task[Any] | None = None) -> _Json:
        """The whole content as JSON values.

        Args:
            label: A task whose relations are to be labelled.
        """
        graph = _Graph(self._graph)
        papers = [_shown(paper, graph) for paper in self._papers]
        data = {"papers": papers, "nodes": graph.nodes, "edges": graph.edges}
        data = _known({**data, "least": self._min_score})
        if label is None:
            return data
        for paper, shown in zip(self._papers, papers, strict=True):
            if _can_label(paper, label):
                shown["label"] = True
        return {**data, "label": labelling(label, data)}

    @property
    def candidates(self) -> int:
        """Number of relations below the minimum score."""
        return sum(len(found.candidates) for paper in self._papers for found in paper.found)

    def labelled(self, task: Task[Any]) -> int:
        """Number of papers whose relations of a task can be labelled.

        Papers without their text, and full texts that were read by section, cannot.
        """
        return sum(_can_label(paper, task) for paper in self._papers)

    def _paper(self, prediction: Prediction[Any]) -> _Paper:
        """The paper that a prediction belongs to: same id, and offsets in the same text."""
        id_ = prediction.id
        source = self._sources.get(id_) if id_ is not None else None
        if source and not agree(source.text, spans(prediction)):
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
    found: list[Found]


def _can_label(paper: _Paper, task: Task[Any]) -> bool:
    read = any(found.prediction.task == task.name for found in paper.found)
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
    relations = [each for found in paper.found for each in found.prediction.relations]
    candidates = [each for found in paper.found for each in found.candidates]
    given = paper.source.entities if paper.source else ()
    ends, others = mentions(relations, candidates, given)
    places = {entity: place for place, entity in enumerate([*ends, *others])}
    things = _things(places) if candidates else {}
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
            "entities": [_entity(entity, things) for entity in ends] or None,
            "annotated": [_entity(entity, things) for entity in others] or None,
            "found": [_prediction(each, places, graph) for each in paper.found],
        }
    )


def _things(entities: Iterable[Entity]) -> dict[Entity, int]:
    """A number for each entity, the same for all mentions of one thing."""
    numbers: dict[str, int] = {}
    return {one: numbers.setdefault(concept(one), len(numbers)) for one in entities}


def _prediction(found: Found, places: Mapping[Entity, int], graph: _Graph) -> _Json:
    """One prediction, with a field for its kind of result."""
    prediction = found.prediction
    result: Any = prediction.result
    fields: _Json = {}
    match prediction.kind:
        case "relations":
            fields["relations"] = [_relation(one, places, graph) for one in result]
            fields["candidates"] = [_pair(one, places) for one in found.candidates] or None
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


def _relation(relation: Relation, places: Mapping[Entity, int], graph: _Graph) -> _Json:
    return _known(
        {
            **_pair(relation, places),
            "edge": graph.edge(relation),
            "agreement": _rounded(relation.agreement),
            "evidence": [_evidence(sentence) for sentence in relation.evidence] or None,
        }
    )


def _pair(relation: Relation, places: Mapping[Entity, int]) -> _Json:
    return _known(
        {
            "head": places[relation.head],
            "type": relation.type,
            "tail": places[relation.tail],
            "score": _rounded(relation.score),
            "negated": relation.negated or None,
            "speculated": relation.speculated or None,
        }
    )


def _entity(entity: Entity, things: Mapping[Entity, int]) -> _Json:
    name = entity.name if entity.name.lower() != entity.text.lower() else None
    fields = entity.model_dump(exclude={"name"})
    return _known({**fields, "name": name, "thing": things.get(entity)})


def _evidence(evidence: Evidence) -> list[Any]:
    cues = [[cue.kind, cue.start, cue.end] for cue in evidence.cues]
    return [evidence.start, evidence.end, evidence.holds, cues]


def spans(prediction: Prediction[Any]) -> Iterable[tuple[int | None, int | None, str]]:
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
