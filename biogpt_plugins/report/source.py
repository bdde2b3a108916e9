"""The texts that Predictions were made from, as the page needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from biogpt_plugins.values.inputs import FullText, Paper, Part, Question, read
from biogpt_plugins.values.results import Entity


class Source(NamedTuple):
    """The text of a paper.

    Attributes:
        text: The text that offsets count in.
        title: The title, if the text begins with one.
        question: The question about the text.
        parts: Title, abstract and sections of a full text.
        entities: What the input says that the text names.
    """

    text: str
    title: str = ""
    question: str = ""
    parts: tuple[Part, ...] = ()
    entities: tuple[Entity, ...] = ()


def source_of(value: object) -> tuple[str | None, Source]:
    """The id and the text of a pipeline's input: a paper, a question, a mapping or a string.

    For papers that are read by section, pass the FullTexts that `whole_papers` returns.

    Raises:
        InputError: The value has another type, or no text.
    """
    keys = {str(key).lower() for key in value} if isinstance(value, Mapping) else ()
    if isinstance(value, Question) or "question" in keys:
        question = read(Question, value)
        found = question.entities
        return question.id, Source(question.text, question=question.question, entities=found)
    if isinstance(value, FullText):
        full = read(FullText, value)
        return full.id, Source(full.text, full.title, parts=full.parts)
    paper = read(Paper, value)
    return paper.id, Source(paper.source, paper.title, entities=paper.entities)
