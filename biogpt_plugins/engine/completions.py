"""What engines answer: tokens, completions, pieces of streams, and probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, with_config

from biogpt_plugins.engine.grammar import AS_JSON
from biogpt_plugins.values.errors import BioGPTError, EngineError, error_class
from biogpt_plugins.values.results import Failure, FinishReason, Usage


def _error(given: Any) -> BioGPTError:  # noqa: ANN401 - what JSON holds
    """The error that a Failure describes."""
    if isinstance(given, BioGPTError):
        return given
    failure = Failure.model_validate(given)
    try:
        return error_class(failure.type)(failure.message)
    except TypeError:  # an error of more than a message, which no engine gives
        return EngineError(failure.message)


Error = Annotated[
    BioGPTError,
    PlainValidator(_error, json_schema_input_type=Failure),
    PlainSerializer(Failure.of, return_type=Failure),
]
"""An error, which is a Failure in JSON."""


@with_config(AS_JSON)
@dataclass(frozen=True, kw_only=True)
class Token:
    """A token of a completion.

    Attributes:
        text: As the vocabulary spells it, without the end-of-word mark.
        start: Its offset in the completion's text, or the offset of its word if the text spells
            the word differently from the vocabulary.
        logprob: Natural logarithm of its probability, before temperature, top_p and top_k.
        ends_word: Whether it ends a word; "in" may be a word or the beginning of one.
        top: The most probable tokens in its place, best first, if they are asked for; `</s>` among
            them ends the completion.
    """

    text: str
    start: int
    logprob: float
    ends_word: bool = True
    top: tuple[Token, ...] = ()


@with_config(AS_JSON)
@dataclass(frozen=True, kw_only=True)
class Completion:
    """The completion of one prompt, or the error that prevented it.

    Attributes:
        text: The continuation, without the prompt and the stop string.
        finish_reason: "stop", "length" or "cancelled"; None if `error` is set.
        usage: Token counts. Prompt tokens include the leading `</s>`, prefix and suffix tokens.
        truncated_tokens: Tokens cut from the prompt's text.
        tokens: The text's tokens if `Decoding.logprobs` is set, without the final `</s>` and
            anything after a stop string.
        end: The `</s>` that ended it, if `Decoding.logprobs` is set and there are no beams.
        others: The second to n-th completions if `Decoding.n` is more than 1.
        error: Why there is no completion. It does not affect other prompts of the batch.
    """

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage = Usage()
    truncated_tokens: int = 0
    tokens: tuple[Token, ...] = ()
    end: Token | None = None
    others: tuple[Completion, ...] = ()
    error: Error | None = None


@with_config(AS_JSON)
@dataclass(frozen=True, kw_only=True)
class Choice:
    """The probability of each label, in the order of the choices; they sum to 1."""

    probabilities: dict[str, float]
    usage: Usage = Usage()
    truncated_tokens: int = 0
    error: Error | None = None

    @property
    def label(self) -> str:
        """The most probable label, the first one if several tie. Raises `error` if it is set."""
        if self.error:
            raise self.error
        return max(self.probabilities, key=self.probabilities.__getitem__)


@with_config(AS_JSON)
@dataclass(frozen=True, kw_only=True)
class Scored:
    """The probabilities of continuations of one prompt.

    Attributes:
        tokens: The tokens of each continuation with their log-probabilities, in order. Offsets of
            token ids count in their spellings, with a space after each end of a word.
        usage: Token counts; completion tokens are those of all continuations.
        truncated_tokens: Tokens cut from the prompt's text.
        error: Why there are none.
    """

    tokens: tuple[tuple[Token, ...], ...] = ()
    usage: Usage = Usage()
    truncated_tokens: int = 0
    error: Error | None = None


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A piece of a streamed completion.

    Attributes:
        text: The piece.
        tokens: Its tokens if `Decoding.logprobs` is set; those of all pieces are the completion's.
        completion: The whole completion, with the last piece.
    """

    text: str
    tokens: tuple[Token, ...] = ()
    completion: Completion | None = None
