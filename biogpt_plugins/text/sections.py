"""The parts of a paper: its title, the sections of a structured abstract, and passages.

Offsets refer to the given text; `text[start:end]` is a part without surrounding whitespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from biogpt_plugins.text.grounding import Span, bare, sentences


class Section(NamedTuple):
    """A part of a paper.

    Attributes:
        name: "title"; "abstract" for text without a label; for a known label one of MEDLINE's
            categories ("background", "objective", "methods", "results", "conclusions") or "case";
            otherwise the label itself, in lower case.
        start: Offset of its first character. A section includes its label.
        end: Offset one past its last character.
    """

    name: str
    start: int
    end: int


# The last known word of a label decides, as in MEDLINE, which files "METHODS AND RESULTS" under
# results.
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
    r"(?:\A\s*|[.?!:;)\]\"”'’]\s+|\n\s*)"  # what may precede a label
    r"([A-Z][^\W\d_]*(?:[ ,/&-]{1,3}[^\W\d_]+){0,7})\s?:(?=\s)"
)


def sections(text: str, *, title: str = "") -> list[Section]:
    """Divide an abstract, with or without its title, at its labels.

    Everything but whitespace is in a section. Labels are those of structured abstracts: "PATIENTS
    AND METHODS:", "Results:". A label without a known word counts only if it is in capitals and
    the text has other, known labels.

    Args:
        text: The text.
        title: The title. It becomes a section if the text begins with it; otherwise a single
            sentence before the first label is taken as the title.
    """
    begin = len(text) - len(text.lstrip())
    body = _past_title(text, begin, title)
    labels = [(body + at, name) for at, name in _labels(text[body:])]
    head = text[body : labels[0][0]] if labels else ""
    guessed = body == begin and len(sentences(head)) == 1
    starts = [(begin, "title"), (body, "title" if guessed else "abstract"), *labels]
    ends = [*(start for start, _ in starts[1:]), len(text)]
    bounds = zip(starts, ends, strict=True)
    parts = [Section(name, *bare(text, start, end)) for (start, name), end in bounds]
    return [section for section in parts if section.start < section.end]


def passages(text: str, section: Section, most: int) -> Iterator[Span]:
    """Divide a section into as few passages of whole sentences as possible.

    A passage has at most `most` characters, except for a sentence that is longer by itself.
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
    """End of the title if it stands at `begin`; the text may add a full stop to it."""
    words = r"\s+".join(map(re.escape, title.split()))
    match = re.compile(rf"{words}[.?!]?(?!\S)").match(text, begin) if words else None
    return match.end() if match else begin


def _labels(text: str) -> list[tuple[int, str]]:
    """The offset of each label, and the name of its section."""
    labels = [(match.start(1), match[1], _kind(match[1])) for match in _LABEL.finditer(text)]
    structured = any(kind for _, _, kind in labels)
    return [
        (at, kind or label.lower())
        for at, label, kind in labels
        if kind or (structured and label.isupper())
    ]


def _kind(label: str) -> str | None:
    """The category of a label's last known word; a label in capitals may have unknown words."""
    words = re.findall(r"[^\W\d_]+", label.lower())
    if not label.isupper() and not all(word in _KNOWN or word in _JOINING for word in words):
        return None
    kinds = [_KNOWN[word] for word in words if word in _KNOWN]
    return kinds[-1] if kinds else None
