"""`/v1/completions`: what the engine is asked, and its answers in OpenAI's form."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple
from uuid import uuid4

from biogpt_plugins.engine import (
    Chunk,
    Completion,
    Continuation,
    Decoding,
    Engine,
    Prompt,
    in_thread,
)
from biogpt_plugins.serve.errors import ClientGoneError, Refused
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.serve.logprobs import Echo, echoes, moved, told
from biogpt_plugins.serve.wire import (
    CompletionAnswer,
    CompletionChoice,
    CompletionRequest,
    CompletionUsage,
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
        prompts: The prompts, as texts or as token ids.
        decoding: How each is continued; None if nothing is written.
        logprobs: How many alternatives to tell for each token; None for no tokens.
        echo: Whether texts begin with their prompts.
        usage: Whether a stream ends with the usage.
    """

    id: str
    model: str
    created: int
    prompts: list[Continuation]
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
    def asking(self) -> list[Prompt | str]:
        """The prompts, as the engine takes them."""
        return [one if isinstance(one, str) else Prompt(text="", ids=one) for one in self.prompts]

    def echoes(self, engine: Engine) -> list[Echo]:
        """What completions of each prompt begin with.

        Raises:
            BioGPTError: A prompt cannot be read.
        """
        if not self.echo:
            return [Echo()] * len(self.prompts)
        return echoes(engine, self.prompts, self.logprobs)

    @property
    def rows(self) -> int:
        """All completions."""
        return len(self.prompts) * self.n

    def answer(
        self, choices: list[CompletionChoice], usage: Usage | None = None
    ) -> CompletionAnswer:
        """An answer, or a piece of a stream."""
        counts = usage and CompletionUsage(**usage.model_dump(), total_tokens=usage.total_tokens)
        return CompletionAnswer(
            id=self.id, created=self.created, model=self.model, choices=choices, usage=counts
        )


def _check(request: CompletionRequest, prompts: Sequence[Continuation], limits: Limits) -> None:
    most = {
        "prompt": (len(prompts), limits.inputs, "prompts"),
        "n": (request.n, limits.n, "completions of a prompt"),
        "logprobs": (request.logprobs or 0, limits.logprobs, "alternatives for a token"),
    }
    for name, (asked, limit, what) in most.items():
        if asked > limit:
            raise Refused(400, f"{asked:,} {what} are asked for, at most {limit:,}", param=name)
    if any(len(prompt) > limits.prompt for prompt in prompts):
        raise Refused(
            400, f"a prompt has more than {limits.prompt:,} characters or ids", param="prompt"
        )
    if not (request.max_tokens or request.echo):
        raise InputError("max_tokens must be 1 or more, not 0, without echo")
    if request.stream and request.seed is not None and request.n > 1:
        raise InputError(
            "a stream of several samples cannot be repeated: leave out seed, set n to 1, or do "
            "without stream"
        )


def complete(engine: Engine, asked: Asked) -> tuple[list[CompletionChoice], Usage]:
    """All completions of a request.

    Raises:
        BioGPTError: One failed.
    """
    begun = asked.echoes(engine)
    done = (
        engine.complete(asked.asking, asked.decoding)
        if asked.decoding
        else [Completion(finish_reason="length") for _ in asked.prompts]
    )
    choices: list[CompletionChoice] = []
    usages: list[Usage] = []
    for prompt, echo, completion in zip(asked.prompts, begun, done, strict=True):
        for one in (completion, *completion.others):
            _raise(one)
            choices.append(_choice(len(choices), asked, echo, one))
        usages.append(_usage(engine, prompt, echo, completion))
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
        begun = await in_thread(asked.echoes, engine)
        pieces = merged(await in_thread(_streams, engine, asked.asking, asked.decoding))
        telling = [_Telling(index, asked, begun[index // asked.n]) for index in range(asked.rows)]
        usages = []
        try:
            for one in telling if asked.echo else ():
                yield asked.answer([CompletionChoice(index=one.index, text=one.echo.text)])
            async for index, chunk in pieces:
                yield asked.answer([telling[index].piece(chunk)])
                if chunk.completion:
                    prompt = asked.prompts[index // asked.n]
                    usages.append(_usage(engine, prompt, telling[index].echo, chunk.completion))
        finally:
            await pieces.aclose()
        usage = _sum(usages)
        usage = usage.model_copy(update={"prompt_tokens": usage.prompt_tokens // asked.n})
    note(usage)
    if asked.usage:
        yield asked.answer([], usage)


class _Telling:
    """A completion that is told as it is written."""

    def __init__(self, index: int, asked: Asked, echo: Echo) -> None:
        self.index, self.echo = index, echo
        self._asked, self._begun = asked, not asked.echo

    def piece(self, chunk: Chunk) -> CompletionChoice:
        """A piece of it; the first one after the prompt stands off from it."""
        text = chunk.text
        if text and not self._begun:
            text, self._begun = _gap(self.echo.text, text) + text, True
        if chunk.completion is None:
            return CompletionChoice(index=self.index, text=text)
        _raise(chunk.completion)
        last = _choice(self.index, self._asked, self.echo, chunk.completion)
        return last.model_copy(update={"text": text})


def _streams(
    engine: Engine, prompts: Sequence[Prompt | str], decoding: Decoding
) -> list[Iterator[Chunk]]:
    """A stream for each completion; a prompt that cannot be read raises its error here."""
    one = replace(decoding, n=1)
    return [engine.stream(prompt, one) for prompt in prompts for _ in range(decoding.n)]


def _raise(completion: Completion) -> None:
    if completion.error:
        raise completion.error
    if completion.finish_reason not in _WRITTEN:
        raise ClientGoneError


def _choice(index: int, asked: Asked, echo: Echo, completion: Completion) -> CompletionChoice:
    """A completion, behind its prompt if that is asked for."""
    before = echo.text + _gap(echo.text, completion.text)
    logprobs = None
    if asked.logprobs is not None:
        written = (*completion.tokens, *filter(None, [completion.end]))
        logprobs = told([*echo.tokens, *moved(written, len(before))], asked.logprobs)
    return CompletionChoice(
        index=index,
        text=before + completion.text,
        logprobs=logprobs,
        finish_reason="stop" if completion.finish_reason == "stop" else "length",
    )


def _gap(prompt: str, text: str) -> str:
    """What stands between a prompt and its completion, which begins with a word."""
    joined = not prompt or not text or prompt[-1].isspace() or text[0].isspace()
    return "" if joined or text.startswith(_CLOSING) or prompt.endswith(_OPENING) else " "


def _usage(engine: Engine, prompt: Continuation, echo: Echo, completion: Completion) -> Usage:
    every = (completion, *completion.others)
    read = completion.usage.prompt_tokens or echo.size
    if not read and isinstance(prompt, str):  # nothing is written, and only the text is echoed
        read = 1 + engine.count_tokens(prompt)
    written = sum(one.usage.completion_tokens for one in every)
    return Usage(prompt_tokens=read, completion_tokens=written)


def _sum(usages: Sequence[Usage]) -> Usage:
    return Usage(
        prompt_tokens=sum(one.prompt_tokens for one in usages),
        completion_tokens=sum(one.completion_tokens for one in usages),
    )
