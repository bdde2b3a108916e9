"""What is said of an engine's outcomes, whatever the engine is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf, isnan
from typing import TypeVar

from biogpt_plugins.engine import Decoding
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import EngineError
from biogpt_plugins.values.results import Relation

S = TypeVar("S")
T = TypeVar("T")


def paired(asked: list[S], outcomes: list[T]) -> Iterator[tuple[S, T]]:
    """Prompts with what the engine returned for them.

    Raises:
        EngineError: It did not return one for each.
    """
    if len(outcomes) != len(asked):
        raise EngineError(
            f"the engine returned {counted(len(outcomes), 'result')} for "
            f"{counted(len(asked), 'prompt')}: it must return one for each prompt, in order"
        )
    return zip(asked, outcomes, strict=True)


def nothing_written(decoding: Decoding) -> str:
    """Why a completion that follows a grammar is empty."""
    if decoding.form == "entities":
        return "no clause with the entities' names fits into the completion's limit of tokens"
    return "the text contains no name to copy"


def not_copied(relations: Iterable[Relation]) -> tuple[str, ...]:
    """Notes on names that are not in the text, although grounded decoding copies them from it."""
    ends = (end for relation in relations for end in (relation.head, relation.tail))
    names = dict.fromkeys(end.name for end in ends if not end.grounded)
    return tuple(
        f"the name {name!r} is not in the text as it was copied from it: check it" for name in names
    )


def not_finite(numbers: Iterable[float]) -> EngineError | None:
    """The error of an engine that returns NaN or infinity; a logarithm of 0 is right."""
    for number in numbers:
        if isnan(number) or number == inf:
            return EngineError(
                f"the engine returned {number} as a probability: its model is damaged, or computes "
                "in a dtype that is too small"
            )
    return None


def engine_error(error: Exception) -> EngineError:
    """The error for whatever a custom engine raised."""
    return EngineError(f"the engine failed with {type(error).__name__}: {error}")
