"""What an engine is: prompts in, completions out. It knows nothing of tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, get_args

from biogpt_plugins.engine.grammar import Grammar
from biogpt_plugins.values.errors import BioGPTError, InputError
from biogpt_plugins.values.results import FinishReason, Usage

Runtime = Literal["transformers", "ctranslate2"]
"""What a local model is run by."""

Form = Literal["free", "grounded"]
"""Whether completions keep to the form of the task's targets."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What the model is to continue.

    `</s>` + prefix tokens + head + text + tail + suffix tokens + target. Only `text` is ever cut.
    A string stands for `Prompt(text=string)`.

    Attributes:
        text: The paper's text; loses its end if the prompt is too long.
        head: Never cut: a question, few-shot demonstrations.
        tail: Never cut: what must follow the text.
        prefix_tokens: Tokens of the vocabulary, by name, that stand before the source text.
        suffix_tokens: Those behind it: a checkpoint's learned tokens. They are put in as ids; the
            text "learned1" would not tokenise to them.
        target: The completion's own beginning, given to the model, and never cut.
        max_source_tokens: Limit on the tokens of head + text + tail; None for whatever the
            model's positions leave.
        grammar: What a grounded decoding keeps to; None where there is no such thing. It plays no
            part in whether two prompts are equal.
    """

    text: str
    head: str = ""
    tail: str = ""
    prefix_tokens: tuple[str, ...] = ()
    suffix_tokens: tuple[str, ...] = ()
    target: str = ""
    max_source_tokens: int | None = None
    grammar: Grammar | None = field(default=None, compare=False, repr=False)

    @property
    def source(self) -> str:
        """Head, text and tail as one string, as the model would read them uncut."""
        return self.head + self.text + self.tail


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How a completion is chosen. The defaults are those of the official BioGPT: greedy.

    Attributes:
        max_new_tokens: Most tokens to write; None for what `max_length` or the model leaves.
        max_length: Most tokens of prompt and completion together, the leading and the final
            `</s>` counted; the model's positions when they are fewer. The official code's is 1025.
        stop: Strings that end the completion; they are not part of it.
        temperature: 0 for greedy (or beam) decoding, above for sampling.
        top_p: Sample from the smallest set of tokens with this much probability.
        top_k: Sample from this many most probable tokens; 0 for all.
        num_beams: Beams; 1 for none. Streaming always uses 1.
        seed: Makes sampling repeat itself; the same for every prompt of a call.
        truncate: Cut a text that is too long; if False it is a ContextOverflowError.
        n: Completions of each prompt: as many samples, or the best beams. Streaming writes 1.
        logprobs: Tell the tokens of completions with their log-probabilities.
        form: "grounded" keeps to the prompts' grammars: names are copied from the text, labels are
            those of the task, and every completion can be read. "free" does not.
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

    def __post_init__(self) -> None:
        checks = {
            "max_new_tokens": self.max_new_tokens is None or self.max_new_tokens >= 1,
            "max_length": self.max_length is None or self.max_length > 1,
            "stop": not isinstance(self.stop, str) and all(self.stop),
            "temperature": self.temperature >= 0,
            "top_p": 0 < self.top_p <= 1,
            "top_k": self.top_k >= 0,
            "num_beams": self.num_beams >= 1,
            "n": self.n >= 1,
            "form": self.form in get_args(Form),
        }
        for name, good in checks.items():
            if not good:
                raise InputError(f"{name} = {getattr(self, name)!r} is out of range: see Decoding")
        if self.num_beams > 1 and self.temperature > 0:
            raise InputError(
                f"num_beams = {self.num_beams} and temperature = {self.temperature} exclude each "
                "other: set one of them"
            )
        if self.n > 1 and self.temperature == 0 and self.num_beams < self.n:
            raise InputError(
                f"n = {self.n} completions need a temperature above 0, or num_beams of at least "
                f"{self.n}: greedy decoding writes one"
            )

    def but(self, **changes: object) -> Decoding:
        """This decoding with some options changed; None values leave the option as it is."""
        given = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **given)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token of a completion.

    Attributes:
        text: As the vocabulary spells it, without the mark of a word's end.
        start: Where it begins in the completion's text; that of its word, where the text spells
            the word otherwise than the vocabulary does.
        logprob: Natural logarithm of the probability that the model gave it, before temperature,
            top_p and top_k.
    """

    text: str
    start: int
    logprob: float


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What became of one prompt.

    Attributes:
        text: The continuation alone, without the prompt and without the stop string.
        finish_reason: "stop", "length" or "cancelled"; None if `error` is set.
        usage: Token counts; the prompt's include the leading `</s>` and the prompt tokens.
        truncated_tokens: Tokens cut from the prompt's text.
        tokens: The text's tokens, if `Decoding.logprobs` asked for them; the final `</s>` and what
            follows a stop string are not among them.
        others: The second to n-th completions, if `Decoding.n` asked for them.
        error: Why there is no completion; the batch's other prompts are not touched by it.
    """

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage = Usage()
    truncated_tokens: int = 0
    tokens: tuple[Token, ...] = ()
    others: tuple[Completion, ...] = ()
    error: BioGPTError | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Probabilities over whole labels, in the order of the choices, summing to 1."""

    probabilities: dict[str, float]
    usage: Usage = Usage()
    truncated_tokens: int = 0
    error: BioGPTError | None = None

    @property
    def label(self) -> str:
        """The most probable label; the earlier one of equals. Raises `error` if there is one."""
        if self.error:
            raise self.error
        return max(self.probabilities, key=self.probabilities.__getitem__)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A piece of a streamed completion; the last one's `completion` is the whole of it."""

    text: str
    completion: Completion | None = None


class Engine(Protocol):
    """A model at hand. Safe to call from several threads.

    Before each step an engine looks whether it is still wanted, by `cancelled`, and otherwise ends
    with the finish reason "cancelled".
    """

    @property
    def model_name(self) -> str:
        """The name the model was asked for by."""
        ...

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = ...
    ) -> list[Completion]:
        """Continue every prompt; one completion each, in order, its own error if it failed."""
        ...

    def stream(self, prompt: Prompt | str, decoding: Decoding = ...) -> Iterator[Chunk]:
        """Continue one prompt piece by piece. Closing the iterator stops the generation.

        Raises:
            BioGPTError: The prompt cannot be used, or the runtime failed.
        """
        ...

    def choose(
        self, prompts: Sequence[Prompt | str], choices: Sequence[str], *, truncate: bool = True
    ) -> list[Choice]:
        """Score each choice, whole, as what follows each prompt; nothing is generated."""
        ...

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, the leading `</s>` not counted."""
        ...

    def token_ids(self, text: str) -> list[int]:
        """Ids of a text's tokens, the leading `</s>` not among them."""
        ...

    @property
    def context_size(self) -> int:
        """Positions of the model: most tokens of prompt and completion together."""
        ...
