"""A paper's text in segments, each with its start offset in the whole text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from biogpt_plugins.values.inputs import Part
from biogpt_plugins.values.results import Evidence


class Segment(NamedTuple):
    """A part of a text, `source[start : start + len(text)]`."""

    start: int
    text: str


def whole(text: str, title: str = "") -> list[Segment]:
    """Title and rest; one segment if there is no title."""
    if not title or not text.startswith(title):
        return [Segment(0, text)]
    rest = text[len(title) :]
    body = rest.lstrip()
    titled = [Segment(0, title)]
    return [*titled, Segment(len(text) - len(body), body)] if body else titled


def divided(text: str, parts: Iterable[Part]) -> list[Segment]:
    """The parts of a full text."""
    return [Segment(part.start, text[part.start : part.end]) for part in parts]


def sentences(evidence: Iterable[Evidence]) -> list[Segment]:
    """The sentences in text order, each once; overlapping ones are merged."""
    segments: list[Segment] = []
    for start, text in sorted({(sentence.start, sentence.text) for sentence in evidence}):
        if segments and start < (end := segments[-1].start + len(segments[-1].text)):
            segments[-1] = Segment(segments[-1].start, segments[-1].text + text[end - start :])
        else:
            segments.append(Segment(start, text))
    return segments


def agree(text: str, spans: Iterable[tuple[int | None, int | None, str]]) -> bool:
    """Whether a text contains each span's text at its offsets."""
    return all(start is None or text[start:end] == said for start, end, said in spans)
