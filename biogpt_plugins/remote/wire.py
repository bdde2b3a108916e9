"""The engine of a server on the wire: what is asked, what is answered, and what the server tells.

Values are those of `engine` as JSON. Numbers are the same on both sides, infinity too.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from typing_extensions import Self

from biogpt_plugins.checkpoints.calibration import Calibration
from biogpt_plugins.engine import (
    Choice,
    Completion,
    Continuation,
    Decoding,
    Prompt,
    Scored,
    TaskCard,
)
from biogpt_plugins.values.errors import InputError

PROTOCOL = 1
"""The version of all this; a client understands a server that has the same."""

ENGINE = "/v1/engine"
"""The path of the engine."""

_FAULTS = 1000  # of a request; a million take a minute to tell

T = TypeVar("T")
Several = Annotated[list[T], Field(fail_fast=True)]
"""A list in a request, which is read up to the first item that is wrong."""


class Most(BaseModel):
    """What a server accepts in one request.

    Attributes:
        body: Bytes.
        inputs: Prompts or texts.
        prompt: Characters of one.
        rows: Completions of all prompts together, beams included.
    """

    body: int
    inputs: int
    prompt: int
    rows: int


class ServedTask(BaseModel):
    """A task that a server serves.

    Attributes:
        fingerprint: Tells it from other versions of it.
        declaration: The TOML text that declares it, if it has one.
    """

    fingerprint: str
    declaration: str = ""


class Facts(BaseModel):
    """What a server tells of its engine.

    Attributes:
        protocol: The version of the protocol.
        version: The version of the package.
        fingerprint: Stands for all that determines results; requests carry it.
        model: The name of the model.
        context_size: The model's positions.
        runtime: Its runtime; "" if it is an engine of a program's own.
        dtype: The dtype of its weights.
        device: Where it runs.
        free_logprobs: Whether log-probabilities take no further pass of the model.
        weights: The digest of the model's files, as in the manifest of a run.
        revision: The commit of a model of the hub.
        tasks: The tasks that are served.
        cards: The layouts of the tasks that the model was trained for.
        calibration: The calibration saved with the model.
        limits: What one request may ask.
    """

    model_config = ConfigDict(frozen=True)

    protocol: int
    version: str
    fingerprint: str
    model: str
    context_size: int
    runtime: str = ""
    dtype: str = ""
    device: str = ""
    free_logprobs: bool = False
    weights: str | None = None
    revision: str | None = None
    tasks: dict[str, ServedTask]
    cards: dict[str, TaskCard] = {}
    calibration: Calibration = Calibration()
    limits: Most


class Body(BaseModel):
    """The body of a request; one that is wrong all over is refused without telling each fault."""

    @model_validator(mode="wrap")
    @classmethod
    def _has_few_faults(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - pydantic's own signature
        try:
            return validate(given)
        except ValidationError as error:
            if error.error_count() <= _FAULTS:
                raise
            faults = f"{error.error_count():,} faults"
        raise InputError(f"the request has {faults}: write it as /openapi.json says")


class Asked(Body):
    """What all requests have."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    engine: str | None = Field(
        None, description="The fingerprint of the engine; another engine refuses the request (409)."
    )


class AskedToComplete(Asked):
    """Prompts to continue."""

    prompts: Several[Prompt]
    decoding: Decoding = Decoding()


class AskedToStream(Asked):
    """A prompt to continue piece by piece."""

    prompt: Prompt
    decoding: Decoding = Decoding()


class AskedToChoose(Asked):
    """Prompts, and the labels to choose from."""

    prompts: Several[Prompt]
    choices: Several[str]
    truncate: bool = True


class Continued(BaseModel):
    """A prompt with its continuations."""

    model_config = ConfigDict(extra="forbid")

    prompt: Prompt
    continuations: Several[Continuation]


class AskedToScore(Asked):
    """Prompts with the continuations to score."""

    prompts: Several[Continued]
    truncate: bool = True
    top_logprobs: Annotated[int, Field(ge=0)] = 0


class AskedForTokens(Asked):
    """Texts to tokenise."""

    texts: Several[str]


class Completions(BaseModel):
    """A completion of each prompt, in order."""

    completions: list[Completion]


class Choices(BaseModel):
    """The probabilities of the labels for each prompt, in order."""

    choices: list[Choice]


class Scores(BaseModel):
    """The probabilities of the continuations of each prompt, in order."""

    scores: list[Scored]


class TokenIds(BaseModel):
    """The token ids of each text, in order."""

    tokens: list[list[int]]


class TokenCounts(BaseModel):
    """The number of tokens of each text, in order."""

    counts: list[int]


def rows_of(decoding: Decoding) -> int:
    """How many completions are computed for each prompt."""
    return max(decoding.n, decoding.num_beams)
