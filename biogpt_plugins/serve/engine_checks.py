"""What endpoints refuse before any work is done."""

from __future__ import annotations

from collections.abc import Sequence

from biogpt_plugins.engine import Continuation, Copy, Decoding, Grammar, Part, Prompt
from biogpt_plugins.serve.errors import Refused
from biogpt_plugins.serve.limits import Limits

_PARTS = 100  # of a clause; each copied name takes milliseconds to prepare


def check_prompts(prompts: Sequence[Prompt], limits: Limits) -> None:
    """Check the number, size and form of prompts.

    Raises:
        Refused: There are too many, or one is too long or cannot be followed.
    """
    check_texts("prompts", [one.source + one.target for one in prompts], limits)
    for one in prompts:
        if len(one.ids) > limits.prompt:
            raise Refused(
                400, f"a prompt has more than {limits.prompt:,} token ids", param="prompts"
            )
        if one.max_source_tokens is not None and one.max_source_tokens < 0:
            raise Refused(
                400,
                f"max_source_tokens must be 0 or more, not {one.max_source_tokens}",
                param="prompts",
            )
        if one.grammar:
            _check_grammar(one.grammar)


def check_texts(name: str, texts: Sequence[str], limits: Limits) -> None:
    """Check the number and length of texts.

    Raises:
        Refused: There are too many, or one is too long.
    """
    if len(texts) > limits.inputs:
        raise Refused(
            400, f"{len(texts):,} {name} are given, at most {limits.inputs:,}", param=name
        )
    if any(len(text) > limits.prompt for text in texts):
        raise Refused(
            400, f"{name} have more than {limits.prompt:,} characters: shorten them", param=name
        )


def check_continuations(continuations: Sequence[Sequence[Continuation]], limits: Limits) -> None:
    """Check the number and length of the continuations of each prompt.

    Raises:
        Refused: There are too many, or one is too long.
    """
    for several in continuations:
        check_number("the number of continuations of a prompt", len(several), limits.continuations)
        if any(len(one) > limits.prompt for one in several):
            raise Refused(
                400,
                f"a continuation has more than {limits.prompt:,} characters or ids: shorten it",
                param="continuations",
            )


def check_decoding(decoding: Decoding, limits: Limits) -> None:
    """Check how much is asked of each prompt.

    Raises:
        Refused: It is too much.
    """
    most = {
        "n": (decoding.n, limits.n),
        "num_beams": (decoding.num_beams, limits.n),
        "top_logprobs": (decoding.top_logprobs, limits.logprobs),
        "the number of stop strings": (len(decoding.stop), limits.inputs),
    }
    for name, (asked, limit) in most.items():
        check_number(name, asked, limit)


def check_number(name: str, asked: int, limit: int) -> None:
    """Check a number that is asked for.

    Raises:
        Refused: It is beyond the limit.
    """
    if asked > limit:
        raise Refused(
            400, f"{name} = {asked:,} is more than this server allows: {limit:,}", param=name
        )


def _check_grammar(grammar: Grammar) -> None:
    clause = grammar.clause
    if len(clause) > _PARTS:
        raise Refused(
            400, f"a clause has {len(clause):,} parts, at most {_PARTS} are read", param="grammar"
        )
    blank = not grammar.end.strip() or not all(map(_says_something, clause))
    if blank or not clause:
        raise Refused(
            400,
            "a grammar needs a clause of at least one part, wordings to choose from, words that "
            "are not blank, names of at least one word, and an end",
            param="grammar",
        )


def _says_something(part: Part) -> bool:
    if isinstance(part, Copy):
        return part.most_words >= 1
    return any(words.strip() for words in ([part] if isinstance(part, str) else part))
