"""An engine that returns scripted completions, for tests of chains and adapters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf, log
from zlib import crc32

from biogpt_plugins.engine.cancelling import cancelled
from biogpt_plugins.engine.completions import Choice, Chunk, Completion, Scored, Token
from biogpt_plugins.engine.limits import check_continuations, empty_continuation
from biogpt_plugins.engine.protocol import Continuation, Decoding, Prompt
from biogpt_plugins.values.errors import BioGPTError, EngineError
from biogpt_plugins.values.results import Usage


class ScriptedEngine:
    """Answers prompts from a queue and records them. Its tokens are words.

    Attributes:
        calls: The prompts of each call of `complete`, `stream` or `choose`.
        decodings: The decoding of each call of `complete` or `stream`.
    """

    model_name = "scripted"
    context_size = 1024

    def __init__(
        self,
        completions: Iterable[str | BioGPTError] = (),
        probabilities: Iterable[Sequence[float]] = (),
        *,
        logprob: float = -0.5,
    ) -> None:
        """Fill the queues.

        Args:
            completions: The texts to write, in order, `n` for each prompt. An error in their place
                makes its prompt fail.
            probabilities: What `choose` and `score` return for each prompt, in the order of the
                choices or continuations.
            logprob: Log-probability of every token, if the decoding asks for them.
        """
        self._completions = list(completions)
        self._probabilities = list(probabilities)
        self._logprob = logprob
        self.calls: list[list[Prompt]] = []
        self.decodings: list[Decoding] = []

    @property
    def history(self) -> list[Prompt]:
        """All prompts of all calls, in order."""
        return [prompt for call in self.calls for prompt in call]

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = Decoding()
    ) -> list[Completion]:
        self._record(prompts)
        self.decodings.append(decoding)
        completions = []
        for prompt in self.calls[-1]:
            first, *others = (self._next(prompt, decoding) for _ in range(decoding.n))
            failed = next((c for c in (first, *others) if c.error), None)
            completions.append(failed or replace(first, others=tuple(others)))
        return completions

    def stream(self, prompt: Prompt | str, decoding: Decoding = Decoding()) -> Iterator[Chunk]:
        completion = self.complete([prompt], replace(decoding, num_beams=1, n=1))[0]
        if completion.error:
            raise completion.error
        *words, last = completion.text.split(" ")
        at = 0
        for piece in (*(f"{word} " for word in words), last):
            start, at = at, at + len(piece)
            yield Chunk(
                text=piece, tokens=tuple(t for t in completion.tokens if start <= t.start < at)
            )
        yield Chunk(text="", completion=completion)

    def choose(
        self, prompts: Sequence[Prompt | str], choices: Sequence[str], *, truncate: bool = True
    ) -> list[Choice]:
        del truncate  # a script has no length limit
        self._record(prompts)
        scored = []
        for prompt in self.calls[-1]:
            shares = self._shares()
            scored.append(
                Choice(
                    probabilities=dict(zip(choices, shares, strict=True)),
                    usage=Usage(prompt_tokens=self.count_tokens(prompt.source)),
                )
            )
        return scored

    def score(
        self,
        prompts: Sequence[Prompt | str],
        continuations: Sequence[Sequence[Continuation]],
        *,
        truncate: bool = True,
        top_logprobs: int = 0,
    ) -> list[Scored]:
        """Give each continuation the next of the probabilities, spread over its words."""
        del truncate
        check_continuations(prompts, continuations)
        self._record(prompts)
        asked = zip(self.calls[-1], continuations, strict=True)
        return [
            self._scored(prompt, list(map(_text, these)), top_logprobs) for prompt, these in asked
        ]

    def _scored(self, prompt: Prompt, texts: Sequence[str], top: int) -> Scored:
        for number, text in enumerate(texts, 1):
            if not text.strip():
                return Scored(error=empty_continuation(number, len(texts)))
        shares = zip(texts, self._shares(), strict=True)
        usage = Usage(
            prompt_tokens=self.count_tokens(prompt.source),
            completion_tokens=sum(map(self.count_tokens, texts)),
        )
        return Scored(
            tokens=tuple(self._spread(text, share, top) for text, share in shares), usage=usage
        )

    def _shares(self) -> Sequence[float]:
        if not self._probabilities:
            raise EngineError("the script has no probabilities left: add more")
        return self._probabilities.pop(0)

    @staticmethod
    def _spread(text: str, share: float, top: int) -> tuple[Token, ...]:
        each = log(share) / len(text.split()) if share else -inf
        return _words(text, each, top)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def token_ids(self, text: str) -> list[int]:
        """An id for each word, the same in every process."""
        return [crc32(word.encode()) for word in text.split()]

    def _record(self, prompts: Sequence[Prompt | str]) -> None:
        self.calls.append([Prompt(text=p) if isinstance(p, str) else p for p in prompts])

    def _next(self, prompt: Prompt, decoding: Decoding) -> Completion:
        if cancelled():
            return Completion(finish_reason="cancelled")
        if not self._completions:
            raise EngineError("the script has no completions left: add more")
        text = self._completions.pop(0)
        if isinstance(text, BioGPTError):
            return Completion(error=text)
        for stop in decoding.stop:
            text = text.partition(stop)[0]
        usage = Usage(
            prompt_tokens=self.count_tokens(prompt.source), completion_tokens=len(text.split())
        )
        told = decoding.logprobs
        return Completion(
            text=text,
            finish_reason="stop",
            usage=usage,
            tokens=_words(text, self._logprob, decoding.top_logprobs) if told else (),
            end=Token(text="</s>", start=len(text), logprob=self._logprob) if told else None,
        )


def _text(continuation: Continuation) -> str:
    """A text with a word for each id."""
    return continuation if isinstance(continuation, str) else " ".join(map(str, continuation))


def _words(text: str, logprob: float, top: int) -> tuple[Token, ...]:
    """The words of a text as tokens; each is the only one in its place that is listed."""
    found = re.finditer(r"\S+", text)
    words = (Token(text=word[0], start=word.start(), logprob=logprob) for word in found)
    return tuple(replace(word, top=(word,) if top else ()) for word in words)
