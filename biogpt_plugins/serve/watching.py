"""One paper while it is read: its relations as they are written, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from biogpt_plugins.engine import Completion, Token
from biogpt_plugins.pipeline import Pipeline, StreamChunk
from biogpt_plugins.pipeline.pipeline import BETWEEN_WINDOWS
from biogpt_plugins.report import Content, Source, source_of
from biogpt_plugins.serve.reading import Step
from biogpt_plugins.text.evidence import identity
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.errors import InputError, ParseError
from biogpt_plugins.values.results import Prediction, Relation


def watched(
    pipeline: Pipeline, given: object, *, least: float | None = None, warnings: Sequence[str] = ()
) -> Iterator[Step]:
    """Read a paper; the last step has its Prediction.

    The relations of the steps before have scores if the engine gives the probabilities of what it
    streams. Closing the iterator stops the model.

    Args:
        pipeline: A pipeline.
        given: The paper.
        least: The score below which relations are candidates.
        warnings: What to know of the results besides.
    """
    source = None
    with suppress(InputError):  # the Prediction tells it
        _, source = source_of(given)
    growing = _Growing(pipeline, source.text if source else "")
    for chunk in pipeline.stream(given):
        if chunk.prediction:
            paper = _shown(chunk.prediction, source, least)
            yield Step(paper=paper, prediction=chunk.prediction, warnings=list(warnings))
            return
        so_far = growing.add(chunk)
        if so_far:
            model = pipeline.model_name
            found = Prediction[Any](task=pipeline.task.name, model=model, result=so_far)
            yield Step(written=chunk.text, paper=_shown(found, source))
        else:
            yield Step(written=chunk.text)


class _Growing:
    """The relations of a completion that is being written."""

    def __init__(self, pipeline: Pipeline, source: str) -> None:
        self._pipeline = pipeline
        self._source = SourceText(source)
        self._unsettled = pipeline.task.unsettled()
        self._written = ""  # about the window that is being read
        self._tokens: list[Token] = []
        self._found: dict[tuple[str, str, str], Relation] = {}

    def add(self, chunk: StreamChunk) -> list[Relation]:
        """All relations so far, if a piece completes one."""
        self._written += chunk.text
        self._tokens += chunk.tokens
        before = len(self._found)
        if self._unsettled and self._unsettled.add(chunk.text):
            self._read()
        if chunk.text == BETWEEN_WINDOWS:
            self._written = ""
            self._tokens.clear()
        return list(self._found.values()) if len(self._found) > before else []

    def _read(self) -> None:
        completion = Completion(
            text=self._written, tokens=tuple(self._tokens), finish_reason="length"
        )
        with suppress(ParseError):  # the end may say that there is no relation
            reading = self._pipeline.trust.read(self._pipeline.task, completion, self._source)
            for one in reading.result:
                self._found.setdefault(identity(one), one)


def _shown(
    prediction: Prediction[Any], source: Source | None, least: float | None = None
) -> dict[str, Any]:
    """The paper of a Prediction as the report's page shows it."""
    named = prediction.model_copy(update={"id": prediction.id or ""})
    sources = {named.id or "": source} if source else None
    content = Content.of([named], sources, min_score=least)
    paper: dict[str, Any] = content.data()["papers"][0]
    return {**paper, "id": prediction.id}
