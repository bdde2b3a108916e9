"""The typed endpoints on the wire: papers, questions and terms in, Predictions out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from biogpt_plugins.engine import Form
from biogpt_plugins.pipeline.spec import LongTexts
from biogpt_plugins.remote.wire import Body, Several
from biogpt_plugins.values.results import Prediction, Result

Share = Annotated[float, Field(ge=0, le=1)]
Given = str | dict[str, Any]
_INPUTS = (
    "Texts, or records with the fields of {0}. One that cannot be read has an error in its "
    "prediction, and costs the others nothing."
)


class TypedRequest(Body):
    """What all requests for results have."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    model: str | None = Field(None, description="The model's name, if it should be checked.")

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the pipeline that were given."""
        apart = {"model", "stream", "task", "inputs", "paper", "least"}
        return self.model_dump(exclude_unset=True, exclude_none=True, exclude=apart, by_alias=False)

    @property
    def named(self) -> str | None:
        """The name of the task that was given."""
        return getattr(self, "task", None)


class _Request(TypedRequest):
    stream: bool = Field(
        False, description="Send one line of JSON for each prediction, as they come."
    )


class ExtractRequest(_Request):
    """A request to `/v1/extract`: relations, or hallmarks, of papers."""

    inputs: Several[Given] = Field(
        alias="papers",
        min_length=1,
        description=_INPUTS.format("a Paper (id, title, abstract or text, entities)"),
    )
    task: str | None = Field(None, description="The name of the task; see /v1/models.")
    decoding: Form | None = Field(None, description="How what is written is constrained.")
    method: Literal["complete", "choose", "rank"] | None = Field(
        None, description="How results are found; rank gives all pairs of entities a probability."
    )
    entities: Literal["use", "ignore", "decoded"] | None = Field(
        None, description="Whether the entities of papers are used."
    )
    long_texts: LongTexts | None = Field(None, description="How long texts are read.")
    min_score: Share | None = Field(None, description="Least score of a relation.")
    recall: Share | None = Field(None, description="With method rank: the share to keep.")
    samples: int | None = Field(None, ge=2, description="Completions of each paper, to compare.")
    min_agreement: Share | None = Field(None, description="Least share of samples that agree.")


class AnswerRequest(_Request):
    """A request to `/v1/answer`: yes, no or maybe."""

    inputs: Several[dict[str, Any]] = Field(
        alias="questions",
        min_length=1,
        description=_INPUTS.format("a Question (id, question, context, long_answer)"),
    )
    task: str | None = Field(None, description="The name of the task; see /v1/models.")
    method: Literal["complete", "choose"] | None = Field(
        None, description="choose scores the labels, complete reads what the model writes."
    )
    abstain_below: Share | None = Field(None, description="Least probability of an answer.")


class DescribeRequest(_Request):
    """A request to `/v1/describe`: what a term is, in the words of a pretrained model."""

    inputs: Several[Given] = Field(
        alias="terms", min_length=1, description=_INPUTS.format("a Text (id, text)")
    )

    @property
    def named(self) -> str:
        """The name of the task."""
        return "describe"


class Found(BaseModel):
    """A Prediction for each input, in order.

    Attributes:
        model: The name of the model.
        task: The task.
        predictions: Each has a result or an error.
        warnings: What to know of all results.
    """

    model: str
    task: str
    predictions: list[Prediction[Result]]
    warnings: list[str] = []
