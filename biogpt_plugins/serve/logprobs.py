"""The tokens of `/v1/completions`: of completions, and of prompts that are echoed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import isnan, nan
from typing import NamedTuple

from biogpt_plugins.engine import Continuation, Engine, Token
from biogpt_plugins.serve.wire import Logprobs

_BEGINNING = Token(text="</s>", start=0, logprob=nan)
"""The token with which prompts begin; what is before it has no probability."""


class Echo(NamedTuple):
    """What a completion begins with.

    Attributes:
        text: The prompt; "" if it is not echoed.
        tokens: Its tokens, if they are asked for.
        size: How many tokens the model reads; 0 if it is not known.
    """

    text: str = ""
    tokens: tuple[Token, ...] = ()
    size: int = 0


def echoes(engine: Engine, prompts: Sequence[Continuation], logprobs: int | None) -> list[Echo]:
    """Prompts as they are echoed; those of token ids are spelt as in the vocabulary.

    Args:
        engine: The engine, which reads prompts whose tokens are asked for, or that are ids.
        prompts: The prompts.
        logprobs: How many alternatives to tell for each token; None for no tokens.

    Raises:
        BioGPTError: A prompt cannot be read.
    """
    if logprobs is None and all(isinstance(one, str) for one in prompts):
        return [Echo(one) for one in prompts if isinstance(one, str)]
    ask = partial(engine.score, [""] * len(prompts), [[one] for one in prompts])
    scored = ask(top_logprobs=logprobs) if logprobs else ask()
    found: list[Echo] = []
    for prompt, one in zip(prompts, scored, strict=True):
        if one.error:
            raise one.error
        (tokens,) = one.tokens
        text = prompt if isinstance(prompt, str) else "".join(map(spelt, tokens))
        if not isinstance(prompt, str) and len(tokens) < len(prompt):  # it has its own beginning
            tokens = (_BEGINNING, *tokens)
        found.append(Echo(text, () if logprobs is None else tokens, one.usage.total_tokens))
    return found


def told(tokens: Sequence[Token], most: int) -> Logprobs:
    """Tokens with their alternatives.

    Args:
        tokens: The tokens.
        most: How many alternatives are asked for.
    """
    return Logprobs(
        tokens=[spelt(token) for token in tokens],
        token_logprobs=[_finite(token.logprob) for token in tokens],
        top_logprobs=[_alternatives(token) for token in tokens] if most else None,
        text_offset=[token.start for token in tokens],
    )


def moved(tokens: Sequence[Token], by: int) -> list[Token]:
    """Tokens behind a text of so many characters."""
    return [replace(token, start=token.start + by) for token in tokens]


def spelt(token: Token) -> str:
    """The spelling of a token, with a space after the last one of a word."""
    return f"{token.text} " if token.ends_word else token.text


def _alternatives(token: Token) -> dict[str, float] | None:
    """The most probable tokens; the token itself is always among them."""
    own = _finite(token.logprob)
    if own is None:
        return None
    return {spelt(token): own, **{spelt(one): _json(one.logprob) for one in token.top}}


def _finite(logprob: float) -> float | None:
    return None if isnan(logprob) else _json(logprob)


def _json(logprob: float) -> float:
    return max(logprob, -9999.0)  # JSON has no infinity
