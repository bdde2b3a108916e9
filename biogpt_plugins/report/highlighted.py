"""A Prediction in its whole text, for notebooks."""

from __future__ import annotations

from typing import Any, NamedTuple

from biogpt_plugins.report.content import spans
from biogpt_plugins.report.source import source_of
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.notebook import html_of
from biogpt_plugins.values.results import Prediction
from biogpt_plugins.values.segments import Segment, agree, divided, whole


class Highlighted(NamedTuple):
    """A Prediction and its text; a notebook shows both."""

    prediction: Prediction[Any]
    segments: list[Segment]

    def _repr_html_(self) -> str:
        return html_of(self.prediction, self.segments)


def highlighted(prediction: Prediction[Any], paper: object) -> Highlighted:
    """A Prediction in the whole text of its paper, for a notebook to show.

    Args:
        prediction: A Prediction of a Pipeline, whose offsets count in the text.
        paper: The input: a paper, a question, a mapping or a string.

    Raises:
        InputError: The Prediction is of another text, or the paper cannot be read.
    """
    _, source = source_of(paper)
    if not agree(source.text, spans(prediction)):
        raise InputError("the offsets of the Prediction do not fit this text: give its own paper")
    parts = divided(source.text, source.parts) if source.parts else ()
    return Highlighted(prediction, [*parts] or whole(source.text, source.title))
