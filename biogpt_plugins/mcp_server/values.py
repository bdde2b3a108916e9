"""What tools are asked, and what they answer: the models behind their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from biogpt_plugins.hosts.tool_texts import ANSWER_QUESTION, DESCRIBE_TERM, EXTRACT_RELATIONS
from biogpt_plugins.mcp_server import bounds
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity, Label

Stance = Literal["states", "suspects", "negates"]

# --- asked ----------------------------------------------------------------------------------


class Arguments(BaseModel):
    """Arguments of a tool; null leaves an optional one out, as some clients do."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_the_default(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        if not isinstance(given, Mapping):
            return given
        return {name: one for name, one in given.items() if one is not None}


def _words_of(argument: str, tool: Any) -> str:  # noqa: ANN401 - a ToolText
    return str(tool.arguments.model_fields[argument].description)


class GivenPaper(Arguments):
    """A paper to read."""

    id: str = Field("", max_length=bounds.NAME, description="Its PMID, or another identifier.")
    title: str = Field("", max_length=bounds.QUESTION, description="Its title.")
    text: str = Field(
        max_length=bounds.TEXT, description="Its exact abstract, or a passage; not a summary."
    )


_PAPERS: Any = Field(
    [],
    max_length=bounds.PAPERS,
    description=f"Several papers, at most {bounds.PAPERS}, which are read together.",
)


def _one_of(text: str, name: str, papers: list[GivenPaper]) -> list[GivenPaper]:
    if bool(text) == bool(papers):
        raise InputError(
            f"give {name}, or papers: exactly one of the two, and at least one word of text"
        )
    return papers or [GivenPaper(text=text)]


class ExtractArguments(Arguments):
    """Arguments of `extract_relations`."""

    text: str = Field("", max_length=bounds.TEXT, description=_words_of("text", EXTRACT_RELATIONS))
    papers: list[GivenPaper] = _PAPERS

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        self.papers = _one_of(self.text, "text", self.papers)
        return self


class AnswerArguments(Arguments):
    """Arguments of `answer_question`."""

    question: str = Field(
        max_length=bounds.QUESTION, description=_words_of("question", ANSWER_QUESTION)
    )
    context: str = Field(
        "", max_length=bounds.TEXT, description=_words_of("context", ANSWER_QUESTION)
    )
    papers: list[GivenPaper] = _PAPERS

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        self.papers = _one_of(self.context, "context", self.papers)
        return self


class DescribeArguments(Arguments):
    """Arguments of `describe_term`."""

    term: str = Field(max_length=bounds.NAME, description=_words_of("term", DESCRIBE_TERM))


class SearchArguments(Arguments):
    """Arguments of `search_relations`."""

    head: str = Field(
        "",
        max_length=bounds.NAME,
        description="Where relations begin: the chemical that induces, the drug that acts. A name "
        'such as "lithium", or an identifier such as "MESH:D008094".',
    )
    tail: str = Field(
        "",
        max_length=bounds.NAME,
        description="Where relations end: the disease that is induced, the target.",
    )
    type: str = Field(
        "", max_length=bounds.NAME, description="The type of relation, if only one is wanted."
    )
    run: str = Field("", max_length=bounds.NAME, description="The name of a run; all without it.")
    most_relations: int = Field(
        10, ge=1, le=bounds.EDGES, description="Most relations to tell of; the others are counted."
    )
    most_papers: int = Field(
        5,
        ge=1,
        le=bounds.STATEMENTS,
        description="Most papers to tell of for each relation; the others are counted.",
    )

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if not (self.head.strip() or self.tail.strip()):
            raise InputError("give head or tail, or both: a name or an identifier")
        return self


# --- answered -------------------------------------------------------------------------------


def _told(default: Any, description: str) -> Any:  # noqa: ANN401 - a field of any type
    return Field(default, description=description)


class End(BaseModel):
    """An end of a relation."""

    text: str = Field(description="The mention in the text, or what the model wrote instead.")
    type: str
    id: str | None = None
    start: int | None = _told(
        None, "Offset of the mention in title, space and text; null if it is not in the text."
    )
    end: int | None = None

    @classmethod
    def of(cls, entity: Entity) -> Self:
        """The end for an entity."""
        return cls(**entity.model_dump(include={"text", "type", "id", "start", "end"}))


class FoundRelation(BaseModel):
    """A relation in a text."""

    head: End
    type: str
    tail: End
    score: float | None = _told(None, "How sure the model is, from 0 to 1.")
    negated: bool = _told(False, "Whether words of the sentence seem to negate it.")
    speculated: bool = _told(False, "Whether words of the sentence seem to call it only possible.")
    sentence: str | None = None


class _OfPaper(BaseModel):
    paper: str = Field(description="The paper's id, or its number in the call.")
    error: str | None = _told(None, "Why it could not be read, and what to do.")
    notes: list[str] = []


class PaperRelations(_OfPaper):
    """The relations of a paper."""

    relations: list[FoundRelation] = []
    left_out: int = _told(0, "Relations beyond those listed.")


class ExtractResult(BaseModel):
    """What `extract_relations` found."""

    model: str
    task: str
    searched_for: str
    papers: list[PaperRelations]


class PaperAnswer(_OfPaper):
    """The answer of a paper."""

    answer: Label | None = _told(None, "Null if the model abstains.")
    probabilities: dict[str, float] | None = None
    abstained: str | None = _told(None, "Why there is no answer.")


class AnswerResult(BaseModel):
    """What `answer_question` found."""

    model: str
    question: str
    papers: list[PaperAnswer]


class DescribeResult(BaseModel):
    """What `describe_term` wrote, from the model's memory."""

    model: str
    term: str
    description: str
    notes: list[str] = []


class NodeFound(BaseModel):
    """An end of a relation in many papers."""

    name: str
    type: str
    id: str | None = None


class Statement(BaseModel):
    """What one paper says about a relation."""

    paper: str
    stances: list[Stance]
    score: float | None = None
    sentences: list[str] = []


class EdgeFound(BaseModel):
    """A relation in the papers of a run."""

    run: str
    head: NodeFound
    type: str
    tail: NodeFound
    supporting: int = Field(description="Papers that state it plainly.")
    speculating: int = Field(description="Papers that only call it possible.")
    contradicting: int = Field(description="Papers with a sentence that negates it.")
    score: float | None = _told(None, "How probable it is that the model was right at least once.")
    papers: list[Statement] = []
    papers_left_out: int = _told(0, "Papers beyond those listed.")


class SearchResult(BaseModel):
    """What `search_relations` found."""

    relations: list[EdgeFound] = Field(description="Most papers first.")
    left_out: int = _told(0, "Relations beyond those listed.")
    similar_names: list[str] = _told([], "Names in the runs, if there is no relation.")
