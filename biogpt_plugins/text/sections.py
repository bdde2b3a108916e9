"""The parts of a paper: its title, the sections of a structured abstract, passages of some length.

Places count in the text that is given, and `text[start:end]` is the part without the space around.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from biogpt_plugins.text.grounding import Span, bare, sentences


class Section(NamedTuple):
    """A part of a paper.

    Attributes:
        name: "title", "abstract" for what has no label, or what its label stands for: one of
            MEDLINE's categories, "background", "objective", "methods", "results" and
            "conclusions"; "case"; or else the label itself, in lower case.
        start: Offset of its first character, which is that of its label if it has one.
        end: Offset one past its last character.
    """

    name: str
    start: int
    end: int


# Of a label's words the last that is known decides, as in MEDLINE, for which "METHODS AND RESULTS"
# are results.
_KINDS = {
    "background": "background context importance introduction rationale",
    "objective": "aim aims goal goals hypothesis objective objectives purpose purposes question",
    "methods": "analyses analysis data design exposure exposures intervention interventions "
    "material materials measure measurements measures method methodology methods participants "
    "patients population procedure procedures search selection setting settings subjects",
    "case": "case cases",
    "results": "finding findings outcome outcomes result results",
    "conclusions": "conclusion conclusions discussion implications interpretation message "
    "relevance significance",
}
_KNOWN = {word: kind for kind, words in _KINDS.items() for word in words.split()}
_JOINING = {"and", "clinical", "for", "main", "of", "or", "primary", "report", "research", "study"}

_LABEL = re.compile(
    r"(?:\A\s*|[.?!:;)\]\"”'’]\s+|\n\s*)"  # what may stand before one
    r"([A-Z][^\W\d_]*(?:[ ,/&-]{1,3}[^\W\d_]+){0,7})\s?:(?=\s)"
)


def sections(text: str, *, title: str = "") -> list[Section]:
    """Divide a title and abstract, or an abstract, at its labels; all but space is in a section.

    Labels are those of structured abstracts: "PATIENTS AND METHODS:", "Results:". One of which no
    word is known counts if it is in capitals and others are known.

    Args:
        text: The text.
        title: The title, which is a section if the text begins with it. Else a single sentence
            before the first label is taken for it.
    """
    begin = len(text) - len(text.lstrip())
    body = _past_title(text, begin, title)
    labels = [(body + at, name) for at, name in _labels(text[body:])]
    head = text[body : labels[0][0]] if labels else ""
    guessed = body == begin and len(sentences(head)) == 1
    starts = [(begin, "title"), (body, "title" if guessed else "abstract"), *labels]
    ends = [*(start for start, _ in starts[1:]), len(text)]
    bounds = zip(starts, ends, strict=True)
    found = [Section(name, *bare(text, start, end)) for (start, name), end in bounds]
    return [section for section in found if section.start < section.end]


def passages(text: str, section: Section, most: int) -> Iterator[Span]:
    """A section in passages of whole sentences, at most so many characters, as few as possible.

    A sentence that is longer is a passage of its own.
    """
    start, end = section.start, section.start
    for sentence in sentences(text[section.start : section.end]):
        past = section.start + sentence.end
        if past - start > most and end > start:
            yield Span(start, end)
            start = section.start + sentence.start
        end = past
    if end > start:
        yield Span(start, end)


def _past_title(text: str, begin: int, title: str) -> int:
    """Where a title ends that begins there, with a full stop that only the text has."""
    words = r"\s+".join(map(re.escape, title.split()))
    found = re.compile(rf"{words}[.?!]?(?!\S)").match(text, begin) if words else None
    return found.end() if found else begin


def _labels(text: str) -> list[tuple[int, str]]:
    """Where labels stand, and what they stand for."""
    found = [(label.start(1), label[1]) for label in _LABEL.finditer(text)]
    labels = [(at, label, _kind(label)) for at, label in found]
    structured = any(kind for _, _, kind in labels)
    return [
        (at, kind or label.lower())
        for at, label, kind in labels
        if kind or (structured and label.isupper())
    ]


def _kind(label: str) -> str | None:
    """What a label stands for by its last known word; in capitals it may have unknown ones too."""
    words = re.findall(r"[^\W\d_]+", label.lower())
    if not label.isupper() and not all(word in _KNOWN or word in _JOINING for word in words):
        return None
    kinds = [_KNOWN[word] for word in words if word in _KNOWN]
    return kinds[-1] if kinds else None
