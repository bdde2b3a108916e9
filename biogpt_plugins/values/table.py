"""Predictions as rows of one flat table: one row for each result.

    pipeline.run(papers).to_dataframe()  # for pandas
    [row for prediction in predictions for row in rows(prediction)]

All rows have all columns, with plain values for pandas, polars, pyarrow and Ray. A column that does
not apply to a row is None; True-or-False columns are False instead, so that `table[~table.negated]`
works on all rows. The results of all tasks share one table and differ by `kind`:

    relation, answer, hallmark, text    a result
    nothing                             the input was read, and has no relation or hallmark
    failure                             the input has no result

Thus no input is lost, and "nothing found" differs from "could not be read" and "never read".

    kind, number        the kind of the row, and its number in its Prediction, from 0: a
                        Prediction has a row for each result, and exactly one with number 0
    id, section         of the paper
    question            the question, where a run over questions knows it
    task, model
    relation            a relation's type: CID, effect, ...
    head_*, tail_*      its ends: text, type, start, end, id, name, long_form, short_form, id_match,
                        part
    score, agreement
    confidence_*        clause, head, tail, type
    grounded, stated, negated, speculated
                        what is said of a relation; False in rows of another kind
    evidence            a list of sentences: text, start, end, holds, part, a list of cues
    label               the label of an answer, or a hallmark
    abstained           why an answer has no label
    probability_*       yes, no, maybe
    uncalibrated_*      the same before calibration
    text                the text of `describe` and `generate`
    error_type, error_message
    completion, finish_reason, prompt_tokens, completion_tokens, truncated_tokens, warnings
                        of the Prediction, the same in all its rows
    origin              "file:line" of the input, where a run knows it

Fields mean the same as in `biogpt_plugins.values.results`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import (
    Answer,
    Confidence,
    Entity,
    Label,
    Prediction,
    Relation,
)

RowKind = Literal["relation", "answer", "hallmark", "text", "nothing", "failure"]
TableRow = dict[str, Any]

_LABELS: tuple[str, ...] = get_args(Label)


def _columns(type_: type, *names: str, of: str = "") -> dict[str, type]:
    return {f"{of}_{name}" if of else name: type_ for name in names}


def _end(role: str) -> dict[str, type]:
    places = {"start": int, "end": int}
    return {f"{role}_{field}": places.get(field, str) for field in Entity.model_fields}


COLUMNS: Mapping[str, type] = {
    **_columns(str, "kind"),
    **_columns(int, "number"),
    **_columns(str, "id", "section", "question", "task", "model", "relation"),
    **_end("head"),
    **_end("tail"),
    **_columns(float, "score", "agreement"),
    **_columns(float, *Confidence.model_fields, of="confidence"),
    **_columns(bool, "grounded", "stated", "negated", "speculated"),
    **_columns(list, "evidence"),
    **_columns(str, "label", "abstained"),
    **_columns(float, *_LABELS, of="probability"),
    **_columns(float, *_LABELS, of="uncalibrated"),
    **_columns(str, "text", "error_type", "error_message", "completion", "finish_reason"),
    **_columns(int, "prompt_tokens", "completion_tokens", "truncated_tokens"),
    **_columns(list, "warnings"),
    **_columns(str, "origin"),
}
"""All columns in order, with the type of their values when not None."""

_EMPTY = {name: False if type_ is bool else None for name, type_ in COLUMNS.items()}


def rows(
    prediction: Prediction[Any], *, question: str | None = None, origin: str | None = None
) -> Iterator[TableRow]:
    """The rows of a Prediction, at least one; each has all of `COLUMNS`, in order.

    Args:
        prediction: A prediction of any task.
        question: The question about the paper.
        origin: The place of the input, "file:line".

    Raises:
        InputError: An answer has probabilities for labels that have no column.
    """
    shared = {
        "id": prediction.id,
        "section": prediction.section,
        "question": question,
        "task": prediction.task,
        "model": prediction.model,
        "completion": prediction.completion,
        "finish_reason": prediction.finish_reason,
        "prompt_tokens": prediction.usage.prompt_tokens,
        "completion_tokens": prediction.usage.completion_tokens,
        "truncated_tokens": prediction.truncated_tokens,
        "origin": origin,
    }
    for number, (kind, fields) in enumerate(_kinds(prediction)):
        warnings = list(prediction.warnings)  # each row has its own list
        own = {"kind": kind, "number": number, "warnings": warnings}
        yield {**_EMPTY, **shared, **own, **fields}


def _kinds(prediction: Prediction[Any]) -> list[tuple[RowKind, TableRow]]:
    """The kind of each row of a prediction, with the fields of that kind."""
    error = prediction.error
    result: Any = prediction.result
    kinds: list[tuple[RowKind, TableRow]]
    if error is not None:
        kinds = [("failure", {"error_type": error.type, "error_message": error.message})]
    elif prediction.kind == "answer":
        kinds = [("answer", _answer(result, prediction))]
    elif prediction.kind == "labels":
        kinds = [("hallmark", {"label": label}) for label in result.labels]
    elif prediction.kind == "relations":
        kinds = [("relation", _relation(relation)) for relation in prediction.relations]
    else:
        kinds = [("text", {"text": result})]
    return kinds or [("nothing", {})]


def _relation(relation: Relation) -> TableRow:
    return {
        "relation": relation.type,
        **_named("head", relation.head),
        **_named("tail", relation.tail),
        "score": relation.score,
        "agreement": relation.agreement,
        **_named("confidence", relation.confidence or ()),
        "grounded": relation.grounded,
        "stated": relation.stated,
        "negated": relation.negated,
        "speculated": relation.speculated,
        "evidence": [
            {**one.model_dump(mode="json"), "part": one.part} for one in relation.evidence
        ],
    }


def _answer(answer: Answer, prediction: Prediction[Any]) -> TableRow:
    shares = {"probability": answer.probabilities, "uncalibrated": answer.uncalibrated}
    row: TableRow = {"label": answer.label, "abstained": answer.abstained}
    for name, of_labels in shares.items():
        if strange := [label for label in of_labels or () if label not in _LABELS]:
            raise InputError(
                f"the answer of {prediction.id or 'a paper'} has probabilities for "
                f"{', '.join(map(repr, strange))}: the table only has columns for "
                f"{', '.join(_LABELS)}"
            )
        row |= _named(name, (of_labels or {}).items())
    return row


def _named(name: str, fields: Any) -> TableRow:  # noqa: ANN401 - pairs, or a model that iterates over pairs
    return {f"{name}_{field}": value for field, value in fields}
