"""The relations of many papers as edges, each with the papers that support or contradict it.

    edges = aggregate(predictions)

An Aggregate takes predictions and other Aggregates in any order. Its edges do not depend on how a
corpus is divided or in which order its parts are added: what it keeps of a paper is combined by set
union and by the higher score.
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
    """An entity in many papers.

    Attributes:
        name: Its most frequent name by number of papers, where an abbreviation counts as its long
            form; ties are broken alphabetically.
        type: "chemical", "disease", ...
        id: Its identifier, if known.
        spellings: All its names, including abbreviations -> number of papers, most frequent first.
    """

    name: str
    type: str
    id: str | None = None
    spellings: dict[str, int] = {}


class Edge(_Value):
    """A relation in many papers.

    Attributes:
        head: Its first end.
        type: Its type, as in the task.
        tail: Its second end.
        supporting: Ids of the papers that state it plainly in at least one sentence.
        speculating: Ids of the papers that only call it possible.
        contradicting: Ids of the papers with a sentence that negates it. A paper with both kinds of
            sentences is in two lists.
        score: 1 - (1 - s1)(1 - s2)..., from 0 to 1, over the scores of supporting and speculating
            papers: the probability that the model was right at least once if its errors are
            independent. None if these papers have no score. It grows with the number of papers and
            ignores contradicting papers.
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
    id: str  # empty if unknown; the name identifies the node then
    name: str


_EdgeKey = tuple[_NodeKey, str, _NodeKey]
_STATED, _SPECULATED, _NEGATED = 1, 2, 4


class _Name(NamedTuple):
    mention: str
    canonical: str


class _Statement(NamedTuple):
    """What one paper says about a relation."""

    stances: int
    score: float | None
    heads: frozenset[_Name]
    tails: frozenset[_Name]

    def joined(self, other: _Statement) -> _Statement:
        """Combine two statements; order and repetition do not matter."""
        scores = [score for score in (self.score, other.score) if score is not None]
        return _Statement(
            self.stances | other.stances,
            max(scores, default=None),
            self.heads | other.heads,
            self.tails | other.tails,
        )


class Aggregate:
    """Collects the relations of papers; papers and other aggregates can be added.

    For each relation and paper it keeps the paper's id, stance, score and spellings, but no text.
    """

    def __init__(self) -> None:
        self._edges: defaultdict[_EdgeKey, dict[str, _Statement]] = defaultdict(dict)

    def add(self, prediction: Prediction[Any]) -> None:
        """Add the relations of a paper; a paper that is added twice, by its id, counts once.

        A failed prediction adds nothing. A paper without an id is identified by its relations.

        Raises:
            InputError: The result is not a list of relations.
        """
        if prediction.result is None:
            return
        if prediction.kind != "relations":
            raise InputError(
                f"the prediction of {prediction.id or 'a paper'} is of task "
                f"{prediction.task}, which finds no relations to aggregate"
            )
        paper = prediction.id or _digest(prediction)
        for relation in prediction.result:
            key = (node_key(relation.head), relation.type, node_key(relation.tail))
            self._join(key, paper, _statement(relation))

    def merge(self, other: Aggregate) -> None:
        """Add everything in another aggregate."""
        for key, papers in list(other._edges.items()):
            for paper, statement in list(papers.items()):
                self._join(key, paper, statement)

    @classmethod
    def of(cls, predictions: Iterable[Prediction[Any]]) -> Self:
        """An aggregate of predictions, which are read one at a time."""
        aggregate = cls()
        for prediction in predictions:
            aggregate.add(prediction)
        return aggregate

    def edges(self) -> list[Edge]:
        """The relations, most papers first; ties by the higher score, then by name."""
        nodes = self._nodes()
        edges = [
            _edge(nodes[head], type_, nodes[tail], papers)
            for (head, type_, tail), papers in self._edges.items()
        ]
        return sorted(edges, key=_rank)

    def _join(self, key: _EdgeKey, paper: str, statement: _Statement) -> None:
        papers = self._edges[key]
        papers[paper] = papers[paper].joined(statement) if paper in papers else statement

    def _nodes(self) -> dict[_NodeKey, Node]:
        spelled: defaultdict[_NodeKey, set[tuple[str, _Name]]] = defaultdict(set)
        for (head, _, tail), papers in self._edges.items():
            for paper, statement in papers.items():
                spelled[head].update((paper, name) for name in statement.heads)
                spelled[tail].update((paper, name) for name in statement.tails)
        return {key: _node(key, names) for key, names in spelled.items()}


def node_key(end: Entity | Node) -> _NodeKey:
    """The identity of a node: type and id, or type and name if the id is unknown."""
    if end.id is not None:
        return _NodeKey(end.type, end.id, "")
    name = end.name if isinstance(end, Node) else end.canonical
    return _NodeKey(end.type, "", fold(name) or name)


def node_name(node: Node) -> str:
    """A unique name: "chemical:D008094", or "chemical:lithium" without an id."""
    type_, id_, name = node_key(node)
    return f"{type_}:{id_ or name}"


def aggregate(predictions: Iterable[Prediction[Any]]) -> list[Edge]:
    """Combine the relations of papers into edges, each once, most papers first.

    Two relations are the same if their types and both ends are. Ends are compared by id, or by name
    without an id: the long form of an abbreviation, ignoring case, hyphens and plural.

    Raises:
        InputError: A prediction is of a task that finds no relations.
    """
    return Aggregate.of(predictions).edges()


def _statement(relation: Relation) -> _Statement:
    # Without evidence the model's own statement counts, which is a plain one.
    stated = relation.stated or not relation.evidence
    stances = (
        _STATED * stated + _SPECULATED * relation.speculated + _NEGATED * relation.negated
    ) or _STATED
    return _Statement(stances, relation.score, _names(relation.head), _names(relation.tail))


def _names(entity: Entity) -> frozenset[_Name]:
    return frozenset({_Name(entity.text, entity.canonical)})


def _digest(prediction: Prediction[Any]) -> str:
    """A stand-in for the id of a paper without one."""
    relations = (r.model_dump_json(exclude={"score"}) for r in prediction.result or ())
    return f"unnamed-{sha256(''.join(relations).encode(errors='replace')).hexdigest()[:12]}"


def _node(key: _NodeKey, names: Iterable[tuple[str, _Name]]) -> Node:
    """A node from its names in papers; each name counts once per paper."""
    pairs = list(names)
    spellings = _counted({(paper, form) for paper, name in pairs for form in name})
    canonical = _counted({(paper, name.canonical) for paper, name in pairs})
    return Node(name=next(iter(canonical)), type=key.type, id=key.id or None, spellings=spellings)


def _counted(names: Iterable[tuple[str, str]]) -> dict[str, int]:
    counts = Counter(name for _, name in names)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _edge(head: Node, type_: str, tail: Node, papers: dict[str, _Statement]) -> Edge:
    ordered = sorted(papers.items())  # so that the product is the same to the last digit

    def papers_with(stance: int, without: int = 0) -> tuple[str, ...]:
        return tuple(
            paper
            for paper, statement in ordered
            if statement.stances & stance and not statement.stances & without
        )

    counting = [stated for _, stated in ordered if stated.stances & (_STATED | _SPECULATED)]
    scores = [statement.score for statement in counting if statement.score is not None]
    return Edge(
        head=head,
        type=type_,
        tail=tail,
        supporting=papers_with(_STATED),
        speculating=papers_with(_SPECULATED, _STATED),
        contradicting=papers_with(_NEGATED),
        score=1 - prod(1 - score for score in scores) if scores else None,
    )


def _rank(edge: Edge) -> tuple[object, ...]:
    names = (edge.head.name, edge.type, edge.tail.name, edge.head.id or "", edge.tail.id or "")
    kinds = (edge.head.type, edge.tail.type)
    return -len(edge.papers), -len(edge.supporting), -(edge.score or 0), *names, *kinds
