"""Texts that are longer than the model's limit, read in windows of whole sentences.

Windows overlap, so that neighbouring sentences occur together in at least one window. Each window
starts with the paper's title. The relations are then joined for the whole paper: offsets, evidence,
abbreviations and duplicates are the same as if the paper had been read at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from biogpt_plugins.engine import Decoding, Engine, Prompt
from biogpt_plugins.engine.limits import foresee, source_limit
from biogpt_plugins.text.evidence import merged, with_evidence
from biogpt_plugins.text.grounding import Span, sentences
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.inputs import Paper, Text
from biogpt_plugins.values.results import Entity, Prediction, Relation, Usage

OVERLAP = 3
"""Sentences that a window shares with the previous one, at most half of that one."""


@dataclass(frozen=True)
class Window:
    """A part of a text, as it is shown to the model.

    Attributes:
        value: The title, if there is one, and the part.
        span: Position of the part in the source of the whole text.
        lead: Number of characters before the part in `value.source`.
    """

    value: Text
    span: Span
    lead: int


def windows(text: Text, prompt: Prompt, engine: Engine, decoding: Decoding) -> list[Window]:
    """Divide a text into as few windows as possible; empty if it fits or cannot be divided.

    A sentence that is longer than the model's limit becomes a separate window and is cut.

    Args:
        text: The text.
        prompt: The prompt for the whole text.
        engine: The model.
        decoding: The decoding.
    """
    count = engine.count_tokens
    most = source_limit(prompt, decoding, engine)
    if count(prompt.source) <= most:
        return []
    most -= count(prompt.head) + count(prompt.tail)
    if most < 1:  # no part of the text would fit either
        return []
    whole = text.source
    title = text.title if isinstance(text, Paper) and text.text else ""
    heading = count(title) + 1 if title else 0
    if heading > most // 2:  # a long title leaves little room for the text: divide it too
        title, heading = "", 0
    lead = len(title) + 1 if title else 0
    most -= heading
    places = [Span(lead + start, lead + end) for start, end in sentences(whole[lead:])]
    foresee(engine, (whole[slice(*place)] for place in places))
    lengths = [count(whole[slice(*place)]) for place in places]
    found: list[Window] = []
    first = 0
    while first < len(places):
        past, held = first + 1, lengths[first]
        while past < len(places) and held + lengths[past] <= most:
            held += lengths[past]
            past += 1
        span = Span(places[first].start, places[past - 1].end)
        part = whole[slice(*span)]
        found.append(Window(_shown(text, title, part, span, lead), span, lead))
        if past == len(places):
            break
        first = past - min(OVERLAP, (past - first) // 2)
    return found if len(found) > 1 else []


def join(
    text: Text, pieces: Sequence[Window], read: Sequence[Prediction[list[Relation]]]
) -> Prediction[Any]:
    """Join the Predictions for the windows into one for the whole text."""
    whole = SourceText(text.source)
    good = [(piece, one) for piece, one in zip(pieces, read, strict=True) if one.result is not None]
    notes = {
        f"the text is longer than the model's limit: it was read in {len(pieces)} windows of whole "
        "sentences": None
    }
    for number, (piece, one) in enumerate(zip(pieces, read, strict=True), start=1):
        if one.error:
            place = f"characters {piece.span.start} to {piece.span.end} of the text"
            said = f"window {number} of {len(pieces)} ({place}) has no result: {one.error.message}"
            notes[said] = None
        notes |= dict.fromkeys(one.warnings)
    # Nothing is written of windows in which there is nothing to ask about.
    written = [one.completion for one in read if one.completion is not None]
    reasons = [one.finish_reason for one in read if one.finish_reason]
    facts = {
        "completion": "\n".join(written) if written else None,
        "finish_reason": next((one for one in reasons if one != "stop"), (*reasons, None)[0]),
        "usage": Usage(
            prompt_tokens=sum(one.usage.prompt_tokens for one in read),
            completion_tokens=sum(one.usage.completion_tokens for one in read),
        ),
        "truncated_tokens": sum(one.truncated_tokens for one in read),
    }
    if not good:
        return read[0].model_copy(update={**facts, "warnings": tuple(notes)})
    relations = []
    for piece, prediction in good:
        for relation in prediction.result or ():
            moved = _moved(relation, piece, whole)
            if relation.grounded and not moved.grounded:
                note = f"left out {relation}: a name spans the title and the part of a window"
                notes[note] = None
            else:
                relations.append(moved)
    relations = with_evidence(relations, whole)
    kept, remarks = merged(relations)
    result = [relations[at] for at in kept]
    notes |= dict.fromkeys(remarks)
    return read[0].model_copy(
        update={**facts, "id": text.id, "result": result, "error": None, "warnings": tuple(notes)}
    )


def _shown(text: Text, title: str, part: str, span: Span, lead: int) -> Text:
    places = ((0, Span(0, len(title))), (lead - span.start, span))
    entities = tuple(
        entity.moved(by)
        for entity in text.entities
        for by, place in places
        if place.start <= (entity.start or 0) < (entity.end or 0) <= place.end
    )
    if isinstance(text, Paper):
        return Paper(id=text.id, title=title, text=part, entities=entities)
    return text.model_copy(update={"text": part, "entities": entities})


def _moved(relation: Relation, piece: Window, whole: str) -> Relation:
    """A window's relation with offsets in the whole text; `with_evidence` adds its evidence."""
    ends = {
        "head": _end_moved(relation.head, piece, whole),
        "tail": _end_moved(relation.tail, piece, whole),
    }
    return relation.model_copy(update={**ends, "evidence": ()})


def _end_moved(entity: Entity, piece: Window, whole: str) -> Entity:
    if entity.start is None:
        return entity
    moved = entity.moved(piece.span.start - piece.lead if entity.start >= piece.lead else 0)
    if whole[moved.start : moved.end] == moved.text:
        return moved
    # The name spans the title and the part, which are not adjacent in the whole text.
    return entity.model_copy(update={"text": entity.name, "start": None, "end": None})
