"""A paper's text in segments, each with the offset of its first character in the whole."""

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
    """Title and rest; or all in one where there is no title."""
    if not title or not text.startswith(title):
        return [Segment(0, text)]
    rest = text[len(title) :]
    body = rest.lstrip()
    found = [Segment(0, title)]
    return [*found, Segment(len(text) - len(body), body)] if body else found


def divided(text: str, parts: Iterable[Part]) -> list[Segment]:
    """The parts of a full text."""
    return [Segment(part.start, text[part.start : part.end]) for part in parts]


def sentences(evidence: Iterable[Evidence]) -> list[Segment]:
    """The sentences in text order, each once; those that overlap as one."""
    found: list[Segment] = []
    for start, text in sorted({(one.start, one.text) for one in evidence}):
        if found and start < (end := found[-1].start + len(found[-1].text)):
            found[-1] = Segment(found[-1].start, found[-1].text + text[end - start :])
        else:
            found.append(Segment(start, text))
    return found


def agree(text: str, spans: Iterable[tuple[int | None, int | None, str]]) -> bool:
    """Whether in a text stands what is said to stand there."""
    return all(start is None or text[start:end] == said for start, end, said in spans)
