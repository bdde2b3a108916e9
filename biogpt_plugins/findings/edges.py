"""Relations of many papers as edges: who supports each, who contradicts it, and how sure it is.

    edges = aggregate(predictions)

An Aggregate takes predictions in any order, and others of its kind: however a corpus is divided,
and in whichever order its parts are added and merged, its edges are the same, for all that it keeps
of a paper is joined by union and by the greater score.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from hashlib import sha256
from math import prod
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity, Prediction, Relation


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Node(_Value):
    """An entity of many papers.

    Attributes:
        name: Its most frequent name, by the number of papers, abbreviations taken for their long
            forms; ties by alphabet.
        type: "chemical", "disease", ...
        id: Its identifier, where one is known.
        spellings: Its names, abbreviations among them, and in how many papers each stands for it,
            most frequent first.
    """

    name: str
    type: str
    id: str | None = None
    spellings: dict[str, int] = {}


class Edge(_Value):
    """A relation of many papers.

    Attributes:
        head: Its first end.
        type: What it is, as the tasks call it.
        tail: Its second end.
        supporting: Ids of the papers that state it plainly, in a sentence at least.
        speculating: Those that speak of it as possible only.
        contradicting: Those in which a sentence negates it. A paper that has both kinds of
            sentences is in two lists.
        score: 1 - (1 - s1)(1 - s2)..., from 0 to 1: how likely the model was right at least once,
            were its errors independent, over the scores of supporting and speculating papers; None
            if no such paper has one. It grows with the number of papers, and says nothing of those
            that contradict.
    """

    head: Node
    type: str
    tail: Node
    supporting: tuple[str, ...] = ()
    speculating: tuple[str, ...] = ()
    contradicting: tuple[str, ...] = ()
    score: float | None = None

    @property
    def papers(self) -> tuple[str, ...]:
        """All papers, each once."""
        return tuple(sorted({*self.supporting, *self.speculating, *self.contradicting}))

    def __str__(self) -> str:
        return f"{self.head.name} -[{self.type}]-> {self.tail.name}"


class _NodeKey(NamedTuple):
    type: str
    id: str  # or else empty, and the name says which
    name: str


_EdgeKey = tuple[_NodeKey, str, _NodeKey]
_STATED, _SPECULATED, _NEGATED = 1, 2, 4


class _Name(NamedTuple):
    mention: str
    canonical: str


class _Said(NamedTuple):
    """What one paper says of a relation."""

    stances: int
    score: float | None
    heads: frozenset[_Name]
    tails: frozenset[_Name]

    def joined(self, other: _Said) -> _Said:
        """Both together; in whichever order, and however often."""
        scores = [score for score in (self.score, other.score) if score is not None]
        return _Said(
            self.stances | other.stances,
            max(scores, default=None),
            self.heads | other.heads,
            self.tails | other.tails,
        )


class Aggregate:
    """What papers say of relations, to which papers and other aggregates may be added.

    It keeps, for each relation and paper, the paper's id, stance, score and spellings, and no text.
    """

    def __init__(self) -> None:
        self._edges: defaultdict[_EdgeKey, dict[str, _Said]] = defaultdict(dict)

    def add(self, prediction: Prediction[Any]) -> None:
        """Add the relations of a paper; one that was added already, by its id, counts once.

        A prediction that failed adds nothing. One without an id is known by its relations.

        Raises:
            InputError: Its result are no relations.
        """
        if prediction.result is None:
            return
        if prediction.kind != "relations":
            raise InputError(
                f"the prediction of {prediction.id or 'a paper'} is of task {prediction.task}, "
                "which finds no relations: there is nothing to aggregate"
            )
        paper = prediction.id or _digest(prediction)
        for relation in prediction.result:
            key = (node_key(relation.head), relation.type, node_key(relation.tail))
            self._join(key, paper, _said(relation))

    def merge(self, other: Aggregate) -> None:
        """Add all that another aggregate holds."""
        for key, papers in list(other._edges.items()):
            for paper, said in list(papers.items()):
                self._join(key, paper, said)

    @classmethod
    def of(cls, predictions: Iterable[Prediction[Any]]) -> Self:
        """An aggregate of predictions, which are taken one at a time."""
        found = cls()
        for prediction in predictions:
            found.add(prediction)
        return found

    def edges(self) -> list[Edge]:
        """The relations, those of most papers first; ties by the higher score, then by name."""
        nodes = self._nodes()
        found = [
            _edge(nodes[head], type_, nodes[tail], papers)
            for (head, type_, tail), papers in self._edges.items()
        ]
        return sorted(found, key=_rank)

    def _join(self, key: _EdgeKey, paper: str, said: _Said) -> None:
        papers = self._edges[key]
        papers[paper] = papers[paper].joined(said) if paper in papers else said

    def _nodes(self) -> dict[_NodeKey, Node]:
        spelled: defaultdict[_NodeKey, set[tuple[str, _Name]]] = defaultdict(set)
        for (head, _, tail), papers in self._edges.items():
            for paper, said in papers.items():
                spelled[head].update((paper, name) for name in said.heads)
                spelled[tail].update((paper, name) for name in said.tails)
        return {key: _node(key, found) for key, found in spelled.items()}


def node_key(end: Entity | Node) -> _NodeKey:
    """What entities have in common that are one node: type and id, or else type and name."""
    if end.id is not None:
        return _NodeKey(end.type, end.id, "")
    name = end.name if isinstance(end, Node) else end.canonical
    return _NodeKey(end.type, "", fold(name) or name)


def node_name(node: Node) -> str:
    """What no other node is called: "chemical:D008094", or "chemical:lithium" without an id."""
    type_, id_, name = node_key(node)
    return f"{type_}:{id_ or name}"


def aggregate(predictions: Iterable[Prediction[Any]]) -> list[Edge]:
    """The relations of papers as edges, each once, those of most papers first.

    Relations are the same if their types are, and their ends, each by its id or, where it has
    none, by its name: an abbreviation's long form, whatever its case, hyphens and plural.

    Raises:
        InputError: A prediction is of a task that finds no relations.
    """
    return Aggregate.of(predictions).edges()


def _said(relation: Relation) -> _Said:
    # Without evidence there is the model's word for it, which is a plain one.
    stated = relation.stated or not relation.evidence
    stances = (
        _STATED * stated + _SPECULATED * relation.speculated + _NEGATED * relation.negated
    ) or _STATED
    return _Said(stances, relation.score, _names(relation.head), _names(relation.tail))


def _names(entity: Entity) -> frozenset[_Name]:
    return frozenset({_Name(entity.text, entity.canonical)})


def _digest(prediction: Prediction[Any]) -> str:
    """What a paper without an id is known by."""
    relations = (one.model_dump_json(exclude={"score"}) for one in prediction.result or ())
    return f"unnamed-{sha256(''.join(relations).encode(errors='replace')).hexdigest()[:12]}"


def _node(key: _NodeKey, names: Iterable[tuple[str, _Name]]) -> Node:
    """A node by its names in papers, each name once a paper."""
    found = list(names)
    spellings = _counted({(paper, form) for paper, name in found for form in name})
    canonical = _counted({(paper, name.canonical) for paper, name in found})
    return Node(name=next(iter(canonical)), type=key.type, id=key.id or None, spellings=spellings)


def _counted(names: Iterable[tuple[str, str]]) -> dict[str, int]:
    counts = Counter(name for _, name in names)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _edge(head: Node, type_: str, tail: Node, papers: dict[str, _Said]) -> Edge:
    ordered = sorted(papers.items())  # so that the product's last digits are the same as well

    def those(stance: int, unlike: int = 0) -> tuple[str, ...]:
        return tuple(
            paper for paper, said in ordered if said.stances & stance and not said.stances & unlike
        )

    counting = [said for _, said in ordered if said.stances & (_STATED | _SPECULATED)]
    scores = [said.score for said in counting if said.score is not None]
    return Edge(
        head=head,
        type=type_,
        tail=tail,
        supporting=those(_STATED),
        speculating=those(_SPECULATED, _STATED),
        contradicting=those(_NEGATED),
        score=1 - prod(1 - score for score in scores) if scores else None,
    )


def _rank(edge: Edge) -> tuple[object, ...]:
    names = (edge.head.name, edge.type, edge.tail.name, edge.head.id or "", edge.tail.id or "")
    kinds = (edge.head.type, edge.tail.type)
    return -len(edge.papers), -len(edge.supporting), -(edge.score or 0), *names, *kinds
