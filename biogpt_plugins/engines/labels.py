"""The texts that an engine scores: labels to choose from, and continuations of prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from biogpt_plugins.engine import Continuation
from biogpt_plugins.engine.limits import check_choices, empty_continuation
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.values.errors import ContextOverflowError, InputError

_MOST_BRANCHES = 512  # tokens of a pass; their logits take 90 MB


def ids_of_choices(choices: Sequence[str], tokens: Tokens) -> tuple[tuple[int, ...], ...]:
    """The ids of labels.

    Raises:
        InputError: There are none, or one is empty or the beginning of another.
    """
    check_choices(choices)
    labels = tuple(tuple(tokens.ids(choice)) for choice in choices)
    for i, label in enumerate(labels):
        if not label:
            raise InputError(f"the choice {choices[i]!r} is empty: give at least one word")
        for j, other in enumerate(labels):
            if i != j and other[: len(label)] == label:
                raise InputError(
                    f"the choice {choices[i]!r} is the beginning of {choices[j]!r}, so "
                    "their probabilities cannot be separated: reword one of them, or "
                    "end both with a full stop"
                )
    return labels


def ids_of_continuations(
    texts: Sequence[Continuation], tokens: Tokens, window: int
) -> list[tuple[int, ...]]:
    """The ids of continuations; one may be the beginning of another.

    Raises:
        InputError: One is empty, or has ids of more than text.
        ContextOverflowError: One does not fit into the window, even behind an empty prompt.
    """
    found = [tuple(tokens.ids(t) if isinstance(t, str) else tokens.given(t)) for t in texts]
    for number, ids in enumerate(found, 1):
        if not ids:
            raise empty_continuation(number, len(found))
        if len(ids) >= window:
            raise ContextOverflowError(
                f"continuation {number} of {len(found)} has {len(ids):,} tokens, and at most "
                f"{window - 1:,} fit: shorten it"
            )
    return found


def in_parts(labels: Sequence[tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Labels in parts of a bounded number of tokens; common beginnings count once."""
    part: list[tuple[int, ...]] = []
    known: set[tuple[int, ...]] = set()
    for label in labels:
        new = {label[:end] for end in range(1, len(label))} - known
        if part and len(known) + len(new) > _MOST_BRANCHES:
            yield tuple(part)
            part, known, new = [], set(), {label[:end] for end in range(1, len(label))}
        part.append(label)
        known |= new
    if part:
        yield tuple(part)
