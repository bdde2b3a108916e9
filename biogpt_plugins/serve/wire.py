"""OpenAI's `/v1/completions` and `/v1/models` on the wire: requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from biogpt_plugins.engine import Continuation
from biogpt_plugins.remote.wire import Body, Several
from biogpt_plugins.values.errors import InputError

_NEUTRAL: dict[str, tuple[object, str]] = {
    "best_of": (None, "the n completions are independent samples, none is chosen: use n"),
    "suffix": ("", "the model writes forwards only"),
    "logit_bias": ({}, "use /v1/extract with decoding=grounded to constrain what is written"),
    "frequency_penalty": (0, "the model's own probabilities are used"),
    "presence_penalty": (0, "the model's own probabilities are used"),
}
"""Arguments of OpenAI's that change nothing at this value, and why others are refused."""


_NOUGHT: dict[str, Any] = {"minimum": 0, "maximum": 0}


def _nullable(schema: dict[str, Any]) -> None:
    """Say of what is not required that null is its default."""
    required = schema.get("required", [])
    for name, one in schema["properties"].items():
        if name not in required and {"type": "null"} not in one.get("anyOf", []):
            kind = {
                key: one.pop(key)
                for key in [*one]
                if key not in ("title", "description", "default")
            }
            one["anyOf"] = [*kind.pop("anyOf", [kind]), {"type": "null"}]


class StreamOptions(BaseModel):
    """Options of a stream."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool = Field(False, description="End with a piece that has the usage.")
    include_obfuscation: bool = Field(False, description="Changes nothing.")


class CompletionRequest(Body):
    """A request to `/v1/completions`. Arguments and defaults are OpenAI's."""

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, strict=True, json_schema_extra=_nullable
    )

    model: str = Field(description="The model's name, as /v1/models tells it.")
    prompt: str | Several[str] | Several[int] | Several[Several[int]] = Field(
        description="A text to continue, or several; or their token ids."
    )
    max_tokens: int = Field(16, ge=0, description="Most tokens to write; 0 only with echo.")
    temperature: float = Field(1.0, ge=0, le=100, description="0 writes the most probable text.")
    top_p: float = Field(1.0, gt=0, le=1, description="Sample from the most probable tokens only.")
    top_k: int = Field(0, ge=0, description="The same by their number; 0 for all. Not OpenAI's.")
    n: int = Field(1, ge=1, description="Completions of each prompt.")
    stop: str | Annotated[list[str], Field(max_length=16)] = Field(
        [], description="Text that ends a completion, or several."
    )
    seed: int | None = Field(None, description="Makes sampling repeatable.")
    stream: bool = Field(False, description="Send the text as it is written.")
    stream_options: StreamOptions | None = None
    logprobs: int | None = Field(
        None, ge=0, description="Tell the tokens, and this many alternatives for each."
    )
    echo: bool = Field(False, description="Begin with the prompt, with its tokens if asked.")
    user: str | None = Field(None, description="Changes nothing.")
    best_of: int | None = Field(None, ge=1, description="Refused, unless it is n.")
    suffix: str | None = Field(
        None, description="Refused, unless it is empty.", json_schema_extra={"maxLength": 0}
    )
    logit_bias: dict[str, float] | None = Field(
        None, description="Refused, unless it is empty.", json_schema_extra={"maxProperties": 0}
    )
    frequency_penalty: float | None = Field(
        None, description="Refused, unless it is 0.", json_schema_extra=_NOUGHT
    )
    presence_penalty: float | None = Field(
        None, description="Refused, unless it is 0.", json_schema_extra=_NOUGHT
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_the_default(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        if not isinstance(given, Mapping):
            return given
        return {name: one for name, one in given.items() if one is not None or name == "prompt"}

    @field_validator(*_NEUTRAL)
    @classmethod
    def _is_neutral(cls, given: object, info: ValidationInfo) -> object:
        name = info.field_name or ""
        neutral, why = _NEUTRAL[name]
        neutral = info.data.get("n") if name == "best_of" else neutral
        if given is not None and given != neutral:
            raise InputError(f"{name} = {given!r} is not supported: {why}")
        return given

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def prompts(self) -> list[Continuation]:
        """The prompts, as texts or as token ids.

        Raises:
            InputError: There are none, or one has no ids.
        """
        prompts: list[Continuation] = []
        ids: list[int] = []  # a list of them is one prompt
        for one in [self.prompt] if isinstance(self.prompt, str) else self.prompt:
            if isinstance(one, int):
                ids.append(one)
            else:
                prompts.append(one if isinstance(one, str) else tuple(one))
        if ids:
            return [tuple(ids)]
        if not prompts or () in prompts:
            raise InputError("there is no prompt: give a text, its token ids, or several")
        return prompts


class Logprobs(BaseModel):
    """The tokens of a text, each with the logarithm of its probability.

    A token is spelt as in the vocabulary, with a space after the last one of a word. A completion
    that the model ended has `</s>` as its last. A `</s>` that begins ids has no logarithm.
    """

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


class CompletionChoice(BaseModel):
    """A completion, or a piece of one."""

    index: int
    text: str
    logprobs: Logprobs | None = None
    finish_reason: Literal["stop", "length"] | None = None


class CompletionUsage(BaseModel):
    """Token counts of a request."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class CompletionAnswer(BaseModel):
    """The completions of a request, or a piece of a stream."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage | None = None


class ModelCard(BaseModel):
    """A model that is served.

    Attributes:
        id: Its name.
        tasks: The tasks that it is served for.
        context_size: Most tokens of a prompt and its completion together.
    """

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "biogpt-plugins"
    tasks: list[str]
    context_size: int


class ModelList(BaseModel):
    """The models that are served."""

    object: Literal["list"] = "list"
    data: list[ModelCard]
