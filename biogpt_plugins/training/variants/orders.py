"""The relations of a document in several orders, so that no order is learned by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import factorial
from random import Random

from biogpt_plugins.training.examples import Example


def other_orders(example: Example, rng: Random, *, most: int) -> Sequence[Example]:
    """The example with its relations in other orders than its own, all of them different.

    Args:
        example: Its own order is one of the `most` orders.
        rng: Draws the orders.
        most: How many orders there are in all, at most.
    """
    relations = example.result
    if not isinstance(relations, list):
        return []
    own = tuple(range(len(relations)))
    orders = {own: None}
    while len(orders) < min(most, factorial(len(own))):
        orders[tuple(rng.sample(own, len(own)))] = None
    target = example.task.target
    others = ([relations[at] for at in order] for order in list(orders)[1:])
    return [replace(example, result=other, target=target(other)) for other in others]
