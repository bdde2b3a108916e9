"""More training data from the data at hand, made before the first step and the same for a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from biogpt_plugins.tasks.task import Task
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.variants.mixing import mixed
from biogpt_plugins.training.variants.negatives import negatives
from biogpt_plugins.training.variants.orders import other_orders
from biogpt_plugins.training.variants.swaps import names_in, names_of, swapped
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

__all__ = ["vary"]

_Make = Callable[[Example, Random], Sequence[Example]]


def vary(
    examples: Sequence[Example], options: Options, tell: Callable[[str], None]
) -> Sequence[Example]:
    """Add the variants that the options ask for, and mix the tasks.

    What is made of an example stands right behind it, so that a curriculum keeps its order. It
    depends on the example, its place and the seed, and on nothing else.

    Args:
        examples: The training data.
        options: Their `negatives`, `swaps`, `swap_names`, `orders`, `mix`, `mix_temperature` and
            `seed`. Copies with other names get several orders, too.
        tell: Called with a line about each option that is on: how much it made of how much.

    Raises:
        InputError: An option cannot be used with these tasks, or `swap_names` cannot be read.
    """
    _check({example.task.name: example.task for example in examples}, options)
    for one, what, make in _makers(examples, options):
        made = [
            [example, *make(example, Random(f"{options.seed} {what} {number}"))]
            for number, example in enumerate(examples)
        ]
        count = sum(map(len, made)) - len(examples)
        made_of = counted(len(examples), "example")
        tell(f"{counted(count, f'{one} was', f'{what} were')} made from {made_of}")
        examples = [example for group in made for example in group]
    return mixed(examples, options, tell)


def _makers(examples: Sequence[Example], options: Options) -> Iterator[tuple[str, str, _Make]]:
    if options.negatives:
        yield (
            "text without a relation",
            "texts without a relation",
            partial(negatives, share=options.negatives),
        )
    if options.swaps:
        pool = names_in(options.swap_names) if options.swap_names else names_of(examples)
        yield (
            "copy with other names",
            "copies with other names",
            partial(swapped, copies=options.swaps, pool=pool),
        )
    if options.orders > 1:
        yield (
            "copy with another order",
            "copies with another order",
            partial(other_orders, most=options.orders),
        )


def _check(trained: Mapping[str, Task[Any]], options: Options) -> None:
    """Refuse options that would change nothing, and negatives without words for nothing."""
    tasks = [task for _, task in sorted(trained.items()) if task.kind == "relations"]
    asked = {
        "negatives": options.negatives,
        "swaps": options.swaps,
        "orders": options.orders > 1,
        "end_smoothing": options.end_smoothing,
    }
    for option in (option for option, on in asked.items() if on):
        if not any(task.clause or option in {"swaps", "orders"} for task in tasks):
            raise InputError(f"{option} needs a task that writes relations: leave it out")
    for task in tasks:
        if options.negatives and not (task.clause and task.clause.nothing):
            raise InputError(
                f"negatives needs words for a text without relations, and {task.name} has none: "
                'give some (-s nothing="there is no relation"), or put nothing = "no relation" '
                "into the TOML file of a task of your own"
            )
