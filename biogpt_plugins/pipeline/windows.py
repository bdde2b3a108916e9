"""Texts that are longer than the model takes, read in windows of whole sentences.

Windows overlap, so that what stands in neighbouring sentences is seen together once at least. Each
is shown with the paper's title. Relations are then brought back into the whole paper: offsets,
evidence, abbreviations and what is one relation are those of the whole, as if it had been read at
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from biogpt_plugins.engine import Decoding, Engine, Prompt
from biogpt_plugins.engine.limits import source_limit
from biogpt_plugins.text.evidence import merged, with_evidence
from biogpt_plugins.text.grounding import Span, sentences
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.inputs import Paper, Text
from biogpt_plugins.values.results import Entity, Prediction, Relation, Usage

OVERLAP = 3
"""Sentences that a window has in common with the one before it, unless they are half of it."""


@dataclass(frozen=True)
class Window:
    """A part of a text as the model is shown it.

    Attributes:
        value: The title, if there is one, and the part.
        span: Where the part is in the whole's source.
        lead: Characters before the part in `value.source`.
    """

    value: Text
    span: Span
    lead: int


def windows(text: Text, prompt: Prompt, engine: Engine, decoding: Decoding) -> list[Window]:
    """Divide a text into as few windows as fit the model; none if it fits, or cannot be divided.

    A sentence that is longer than the model takes is a window of its own, and is cut.

    Args:
        text: The text.
        prompt: What the model would be asked of it.
        engine: The model.
        decoding: How it would write.
    """
    count = engine.count_tokens
    most = source_limit(prompt, decoding, engine)
    if count(prompt.source) <= most:
        return []
    most -= count(prompt.head) + count(prompt.tail)
    if most < 1:  # nor would a part of it fit
        return []
    whole = text.source
    title = text.title if isinstance(text, Paper) and text.text else ""
    heading = count(title) + 1 if title else 0
    if heading > most // 2:  # it would leave little room for the text: divide it, too
        title, heading = "", 0
    lead = len(title) + 1 if title else 0
    most -= heading
    places = [Span(lead + start, lead + end) for start, end in sentences(whole[lead:])]
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
        found.append(Window(_shown(text, title, part), span, lead))
        if past == len(places):
            break
        first = past - min(OVERLAP, (past - first) // 2)
    return found if len(found) > 1 else []


def join(
    text: Text, pieces: Sequence[Window], read: Sequence[Prediction[list[Relation]]]
) -> Prediction[Any]:
    """One Prediction for the whole text, of those for its windows."""
    whole = SourceText(text.source)
    good = [(piece, one) for piece, one in zip(pieces, read, strict=True) if one.result is not None]
    notes = {
        f"the text is longer than the model takes: it was read in {len(pieces)} windows of whole "
        "sentences": None
    }
    for number, (piece, one) in enumerate(zip(pieces, read, strict=True), start=1):
        if one.error:
            place = f"characters {piece.span.start} to {piece.span.end} of what was read"
            said = f"window {number} of {len(pieces)}, {place}, has no result: {one.error.message}"
            notes[said] = None
        notes |= dict.fromkeys(one.warnings)
    facts = {
        "completion": "\n".join(one.completion or "" for one in read),
        "finish_reason": next(
            (one.finish_reason for one in read if one.finish_reason != "stop"), "stop"
        ),
        "usage": Usage(
            prompt_tokens=sum(one.usage.prompt_tokens for one in read),
            completion_tokens=sum(one.usage.completion_tokens for one in read),
        ),
        "truncated_tokens": sum(one.truncated_tokens for one in read),
    }
    if not good:
        return read[0].model_copy(update={**facts, "warnings": tuple(notes)})
    moved = [_moved(one, piece, whole) for piece, each in good for one in each.result or ()]
    relations = with_evidence(moved, whole)
    kept, remarks = merged(relations)
    result = [relations[at] for at in kept]
    notes |= dict.fromkeys(remarks)
    return read[0].model_copy(
        update={**facts, "id": text.id, "result": result, "error": None, "warnings": tuple(notes)}
    )


def _shown(text: Text, title: str, part: str) -> Text:
    if isinstance(text, Paper):
        return Paper(id=text.id, title=title, text=part)
    return text.model_copy(update={"text": part})


def _moved(relation: Relation, piece: Window, whole: str) -> Relation:
    """A window's relation in the whole; `with_evidence` looks for the evidence there anew."""
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
    # It reaches from the title into the part, which in the whole are not neighbours.
    return entity.model_copy(update={"text": entity.name, "start": None, "end": None})
