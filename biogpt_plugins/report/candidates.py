"""Relations below a minimum score: the candidates, which the page shows on demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from biogpt_plugins.values.results import Entity, Prediction, Relation


class Found(NamedTuple):
    """A prediction, divided by the scores of its relations.

    Attributes:
        prediction: The prediction with its accepted relations, which reach the minimum score or
            have none.
        candidates: Its other relations, highest score first.
    """

    prediction: Prediction[Any]
    candidates: tuple[Relation, ...] = ()


def divided_by_score(prediction: Prediction[Any], least: float | None) -> Found:
    """The accepted relations of a prediction, and its candidates; without a minimum, none."""
    accepted: list[Relation] = []
    below: list[Relation] = []
    for one in prediction.relations:
        reaches = least is None or one.score is None or one.score >= least
        (accepted if reaches else below).append(one)
    if not below:
        return Found(prediction)
    below.sort(key=lambda one: -(one.score or 0))
    return Found(prediction.model_copy(update={"result": accepted}), tuple(below))


def mentions(
    relations: Iterable[Relation], candidates: Iterable[Relation], given: Iterable[Entity]
) -> tuple[list[Entity], list[Entity]]:
    """The ends of accepted relations; and what else a text names, each once.

    Args:
        relations: The accepted relations.
        candidates: The other relations; their ends come first.
        given: The entities of the input; those at other places follow.
    """
    ends = dict.fromkeys(_ends(relations))
    below = [end for end in dict.fromkeys(_ends(candidates)) if end not in ends]
    taken = {(one.start, one.end) for one in (*ends, *below)}
    rest = [one for one in given if one.start is not None and (one.start, one.end) not in taken]
    return list(ends), [*below, *rest]


def _ends(relations: Iterable[Relation]) -> Iterator[Entity]:
    for relation in relations:
        yield relation.head
        yield relation.tail
