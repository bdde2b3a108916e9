"""How much of each task there is in the training data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.options import Options
from biogpt_plugins.values.errors import InputError


def mixed(
    examples: Sequence[Example], options: Options, tell: Callable[[str], None]
) -> Sequence[Example]:
    """As many examples as before, in the tasks' shares that the options ask for.

    Of n examples for which there is room for m, each comes m // n times, and m % n of them, drawn
    by the seed, once more; all in their order.

    Args:
        examples: The training data.
        options: Their `mix`, `mix_temperature` and `seed`.
        tell: Called with how many of its examples each task has now.

    Raises:
        InputError: `mix` lacks a task of the data, or names another; or there is only one task.
    """
    if not options.mix and options.mix_temperature == 1:
        return examples
    counts = Counter(example.task.name for example in examples)
    if len(counts) == 1:
        raise InputError(f"mix needs two tasks or more, and the data have {min(counts)} alone")
    weights = options.mix or {t: n ** (1 / options.mix_temperature) for t, n in counts.items()}
    if strange := sorted(weights.keys() ^ counts.keys()):
        raise InputError(
            f"mix must weigh the tasks of the data, {', '.join(counts)}: it "
            f"{'has' if strange[0] in weights else 'lacks'} {strange[0]}"
        )
    room = {task: round(len(examples) * w / sum(weights.values())) for task, w in weights.items()}
    once_more = {
        task: set(Random(f"{options.seed} mix {task}").sample(range(n), room[task] % n))
        for task, n in counts.items()
    }
    told = (f"{task} {room[task]:,} instead of {n:,}" for task, n in counts.items())
    tell(f"the examples of each task: {', '.join(told)}")
    seen: Counter[str] = Counter()
    found: list[Example] = []
    for example in examples:
        task = example.task.name
        found += [example] * (room[task] // counts[task] + (seen[task] in once_more[task]))
        seen[task] += 1
    return found
