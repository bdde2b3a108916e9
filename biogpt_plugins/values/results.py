"""What comes out: relations, answers, hallmarks, and the Prediction that carries one of them.

All are immutable pydantic models with a JSON round trip
(`Prediction.model_validate_json(p.model_dump_json()) == p`).
"""

from __future__ import annotations

from typing import Any, Generic, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self, TypeVar

Label = Literal["yes", "no", "maybe"]
FinishReason = Literal["stop", "length", "cancelled"]
CueKind = Literal["negation", "speculation"]
Ends = Literal["both", "head", "tail"]
IdMatch = Literal["exact", "abbreviation", "fuzzy", "ambiguous"]
Kind = Literal["relations", "answer", "labels", "text"]
"""What a task's results are: a list of relations, an Answer, Hallmarks, or a string."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entity(_Value):
    """One end of a relation.

    Attributes:
        text: The mention as it stands in the source text when grounded, so that
            `source[start:end] == text`; otherwise the name as the model wrote it.
        type: "chemical", "disease", "drug", "target", ...
        start: Offset of the mention's first character in the source text; None if ungrounded.
        end: Offset one past the mention's last character; None if ungrounded.
        id: Identifier in a vocabulary such as MeSH ("D009270"), where one is known.
        name: The name as the model wrote it; BioGPT writes lower case and Moses spacing.
        long_form: Where the paper defines an abbreviation for this entity, "cyclosporine A", as it
            stands there; None if it defines none. It is there on mentions of either form.
        short_form: The abbreviation, "CsA".
        id_match: How a dictionary came to the id: "exact", by a name in normal form;
            "abbreviation", by the long form; "fuzzy", by a name that is like it; "ambiguous", by a
            name that has other ids too. None where no dictionary gave it.
    """

    text: str = Field(min_length=1)
    type: str
    start: int | None = Field(default=None, ge=0)
    end: int | None = None
    id: str | None = None
    name: str = ""
    long_form: str | None = None
    short_form: str | None = None
    id_match: IdMatch | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_defaults_to_text(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        if isinstance(data, dict) and not data.get("name"):
            return {**data, "name": data.get("text", "")}
        return data

    @model_validator(mode="after")
    def _offsets_are_a_span(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end are given together or not at all")
        if (
            self.start is not None
            and self.end is not None
            and self.end - self.start != len(self.text)
        ):
            raise ValueError(
                f"span {self.start}:{self.end} does not have the length of {self.text!r}"
            )
        return self

    @property
    def grounded(self) -> bool:
        """Whether the mention was found in the source text."""
        return self.start is not None

    @property
    def canonical(self) -> str:
        """What the paper calls it in full: the long form, or else the mention."""
        return self.long_form or self.text

    def moved(self, by: int) -> Entity:
        """The same in a text that has so many characters more before it."""
        if self.start is None or self.end is None:
            return self
        return self.model_copy(update={"start": self.start + by, "end": self.end + by})


class Cue(_Value):
    """Words that negate a statement or make it a speculation: "did not", "may".

    Attributes:
        kind: "negation" or "speculation".
        text: The words, `source[start:end]`.
        start: Offset of their first character in the source text.
        end: Offset one past their last.
    """

    kind: CueKind
    text: str
    start: int
    end: int


class Evidence(_Value):
    """A sentence that a relation rests on.

    Attributes:
        text: The sentence, `source[start:end]`.
        start: Offset of its first character in the source text.
        end: Offset one past its last.
        holds: Which ends of the relation it mentions: both; or only one, where no sentence mentions
            both and the nearest two stand in.
        cues: Words in it that negate the relation or make it a speculation.
    """

    text: str
    start: int
    end: int
    holds: Ends = "both"
    cues: tuple[Cue, ...] = ()

    @property
    def negated(self) -> bool:
        """Whether it negates the relation, or one of its ends."""
        return any(cue.kind == "negation" for cue in self.cues)

    @property
    def speculated(self) -> bool:
        """Whether it speaks of the relation as possible, suspected or open."""
        return any(cue.kind == "speculation" for cue in self.cues)


class Confidence(_Value):
    """How sure a model was of the words that say a relation.

    Each is the product of the probabilities that the model gave the words' tokens, each given all
    that stands before it; from 0 to 1. They are the model's own, before a temperature or a grammar
    narrowed the choice: a name that a grounded decoding was led to shows that it was.

    Attributes:
        clause: Of the relation's clause, from "the relation" to its "exists" or its type.
        head: Of the first name alone.
        tail: Of the second name.
        type: Of "exists", or the type; None if the clause has neither.
    """

    clause: float = Field(ge=0, le=1)
    head: float = Field(ge=0, le=1)
    tail: float = Field(ge=0, le=1)
    type: float | None = Field(default=None, ge=0, le=1)


class Relation(_Value):
    """A typed, directed relation: BC5CDR `CID` from chemical to disease, DDI `mechanism`, ...

    Attributes:
        head: The relation's first end.
        type: What the relation is.
        tail: Its second end.
        score: What ranks relations across papers, from 0 to 1: the probability of the clause; with
            a calibration that of its being right. None unless `Decoding.logprobs` was asked for.
        confidence: How sure the model was of its words; None likewise.
        agreement: Share of several completions that have the relation, where there are several.
        evidence: The sentences that it rests on, in text order; empty if an end is not in the text.
    """

    head: Entity
    type: str
    tail: Entity
    score: float | None = None
    confidence: Confidence | None = None
    agreement: float | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def grounded(self) -> bool:
        """Whether both ends were found in the source text."""
        return self.head.grounded and self.tail.grounded

    @property
    def stated(self) -> bool:
        """Whether it is stated plainly: in a sentence, or two, without negation or speculation."""
        flagged = [bool(one.cues) for one in self.evidence]
        if not flagged:
            return False  # nothing is known of it
        return not all(flagged) if self._in_one_sentence else not any(flagged)

    @property
    def negated(self) -> bool:
        """Whether a sentence that it rests on negates it; others may state it, see `stated`."""
        return any(one.negated for one in self.evidence)

    @property
    def speculated(self) -> bool:
        """Whether it is a speculation in one sentence at least, and stated plainly in none."""
        return not self.stated and any(one.speculated for one in self.evidence)

    @property
    def _in_one_sentence(self) -> bool:
        return any(one.holds == "both" for one in self.evidence)

    def moved(self, by: int) -> Relation:
        """The same in a text that has so many characters more before it."""
        evidence = tuple(
            _moved(one, by, cues=tuple(_moved(cue, by) for cue in one.cues))
            for one in self.evidence
        )
        ends = {"head": self.head.moved(by), "tail": self.tail.moved(by)}
        return self.model_copy(update={**ends, "evidence": evidence})

    def __str__(self) -> str:
        return f"{self.head.text} -[{self.type}]-> {self.tail.text}"


_Placed = TypeVar("_Placed", Cue, Evidence)


def _moved(value: _Placed, by: int, **changes: object) -> _Placed:
    return value.model_copy(update={"start": value.start + by, "end": value.end + by, **changes})


class Answer(_Value):
    """A yes/no/maybe answer, or why there is none.

    Attributes:
        label: The answer; None if `abstained` is set.
        probabilities: Label to share, summing to 1, where labels were scored.
        uncalibrated: The model's own, where `probabilities` were corrected by a calibration.
        abstained: Why no answer is given: the model was less sure than was asked for.
    """

    label: Label | None = None
    probabilities: dict[str, float] | None = None
    uncalibrated: dict[str, float] | None = None
    abstained: str | None = None

    @model_validator(mode="after")
    def _label_or_reason(self) -> Self:
        if (self.label is None) == (self.abstained is None):
            raise ValueError("an Answer holds a label or why it abstained: one of them, not both")
        return self


class Hallmarks(_Value):
    """The hallmarks of cancer a sentence speaks of; none is a result too (HoC's class `empty`)."""

    labels: tuple[str, ...] = ()


class Usage(_Value):
    """Token counts of one prompt and its completion, by the model's own tokenizer."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class Failure(_Value):
    """Why an input has no result: the error's class name and its message."""

    type: str
    message: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        return cls(type=type(error).__name__, message=str(error))


Result = list[Relation] | Answer | Hallmarks | str
ResultT = TypeVar("ResultT", bound=Result, default=Result)


def kind_of(result: Result) -> Kind:
    """Of which kind a result is."""
    match result:
        case list():
            return "relations"
        case Answer():
            return "answer"
        case Hallmarks():
            return "labels"
        case str():
            return "text"


class Prediction(_Value, Generic[ResultT]):
    """What became of one input: a result or an error, never both, never neither.

    "Nothing found" is a result (an empty list); "could not be read" is an error, and
    `completion` then holds what the model wrote.

    Attributes:
        id: The input's own identifier (a PMID, say), where it has one.
        section: The section of a full text that was read, "Results / Renal function"; offsets count
            in the whole paper then. None where papers are not read by section.
        task: Name of the task that was run.
        model: Name of the model that was asked.
        result: The typed result, or None if `error` is set.
        error: What went wrong, or None if `result` is set.
        completion: The model's continuation of the prompt; None where nothing was written,
            as when labels were scored instead.
        finish_reason: "stop" (the model ended, or a stop string was met), "length", "cancelled".
        usage: Token counts.
        truncated_tokens: How many tokens of the source text were cut to fit the limit.
        warnings: Remarks on the result, each a sentence.
    """

    id: str | None = None
    section: str | None = None
    task: str
    model: str | None = None
    result: ResultT | None = None
    error: Failure | None = None
    completion: str | None = None
    finish_reason: FinishReason | None = None
    usage: Usage = Usage()
    truncated_tokens: int = 0
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _result_or_error(self) -> Self:
        if (self.result is None) == (self.error is None):
            raise ValueError("a Prediction holds a result or an error: one of them, not both")
        return self

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.error is None

    @property
    def kind(self) -> Kind | None:
        """Of which kind the result is; None if there is an error instead."""
        return None if self.result is None else kind_of(self.result)

    @property
    def relations(self) -> list[Relation]:
        """The result, where it is relations; otherwise an empty list."""
        return self.result if isinstance(self.result, list) else []
