"""What all sides are asked: real abstracts, each time with a number of its own in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from biogpt_plugins.bench.papers import NumberedPapers
from biogpt_plugins.engine import Prompt
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.errors import ContextOverflowError, InputError
from biogpt_plugins.values.inputs import Paper, Question, Text


@dataclass(frozen=True)
class Subject:
    """One thing to ask.

    Attributes:
        value: As a Pipeline takes it.
        prompt: As an Engine takes it.
        text: As peers take it, who read the names of learned tokens out of a text.
        ids: What all of them are to make of it, the leading `</s>` included.
    """

    value: Text
    prompt: Prompt
    text: str
    ids: list[int]


class Subjects:
    """Papers, drawn again and again.

    The number in front is a new one at each draw, so that no engine can go by what it has read
    before: it reads the papers of every round anew, as its peers do.
    """

    def __init__(self, papers: Sequence[Paper], tokens: Tokens, window: int) -> None:
        """Make ready.

        Args:
            papers: The papers.
            tokens: The model's vocabulary.
            window: Its positions.
        """
        self.papers = papers
        self._tokens = tokens
        self._window = window
        self._numbered = NumberedPapers(papers)

    def draw(
        self,
        number: int,
        pipeline: Pipeline,
        room: int,
        asks: Callable[[Paper], Sequence[str]] | None = None,
    ) -> list[Subject]:
        """The first papers that leave room for what is to be written; from the start again at need.

        Args:
            number: How many papers.
            pipeline: Whose task and layout they are for.
            room: Tokens to be written.
            asks: The questions about a paper, which make it as many subjects.

        Raises:
            InputError: None of the papers fits.
        """
        found: list[list[Subject]] = []
        misfits = 0
        for numbered in self._numbered:
            if len(found) == number:
                break
            values: list[Text] = [numbered]
            if asks:
                values = [Question(question=q, text=numbered.source) for q in asks(numbered)]
            try:
                found.append([self._subject(value, pipeline, room) for value in values])
                misfits = 0
            except ContextOverflowError as error:
                misfits += 1
                if misfits == len(self.papers):
                    raise InputError(f"none of {misfits} papers fits the model: {error}") from error
        return [subject for several in found for subject in several]

    def _subject(self, value: Text, pipeline: Pipeline, room: int) -> Subject:
        prompt = pipeline.task.render(value, pipeline.card)
        encoded = self._tokens.encode(prompt, window=self._window, room=room + 1, truncate=False)
        before, behind = ("".join(t) for t in (prompt.prefix_tokens, prompt.suffix_tokens))
        return Subject(value, prompt, f"{before}{prompt.source}{behind}", encoded.ids)
