"""The relations of many papers as edges, each with the papers that support or contradict it.

    edges = aggregate(predictions)

An Aggregate takes predictions and other Aggregates in any order. Its edges do not depend on how a
corpus is divided or in which order its parts are added: what it keeps of a paper is combined by set
union and by the higher score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import product
from math import prod
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.findings.nodes import Named, Naming, Node, NodeKey, Nodes, keys_of
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction, Relation


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
        tasks: Names of the tasks that found it.
    """

    head: Node
    type: str
    tail: Node
    supporting: tuple[str, ...] = ()
    speculating: tuple[str, ...] = ()
    contradicting: tuple[str, ...] = ()
    score: float | None = None
    tasks: tuple[str, ...] = ()

    @property
    def papers(self) -> tuple[str, ...]:
        """All papers, each once."""
        return tuple(sorted({*self.supporting, *self.speculating, *self.contradicting}))

    def __str__(self) -> str:
        return f"{self.head.name} -[{self.type}]-> {self.tail.name}"


_EdgeKey = tuple[NodeKey, str, NodeKey]
_Papers = dict[str, "_Statement"]
_STATED, _SPECULATED, _NEGATED = 1, 2, 4


class _Statement(NamedTuple):
    """What one paper says about a relation."""

    stances: int
    score: float | None
    heads: frozenset[Naming]
    tails: frozenset[Naming]
    tasks: frozenset[str]

    def joined(self, other: _Statement) -> _Statement:
        """Combine two statements; order and repetition do not matter."""
        scores = [score for score in (self.score, other.score) if score is not None]
        return _Statement(
            self.stances | other.stances,
            max(scores, default=None),
            self.heads | other.heads,
            self.tails | other.tails,
            self.tasks | other.tasks,
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
        paper = paper_of(prediction)
        for relation in prediction.result:
            statement = _statement(relation, prediction.task)
            for head, tail in product(keys_of(relation.head), keys_of(relation.tail)):
                _join(self._edges[head, relation.type, tail], paper, statement)

    def merge(self, other: Aggregate) -> None:
        """Add everything in another aggregate."""
        for key, papers in list(other._edges.items()):
            _join_all(self._edges[key], dict(papers))

    @classmethod
    def of(cls, predictions: Iterable[Prediction[Any]]) -> Self:
        """An aggregate of predictions, which are read one at a time."""
        aggregate = cls()
        for prediction in predictions:
            aggregate.add(prediction)
        return aggregate

    def nodes(self, dictionary: EntityDictionary | None = None) -> Nodes:
        """The ends of the relations.

        Args:
            dictionary: Gives the names that its vocabulary prefers.
        """
        return Nodes(self._named(), dictionary)

    def edges(self, nodes: Nodes | None = None) -> list[Edge]:
        """The relations, most papers first; ties by the higher score, then by name.

        Args:
            nodes: What `nodes` returned, if it was asked before.
        """
        nodes = nodes or self.nodes()
        joined: defaultdict[_EdgeKey, _Papers] = defaultdict(dict)
        for (head, type_, tail), papers in self._edges.items():
            _join_all(joined[nodes.final(head), type_, nodes.final(tail)], papers)
        edges = [
            _edge(nodes[head], type_, nodes[tail], papers)
            for (head, type_, tail), papers in joined.items()
        ]
        return sorted(edges, key=_rank)

    def _named(self) -> Iterator[Named]:
        for (head, _, tail), papers in self._edges.items():
            for paper, statement in papers.items():
                yield from (Named(head, paper, naming) for naming in statement.heads)
                yield from (Named(tail, paper, naming) for naming in statement.tails)


def _join(papers: _Papers, paper: str, statement: _Statement) -> None:
    papers[paper] = papers[paper].joined(statement) if paper in papers else statement


def _join_all(papers: _Papers, others: Mapping[str, _Statement]) -> None:
    for paper, statement in others.items():
        _join(papers, paper, statement)


def aggregate(
    predictions: Iterable[Prediction[Any]], *, dictionary: EntityDictionary | None = None
) -> list[Edge]:
    """Combine the relations of papers into edges, each once, most papers first.

    Two relations are the same if their types and both ends are; see `biogpt_plugins.findings.nodes`
    for what makes two ends the same.

    Args:
        predictions: The predictions, which are read one at a time.
        dictionary: Gives the names that its vocabulary prefers.

    Raises:
        InputError: A prediction is of a task that finds no relations.
    """
    aggregated = Aggregate.of(predictions)
    return aggregated.edges(aggregated.nodes(dictionary))


def _statement(relation: Relation, task: str) -> _Statement:
    # Without evidence the model's own statement counts, which is a plain one.
    stated = relation.stated or not relation.evidence
    stances = (
        _STATED * stated + _SPECULATED * relation.speculated + _NEGATED * relation.negated
    ) or _STATED
    heads, tails = (frozenset({Naming.of(end)}) for end in (relation.head, relation.tail))
    return _Statement(stances, relation.score, heads, tails, frozenset({task}))


def paper_of(prediction: Prediction[Any]) -> str:
    """The id of a paper as edges give it, with a stand-in for a paper without one."""
    if prediction.id:
        return prediction.id
    relations = (r.model_dump_json(exclude={"score"}) for r in prediction.result or ())
    return f"unnamed-{sha256(''.join(relations).encode(errors='replace')).hexdigest()[:12]}"


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
        tasks=tuple(sorted({task for _, stated in ordered for task in stated.tasks})),
    )


def _rank(edge: Edge) -> tuple[object, ...]:
    names = (edge.head.name, edge.type, edge.tail.name, edge.head.id or "", edge.tail.id or "")
    kinds = (edge.head.type, edge.tail.type)
    return -len(edge.papers), -len(edge.supporting), -(edge.score or 0), *names, *kinds
