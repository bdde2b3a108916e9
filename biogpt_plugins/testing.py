"""An engine that plays a script, for tests of your own chains and of this package's adapters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from biogpt_plugins.engine import Choice, Chunk, Completion, Decoding, Prompt
from biogpt_plugins.errors import BioGPTError, EngineError
from biogpt_plugins.results import Usage


class ScriptedEngine:
    """Answers prompts from a queue and remembers what it was asked. Tokens are words.

    Attributes:
        calls: One list of prompts a call of `complete`, `stream` or `choose`.
        decodings: The decoding of each `complete` or `stream` call.
    """

    model_name = "scripted"
    context_size = 1024

    def __init__(
        self,
        completions: Iterable[str | BioGPTError] = (),
        probabilities: Iterable[Sequence[float]] = (),
    ) -> None:
        """Fill the queues.

        Args:
            completions: What is written, in order; an error makes that one prompt fail.
            probabilities: What `choose` gives for each prompt, in the order of the choices.
        """
        self._completions = list(completions)
        self._probabilities = list(probabilities)
        self.calls: list[list[Prompt]] = []
        self.decodings: list[Decoding] = []

    @property
    def history(self) -> list[Prompt]:
        """Every prompt seen, in order."""
        return [prompt for call in self.calls for prompt in call]

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = Decoding()
    ) -> list[Completion]:
        self._record(prompts)
        self.decodings.append(decoding)
        return [self._next(prompt, decoding) for prompt in self.calls[-1]]

    def stream(self, prompt: Prompt | str, decoding: Decoding = Decoding()) -> Iterator[Chunk]:
        completion = self.complete([prompt], decoding)[0]
        if completion.error:
            raise completion.error
        words = completion.text.split(" ")
        for i, word in enumerate(words):
            yield Chunk(text=word if i == len(words) - 1 else f"{word} ")
        yield Chunk(text="", completion=completion)

    def choose(
        self, prompts: Sequence[Prompt | str], choices: Sequence[str], *, truncate: bool = True
    ) -> list[Choice]:
        del truncate  # nothing is ever too long for a script
        self._record(prompts)
        found = []
        for prompt in self.calls[-1]:
            if not self._probabilities:
                raise EngineError("the script has no probabilities left: give it more")
            shares = self._probabilities.pop(0)
            found.append(
                Choice(
                    probabilities=dict(zip(choices, shares, strict=True)),
                    usage=Usage(prompt_tokens=self.count_tokens(prompt.source)),
                )
            )
        return found

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def _record(self, prompts: Sequence[Prompt | str]) -> None:
        self.calls.append([Prompt(text=p) if isinstance(p, str) else p for p in prompts])

    def _next(self, prompt: Prompt, decoding: Decoding) -> Completion:
        if not self._completions:
            raise EngineError("the script has no completions left: give it more")
        text = self._completions.pop(0)
        if isinstance(text, BioGPTError):
            return Completion(error=text)
        for stop in decoding.stop:
            text = text.partition(stop)[0]
        usage = Usage(
            prompt_tokens=self.count_tokens(prompt.source), completion_tokens=len(text.split())
        )
        return Completion(text=text, finish_reason="stop", usage=usage)
