"""The engine protocol: prompts in, completions out. Engines know nothing of tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, get_args

from pydantic import with_config
from typing_extensions import Self

from biogpt_plugins.engine.completions import Choice, Chunk, Completion, Scored
from biogpt_plugins.engine.grammar import AS_JSON, Grammar
from biogpt_plugins.values.errors import InputError

Runtime = Literal["transformers", "ctranslate2"]
"""The runtime of a local model."""

Form = Literal["free", "grounded", "entities"]
"""Whether completions are constrained to the form of the task's targets."""

Continuation = str | tuple[int, ...]
"""A text, or its token ids."""

_HOTTEST = 100  # a temperature near the largest number makes all probabilities invalid


@with_config(AS_JSON)
@dataclass(frozen=True, kw_only=True)
class Prompt:
    """The text that the model continues.

    The model reads `</s>` + prefix tokens + head + text + tail + suffix tokens + target. Only
    `text` is ever cut. A str means `Prompt(text=str)`.

    Attributes:
        text: The paper's text. Its end is cut if the prompt is too long.
        head: Text before it that is never cut: a question, or few-shot demonstrations.
        tail: Text after it that is never cut.
        prefix_tokens: Vocabulary tokens before the source text, by name.
        suffix_tokens: Vocabulary tokens after the source text: a checkpoint's learned tokens. They
            are inserted as ids, because the text "learned1" does not tokenise to them.
        target: The given beginning of the completion, never cut.
        max_source_tokens: Limit on the tokens of head + text + tail; None for as many as the
            model's positions allow.
        grammar: The form that constrained decoding enforces; None if the task has none. It is
            ignored when prompts are compared.
        ids: Token ids of the source, in place of its text; a leading `</s>` is not doubled.
    """

    text: str
    head: str = ""
    tail: str = ""
    prefix_tokens: tuple[str, ...] = ()
    suffix_tokens: tuple[str, ...] = ()
    target: str = ""
    max_source_tokens: int | None = None
    grammar: Grammar | None = field(default=None, compare=False, repr=False)
    ids: tuple[int, ...] = ()

    @property
    def source(self) -> str:
        """Head, text and tail as one string, before anything is cut."""
        return self.head + self.text + self.tail

    @classmethod
    def of(cls, given: object) -> Self:
        """The prompt that an engine was given.

        Raises:
            InputError: It is neither a str nor a Prompt.
        """
        if isinstance(given, str):
            return cls(text=given)
        if isinstance(given, cls):
            return given
        raise InputError(f"a prompt must be a str or a Prompt, not a {type(given).__name__}")


@with_config(AS_JSON)
@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How a completion is chosen. The default is greedy decoding, as in the official BioGPT.

    Attributes:
        max_new_tokens: Most tokens to write; None for as many as `max_length` or the model allows.
        max_length: Most tokens of prompt and completion together, including the leading and the
            final `</s>`, but never more than the model's positions. The official code uses 1025.
        stop: Strings that end the completion; they are not part of it.
        temperature: 0 for greedy or beam decoding; above 0, up to 100, for sampling.
        top_p: Sample from the smallest set of tokens with at least this total probability.
        top_k: Sample from this many most probable tokens; 0 for all tokens.
        num_beams: Number of beams; 1 for no beam search. Streaming always uses 1.
        seed: Makes sampling repeatable; the same seed for every prompt of a call.
        truncate: Whether to cut a text that is too long; if False, it is a ContextOverflowError.
        n: Completions for each prompt: samples, or the best beams. Streaming writes 1.
        logprobs: Whether completions list their tokens with log-probabilities.
        top_logprobs: How many of the most probable tokens to list for each token, beside its own.
        form: "grounded" enforces the prompts' grammars: names are copied from the text, labels are
            the task's, and every completion can be read. "entities" enforces them with names of
            given entities in place of copied ones. "free" enforces nothing.
    """

    max_new_tokens: int | None = None
    max_length: int | None = None
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    num_beams: int = 1
    seed: int | None = None
    truncate: bool = True
    n: int = 1
    logprobs: bool = False
    form: Form = "free"
    top_logprobs: int = field(default=0, repr=False)  # fingerprints of tasks do not include it

    def __post_init__(self) -> None:
        checks = {
            "max_new_tokens": (
                self.max_new_tokens is None or self.max_new_tokens >= 1,
                "1 or more",
            ),
            "max_length": (self.max_length is None or self.max_length > 1, "2 or more"),
            "stop": (
                not isinstance(self.stop, str) and all(self.stop),
                "a sequence of non-empty strings",
            ),
            "temperature": (
                0 <= self.temperature <= _HOTTEST,
                f"{_HOTTEST} or less" if self.temperature > _HOTTEST else "0 or more",
            ),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "top_k": (self.top_k >= 0, "0 or more"),
            "num_beams": (self.num_beams >= 1, "1 or more"),
            "n": (self.n >= 1, "1 or more"),
            "top_logprobs": (self.top_logprobs >= 0, "0 or more"),
            "form": (self.form in get_args(Form), "'free', 'grounded' or 'entities'"),
        }
        for name, (valid, requirement) in checks.items():
            if not valid:
                raise InputError(f"{name} must be {requirement}, not {getattr(self, name)!r}")
        if self.top_logprobs and not self.logprobs:
            raise InputError(f"top_logprobs = {self.top_logprobs} needs logprobs=True")
        if self.num_beams > 1 and self.temperature > 0:
            raise InputError(
                f"num_beams = {self.num_beams} cannot be combined with temperature = "
                f"{self.temperature}: set one of them"
            )
        if self.n > 1 and self.temperature == 0 and self.num_beams < self.n:
            raise InputError(
                f"n = {self.n} completions need a temperature above 0, or num_beams of at least "
                f"{self.n}: greedy decoding writes one"
            )

    @property
    def constrained(self) -> bool:
        """Whether completions follow the prompts' grammars."""
        return self.form != "free"

    def but(self, **changes: object) -> Decoding:
        """Return a copy with some options changed; None leaves an option unchanged."""
        given = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **given)  # type: ignore[arg-type]


class Engine(Protocol):
    """A loaded model. Safe to call from several threads.

    An engine calls `cancelled` before each step. If it returns True, the engine stops and sets the
    finish reason "cancelled".
    """

    @property
    def model_name(self) -> str:
        """The model's name, as the user gave it."""
        ...

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = ...
    ) -> list[Completion]:
        """Continue every prompt.

        Returns:
            A completion for each prompt, in order; a prompt that failed has an `error`.
        """
        ...

    def stream(self, prompt: Prompt | str, decoding: Decoding = ...) -> Iterator[Chunk]:
        """Continue one prompt in pieces. Closing the iterator stops generation.

        Raises:
            BioGPTError: The prompt is not valid, or the runtime failed.
        """
        ...

    def choose(
        self, prompts: Sequence[Prompt | str], choices: Sequence[str], *, truncate: bool = True
    ) -> list[Choice]:
        """Score each choice as the continuation of each prompt, without generating text."""
        ...

    def score(
        self,
        prompts: Sequence[Prompt | str],
        continuations: Sequence[Sequence[Continuation]],
        *,
        truncate: bool = True,
        top_logprobs: int = 0,
    ) -> list[Scored]:
        """Give the probability of each of a prompt's continuations, without generating text.

        The prompt "" scores texts from their beginning; a leading `</s>` of ids is left out.

        Raises:
            InputError: There is not one sequence of continuations for each prompt.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text, without the leading `</s>`."""
        ...

    def token_ids(self, text: str) -> list[int]:
        """The token ids of a text, without the leading `</s>`."""
        ...

    @property
    def context_size(self) -> int:
        """The model's positions: the most tokens of prompt and completion together."""
        ...
