"""`/v1/completions`: what the engine is asked, and its answers in OpenAI's form."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple
from uuid import uuid4

from biogpt_plugins.engine import Chunk, Completion, Decoding, Engine, Scored, Token, in_thread
from biogpt_plugins.serve.errors import ClientGoneError, Refused
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.serve.wire import (
    Choice,
    CompletionAnswer,
    CompletionRequest,
    Logprobs,
    TokenCounts,
)
from biogpt_plugins.serve.working import merged
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Usage

_CLOSING = tuple(".,;:!?)]}%")
_OPENING = tuple("([{-/")
_WRITTEN = ("stop", "length")


class Asked(NamedTuple):
    """A request that was understood.

    Attributes:
        id: Its id.
        model: The name of the model.
        created: When it came, in seconds of Unix.
        prompts: The prompts.
        decoding: How each is continued; None if nothing is written.
        logprobs: How many alternatives to tell for each token; None for no tokens.
        echo: Whether texts begin with their prompts.
        usage: Whether a stream ends with the usage.
    """

    id: str
    model: str
    created: int
    prompts: list[str]
    decoding: Decoding | None
    logprobs: int | None
    echo: bool
    usage: bool

    @classmethod
    def of(cls, request: CompletionRequest, model: str, limits: Limits) -> Asked:
        """Understand a request.

        Raises:
            InputError: It cannot be answered; the message says why.
        """
        prompts = request.prompts
        _check(request, prompts, limits)
        n, told = request.n, request.logprobs is not None
        decoding = Decoding(
            max_new_tokens=max(1, request.max_tokens),
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            stop=request.stops,
            seed=request.seed,
            truncate=False,
            n=n,
            logprobs=told,
            top_logprobs=request.logprobs or 0,
        )
        return cls(
            id=f"cmpl-{uuid4().hex}",
            model=model,
            created=int(time.time()),
            prompts=prompts,
            decoding=decoding if request.max_tokens else None,
            logprobs=request.logprobs,
            echo=request.echo,
            usage=bool(request.stream_options and request.stream_options.include_usage),
        )

    @property
    def n(self) -> int:
        """Completions of each prompt."""
        return self.decoding.n if self.decoding else 1

    @property
    def rows(self) -> int:
        """All completions."""
        return len(self.prompts) * self.n

    def answer(self, choices: list[Choice], usage: Usage | None = None) -> CompletionAnswer:
        """An answer, or a piece of a stream."""
        counts = usage and TokenCounts(**usage.model_dump(), total_tokens=usage.total_tokens)
        return CompletionAnswer(
            id=self.id, created=self.created, model=self.model, choices=choices, usage=counts
        )


def _check(request: CompletionRequest, prompts: Sequence[str], limits: Limits) -> None:
    most = {
        "prompt": (len(prompts), limits.inputs, "prompts"),
        "n": (request.n, limits.n, "completions of a prompt"),
        "logprobs": (request.logprobs or 0, limits.logprobs, "alternatives for a token"),
    }
    for name, (asked, limit, what) in most.items():
        if asked > limit:
            raise Refused(400, f"{asked:,} {what} are asked for, at most {limit:,}", param=name)
    if any(len(prompt) > limits.prompt for prompt in prompts):
        raise Refused(400, f"a prompt has more than {limits.prompt:,} characters", param="prompt")
    if not (request.max_tokens or request.echo):
        raise InputError("max_tokens must be 1 or more, not 0, without echo")
    if request.stream and request.seed is not None and request.n > 1:
        raise InputError(
            "a stream of several samples cannot be repeated: leave out seed, set n to 1, or do "
            "without stream"
        )


def complete(engine: Engine, asked: Asked) -> tuple[list[Choice], Usage]:
    """All completions of a request.

    Raises:
        BioGPTError: One failed.
    """
    read = _read(engine, asked)
    done = (
        engine.complete(asked.prompts, asked.decoding)
        if asked.decoding
        else [Completion(finish_reason="length") for _ in asked.prompts]
    )
    choices: list[Choice] = []
    usages: list[Usage] = []
    for prompt, scored, completion in zip(asked.prompts, read, done, strict=True):
        for one in (completion, *completion.others):
            _raise(one)
            index = len(choices)
            choices.append(_choice(index, asked, prompt, scored, one))
        usages.append(_usage(engine, prompt, completion))
    return choices, _sum(usages)


async def stream(
    engine: Engine, asked: Asked, note: Callable[[Usage], None]
) -> AsyncGenerator[CompletionAnswer, None]:
    """Completions piece by piece; the last piece of each has its tokens and its reason to end.

    Args:
        engine: The engine.
        asked: The request.
        note: Is told the usage at the end.
    """
    if asked.decoding is None:
        choices, usage = await in_thread(complete, engine, asked)
        yield asked.answer(choices)
    else:
        read = await in_thread(_read, engine, asked)
        pieces = merged(await in_thread(_streams, engine, asked.prompts, asked.decoding))
        telling = [
            _Telling(index, asked, asked.prompts[index // asked.n], read[index // asked.n])
            for index in range(asked.rows)
        ]
        usages = []
        try:
            for one in telling if asked.echo else ():
                yield asked.answer([Choice(index=one.index, text=one.prompt)])
            async for index, chunk in pieces:
                yield asked.answer([telling[index].piece(chunk)])
                if chunk.completion:
                    usages.append(_usage(engine, telling[index].prompt, chunk.completion))
        finally:
            await pieces.aclose()
        usage = _sum(usages)
        usage = usage.model_copy(update={"prompt_tokens": usage.prompt_tokens // asked.n})
    note(usage)
    if asked.usage:
        yield asked.answer([], usage)


class _Telling:
    """A completion that is told as it is written."""

    def __init__(self, index: int, asked: Asked, prompt: str, scored: Scored | None) -> None:
        self.index, self.prompt = index, prompt
        self._asked, self._scored, self._begun = asked, scored, not asked.echo

    def piece(self, chunk: Chunk) -> Choice:
        """A piece of it; the first one after the prompt stands off from it."""
        text = chunk.text
        if text and not self._begun:
            text, self._begun = _gap(self.prompt, text) + text, True
        if chunk.completion is None:
            return Choice(index=self.index, text=text)
        _raise(chunk.completion)
        last = _choice(self.index, self._asked, self.prompt, self._scored, chunk.completion)
        return last.model_copy(update={"text": text})


def _streams(engine: Engine, prompts: Sequence[str], decoding: Decoding) -> list[Iterator[Chunk]]:
    """A stream for each completion; a prompt that cannot be read raises its error here."""
    one = replace(decoding, n=1)
    return [engine.stream(prompt, one) for prompt in prompts for _ in range(decoding.n)]


def _read(engine: Engine, asked: Asked) -> list[Scored | None]:
    """The prompts as the model reads them, where their tokens are asked for."""
    if not asked.echo or asked.logprobs is None:
        return [None] * len(asked.prompts)
    ask = partial(engine.score, [""] * len(asked.prompts), [[one] for one in asked.prompts])
    scored = ask(top_logprobs=asked.logprobs) if asked.logprobs else ask()
    for one in scored:
        if one.error:
            raise one.error
    return list(scored)


def _raise(completion: Completion) -> None:
    if completion.error:
        raise completion.error
    if completion.finish_reason not in _WRITTEN:
        raise ClientGoneError


def _choice(
    index: int, asked: Asked, prompt: str, scored: Scored | None, completion: Completion
) -> Choice:
    """A completion, behind its prompt if that is asked for."""
    prompt = prompt if asked.echo else ""
    gap = _gap(prompt, completion.text)
    logprobs = None
    if asked.logprobs is not None:
        tokens = [(token, len(prompt) + len(gap)) for token in completion.tokens]
        if scored:
            tokens = [*((token, 0) for token in scored.tokens[0]), *tokens]
        logprobs = _logprobs(tokens, asked.logprobs)
    reason = completion.finish_reason
    return Choice(
        index=index,
        text=prompt + gap + completion.text,
        logprobs=logprobs,
        finish_reason="stop" if reason == "stop" else "length",
    )


def _logprobs(tokens: Sequence[tuple[Token, int]], most: int) -> Logprobs:
    return Logprobs(
        tokens=[_spelt(token) for token, _ in tokens],
        token_logprobs=[_finite(token.logprob) for token, _ in tokens],
        top_logprobs=[_alternatives(token) for token, _ in tokens] if most else None,
        text_offset=[token.start + after for token, after in tokens],
    )


def _alternatives(token: Token) -> dict[str, float]:
    """The most probable tokens; the token itself is always among them."""
    told = {_spelt(one): _finite(one.logprob) for one in token.top}
    told.setdefault(_spelt(token), _finite(token.logprob))
    return told


def _spelt(token: Token) -> str:
    return f"{token.text} " if token.ends_word else token.text


def _finite(logprob: float) -> float:
    return max(logprob, -9999.0)  # JSON has no infinity


def _gap(prompt: str, text: str) -> str:
    """What stands between a prompt and its completion, which begins with a word."""
    joined = not prompt or not text or prompt[-1].isspace() or text[0].isspace()
    return "" if joined or text.startswith(_CLOSING) or prompt.endswith(_OPENING) else " "


def _usage(engine: Engine, prompt: str, completion: Completion) -> Usage:
    every = (completion, *completion.others)
    read = completion.usage.prompt_tokens or 1 + engine.count_tokens(prompt)
    written = sum(one.usage.completion_tokens for one in every)
    return Usage(prompt_tokens=read, completion_tokens=written)


def _sum(usages: Sequence[Usage]) -> Usage:
    return Usage(
        prompt_tokens=sum(one.prompt_tokens for one in usages),
        completion_tokens=sum(one.completion_tokens for one in usages),
    )
