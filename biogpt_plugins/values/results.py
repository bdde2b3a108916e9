"""The results of tasks: relations, answers, hallmarks, and the Prediction with one of them.

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


InTitle = Literal["title"] | None
_IN_TEXT: Any = Field(default=None, repr=False, exclude_if=lambda part: part is None)


class _Value(BaseModel):
    # JSON has no NaN and no infinity: what is written with them could not be read again.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Entity(_Value):
    """One end of a relation.

    Attributes:
        text: The mention in the source text if grounded, so that `source[start:end] == text`;
            otherwise the name as the model wrote it.
        type: "chemical", "disease", "drug", "target", ...
        start: Offset of the mention's first character in the source text; None if ungrounded.
        end: Offset one past the mention's last character; None if ungrounded.
        id: Identifier in a vocabulary such as MeSH ("D009270"), if known.
        name: The name as the model wrote it; BioGPT writes lower case and Moses spacing.
        long_form: The long form of an abbreviation that the paper defines, "cyclosporine A", as
            written there; set on mentions of either form. None if the paper defines none.
        short_form: The abbreviation, "CsA".
        id_match: How a dictionary found the id: "exact", by the name in normal form;
            "abbreviation", by the long form; "fuzzy", by a similar name; "ambiguous", by a name
            with several ids. None if the id is not from a dictionary.
        part: "title" if `start` and `end` count in the title that a document of LangChain or
            LlamaIndex has in its metadata; None if they count in the text.
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
    part: InTitle = _IN_TEXT

    @model_validator(mode="before")
    @classmethod
    def _name_defaults_to_text(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
        if isinstance(data, dict) and not data.get("name"):
            return {**data, "name": data.get("text", "")}
        return data

    @model_validator(mode="after")
    def _offsets_are_a_span(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("give both start and end, or neither")
        if (
            self.start is not None
            and self.end is not None
            and self.end - self.start != len(self.text)
        ):
            raise ValueError(
                f"span {self.start}:{self.end} does not match the length of {self.text!r}"
            )
        return self

    @classmethod
    def known(  # noqa: PLR0913, PLR0917 - fields
        cls,
        text: str,
        start: int,
        type: str,
        id: str,
        id_match: IdMatch = "exact",
        long_form: str | None = None,
        short_form: str | None = None,
    ) -> Self:
        """A mention that a dictionary has an id for.

        It equals `Entity(...)` with these fields, but is not validated, which takes most of the
        time where there are thousands a second.
        """
        fields = {
            "text": text,
            "type": type,
            "start": start,
            "end": start + len(text),
            "id": id,
            "name": text,
            "long_form": long_form,
            "short_form": short_form,
            "id_match": id_match,
            "part": None,
        }
        made = cls.__new__(cls)
        put = object.__setattr__  # as pydantic's model_construct, which takes longer
        put(made, "__dict__", fields)
        put(made, "__pydantic_fields_set__", _EVERY_FIELD)
        put(made, "__pydantic_extra__", None)
        put(made, "__pydantic_private__", None)
        return made

    @property
    def grounded(self) -> bool:
        """Whether the mention was found in the source text."""
        return self.start is not None

    @property
    def canonical(self) -> str:
        """The full name in the paper: the long form, or the mention if there is none."""
        return self.long_form or self.text

    def moved(self, by: int) -> Entity:
        """A copy with offsets shifted by this many characters; those in a title stay."""
        if self.start is None or self.end is None or self.part:
            return self
        return self.model_copy(update={"start": self.start + by, "end": self.end + by})


_EVERY_FIELD = set(Entity.model_fields)  # one for all, as no model here changes its own


class Cue(_Value):
    """Words that mark a statement as negated or speculative: "did not", "may".

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
    """A sentence that supports a relation.

    Attributes:
        text: The sentence, `source[start:end]`.
        start: Offset of its first character in the source text.
        end: Offset one past its last.
        holds: The ends of the relation that it mentions: "both"; or only one, if no sentence
            mentions both and the nearest two are given instead.
        cues: Words in it that negate the relation or mark it as speculative.
        part: As in Entity.
    """

    text: str
    start: int
    end: int
    holds: Ends = "both"
    cues: tuple[Cue, ...] = ()
    part: InTitle = _IN_TEXT

    @property
    def negated(self) -> bool:
        """Whether the sentence negates the relation, or one of its ends."""
        return any(cue.kind == "negation" for cue in self.cues)

    @property
    def speculated(self) -> bool:
        """Whether the sentence calls the relation possible, suspected or open."""
        return any(cue.kind == "speculation" for cue in self.cues)


class Confidence(_Value):
    """The model's probabilities of the words that state a relation, from 0 to 1.

    Each is the product of the probabilities of the tokens, each given all tokens before it. They
    are the model's own, before temperature and grammar: a name that only the grammar of grounded
    decoding enforced has a low probability.

    Attributes:
        clause: The relation's clause, from "the relation" to its "exists" or its type.
        head: The first name alone.
        tail: The second name.
        type: "exists", or the type; None if the clause has neither.
    """

    clause: float = Field(ge=0, le=1)
    head: float = Field(ge=0, le=1)
    tail: float = Field(ge=0, le=1)
    type: float | None = Field(default=None, ge=0, le=1)


class Relation(_Value):
    """A typed, directed relation: BC5CDR `CID` from chemical to disease, DDI `mechanism`, ...

    Attributes:
        head: The first end.
        type: The type of the relation.
        tail: The second end.
        score: A rank across papers, from 0 to 1: the probability of the clause or, with a
            calibration, the probability that the relation is right. None if the engine gave no
            log-probabilities: a local model gives them, with beams on request.
        confidence: The probabilities of its words; None if `score` is.
        agreement: With several samples, the share of them that have the relation.
        evidence: The supporting sentences, in text order; empty if an end is not in the text.
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
        """Whether one sentence, or two together, state it without negation or speculation."""
        flagged = [bool(sentence.cues) for sentence in self.evidence]
        if not flagged:
            return False  # no evidence
        return not all(flagged) if self._in_one_sentence else not any(flagged)

    @property
    def negated(self) -> bool:
        """Whether a supporting sentence negates it; others may state it, see `stated`."""
        return any(sentence.negated for sentence in self.evidence)

    @property
    def speculated(self) -> bool:
        """Whether at least one sentence speculates about it, and none states it plainly."""
        return not self.stated and any(sentence.speculated for sentence in self.evidence)

    @property
    def _in_one_sentence(self) -> bool:
        return any(sentence.holds == "both" for sentence in self.evidence)

    def moved(self, by: int) -> Relation:
        """A copy with all offsets shifted by this many characters."""
        evidence = tuple(
            sentence
            if sentence.part
            else _moved(sentence, by, cues=tuple(_moved(cue, by) for cue in sentence.cues))
            for sentence in self.evidence
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
        probabilities: Label -> share, summing to 1, if labels were scored.
        uncalibrated: The model's own shares, if a calibration corrected `probabilities`.
        abstained: Why there is no answer: the model was less certain than required.
    """

    label: Label | None = None
    probabilities: dict[str, float] | None = None
    uncalibrated: dict[str, float] | None = None
    abstained: str | None = None

    @model_validator(mode="after")
    def _label_or_reason(self) -> Self:
        if (self.label is None) == (self.abstained is None):
            raise ValueError(
                "an Answer needs either a label or a reason to abstain, not both and not neither"
            )
        return self


class Hallmarks(_Value):
    """The hallmarks of cancer in a sentence; no label is a valid result (HoC's class `empty`)."""

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


def is_for_trial(model: str | None) -> bool:
    """Whether a model, by its name, is the bundled one, which is for trying out the software."""
    return model == "demo"


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
    """The outcome of one input: either a result or an error.

    "Nothing found" is a result (an empty list); "could not be read" is an error, and `completion`
    is the text that the model wrote.

    Attributes:
        id: The identifier of the input, for example a PMID, if it has one.
        section: The section of a full text that was read, "Results / Renal function"; offsets then
            count in the whole paper. None if papers are not read by section.
        task: Name of the task.
        model: Name of the model.
        result: The typed result, or None if `error` is set.
        error: The error, or None if `result` is set.
        completion: The model's continuation of the prompt; None if nothing was written, for
            example when labels were scored.
        finish_reason: "stop" (the model ended, or a stop string occurred), "length", "cancelled".
        usage: Token counts.
        truncated_tokens: Number of tokens cut from the source text to fit the limit.
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
            raise ValueError(
                "a Prediction needs either a result or an error, not both and not neither"
            )
        return self

    def _repr_html_(self) -> str:
        """What a notebook shows: the evidence with its entities highlighted, and the result."""
        from biogpt_plugins.values.notebook import html_of  # noqa: PLC0415 - it knows results

        return html_of(self)

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.error is None

    @property
    def trial(self) -> bool:
        """Whether the model is for trying out the software: do not rely on the result."""
        return is_for_trial(self.model)

    @property
    def kind(self) -> Kind | None:
        """Of which kind the result is; None if there is an error instead."""
        return None if self.result is None else kind_of(self.result)

    @property
    def relations(self) -> list[Relation]:
        """The result, where it is relations; otherwise an empty list."""
        return self.result if isinstance(self.result, list) else []
