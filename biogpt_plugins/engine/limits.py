"""How many source tokens fit a model, and the warning about those that were cut."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from biogpt_plugins.engine.protocol import Continuation, Decoding, Engine, Prompt
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError, TruncationWarning

_ROOM = 64
"""Tokens reserved for a completion, unless the checkpoint has its own source limit."""


def positions(decoding: Decoding, context_size: int) -> int:
    """Most tokens of prompt and completion together."""
    # max_length counts the final `</s>`, which takes no position: the model never reads it.
    limit = decoding.max_length - 1 if decoding.max_length else context_size
    return min(limit, context_size)


def completion_room(prompt: Prompt, decoding: Decoding, window: int) -> int:
    """Tokens reserved for the completion in a window of so many positions."""
    if prompt.max_source_tokens is not None:
        return 1  # the checkpoint's source limit already leaves room for completions
    return min(decoding.max_new_tokens or _ROOM, _ROOM, max(1, window // 4))


def foresee(engine: Engine, texts: Iterable[str]) -> None:
    """Tell an engine that the tokens of these texts are counted soon.

    The engine of a server then asks for all of them at once; others need not know.
    """
    if told := getattr(engine, "foresee", None):
        told([*texts])


def source_limit(prompt: Prompt, decoding: Decoding, engine: Engine) -> int:
    """Most tokens of the prompt's head, text and tail together; may be less than 1."""
    window = positions(decoding, engine.context_size)
    learned = 1 + len(prompt.prefix_tokens) + len(prompt.suffix_tokens)
    target = engine.count_tokens(prompt.target) if prompt.target else 0
    limit = window - learned - target - completion_room(prompt, decoding, window)
    return limit if prompt.max_source_tokens is None else min(limit, prompt.max_source_tokens)


def check_continuations(
    prompts: Sequence[object], continuations: Sequence[Sequence[Continuation]]
) -> None:
    """Check that each prompt has a sequence of continuations.

    Raises:
        InputError: It has not.
    """
    if len(prompts) != len(continuations):
        raise InputError(
            f"{counted(len(prompts), 'prompt has', 'prompts have')} "
            f"{counted(len(continuations), 'sequence')} of continuations: give "
            "one sequence for each prompt, in order"
        )
    for texts in continuations:
        if isinstance(texts, str):
            raise InputError(
                f"the continuations of a prompt must be a sequence of texts, not {texts!r}: give "
                "[...] for each prompt"
            )


def check_choices(choices: Sequence[str]) -> None:
    """Check that there are labels to choose from.

    Raises:
        InputError: There are none, or one text in their place.
    """
    if isinstance(choices, str) or not choices:
        raise InputError(f"choices must be a sequence of at least one label, not {choices!r}")


def empty_continuation(number: int, count: int) -> InputError:
    """The error for a continuation without tokens, by its number from 1."""
    which = f"continuation {number} of {count}" if count > 1 else "the continuation"
    return InputError(f"{which} is empty: give at least one word")


def warn_of_truncation(truncated: Iterable[int], *, stacklevel: int = 1) -> None:
    """Issue one TruncationWarning for all texts of a call that were cut.

    Args:
        truncated: How many tokens each text lost.
        stacklevel: As in `warnings.warn`, counted from the caller.
    """
    lost = list(truncated)
    cut = sum(map(bool, lost))
    if not cut:
        return
    were = "was" if max(lost) == 1 else "were"
    if len(lost) == 1:
        which, how_much = "the text does", f"{lost[0]:,} of its tokens {were}"
    else:
        which = f"{cut:,} of {len(lost):,} texts {'does' if cut == 1 else 'do'}"
        how_much = f"up to {counted(max(lost), 'token')} of a text {were}"
    warnings.warn(
        f"{which} not fit the model: {how_much} cut and not read. Shorten or split long texts",
        TruncationWarning,
        stacklevel=stacklevel + 1,
    )
